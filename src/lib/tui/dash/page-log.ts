import { textWidth } from '../term/cluster.js'
import { span, type Line } from '../term/line.js'
import { createMatch } from './rows.js'
import type { LogEntry } from './model.js'
import type { Page } from './ui.js'
import type { ViewInput } from './view-input.js'
import { logLine } from './view-strip.js'
import { wrapText } from './wrap.js'

/** The lines of a log that were asked for. */
export function chosenEntries({ search, streams }: Page, lines: readonly LogEntry[]): readonly LogEntry[] {
  if (search === '' && streams === 'all') return lines
  const matches = createMatch(search)
  return lines.filter(({ stream, text }) => (streams === 'all' || stream === streams) && (search === '' || matches(text)))
}

/**
 * How many lines the log page has, so that scrolling down to the last `rows` of them shows the newest entries. It scrolls
 * by entries, and a long one takes several rows: what counts at the end is how many entries fit there.
 */
export function countLog(page: Page, input: ViewInput, rows: number): number {
  const { log } = input.data
  const entries = log?.name === page.name ? chosenEntries(page, log.lines) : []
  let first = entries.length
  for (let used = 0; first > 0; first--) {
    const entry = entries[first - 1]
    used += entry === undefined ? 0 : wrapEntry(entry, input).length
    if (used > rows) break
  }
  return first + rows
}

/** Only the lines that are on the screen are drawn. */
export function viewLog(page: Page, input: ViewInput, rows: number): Line[] {
  const { data } = input
  const entries = data.log?.name === page.name ? chosenEntries(page, data.log.lines) : null
  if (entries === null) return [[span(' Reading...', 'dim')]]
  if (entries.length === 0) return [[span(page.search === '' && page.streams === 'all' ? ' It has said nothing yet.' : ' No line of its log matches.', 'dim')]]
  if (!page.follow) return entries.slice(page.scroll, page.scroll + rows).flatMap((entry) => wrapEntry(entry, input)).slice(0, rows)
  const newest: Line[] = []
  for (let at = entries.length - 1; at >= 0 && newest.length < rows; at--) {
    const entry = entries[at]
    if (entry !== undefined) newest.unshift(...wrapEntry(entry, input))
  }
  return newest.slice(-rows)
}

/** Time and stream, one space each. */
const LEAD_WIDTH = 14

/** A long line goes on below itself. */
function wrapEntry(entry: LogEntry, { look, columns }: ViewInput): Line[] {
  const line = logLine(entry, look)
  const last = line.at(-1)
  if (last === undefined || textWidth(last.text) <= columns - LEAD_WIDTH) return [line]
  const width = Math.max(10, columns - LEAD_WIDTH)
  return wrapText(last.text, width).map((part, at) => (at === 0 ? [...line.slice(0, -1), span(part, last.tone)] : [span(' '.repeat(LEAD_WIDTH)), span(part, last.tone)]))
}
