import { fitText, textWidth } from '../term/cluster.js'
import { span, type Span } from '../term/line.js'
import type { Tone } from '../term/tone.js'
import { phaseStyle } from '../../cli/index.js'
import { formatAge, formatLatency, formatPercent, formatRate, formatSize, formatWait } from './format.js'
import { clean, signsOf, type Look } from './look.js'
import type { Row, SortKey } from './rows.js'
import { spark } from './spark.js'

export interface Column {
  readonly id: string
  readonly head: string
  readonly width: number
  readonly right: boolean
  /** The lowest is left out first where the screen is narrow; Infinity stays. */
  readonly keep: number
  readonly sort?: SortKey
  readonly cell: (row: Row, context: CellContext) => Span
}

export interface CellContext {
  readonly look: Look
  readonly now: number
}

const SPARK_CELLS = 8
/** Of ten seconds each: a bar is half a minute. */
const PER_CELL = 3
const MEGABYTE = 1024 * 1024
const LEAST_EVENT = 12

const text = (value: string, tone: Tone = 'plain'): Span => span(value, tone)

/** Everything but name and last event, whose widths depend on the servers and on the screen. */
const FIXED: readonly Column[] = [
  { id: 'state', head: 'STATE', width: 11, right: false, keep: Infinity, sort: 'state', cell: ({ server }, { now }) => text(stateWord(server, now), phaseStyle(server.phase)) },
  { id: 'up', head: 'UP', width: 6, right: true, keep: 8, sort: 'up', cell: ({ startedAt }, { now }) => text(startedAt === null ? '-' : formatAge(now - startedAt)) },
  { id: 'restarts', head: 'RST', width: 4, right: true, keep: 7, sort: 'restarts', cell: (row) => countCell(row.restarts) },
  { id: 'cpu', head: 'CPU%', width: 5, right: true, keep: 9, sort: 'cpu', cell: ({ cpuPercent }) => text(formatPercent(cpuPercent)) },
  { id: 'cpu-spark', head: '', width: SPARK_CELLS, right: false, keep: 1, cell: ({ history, server }, { look }) => sparkCell(server.pid === null ? null : history, (past) => past.cpuPercent, { range: 10, fromZero: true }, look) },
  { id: 'memory', head: 'MEM', width: 5, right: true, keep: 10, sort: 'memory', cell: memoryCell },
  { id: 'memory-spark', head: '', width: SPARK_CELLS, right: false, keep: 1, cell: ({ history, server }, { look }) => sparkCell(server.pid === null ? null : history, (past) => past.memoryBytes, { range: 32 * MEGABYTE, fromZero: false }, look) },
  { id: 'calls', head: 'CALLS/S', width: 7, right: true, keep: 6, sort: 'calls', cell: ({ metrics }) => quiet(formatRate(metrics?.traffic.callsPerSecond ?? null)) },
  { id: 'p95', head: 'P95', width: 6, right: true, keep: 5, sort: 'p95', cell: ({ metrics }) => quiet(formatLatency(metrics?.traffic.p95Ms ?? null)) },
  { id: 'errors', head: 'ERR%', width: 5, right: true, keep: 4, sort: 'errors', cell: errorCell },
  { id: 'tools', head: 'TOOLS', width: 5, right: true, keep: 3, sort: 'tools', cell: ({ server }) => quiet(server.tools === null ? '-' : String(server.tools)) },
  { id: 'sessions', head: 'SESS', width: 4, right: true, keep: 2, sort: 'sessions', cell: ({ metrics }) => quiet(metrics === null ? '-' : String(metrics.sessions)) },
]
const WORDY: ReadonlySet<string> = new Set(['state', 'up', 'restarts'])
const GAP = 2

export interface ColumnNeeds {
  /** Cells there are, the marks at the left and the scroll bar at the right not counted. */
  readonly columns: number
  readonly nameWidth: number
  readonly wordy: boolean
}

/** The columns that fit, with their widths. */
export function chooseColumns({ columns, nameWidth, wordy }: ColumnNeeds): Column[] {
  let fixed = wordy ? FIXED.filter(({ id }) => WORDY.has(id)) : [...FIXED]
  const name = Math.min(nameWidth, Math.max(8, Math.floor(columns / 3)))
  const taken = (): number => name + fixed.reduce((sum, { width, id }) => sum + width + (id.endsWith('spark') ? 1 : GAP), 0)
  while (taken() > columns) {
    const least = Math.min(...fixed.map(({ keep }) => keep))
    if (least === Infinity) break
    fixed = fixed.filter(({ keep }) => keep !== least)
  }
  const left = columns - taken() - GAP
  const event = left >= LEAST_EVENT ? [{ id: 'event', head: 'LAST EVENT', width: left, right: false, keep: 0, cell: eventCell }] : []
  return [{ id: 'name', head: 'NAME', width: Math.min(name, columns), right: false, keep: Infinity, sort: 'name', cell: ({ name: value }, { look }) => text(clean(value, look)) }, ...fixed, ...event]
}

/** A row's cells, each in its width. */
export function renderCells(columns: readonly Column[], cellOf: (column: Column) => Span, ellipsis: string): Span[] {
  return columns.flatMap((column, at) => {
    const { text: value, tone } = cellOf(column)
    const gap = at === 0 ? '' : ' '.repeat(column.id.endsWith('spark') ? 1 : GAP)
    const fitted = fitText(value, column.width, ellipsis)
    const aligned = column.right ? ' '.repeat(Math.max(0, column.width - textWidth(value))) + fitted.trimEnd() : fitted
    return gap === '' ? [span(aligned, tone)] : [span(gap), span(aligned, tone)]
  })
}

/** The phase, with the wait that is left. */
export function stateWord({ phase, enabled, retryAt }: Row['server'], now: number): string {
  if (phase === 'idle' && !enabled) return 'disabled'
  return phase === 'backoff' && retryAt !== null ? `backoff ${formatWait(retryAt - now)}` : phase
}

function quiet(value: string): Span {
  return text(value, value === '-' || value === '0' ? 'dim' : 'plain')
}

function countCell(count: number): Span {
  return text(String(count), count === 0 ? 'dim' : 'yellow')
}

function memoryCell({ memoryBytes, server }: Row): Span {
  const limit = server.limits?.memoryBytes ?? null
  const isNear = limit !== null && memoryBytes !== null && memoryBytes >= limit * 0.9
  return text(formatSize(memoryBytes), isNear ? 'yellow' : 'plain')
}

function errorCell({ metrics }: Row): Span {
  const percent = metrics?.traffic.errorPercent ?? null
  if (percent === null) return text('-', 'dim')
  return text(formatPercent(percent), percent >= 10 ? 'red' : percent > 0 ? 'yellow' : 'dim')
}

function sparkCell(history: Row['history'], pick: (history: NonNullable<Row['history']>) => readonly (number | null)[], scale: { range: number; fromZero: boolean }, look: Look): Span {
  if (history === null) return text('')
  return text(spark(history, pick(history), { cells: SPARK_CELLS, perCell: PER_CELL, bars: signsOf(look).bars }, scale), 'dim')
}

function eventCell(row: Row, { look }: CellContext): Span {
  const event = lastEvent(row)
  return event === null ? text('') : text(clean(event.text, look), event.tone)
}

const TELLING: ReadonlySet<string> = new Set(['failed', 'backoff', 'unready', 'exited', 'waiting'])

/** What a person should know about the server in one line; null: all is well. */
export function lastEvent({ server, alerts }: Row): { readonly text: string; readonly tone: Tone } | null {
  if (TELLING.has(server.phase)) return { text: server.reason, tone: server.phase === 'failed' ? 'red' : 'plain' }
  const [alert] = alerts
  if (alert !== undefined) return { text: alert.text, tone: alert.level === 'critical' ? 'red' : 'yellow' }
  if (server.trouble) return { text: server.trouble, tone: 'yellow' }
  if (server.removed) return { text: 'no longer in its configuration', tone: 'yellow' }
  if (server.changed) return { text: 'configuration changed: R reloads', tone: 'yellow' }
  return server.phase === 'starting' && server.progress !== null ? { text: server.progress, tone: 'dim' } : null
}
