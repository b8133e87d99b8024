import { fitLine, inTone, span, type Frame, type Line } from '../term/line.js'
import { layOut, type Layout } from './layout.js'
import { clean, signsOf } from './look.js'
import { settle, shownNames, type UiState } from './ui.js'
import { alertRows, allAlertLines } from './view-alerts.js'
import { viewEmpty } from './view-empty.js'
import { viewFooter } from './view-footer.js'
import { viewHeader, viewTotals } from './view-header.js'
import { helpLines } from './view-help.js'
import type { ViewInput } from './view-input.js'
import { countPage, PAGE_HEAD, viewPageBody, viewPageHead } from './view-page.js'
import { ruleLine, viewStrip } from './view-strip.js'
import { viewTable, viewTiny } from './view-table.js'

/** What keys need to know of the screen. */
export interface Measures {
  readonly tableRows: number
  readonly bodyRows: number
  readonly bodyLines: number
}

/** The input with choices that fit what there is and this screen. */
export function settleInput(parts: Omit<ViewInput, 'names'>): ViewInput {
  const { columns, rows, data, ui } = parts
  const alerts = data.metrics?.alerts.length ?? 0
  return createInput({ ...parts, ui: settle(ui, data, (servers) => layOut({ columns, rows, servers, alerts }).table) })
}

function createInput(parts: Omit<ViewInput, 'names'>): ViewInput {
  return { ...parts, names: shownNames(parts.data, parts.ui) }
}

function layoutOf({ columns, rows, names, data }: ViewInput): Layout {
  return layOut({ columns, rows, servers: names.length, alerts: data.metrics?.alerts.length ?? 0 })
}

export function measure(input: ViewInput): Measures {
  const { ui } = input
  const layout = layoutOf(input)
  const bodyRows = bodyRowsOf(input)
  const bodyLines = ui.overlay?.type === 'help' ? helpLines().length : ui.overlay?.type === 'alerts' ? allAlertLines(input).length : ui.page === null ? 0 : countPage(ui.page, input, bodyRows)
  return { tableRows: layout.table, bodyRows, bodyLines }
}

function bodyRowsOf({ ui, rows }: ViewInput): number {
  return Math.max(1, rows - 2 - (ui.page === null || isListOpen(ui) ? 1 : PAGE_HEAD))
}

function isListOpen({ overlay }: UiState): boolean {
  return overlay?.type === 'help' || overlay?.type === 'alerts'
}

/** The whole screen. Pure. */
export function view(input: ViewInput): Frame {
  const { columns, rows, ui, data } = input
  const { lines, selectedRow } = isListOpen(ui) ? viewList(input) : ui.page === null ? viewMain(input) : viewPage(input)
  const footer = viewFooter(input)
  const hasFooter = !layoutOf(input).tiny || ui.overlay !== null || ui.page !== null || ui.notice !== null
  const body = lines.slice(0, hasFooter ? rows - 1 : rows)
  const filled = [...body, ...Array.from({ length: Math.max(0, (hasFooter ? rows - 1 : rows) - body.length) }, (): Line => [])]
  // What is no longer true is grey; who is asked is not.
  const isOld = data.link.state !== 'live' && data.servers.size > 0
  const toned = isOld ? filled.map((line, at) => (at === 0 ? line : inTone(line, line[0]?.tone === 'selected' ? 'selected' : 'dim'))) : filled
  const cursor = footer.cursor === null ? { row: Math.min(rows - 1, selectedRow), column: 0, visible: false } : { row: rows - 1, column: footer.cursor, visible: true }
  return { columns, rows, lines: hasFooter ? [...toned, footer.line] : toned, cursor }
}

interface Part {
  readonly lines: readonly Line[]
  readonly selectedRow: number
}

function viewMain(input: ViewInput): Part {
  const { ui, names } = input
  const layout = layoutOf(input)
  const above = [...(layout.header > 0 ? [viewHeader(input)] : []), ...(layout.totals > 0 ? [viewTotals(input)] : []), ...(layout.rule > 0 ? [filterRule(input)] : [])]
  if (names.length === 0) return { lines: [...above, ...viewEmpty(input)], selectedRow: above.length }
  const table = layout.tiny ? viewTiny(input, layout.table) : viewTable(input, layout.table, layout.head > 0)
  const padded = [...table, ...Array.from({ length: Math.max(0, layout.table + layout.head - table.length) }, (): Line => [])]
  const { ellipsis } = signsOf(input.look)
  const below = [...fill(viewStrip(input, layout.strip), layout.strip), ...alertRows(input, layout.alerts)].map((line) => fitLine(line, input.columns, ellipsis))
  const lines = [...above, ...padded, ...below]
  const at = ui.selected === null ? 0 : names.indexOf(ui.selected) - ui.top
  return { lines, selectedRow: above.length + layout.head + Math.max(0, at) }
}

function fill(lines: readonly Line[], rows: number): Line[] {
  return [...lines.slice(0, rows), ...Array.from({ length: Math.max(0, rows - lines.length) }, (): Line => [])]
}

/** What is left out of the table is said above it. */
function filterRule(input: ViewInput): Line {
  const { ui, look } = input
  const words = [...(ui.filter === '' ? [] : [`${ui.inverted ? 'not ' : ''}"${clean(ui.filter, look)}"`]), ...(ui.failing ? ['failing only'] : [])]
  return ruleLine(words.length === 0 ? [] : [span(` ${words.join(', ')} `, 'yellow')], input)
}

function viewPage(input: ViewInput): Part {
  const { ui } = input
  if (ui.page === null) return { lines: [], selectedRow: 0 }
  return { lines: [viewHeader(input), ...viewPageHead(ui.page, input), ...viewPageBody(ui.page, input, bodyRowsOf(input))], selectedRow: 1 }
}

function viewList(input: ViewInput): Part {
  const { ui } = input
  const bodyRows = bodyRowsOf(input)
  const isHelp = ui.overlay?.type === 'help'
  const scroll = ui.overlay !== null && 'scroll' in ui.overlay ? ui.overlay.scroll : 0
  const all = isHelp ? helpLines() : allAlertLines(input)
  const top = Math.min(scroll, Math.max(0, all.length - bodyRows))
  const title = ruleLine([span(isHelp ? ' keys ' : ' alerts ', 'bold')], input)
  return { lines: [viewHeader(input), title, ...all.slice(top, top + bodyRows)], selectedRow: 1 }
}

/**
 * Milliseconds until the screen would look different although nothing happens: waits that run down are told in seconds,
 * ages in minutes. Infinity: never.
 */
export function untilNextChange({ data, ui, now }: Pick<ViewInput, 'data' | 'ui' | 'now'>): number {
  const isCounting = data.link.state === 'lost' || [...data.servers.values()].some(({ server }) => server.phase === 'backoff')
  const notice = ui.notice?.until == null ? Infinity : Math.max(0, ui.notice.until - now)
  return Math.min(notice, isCounting ? 1000 - (now % 1000) : data.link.state === 'live' ? 10_000 : Infinity)
}
