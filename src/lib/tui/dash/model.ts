import type { DaemonSnapshot, History, MetricsSnapshot, ServerDetail, ServerMetrics, ServerSnapshot } from '../../core/index.js'

/** A line of a server's log. */
export interface LogEntry {
  /** Epoch milliseconds. */
  readonly time: number
  readonly generation: number
  readonly stream: 'out' | 'err' | 'mark'
  readonly text: string
}

/**
 * Whether a daemon answers. `absent`: none was there yet; `lost`: there was one; `refused`: it cannot be used, and `error`
 * says why. `since` in epoch milliseconds.
 */
export interface Link {
  readonly state: 'connecting' | 'live' | 'absent' | 'lost' | 'refused'
  readonly since: number
  readonly error: string | null
}

/** A server as it was last told of, and when its instance started by this computer's clock. */
export interface SeenServer {
  readonly server: ServerSnapshot
  readonly startedAt: number | null
}

/** What is open besides the table: everything about one server. */
export interface OpenServer {
  readonly name: string
  readonly detail: ServerDetail | null
  /** With tools. */
  readonly metrics: ServerMetrics | null
}

/** All that came from outside; the view is a function of this and of what the person has chosen. */
export interface DashData {
  readonly link: Link
  readonly daemon: DaemonSnapshot | null
  readonly servers: ReadonlyMap<string, SeenServer>
  /** Null: not come yet, or the daemon is too old to count. */
  readonly metrics: MetricsSnapshot | null
  readonly metricsOf: ReadonlyMap<string, ServerMetrics>
  readonly histories: ReadonlyMap<string, History>
  readonly totals: History | null
  /** Epoch milliseconds at which the newest figures came. */
  readonly figuresAt: number | null
  readonly open: OpenServer | null
  /** Newest lines of the selected or open server, oldest first. */
  readonly log: { readonly name: string; readonly lines: readonly LogEntry[] } | null
}

export function createData(now: number): DashData {
  return {
    link: { state: 'connecting', since: now, error: null }, daemon: null, servers: new Map(), metrics: null, metricsOf: new Map(),
    histories: new Map(), totals: null, figuresAt: null, open: null, log: null,
  }
}

/** Remembers when the instance started, so that its age needs no further word of the daemon. */
export function seeServer(server: ServerSnapshot, now: number, before?: SeenServer): SeenServer {
  const { uptimeSeconds, generation } = server
  if (uptimeSeconds === null) return { server, startedAt: null }
  // Seconds are rounded: the same instance keeps its first moment, or its age would jump.
  const isSame = before?.startedAt != null && before.server.generation === generation
  return { server, startedAt: isSame ? before.startedAt : now - uptimeSeconds * 1000 }
}
