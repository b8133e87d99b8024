import type { Alert, History, Phase, ServerMetrics, ServerSnapshot } from '../../core/index.js'
import type { DashData, SeenServer } from './model.js'

/** One server with everything the table shows of it. */
export interface Row {
  readonly name: string
  readonly server: ServerSnapshot
  readonly startedAt: number | null
  readonly cpuPercent: number | null
  readonly memoryBytes: number | null
  /** Automatic restarts since the daemon started. */
  readonly restarts: number
  readonly metrics: ServerMetrics | null
  readonly history: History | null
  readonly alerts: readonly Alert[]
}

/** What the daemon tells of the server is newer than the figures; but it begins anew when somebody starts the server. */
function restartsOf(server: ServerSnapshot, metrics: ServerMetrics | null): number {
  return Math.max(server.restarts, metrics?.restartsTotal ?? 0)
}

export const SORT_KEYS = ['name', 'state', 'up', 'restarts', 'cpu', 'memory', 'calls', 'p95', 'errors', 'tools', 'sessions'] as const

export type SortKey = (typeof SORT_KEYS)[number]

export interface Choice {
  readonly sort: SortKey
  readonly descending: boolean
  readonly filter: string
  readonly inverted: boolean
  readonly failing: boolean
  /** Named on the command line; null: all. */
  readonly only: ReadonlySet<string> | null
}

/** What needs a look comes first. */
const SEVERITY: Record<Phase, number> = { failed: 0, backoff: 1, unready: 2, stopping: 3, starting: 4, waiting: 5, exited: 6, ready: 7, idle: 8 }
const TROUBLED: ReadonlySet<Phase> = new Set<Phase>(['failed', 'backoff', 'unready'])

export function toRow(data: DashData, name: string): Row | null {
  const seen = data.servers.get(name)
  if (seen === undefined) return null
  const metrics = data.metricsOf.get(name) ?? null
  const { server, startedAt } = seen
  return {
    name, server, startedAt, metrics,
    restarts: restartsOf(server, metrics),
    cpuPercent: metrics === null ? server.cpuPercent : metrics.cpuPercent,
    memoryBytes: metrics === null ? server.memoryBytes : metrics.memoryBytes,
    history: data.histories.get(name) ?? null,
    alerts: data.metrics?.alerts.filter((alert) => alert.server === name) ?? [],
  }
}

/** Names of all servers in the chosen order; equal ones by name. */
export function sortNames(data: DashData, { sort, descending }: Pick<Choice, 'sort' | 'descending'>): string[] {
  const keys = new Map([...data.servers.keys()].map((name) => [name, sortValue(data, name, sort)]))
  const names = [...keys.keys()].sort(compareText)
  if (sort === 'name') return descending ? names.reverse() : names
  const sign = descending ? -1 : 1
  return names.sort((a, b) => compareValues(keys.get(a) ?? null, keys.get(b) ?? null, sign))
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** What is unknown comes last either way. */
function compareValues(a: number | null, b: number | null, sign: number): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1
  return (a - b) * sign
}

interface Sortable {
  readonly seen: SeenServer
  readonly metrics: ServerMetrics | undefined
}

const SORT_VALUES: Readonly<Record<SortKey, (sortable: Sortable) => number | null>> = {
  name: () => 0,
  state: ({ seen }) => SEVERITY[seen.server.phase],
  up: ({ seen }) => (seen.startedAt === null ? null : -seen.startedAt),
  restarts: ({ seen, metrics }) => restartsOf(seen.server, metrics ?? null),
  cpu: ({ seen, metrics }) => (metrics === undefined ? seen.server.cpuPercent : metrics.cpuPercent),
  memory: ({ seen, metrics }) => (metrics === undefined ? seen.server.memoryBytes : metrics.memoryBytes),
  calls: ({ metrics }) => metrics?.traffic.callsPerSecond ?? null,
  p95: ({ metrics }) => metrics?.traffic.p95Ms ?? null,
  errors: ({ metrics }) => metrics?.traffic.errorPercent ?? null,
  tools: ({ seen }) => seen.server.tools,
  sessions: ({ metrics }) => metrics?.sessions ?? null,
}

function sortValue(data: DashData, name: string, key: SortKey): number | null {
  const seen = data.servers.get(name)
  return seen === undefined ? null : SORT_VALUES[key]({ seen, metrics: data.metricsOf.get(name) })
}

/** The order in which a column is first wanted: the largest first, but names from A and the worst state. */
export function isDescendingFirst(sort: SortKey): boolean {
  return sort !== 'name' && sort !== 'state'
}

/** Whether a server passes the filter: a regular expression (or, where it is none, a text) in its name, state or tags. */
export function createFilter(data: DashData, { filter, inverted, failing, only }: Choice): (name: string) => boolean {
  const matches = createMatch(filter)
  const alarmed = new Set(data.metrics?.alerts.flatMap(({ server }) => (server === null ? [] : [server])))
  return (name) => {
    const server = data.servers.get(name)?.server
    if (server === undefined || (only !== null && !only.has(name))) return false
    if (failing && !TROUBLED.has(server.phase) && !alarmed.has(name) && !server.trouble) return false
    return filter === '' || [name, server.phase, ...server.tags].some(matches) !== inverted
  }
}

/** Case does not matter. What is still being typed may not be an expression yet. */
export function createMatch(text: string): (value: string) => boolean {
  try {
    const pattern = new RegExp(text, 'i')
    return (value) => pattern.test(value)
  } catch {
    const wanted = text.toLowerCase()
    return (value) => value.toLowerCase().includes(wanted)
  }
}
