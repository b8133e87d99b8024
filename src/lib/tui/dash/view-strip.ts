import { fitText, textWidth } from '../term/cluster.js'
import { span, type Line, type Span } from '../term/line.js'
import type { Tone } from '../term/tone.js'
import { phaseStyle } from '../../cli/index.js'
import type { Alert } from '../../core/index.js'
import { stateWord } from './columns.js'
import { formatMoment, formatTime } from './format.js'
import { clean, signsOf, type Look } from './look.js'
import type { LogEntry } from './model.js'
import { toRow, type Row } from './rows.js'
import type { ViewInput } from './view-input.js'
import { wrapText } from './wrap.js'

/** The selected server in short: how it is, why, what to do, and its newest log lines. */
export function viewStrip(input: ViewInput, rows: number): Line[] {
  const { data, ui, look } = input
  const row = ui.selected === null ? null : toRow(data, ui.selected)
  if (rows <= 0) return []
  if (row === null) return [ruleLine([], input)]
  const head = ruleLine([span(` ${clean(row.name, look)} `, 'bold'), span(look.unicode ? '· ' : '- ', 'dim'), span(`${stateWord(row.server, input.now)} `, phaseStyle(row.server.phase))], input)
  const facts = factLines(row, input).slice(0, Math.max(1, rows - 1))
  const room = rows - 1 - facts.length
  const log = data.log?.name === row.name && room > 0 ? data.log.lines.slice(-room).map((entry) => logLine(entry, look)) : []
  return [head, ...facts, ...log]
}

/** A line across the screen with something in it. */
export function ruleLine(label: readonly Span[], { columns, look }: Pick<ViewInput, 'columns' | 'look'>, right = ''): Line {
  const { rule } = signsOf(look)
  const used = label.reduce((sum, { text }) => sum + text.length, 0) + 2 + right.length
  return [span(rule.repeat(2), 'dim'), ...label, span(rule.repeat(Math.max(0, columns - used - (right === '' ? 0 : 2))), 'dim'), ...(right === '' ? [] : [span(right, 'dim'), span(rule.repeat(2), 'dim')])]
}

function factLines(row: Row, { look, now, columns }: ViewInput): Line[] {
  const { server, alerts } = row
  const isTold = (text: string): boolean => alerts.some((alert) => alert.text.includes(text))
  return [
    ...(isTold(server.reason) ? [] : [[span(` ${clean(server.reason, look)}`), span(`  since ${formatMoment(server.since, now)}`, 'dim')]]),
    ...(server.trouble && !isTold(server.trouble) ? [[span(` ${clean(server.trouble, look)}`, 'yellow')]] : []),
    ...alerts.flatMap((alert) => alertLines(alert, look, columns)),
  ]
}

/** What is wrong, wrapped where it is long, and the way out below or beside it. */
export function alertLines({ text, hint, level }: Alert, look: Look, columns: number): Line[] {
  const { arrow } = signsOf(look)
  const sign = alertSign(level, look)
  const parts = wrapText(clean(text, look), columns - 4)
  const way = hint === '' ? '' : `${arrow} ${clean(hint, look)}`
  const lines = parts.map((part, at): Line => [at === 0 ? sign : span('   '), span(part)])
  if (parts.length === 1 && textWidth(`${parts[0] ?? ''}${way}`) + 6 <= columns) return [[...(lines[0] ?? []), span(`  ${way}`, 'cyan')]]
  return [...lines, ...(way === '' ? [] : wrapText(way, columns - 6).map((part): Line => [span('     '), span(part, 'cyan')]))]
}

/** An alert in one line: the way out stays whole as long as there is room for it. */
export function alertLine({ server, text, hint, level }: Alert, look: Look, columns: number): Line {
  const { arrow, ellipsis } = signsOf(look)
  const named = server === null || text.startsWith(server) ? text : `${server}: ${text}`
  const way = hint === '' ? '' : `  ${arrow} ${clean(hint, look)}`
  const what = clean(named, look)
  const room = Math.max(20, columns - 4 - textWidth(way))
  return [alertSign(level, look), span(fitText(what, Math.min(room, textWidth(what)), ellipsis)), span(way, 'cyan')]
}

export function alertSign(level: Alert['level'], look: Look): Span {
  const { warning, critical } = signsOf(look)
  return level === 'critical' ? span(` ${critical} `, 'red') : span(` ${warning} `, 'yellow')
}

const STREAM: Readonly<Record<LogEntry['stream'], { readonly word: string; readonly tone: Tone }>> = {
  out: { word: 'out', tone: 'plain' },
  err: { word: 'err', tone: 'plain' },
  mark: { word: '---', tone: 'cyan' },
}

export function logLine({ time, stream, text }: LogEntry, look: Look): Line {
  const { word, tone } = STREAM[stream]
  return [span(` ${formatTime(time)} `, 'dim'), span(`${word} `, 'dim'), span(clean(text, look), tone)]
}
