import type { InstanceEnd } from './end.js'
import type { MembershipSpec } from './gateway-spec.js'
import type { HeldDefinition } from './pin-spec.js'
import type { Era, Transport } from './spec.js'
import type { Phase } from './state.js'

/** One server as people and programs see it. The wire form: fields are added, never renamed or removed. */
export interface ServerSnapshot {
  readonly name: string
  readonly phase: Phase
  readonly ready: boolean
  readonly desired: 'up' | 'down'
  readonly enabled: boolean
  readonly transport: Transport
  readonly era: Era | null
  readonly pid: number | null
  readonly generation: number
  /** Automatic restarts since somebody last started the server by hand. */
  readonly restarts: number
  /** Seconds since the current instance started; null when there is none. */
  readonly uptimeSeconds: number | null
  /** Percent of one core, whole process tree; null when unknown. */
  readonly cpuPercent: number | null
  /** Whole process tree. */
  readonly memoryBytes: number | null
  readonly tools: number | null
  /** Epoch milliseconds at which the phase was entered. */
  readonly since: number
  readonly reason: string
  /** What the server is waiting for right now, while it starts. */
  readonly progress: string | null
  /** Epoch milliseconds of the next automatic start; null unless in backoff. */
  readonly retryAt: number | null
  readonly dependsOn: readonly string[]
  readonly tags: readonly string[]
  readonly source: string
  /** Its configuration changed; the change takes effect at the next start. */
  readonly changed: boolean
  /** It is no longer in its configuration file. */
  readonly removed: boolean
  /** Why its changed configuration is not in effect although that was asked for, or what else is not as wanted; null when all is well. */
  readonly trouble?: string | null
  /** What its process tree is limited to; null: nothing is. */
  readonly limits?: LimitsSnapshot | null
  /** Newest stderr lines of an instance that failed; empty otherwise. */
  readonly lastErrors: readonly string[]
  /** The name clients see it under, which others may share; null: its own. */
  readonly group?: string | null
  /** How calls are shared out among those with that name. Absent: it has no such name, or the daemon is of an older version. */
  readonly membership?: MembershipSpec
  /** Absent or null: it has none, or no call was ever made. */
  readonly breaker?: BreakerSnapshot | null
  /** Definitions that are not those of the lock, and that clients are not shown; absent: none. */
  readonly held?: readonly HeldDefinition[]
}

/** Whether calls are let through to a server. */
export interface BreakerSnapshot {
  readonly state: 'closed' | 'open' | 'half-open'
  /** Epoch ms of the last change. */
  readonly since: number
  /** In a row. */
  readonly failures: number
  /** How often it opened since the daemon started. */
  readonly opened: number
  /** Epoch ms of the next trial; null unless open. */
  readonly retryAt: number | null
  /** Why it opened last, for people; empty when it never did. */
  readonly reason: string
}

export interface LimitsSnapshot {
  readonly memoryBytes: number | null
  readonly cpuPercent: number | null
  readonly pids: number | null
  /** What holds them: cgroup2, systemd, cgroup1, rlimit, poll or none; null while no process of it runs */
  readonly backend: string | null
}

/** What `status NAME` shows beyond the row. */
export interface ServerDetail {
  readonly name: string
  /** Command line or URL, without secrets. */
  readonly target: string
  readonly note: string | null
  readonly serverInfo: { readonly name: string; readonly version: string } | null
  readonly protocolVersion: string | null
  readonly processes: number | null
  readonly ends: readonly InstanceEnd[]
  readonly logFile: string
  readonly logTrouble: string | null
  /** Environment variables of its process, never their values: those its configuration sets, and those it inherits. Absent for remote servers and in what an older daemon says. */
  readonly envNames?: { readonly own: readonly string[]; readonly inherited: readonly string[] }
}

export interface DaemonSnapshot {
  readonly pid: number
  readonly version: string
  readonly startedAt: number
  readonly home: string
  readonly logDirectory: string
  readonly sources: readonly string[]
  /** Where HTTP clients come in. */
  readonly http: { readonly url: string | null; readonly trouble: string | null }
  /** Absent in what a daemon of an older version says, as is `limits`. */
  readonly configs?: readonly ConfigSnapshot[]
  readonly limits?: LimitsBackendSnapshot
  /** The servers of each profile. Absent in what a daemon of an older version says. */
  readonly profiles?: Readonly<Record<string, readonly string[]>>
}

/** A configuration the servers came from. */
export interface ConfigSnapshot {
  readonly source: string
  /** Why its newest version is not in effect; null when it is. */
  readonly trouble: string | null
  /** A change of its files takes effect by itself. */
  readonly watched: boolean
  /** The files its servers stand in, where there are several, such as the user's own beside it. */
  readonly files?: readonly string[]
}

/** What servers are limited with on this machine. */
export interface LimitsBackendSnapshot {
  readonly backend: string
  readonly memory: string
  readonly cpu: string
  readonly pids: string
  /** Why nothing stronger, and what else a person should know; a sentence each. */
  readonly notes: readonly string[]
}

/** Everything at one moment. */
export interface Snapshot {
  readonly schemaVersion: 1
  readonly daemon: DaemonSnapshot
  readonly servers: readonly ServerSnapshot[]
  /** Only for servers that were asked for by name. */
  readonly details?: readonly ServerDetail[]
}
