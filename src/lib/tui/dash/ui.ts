import type { DashData } from './model.js'
import { createFilter, sortNames, toRow, type Choice, type Row } from './rows.js'

export const TABS = ['overview', 'logs', 'tools', 'sessions', 'history', 'env'] as const

export type Tab = (typeof TABS)[number]

/** What was chosen of a log. */
export type LogStreams = 'all' | 'err' | 'mark'

export interface Page {
  readonly name: string
  readonly tab: Tab
  /** Lines from the top; of a log that is followed, it does not count. */
  readonly scroll: number
  readonly follow: boolean
  readonly search: string
  readonly streams: LogStreams
}

export type Action = 'start' | 'stop' | 'restart' | 'reload'

export type Overlay =
  | { readonly type: 'help'; readonly scroll: number }
  | { readonly type: 'alerts'; readonly scroll: number }
  | { readonly type: 'sort' }
  | { readonly type: 'prompt'; readonly kind: 'filter' | 'search' | 'command'; readonly text: string; readonly before: string }
  | { readonly type: 'confirm'; readonly action: Action; readonly names: readonly string[] | null }

export interface Notice {
  readonly text: string
  readonly tone: 'plain' | 'red' | 'green'
  /** Epoch milliseconds at which it goes; null: with the next key. */
  readonly until: number | null
}

/** All that the person has chosen. */
export interface UiState extends Choice {
  /** Null: nothing to select. */
  readonly selected: string | null
  /** First row of the table that is shown. */
  readonly top: number
  /** All servers in the order of the table. */
  readonly order: readonly string[]
  readonly marked: ReadonlySet<string>
  /** Reasons in place of figures. */
  readonly wordy: boolean
  readonly paused: boolean
  readonly intervalMs: number
  readonly readOnly: boolean
  readonly page: Page | null
  readonly overlay: Overlay | null
  readonly notice: Notice | null
}

export type UiOptions = Pick<UiState, 'intervalMs' | 'readOnly'> & Partial<Choice>

export function createUi(options: UiOptions): UiState {
  return {
    sort: 'name', descending: false, filter: '', inverted: false, failing: false, only: null,
    selected: null, top: 0, order: [], marked: new Set(), wordy: false, paused: false, page: null, overlay: null, notice: null,
    ...options,
  }
}

/** Names of the table's rows, in its order. */
export function shownNames(data: DashData, ui: UiState): string[] {
  return ui.order.filter(createFilter(data, ui))
}

export function rowsOf(data: DashData, names: readonly string[]): Row[] {
  return names.map((name) => toRow(data, name)).filter((row) => row !== null)
}

/** Puts the servers in order anew. Only when the person cannot be aiming at a row: it moves them. */
export function reorder(ui: UiState, data: DashData): UiState {
  const order = sortNames(data, ui)
  return order.length === ui.order.length && order.every((name, at) => name === ui.order[at]) ? ui : { ...ui, order }
}

/**
 * Makes the choices fit what there is: servers that came or went, a selection that was filtered away, a page whose server
 * is gone. `tableRows` tells how many rows the table of so many servers has on the screen.
 */
export function settle(before: UiState, data: DashData, tableRows: (servers: number) => number): UiState {
  const known = before.order.filter((name) => data.servers.has(name))
  const isComplete = known.length === before.order.length && known.length === data.servers.size
  const ui = isComplete ? before : reorder(before, data)
  const names = shownNames(data, ui)
  const selected = keepSelected(before, ui.order, names)
  const at = selected === null ? 0 : names.indexOf(selected)
  const top = keepVisible(ui.top, at, { rows: Math.max(1, tableRows(names.length)), count: names.length })
  const marked = [...ui.marked].every((name) => data.servers.has(name)) ? ui.marked : new Set([...ui.marked].filter((name) => data.servers.has(name)))
  const page = ui.page !== null && !data.servers.has(ui.page.name) ? null : ui.page
  if (selected === ui.selected && top === ui.top && marked === ui.marked && page === ui.page) return ui
  return { ...ui, selected, top, marked, page }
}

/** The selected server, or the one that took its place. */
function keepSelected({ selected, order: former }: UiState, order: readonly string[], names: readonly string[]): string | null {
  if (selected === null) return names[0] ?? null
  const shown = new Set(names)
  if (shown.has(selected)) return selected
  // One that is gone altogether is only in the former order.
  const around = order.includes(selected) ? order : former
  return around.slice(around.indexOf(selected)).find((name) => shown.has(name)) ?? names.at(-1) ?? null
}

function keepVisible(top: number, at: number, { rows, count }: { rows: number; count: number }): number {
  const lowest = Math.max(0, count - rows)
  const wanted = at < top ? at : at >= top + rows ? at - rows + 1 : top
  return Math.min(lowest, Math.max(0, wanted))
}
