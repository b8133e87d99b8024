import type { Breach, ExitStatus, LimitsSpec } from '../../core/index.js'
import type { LimitedLaunch } from '../child.js'
import type { ProcessIdentity } from '../identity.js'
import type { ResolvedLaunch } from '../resolve-launch.js'

/** The tiers, strongest first. */
export const BACKEND_NAMES = ['cgroup2', 'systemd', 'cgroup1', 'rlimit', 'poll', 'none'] as const
export type BackendName = (typeof BACKEND_NAMES)[number]

/** What can be limited. */
export const RESOURCES = ['memory', 'cpu', 'pids'] as const
export type Resource = (typeof RESOURCES)[number]

export interface LimitAbilities {
  /** `tree`: the kernel, for all processes together; `process`: the kernel for each, sampling for all; `polled`: sampling. */
  readonly memory: 'tree' | 'process' | 'polled' | 'none'
  /** `quota`: the scheduler; `duty`: pausing and continuing by signals. */
  readonly cpu: 'quota' | 'duty' | 'none'
  readonly pids: 'tree' | 'polled' | 'none'
  readonly kill: 'atomic' | 'loop' | 'group'
  /** Changed limits reach a group that runs. */
  readonly live: boolean
}

/** What the daemon limits servers with; chosen once, when it starts. */
export interface LimitsBackend {
  readonly name: BackendName
  readonly abilities: LimitAbilities
  /** Why no stronger one, a sentence each, in the order tried. */
  readonly refused: readonly { readonly name: BackendName; readonly why: string }[]
  /** What else a person should know about the choice, a sentence each. */
  readonly notes: readonly string[]
  /** Why the newest group could not be made as it should; null when it could. */
  readonly trouble: string | null
  /**
   * Room for one instance; null when `limits` asks for nothing. When the backend fails at this moment, the group is
   * held by sampling instead and says so in its note.
   * @throws LaunchError, permanent: `limits.required`, and this backend cannot hold the memory of a tree. Not
   * permanent: the system is out of resources, or the backend fails at this moment and the limits are required.
   */
  open(id: string, limits: LimitsSpec): LimitGroup | null
  /** Ends and releases every group that is still open, then all that the backend made. */
  close(): Promise<void>
}

export interface GroupUsage {
  /** What cannot be given back at once: without file cache that is not in use. */
  readonly memoryBytes: number
  readonly cpuMs: number
  readonly processes: number
}

/** The limits of one instance, from before its launch until nothing of it runs. Calls in the order of the members. */
export interface LimitGroup {
  /** What holds it: the backend's name, or that of a weaker one if that failed. */
  readonly backend: BackendName
  /** What a person should know about this group; null when nothing. */
  readonly note: string | null
  /** The launch that places itself into the group before it becomes the server. */
  wrap(launch: ResolvedLaunch): LimitedLaunch
  /** The process runs. */
  started(leader: { readonly pid: number; readonly identity: ProcessIdentity | null }): void
  /**
   * A limit was exceeded. Everything in the group has been sent SIGKILL by then, except for `recycled`: that only tells
   * that the server is above its soft mark, again every 5 s while it is. All others are told once.
   */
  onBreach(listener: (breach: Breach) => void): void
  /** At the leader's exit: was it a limit after all? May be asked again when more of its last lines on stderr is known. */
  verdict(exit: ExitStatus, lastErrors: readonly string[]): Breach | null
  /** `needs-restart`: nothing was changed, because it cannot be or because it would end processes at once. */
  update(limits: LimitsSpec): 'applied' | 'needs-restart'
  /** The whole tree as the kernel counts it, in three small reads; null where it does not count for this group: sample the processes then. */
  usage(): GroupUsage | null
  /** True while the CPU limit is held by pausing: the server may be seen in state T at any moment. */
  isThrottled(): boolean
  /** Ends the pausing for good; done by itself when the group is signalled through its child. */
  letRun(): void
  /** SIGKILL to everything in the group, also what left its process group, until it is empty (at most 2 s). */
  kill(): void
  /** Kills what is left, then gives back timers, descriptors and folders. */
  release(): Promise<void>
}
