import { span, type Line } from '../term/line.js'
import type { Tone } from '../term/tone.js'
import type { SessionMetrics, ToolFigures } from '../../core/index.js'
import { formatAge, formatCount, formatLatency, formatMoment, formatPercent, formatRate, plural } from './format.js'
import { gridLines, type GridCell, type GridColumn } from './grid.js'
import { clean, signsOf } from './look.js'
import type { Row } from './rows.js'
import type { ViewInput } from './view-input.js'
import { wrapText } from './wrap.js'

const TOOL_COLUMNS: readonly GridColumn[] = [
  { head: 'NAME', most: 44 }, { head: 'KIND', keep: 2 }, { head: 'CALLS', right: true }, { head: 'CALLS/S', right: true, keep: 4 }, { head: 'P50', right: true, keep: 3 },
  { head: 'P95', right: true, keep: 7 }, { head: 'P99', right: true, keep: 1 }, { head: 'ERRORS', right: true, keep: 6 }, { head: 'IN FLIGHT', right: true, keep: 2 }, { head: 'LAST CALL', right: true, keep: 5 },
]

/** What was called of a server, the most called first. */
export function toolLines({ name, server }: Row, input: ViewInput): Line[] {
  const { data, look, columns, now } = input
  const tools = data.open?.name === name ? data.open.metrics?.tools : undefined
  if (tools === undefined) return [[span(data.metrics === null ? ' This daemon does not count calls: it is of an older version (mcpctl daemon restart).' : ' Asking...', 'dim')]]
  const offered = server.tools === null ? 'What it offers is known when it is ready.' : `It offers ${plural(server.tools, 'tool')}.`
  if (tools.length === 0) return [[span(` No tool of it was called since the daemon started. ${offered}`, 'dim')], [span(` See them: mcpctl tools ${clean(name, look)}`, 'dim')]]
  const sorted = [...tools].sort((a, b) => b.calls - a.calls || (a.name < b.name ? -1 : 1))
  return [[span(` ${offered} Called since the daemon started; latencies of the last five minutes:`, 'dim')], [], ...gridLines(TOOL_COLUMNS, sorted.map((tool) => toolCells(tool, clean(tool.name, look), now)), columns, signsOf(look).ellipsis)]
}

function toolCells(tool: ToolFigures, name: string, now: number): GridCell[] {
  const percent = tool.errorPercent === null ? '' : ` (${formatPercent(tool.errorPercent)}%)`
  return [
    { text: name }, { text: tool.kind, tone: 'dim' }, { text: formatCount(tool.calls) }, { text: formatRate(tool.callsPerSecond) }, { text: formatLatency(tool.p50Ms) },
    { text: formatLatency(tool.p95Ms) }, { text: formatLatency(tool.p99Ms) }, { text: tool.errors === 0 ? '0' : `${formatCount(tool.errors)}${percent}`, tone: tool.errors > 0 ? 'yellow' : 'dim' },
    { text: String(tool.inFlight), tone: tool.inFlight > 0 ? 'plain' : 'dim' }, { text: ago(tool.lastCallAt, now), tone: 'dim' },
  ]
}

function ago(time: number | null, now: number): string {
  return time === null ? 'never' : `${formatAge(now - time)} ago`
}

const SESSION_COLUMNS: readonly GridColumn[] = [
  { head: 'CLIENT', most: 36 }, { head: 'DOOR', keep: 3 }, { head: 'ERA', keep: 2 }, { head: 'SINCE', right: true }, { head: 'CALLS', right: true, keep: 5 }, { head: 'IN FLIGHT', right: true, keep: 4 },
  { head: 'LAST CALL', right: true, keep: 3 }, { head: 'SERVERS', right: true, keep: 1 }, { head: 'SESSION', keep: 0, most: 20 },
]

/** The clients that can reach a server. */
export function sessionLines({ name }: Row, { data, look, columns, now }: ViewInput): Line[] {
  if (data.metrics === null) return [[span(' This daemon does not tell of its sessions: it is of an older version (mcpctl daemon restart).', 'dim')]]
  const sessions = data.metrics.sessions.filter(({ servers }) => servers.includes(name))
  if (sessions.length === 0) return [[span(' No client is connected that can reach it.', 'dim')], [span(' Clients come in through mcpctl proxy or the HTTP address: mcpctl install', 'dim')]]
  return gridLines(SESSION_COLUMNS, sessions.map((session) => sessionCells(session, { now, look })), columns, signsOf(look).ellipsis)
}

function sessionCells(session: SessionMetrics, { now, look }: Pick<ViewInput, 'now' | 'look'>): GridCell[] {
  const client = session.client === null ? 'unknown client' : `${session.client.name} ${session.client.version}`
  return [
    { text: clean(client, look) }, { text: session.door, tone: 'dim' }, { text: session.era, tone: 'dim' }, { text: `${formatAge(now - session.since)} ago` }, { text: formatCount(session.calls) },
    { text: String(session.inFlight), tone: session.inFlight > 0 ? 'plain' : 'dim' }, { text: ago(session.lastCallAt, now), tone: 'dim' }, { text: String(session.servers.length), tone: 'dim' }, { text: session.id, tone: 'dim' },
  ]
}

const END_COLUMNS: readonly GridColumn[] = [
  { head: 'ENDED' }, { head: 'GEN', right: true, keep: 2 }, { head: 'RAN', right: true, keep: 4 }, { head: 'CODE', right: true, keep: 3 }, { head: 'SIGNAL', keep: 1 }, { head: 'READY', keep: 0 }, { head: 'REASON', most: 200 },
]
const EXPECTED: ReadonlySet<string> = new Set(['stop', 'restart', 'replaced', 'probe-exit'])

/** How instances of a server ended, the newest first. */
export function historyLines({ name, restarts }: Row, { data, look, columns, now }: ViewInput): Line[] {
  const detail = data.open?.name === name ? data.open.detail : null
  if (detail === null) return [[span(' Asking...', 'dim')]]
  const summary: Line = [span(` ${plural(restarts, 'automatic restart')}. `, restarts > 0 ? 'yellow' : 'plain'), span(`The whole story: mcpctl why ${clean(name, look)}`, 'dim')]
  if (detail.ends.length === 0) return [summary, [], [span(' No instance of it has ended since the daemon started.', 'dim')]]
  const rows = [...detail.ends].reverse().map((end): GridCell[] => [
    { text: formatMoment(end.endedAt, now), tone: 'dim' }, { text: `#${end.generation}`, tone: 'dim' }, { text: formatAge(end.endedAt - end.startedAt) }, { text: end.code === null ? '-' : String(end.code) },
    { text: end.signal ?? '-' }, { text: end.readyAt === null ? 'never' : 'yes', tone: 'dim' }, { text: clean(end.reason, look), tone: EXPECTED.has(end.cause) ? 'dim' : 'yellow' },
  ])
  return [summary, [], ...gridLines(END_COLUMNS, rows, columns, signsOf(look).ellipsis)]
}

/** Names of the environment variables it is given; never their values. */
export function envLines({ name, server }: Row, { data, look, columns }: ViewInput): Line[] {
  const detail = data.open?.name === name ? data.open.detail : null
  if (detail === null) return [[span(' Asking...', 'dim')]]
  if (detail.envNames === undefined) return [[span(server.transport === 'http' || server.transport === 'sse' ? ' It is remote: it has no environment of ours.' : ' This daemon does not tell: it is of an older version (mcpctl daemon restart).', 'dim')]]
  const { own, inherited } = detail.envNames
  const list = (names: readonly string[], tone: Tone): Line[] => wrapText(names.map((variable) => clean(variable, look)).join('  '), columns - 6).map((part): Line => [span('   '), span(part, tone)])
  return [
    [span(' Set by its configuration', 'bold'), span(`  values are never shown; where they come from: mcpctl config show ${clean(name, look)}`, 'dim')],
    ...(own.length === 0 ? [[span('   none', 'dim')]] : own.map((variable): Line => [span(`   ${clean(variable, look)}`)])),
    [],
    [span(' Inherited', 'bold'), span('  only these of the shell that started it', 'dim')],
    ...(inherited.length === 0 ? [[span('   none', 'dim')]] : list(inherited, 'plain')),
  ]
}
