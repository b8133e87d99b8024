import type { Alert, BreakerSnapshot, GateMetrics, MemorySaved, MetricsSnapshot, Phase, Transport } from '../core/index.js'

/** How a request ended; see the gateway's `CallOutcome`. */
export const OUTCOMES = ['ok', 'failed', 'error', 'lost', 'cancelled'] as const
export type Outcome = (typeof OUTCOMES)[number]

/** Durations of all requests that were not taken back, since the daemon started. */
export interface HistogramView {
  /** Upper bounds in seconds, ascending, without the infinite one; the same ones as long as the daemon runs. */
  readonly boundsSeconds: readonly number[]
  /** For each bound how many took at most that long: never falls from one bound to the next, nor in time. */
  readonly cumulative: readonly number[]
  readonly count: number
  readonly sumSeconds: number
}

/** What was counted of one server since the daemon started; nothing but `inFlight` ever falls. */
export interface CountView {
  readonly outcomes: Readonly<Record<Outcome, number>>
  readonly inFlight: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly latency: HistogramView
}

/** One tool, prompt, resource or other method of a server, by the server's own name. */
export interface ToolView {
  readonly name: string
  readonly kind: 'tool' | 'prompt' | 'resource' | 'other'
  readonly outcomes: Readonly<Record<Outcome, number>>
  /** Of those that were not taken back. */
  readonly count: number
  readonly sumSeconds: number
}

/** What the counters know of one server, processes of single sessions included. */
export interface TrafficView extends CountView {
  /** In the order in which they were first called: what comes behind a limit stays behind it. */
  readonly tools: readonly ToolView[]
}

/**
 * Where the HTTP paths for monitoring get their figures. The daemon's keeper of figures implements it; both methods
 * are called at most once a second, however many clients ask.
 */
export interface FiguresSource {
  /** As the `metrics` request answers it, without history and tools. */
  snapshot(): Promise<MetricsSnapshot>
  /** By server name; a server nobody called may be missing. */
  traffic(): ReadonlyMap<string, TrafficView>
  /** Processor time of a server's process trees since the daemon started, in seconds, never falling; null: unknown. */
  cpuSeconds(server: string): number | null
}

export interface ServerView {
  readonly name: string
  readonly phase: Phase
  readonly ready: boolean
  /** Somebody or the configuration wants it to run. */
  readonly wanted: boolean
  readonly transport: Transport
  readonly era: string | null
  readonly generation: number
  readonly restartsTotal: number
  /** Epoch milliseconds of the running instance's start; null: none runs. */
  readonly startedAt: number | null
  readonly tools: number | null
  readonly cpuSeconds: number | null
  readonly cpuPercent: number | null
  readonly cpuLimitPercent: number | null
  readonly memoryBytes: number | null
  readonly memoryLimitBytes: number | null
  readonly processes: number | null
  readonly processesLimit: number | null
  readonly sessions: number
  /** Of the last five minutes; null: no calls. */
  readonly errorPercent: number | null
  /** Epoch milliseconds; null: never. */
  readonly lastCallAt: number | null
  /** Null: it has none, or no call was ever made. */
  readonly breaker?: BreakerSnapshot | null
  /** Null: nobody called it yet. */
  readonly traffic: TrafficView | null
}

export interface DaemonView {
  readonly version: string
  readonly node: string
  /** Epoch milliseconds. */
  readonly startedAt: number
  readonly cpuSeconds: number
  readonly residentBytes: number
  readonly heapBytes: number
  /** Null where the system does not say. */
  readonly openDescriptors: number | null
  /** How long the event loop let a timer wait since the figures were last asked for; null: not known yet. */
  readonly loopDelay: { readonly meanSeconds: number; readonly maxSeconds: number } | null
}

/** Everything that `/metrics` shows, at one moment. */
export interface PrometheusView {
  readonly daemon: DaemonView
  readonly servers: readonly ServerView[]
  readonly sessions: readonly { readonly door: 'stdio' | 'http'; readonly era: 'legacy' | 'modern'; readonly count: number }[]
  readonly saved: MemorySaved
  readonly alerts: readonly Alert[]
  readonly gate: GateMetrics
}
