import type { Alert, History, MetricsSnapshot, Phase, ServerMetrics, ServerSnapshot, TrafficFigures } from '../../../src/lib/core/index.js'
import { createData, seeServer, type DashData, type LogEntry } from '../../../src/lib/tui/dash/model.js'
import { createUi, type UiState } from '../../../src/lib/tui/dash/ui.js'
import { settleInput, view } from '../../../src/lib/tui/dash/view.js'
import type { ViewInput } from '../../../src/lib/tui/dash/view-input.js'
import { plainText } from '../../../src/lib/tui/term/line.js'

// Times of day are told by the clock of the place.
process.env['TZ'] = 'UTC'

/** 2026-11-21 14:02:31 UTC. */
export const NOW = Date.UTC(2026, 10, 21, 14, 2, 31)
const MINUTE = 60_000
export const MEGABYTE = 1024 * 1024

export function server(name: string, phase: Phase = 'ready', more: Partial<ServerSnapshot> = {}): ServerSnapshot {
  const up = ['starting', 'ready', 'unready', 'stopping'].includes(phase)
  return {
    name, phase, ready: phase === 'ready', desired: phase === 'idle' ? 'down' : 'up', enabled: true, transport: 'stdio', era: up ? 'legacy' : null, pid: up ? 4242 : null,
    generation: 1, restarts: 0, uptimeSeconds: up ? 7800 : null, cpuPercent: null, memoryBytes: null, tools: up ? 12 : null, since: NOW - 90 * MINUTE, reason: phase === 'ready' ? 'proven ready' : `is ${phase}`,
    progress: null, retryAt: null, dependsOn: [], tags: [], source: '/home/ann/notes/mcp.config.json', changed: false, removed: false, trouble: null, limits: null, lastErrors: [], ...more,
  }
}

export function traffic(more: Partial<TrafficFigures> = {}): TrafficFigures {
  return {
    calls: 0, errors: 0, cancelled: 0, inFlight: 0, bytesIn: 0, bytesOut: 0, callsPerSecond: 0, errorPercent: null, meanMs: null, p50Ms: null, p95Ms: null, p99Ms: null, lastCallAt: null, ...more,
  }
}

export function history(length = 120, of: (at: number) => number | null = (at) => at % 10): History {
  const values = Array.from({ length }, (_, at) => of(at))
  const scaled = (factor: number): (number | null)[] => values.map((value) => (value === null ? null : value * factor))
  return { intervalMs: 10_000, endedAt: NOW - 1000, cpuPercent: values, memoryBytes: scaled(10 * MEGABYTE), callsPerSecond: values, errorPercent: scaled(0.1), p95Ms: scaled(12) }
}

export function metrics(name: string, more: Partial<ServerMetrics> = {}): ServerMetrics {
  return { name, cpuPercent: 0.4, memoryBytes: 61 * MEGABYTE, processes: 1, sessions: 2, restartsTotal: 0, traffic: traffic(), ...more }
}

export function alert(name: string | null, more: Partial<Alert> = {}): Alert {
  return { kind: 'crash-loop', level: 'critical', server: name, text: `${name ?? 'everything'} is down and is not started any more`, hint: `mcpctl why ${name ?? ''}`, since: NOW - 5 * MINUTE, ...more }
}

export interface World {
  readonly servers: readonly ServerSnapshot[]
  readonly metrics?: readonly ServerMetrics[] | null
  readonly alerts?: readonly Alert[]
  readonly log?: { readonly name: string; readonly lines: readonly LogEntry[] }
}

/** What a live daemon with these servers has told. */
export function world({ servers, metrics: figures = servers.map(({ name }) => metrics(name)), alerts = [], log }: World): DashData {
  const base = createData(NOW)
  const snapshot: MetricsSnapshot | null = figures === null ? null : {
    schemaVersion: 1, sampledAt: NOW - 500,
    totals: { cpuPercent: 8.1, memoryBytes: 1260 * MEGABYTE, processes: 14, sessions: 4, restartsTotal: 8, traffic: traffic({ calls: 1234, callsPerSecond: 14.2, errorPercent: 0.4, p95Ms: 84 }) },
    servers: figures,
    sessions: [{ id: 's-1', client: { name: 'claude-code', version: '2.1' }, door: 'stdio', era: 'modern', since: NOW - 30 * MINUTE, lastCallAt: NOW - 2 * MINUTE, servers: servers.map(({ name }) => name), calls: 321, inFlight: 1 }],
    saved: { sessions: 4, instances: 6, memoryBytes: 400 * MEGABYTE, instancesOtherwise: 24, memoryOtherwiseBytes: 1600 * MEGABYTE, savedBytes: 1200 * MEGABYTE },
    alerts,
  }
  return {
    ...base, link: { state: 'live', since: NOW - MINUTE, error: null },
    daemon: { pid: 77, version: '0.1.0', startedAt: NOW - 76 * 60 * MINUTE, home: '/home/ann/.mcp', logDirectory: '/home/ann/.mcp/logs', sources: ['/home/ann/notes/mcp.config.json'], http: { url: null, trouble: null } },
    servers: new Map(servers.map((each) => [each.name, seeServer(each, NOW)])),
    metrics: snapshot, metricsOf: new Map((figures ?? []).map((each) => [each.name, each])),
    histories: figures === null ? new Map() : new Map(servers.map(({ name }) => [name, history()])), totals: figures === null ? null : history(), figuresAt: NOW - 500,
    log: log ?? null,
  }
}

export interface ScreenOptions {
  readonly columns: number
  readonly rows: number
  readonly ui?: Partial<UiState>
  readonly unicode?: boolean
  readonly now?: number
}

/** Data and choices as they come onto a screen of this size. */
export function prepare(data: DashData, { columns, rows, ui = {}, unicode = true, now = NOW }: ScreenOptions): ViewInput {
  const state = { ...createUi({ intervalMs: 10_000, readOnly: false }), ...ui }
  return settleInput({ data, ui: state, look: { unicode }, now, columns, rows })
}

/** What a person sees: as many lines as the screen has rows. */
export function draw(data: DashData, options: ScreenOptions): string[] {
  return view(prepare(data, options)).lines.map(plainText)
}
