import { basename, dirname } from 'node:path'
import { justify, lineWidth, span, type Line, type Span } from '../term/line.js'
import type { Tone } from '../term/tone.js'
import { phaseStyle } from '../../cli/index.js'
import type { History, Phase } from '../../core/index.js'
import { formatAge, formatLatency, formatPercent, formatRate, formatSize, formatWait, plural } from './format.js'
import { clean, markOf, signsOf } from './look.js'
import type { Link } from './model.js'
import { spark, type Scale } from './spark.js'
import type { ViewInput } from './view-input.js'

/** In the order in which they are counted out. */
const PHASES: readonly Phase[] = ['ready', 'starting', 'waiting', 'stopping', 'unready', 'backoff', 'failed', 'exited', 'idle']
const SPARK_CELLS = [12, 8, 0] as const
/** Of ten seconds each: a bar is a minute. */
const PER_CELL = 6
const MEGABYTE = 1024 * 1024

/** Who is asked, since when, and how the servers are, in one line. */
export function viewHeader(input: ViewInput): Line {
  const { columns } = input
  const parts = leftSide(input)
  const words = rightSide(input, false)
  const right = lineWidth(parts[0] ?? []) + lineWidth(words) + 1 <= columns ? words : rightSide(input, true)
  let left = parts
  // What does not fit goes, the least important first; the counts stay.
  while (left.length > 1 && left.reduce((sum, part) => sum + lineWidth(part), 0) + lineWidth(right) + 1 > columns) left = left.slice(0, -1)
  return justify(left.flat(), right, columns)
}

function leftSide({ data, ui, look, now }: ViewInput): Line[] {
  const title = [span(' mcpctl', 'bold')]
  const { link, daemon } = data
  if (link.state !== 'live') return [[...title, span('  '), ...linkState(data.link, now)]]
  if (daemon === null) return [title]
  const project = projectOf(daemon.sources)
  const stale = staleness(data.figuresAt, ui.intervalMs, now)
  return [
    title,
    ...(stale === null || ui.paused ? [] : [[span(`  ${stale}`, 'yellow')]]),
    ...(ui.paused ? [[span('  paused', 'yellow')]] : []),
    ...(ui.readOnly ? [[span('  read-only', 'cyan')]] : []),
    ...(project === null ? [] : [[span(`  ${clean(project, look)}`)]]),
    [span('   daemon up ', 'dim'), span(formatAge(now - daemon.startedAt))],
    ...(ui.paused ? [] : [[span('   every ', 'dim'), span(`${ui.intervalMs / 1000}s`)]]),
  ]
}

function linkState(link: Link, now: number): Span[] {
  switch (link.state) {
    case 'lost':
      return [span(`disconnected ${formatWait(now - link.since)}, retrying`, 'alarm')]
    case 'refused':
      return [span('the daemon cannot be used, retrying', 'alarm')]
    case 'absent':
      return [span('no daemon', 'yellow')]
    case 'connecting':
    case 'live':
      return [span('connecting', 'dim')]
  }
}

/** "figures 35s old": only when they should have come long ago. */
function staleness(figuresAt: number | null, intervalMs: number, now: number): string | null {
  if (figuresAt === null || now - figuresAt < 2 * intervalMs + 3000) return null
  return `figures ${formatWait(now - figuresAt)} old`
}

/** The folder of the configuration; of several, the first. */
function projectOf(sources: readonly string[]): string | null {
  const [first] = sources
  if (first === undefined) return null
  return `${basename(dirname(first))}${sources.length > 1 ? ` +${sources.length - 1}` : ''}`
}

/** How many are in which phase, and how many alerts there are; `short`: with marks in place of words. */
function rightSide({ data, ui, look }: ViewInput, short: boolean): Line {
  const counts = new Map<Phase, number>()
  for (const { server } of data.servers.values()) if (ui.only === null || ui.only.has(server.name)) counts.set(server.phase, (counts.get(server.phase) ?? 0) + 1)
  const parts: Line[] = PHASES.filter((phase) => phase === 'ready' || counts.has(phase)).map((phase) => [
    span(`${short ? markOf(phase, look) : ''}${counts.get(phase) ?? 0}`, (counts.get(phase) ?? 0) > 0 ? phaseStyle(phase) : 'dim'),
    ...(short ? [] : [span(` ${phase}`, phaseStyle(phase) === 'dim' ? 'dim' : 'plain')]),
  ])
  const alerts = data.metrics?.alerts ?? []
  const tone: Tone = alerts.some(({ level }) => level === 'critical') ? 'red' : 'yellow'
  const alerted = alerts.length === 0 ? [] : [[span(plural(alerts.length, 'alert'), tone)]]
  return [...[...parts, ...alerted].flatMap((part, at) => (at === 0 ? part : [span(short ? ' ' : '  '), ...part])), span(' ')]
}

/** Figures of all servers together, with their past, and what sharing saves. */
export function viewTotals(view: ViewInput): Line {
  const { columns } = view
  for (const sparks of SPARK_CELLS) {
    const parts = totalParts(view, sparks)
    const saved = savedParts(view)
    for (const end of saved) if (lineWidth(joinParts(parts)) + lineWidth(end) + 2 <= columns) return justify(joinParts(parts), end, columns)
  }
  let parts = totalParts(view, 0)
  while (parts.length > 1 && lineWidth(joinParts(parts)) > columns) parts = parts.slice(0, -1)
  return joinParts(parts)
}

function joinParts(parts: readonly Line[]): Line {
  return parts.flatMap((part, at) => [span(at === 0 ? ' ' : '   '), ...part])
}

function totalParts({ data, look }: ViewInput, sparks: number): Line[] {
  const totals = data.servers.size === 0 && data.link.state !== 'live' ? null : data.metrics?.totals
  if (totals === null) return [[]]
  if (totals === undefined) return [[span(data.link.state === 'live' && data.figuresAt !== null ? 'this daemon counts nothing: it is of an older version (mcpctl daemon restart)' : '', 'dim')]]
  const { traffic } = totals
  const past = (pick: (history: History) => readonly (number | null)[], scale: Scale): Span[] =>
    data.totals === null || sparks === 0 ? [] : [span(' '), span(spark(data.totals, pick(data.totals), { cells: sparks, perCell: PER_CELL, bars: signsOf(look).bars }, scale), 'cyan')]
  return [
    [span('cpu ', 'dim'), span(totals.cpuPercent === null ? '-' : `${formatPercent(totals.cpuPercent)}%`), ...past((history) => history.cpuPercent, { range: 10, fromZero: true })],
    [span('mem ', 'dim'), span(formatSize(totals.memoryBytes)), ...past((history) => history.memoryBytes, { range: 64 * MEGABYTE, fromZero: false })],
    [span('calls ', 'dim'), span(`${formatRate(traffic.callsPerSecond)}/s`), ...past((history) => history.callsPerSecond, { range: 1, fromZero: true })],
    [span('errors ', 'dim'), errorSpan(traffic.errorPercent), ...past((history) => history.errorPercent, { range: 10, fromZero: true })],
    [span('p95 ', 'dim'), span(formatLatency(traffic.p95Ms))],
  ]
}

function errorSpan(percent: number | null): Span {
  if (percent === null) return span('-')
  return span(`${formatPercent(percent)}%`, percent >= 10 ? 'red' : percent > 0 ? 'yellow' : 'plain')
}

/** From the longest way of saying it to the shortest. */
function savedParts({ data }: ViewInput): Line[] {
  const saved = data.metrics?.saved
  if (saved === undefined || saved.savedBytes <= 0) return [[]]
  const amount = [span(formatSize(saved.savedBytes), 'green'), span(' saved ', 'green')]
  const story = `${plural(saved.sessions, 'session')} share ${plural(saved.instances, 'process', 'processes')}: ${formatSize(saved.memoryBytes)} instead of ${formatSize(saved.memoryOtherwiseBytes)}, `
  return [[span(story, 'dim'), ...amount], amount]
}
