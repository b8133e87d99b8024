import { formatBytes } from '../../base/index.js'
import { phaseStyle } from '../../cli/index.js'
import type { ServerDetail } from '../../core/index.js'
import { span, type Line } from '../term/line.js'
import { stateWord } from './columns.js'
import { formatAge, formatCount, formatLatency, formatMoment, formatPercent, formatRate, formatSize, plural } from './format.js'
import { clean, signsOf } from './look.js'
import { spark, type Scale } from './spark.js'
import type { Row } from './rows.js'
import type { ViewInput } from './view-input.js'
import { alertLines } from './view-strip.js'
import { labelled, wrapText } from './wrap.js'

/** Everything about a server but its log, tools, sessions and past. */
export function overviewLines(row: Row, input: ViewInput): Line[] {
  const { columns, look } = input
  const facts = [...stateFacts(row, input), ...processFacts(row, input), ...trafficFacts(row), ...originFacts(row, input)]
  const lines = facts.flatMap(([label, text, tone]) => (text === null ? [] : labelled(label, clean(text, look), columns, tone)))
  return [...lines, ...graphLines(row, input), ...needsLines(row, input), ...errorLines(row, input)]
}

type Fact = readonly [label: string, text: string | null, tone?: 'yellow' | 'red' | 'dim' | 'green' | 'blue' | 'cyan' | 'bold' | 'magenta']

function stateFacts({ server }: Row, { now }: ViewInput): Fact[] {
  return [
    ['State', `${stateWord(server, now)} since ${formatMoment(server.since, now)}`, phaseStyle(server.phase)],
    ['Reason', server.reason],
    ['Waits for', server.progress],
    ['Trouble', server.trouble ?? null, 'yellow'],
    ['Wanted', server.desired === 'up' ? 'up' : server.enabled ? 'down' : 'down (disabled in the configuration)'],
  ]
}

function processFacts(row: Row, { data, now }: ViewInput): Fact[] {
  const detail = data.open?.name === row.name ? data.open.detail : null
  return [['Process', processText(row, detail, now)], ['Usage', usageText(row)], ['Limits', limitsText(row)], ['Protocol', protocolText(row, detail)]]
}

function processText({ server, startedAt, metrics }: Row, detail: ServerDetail | null, now: number): string | null {
  if (server.pid === null) return null
  const processes = metrics?.processes ?? detail?.processes ?? null
  const age = startedAt === null ? '' : `, up ${formatAge(now - startedAt)}`
  return `pid ${server.pid}, generation ${server.generation}${age}${processes !== null && processes > 1 ? `, ${processes} processes` : ''}`
}

function usageText({ memoryBytes, cpuPercent }: Row): string | null {
  if (memoryBytes === null) return null
  return `${cpuPercent === null ? '' : `${formatPercent(cpuPercent)}% of a core, `}${formatBytes(memoryBytes)} of memory`
}

function limitsText({ server: { limits } }: Row): string | null {
  if (limits == null) return null
  const texts = [
    ...(limits.memoryBytes === null ? [] : [`${formatBytes(limits.memoryBytes)} of memory`]),
    ...(limits.cpuPercent === null ? [] : [`${limits.cpuPercent}% of a core`]),
    ...(limits.pids === null ? [] : [`${limits.pids} processes and threads`]),
  ]
  return `${texts.join(', ')}${limits.backend === null ? '' : ` (held by ${limits.backend})`}`
}

function protocolText({ server }: Row, detail: ServerDetail | null): string | null {
  if (server.transport === 'none') return 'none: ready as soon as it runs'
  if (server.era === null) return null
  const info = detail?.serverInfo ? `; ${detail.serverInfo.name} ${detail.serverInfo.version}` : ''
  return `${server.transport}, ${server.era} era (${detail?.protocolVersion ?? 'version unknown'}), ${plural(server.tools ?? 0, 'tool')}${info}`
}

function trafficFacts({ metrics, restarts }: Row): Fact[] {
  if (metrics === null) return [['Restarts', String(restarts)]]
  const { traffic, sessions } = metrics
  const latencies = traffic.p50Ms === null ? '' : `; p50 ${formatLatency(traffic.p50Ms)}, p95 ${formatLatency(traffic.p95Ms)}, p99 ${formatLatency(traffic.p99Ms)}`
  return [
    ['Calls', `${formatCount(traffic.calls)} since the daemon started, ${formatRate(traffic.callsPerSecond)}/s now, ${traffic.inFlight} in flight${latencies}`],
    ['Errors', `${formatCount(traffic.errors)}${traffic.errorPercent === null ? '' : `, ${formatPercent(traffic.errorPercent)}% of the last five minutes' calls`}${traffic.cancelled > 0 ? `; ${formatCount(traffic.cancelled)} cancelled` : ''}`, traffic.errorPercent !== null && traffic.errorPercent >= 10 ? 'red' : undefined],
    ['Sessions', `${plural(sessions, 'session')} can reach it`],
    ['Restarts', `${restarts} since the daemon started`, restarts > 0 ? 'yellow' : undefined],
  ] as Fact[]
}

function originFacts({ server }: Row, { data }: ViewInput): Fact[] {
  const detail = data.open?.detail
  return [
    ['Command', detail?.target ?? null],
    ['', detail?.note ?? null, 'dim'],
    ['Depends on', server.dependsOn.length > 0 ? server.dependsOn.join(', ') : null],
    ['Tags', server.tags.length > 0 ? server.tags.join(', ') : null],
    ['Config', `${server.source}${server.changed ? ' (changed since it started)' : ''}${server.removed ? ' (no longer in it)' : ''}`],
    ['Log', detail ? `${detail.logFile}${detail.logTrouble === null ? '' : ` (${detail.logTrouble})`}` : null],
  ]
}

const MEGABYTE = 1024 * 1024

/** The whole past that is kept, a minute or less a bar. */
function graphLines({ history }: Row, { columns, look }: ViewInput): Line[] {
  if (history === null || history.cpuPercent.length === 0) return []
  const cells = Math.min(60, Math.max(10, columns - 24))
  const perCell = Math.max(1, Math.ceil(history.cpuPercent.length / cells))
  const shape = { cells: Math.ceil(history.cpuPercent.length / perCell), perCell, bars: signsOf(look).bars }
  const draw = (label: string, values: readonly (number | null)[], now: string, scale: Scale): Line[] => values.every((value) => value === null) ? [] : [[
    span(` ${label.padEnd(12)} `, 'dim'), span(spark(history, values, shape, scale), 'cyan'), span(` ${now}`, 'dim'),
  ]]
  const minutes = Math.round((history.cpuPercent.length * history.intervalMs) / 60_000)
  return [
    [],
    [span(` Last ${plural(minutes, 'minute')}`, 'bold')],
    ...draw('CPU', history.cpuPercent, `${formatPercent(history.cpuPercent.at(-1) ?? null)}%`, { range: 10, fromZero: true }),
    ...draw('Memory', history.memoryBytes, formatSize(history.memoryBytes.at(-1) ?? null), { range: 32 * MEGABYTE, fromZero: false }),
    ...draw('Calls/s', history.callsPerSecond, formatRate(history.callsPerSecond.at(-1) ?? null), { range: 1, fromZero: true }),
    ...draw('p95', history.p95Ms, formatLatency(history.p95Ms.at(-1) ?? null), { range: 10, fromZero: true }),
  ]
}

function needsLines({ alerts }: Row, { columns, look }: ViewInput): Line[] {
  return alerts.length === 0 ? [] : [[], [span(' Needs a look', 'bold')], ...alerts.flatMap((alert) => alertLines(alert, look, columns))]
}

function errorLines({ server }: Row, { columns, look }: ViewInput): Line[] {
  if (server.lastErrors.length === 0) return []
  return [[], [span(' Its last words', 'bold')], ...server.lastErrors.flatMap((line) => wrapText(clean(line, look), columns - 4).map((part): Line => [span('   '), span(part)]))]
}
