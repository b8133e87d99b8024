/**
 * What was counted and measured, as people and programs see it: the same figures for `status`, `dash`, `/health` and the
 * control channel. The wire form: fields are added, never renamed or removed. Counts are since the daemon started.
 */
export interface TrafficFigures {
  /** Requests of clients for this server that are over: answered, given up, or refused because it could not take them. What the gateway answers itself is none. */
  readonly calls: number
  /** Of those: an error of the protocol, a tool result with `isError`, or no answer of the server at all. Not those their client took back. */
  readonly errors: number
  readonly cancelled: number
  readonly inFlight: number
  /** JSON of the requests that are over, and of the server's answers to them. */
  readonly bytesIn: number
  readonly bytesOut: number
  /** Over the last minute. */
  readonly callsPerSecond: number
  /** Of the last five minutes' calls, those that were taken back left out; null when there were none. So are the latencies, in milliseconds. */
  readonly errorPercent: number | null
  readonly meanMs: number | null
  readonly p50Ms: number | null
  readonly p95Ms: number | null
  readonly p99Ms: number | null
  /** Epoch milliseconds; null: never. */
  readonly lastCallAt: number | null
}

/** One tool, prompt or other method of a server; the name is the server's own. */
export interface ToolFigures extends TrafficFigures {
  readonly name: string
  readonly kind: 'tool' | 'prompt' | 'resource' | 'other'
}

/** The recent past in steps of equal length, oldest first, beginning with the first that is known; null where nothing was known. All lists are of the same length. */
export interface History {
  readonly intervalMs: number
  /** Epoch milliseconds of the newest entry. */
  readonly endedAt: number
  readonly cpuPercent: readonly (number | null)[]
  readonly memoryBytes: readonly (number | null)[]
  readonly callsPerSecond: readonly (number | null)[]
  readonly errorPercent: readonly (number | null)[]
  readonly p95Ms: readonly (number | null)[]
}

/** One server, with all processes of it: those of single sessions (`NAME#1`) and the second one while it is replaced are summed up in it. */
export interface ServerMetrics {
  readonly name: string
  /** Of the whole process tree; null when unknown. */
  readonly cpuPercent: number | null
  readonly memoryBytes: number | null
  readonly processes: number | null
  /** Client sessions that can reach it. */
  readonly sessions: number
  /** Automatic restarts since the daemon started, never set back. */
  readonly restartsTotal: number
  readonly traffic: TrafficFigures
  /** Only when asked for. */
  readonly history?: History
  readonly tools?: readonly ToolFigures[]
}

/** One client's relation to the gateway. Clients of the modern era keep no session over HTTP: they are told apart by what they call themselves, and count for five minutes after their last request. */
export interface SessionMetrics {
  readonly id: string
  /** What the client calls itself. */
  readonly client: { readonly name: string; readonly version: string } | null
  /** `stdio`: through `mcpctl proxy`. */
  readonly door: 'stdio' | 'http'
  readonly era: 'legacy' | 'modern'
  /** Epoch milliseconds. */
  readonly since: number
  readonly lastCallAt: number | null
  readonly servers: readonly string[]
  readonly calls: number
  readonly inFlight: number
}

/** What sharing saves: each session would otherwise run its own process of each server it can reach. */
export interface MemorySaved {
  readonly sessions: number
  /** Servers' process trees that run now, and what they use. */
  readonly instances: number
  readonly memoryBytes: number
  /** What would run and be used without sharing; per-session servers count as they are. */
  readonly instancesOtherwise: number
  readonly memoryOtherwiseBytes: number
  readonly savedBytes: number
}

export type AlertKind = 'failed' | 'crash-loop' | 'restarting' | 'unready' | 'hung' | 'memory-near' | 'memory-breach' | 'cpu-held' | 'leak' | 'error-rate' | 'breaker' | 'slow' | 'config' | 'log' | 'limits' | 'quarantine'

/** Something a person should look at. */
export interface Alert {
  readonly kind: AlertKind
  readonly level: 'warning' | 'critical'
  /** Null: it concerns all of them. */
  readonly server: string | null
  /** A sentence. */
  readonly text: string
  /** The command or the change that helps. */
  readonly hint: string
  /** Epoch milliseconds; null when unknown. */
  readonly since: number | null
}

/** What the gate did with the calls for one server or group, by the name clients see. */
export interface GateServerMetrics {
  readonly name: string
  /** Calls that were answered with what was kept of an earlier one, and calls that could have been. */
  readonly hits: number
  readonly misses: number
  /** What its kept answers hold now. */
  readonly cacheBytes: number
  /** Calls refused because there was no token for them, by whose rate it was. */
  readonly limited: { readonly caller: number; readonly server: number; readonly total: number }
  /** Calls refused because there was no room for them. */
  readonly overloaded: number
}

/** What every call passes on its way to its server. Counts are since the daemon started. */
export interface GateMetrics {
  /** Calls that wait for room right now, their server's or that of all. */
  readonly waiting: number
  readonly cacheEntries: number
  readonly cacheBytes: number
  /** Those the gate had something to do for. */
  readonly servers: readonly GateServerMetrics[]
}

export interface MetricsSnapshot {
  readonly schemaVersion: 1
  /** Epoch milliseconds of the newest sample of CPU and memory; null before the first. */
  readonly sampledAt: number | null
  readonly totals: Omit<ServerMetrics, 'name' | 'tools'>
  readonly servers: readonly ServerMetrics[]
  readonly sessions: readonly SessionMetrics[]
  readonly saved: MemorySaved
  readonly alerts: readonly Alert[]
  /** Absent: the daemon is older. */
  readonly gate?: GateMetrics
}
