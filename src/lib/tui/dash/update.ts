import type { Key } from '../term/keys.js'
import type { Command } from './command.js'
import type { DashData } from './model.js'
import { updateOverlay } from './update-overlay.js'
import { updatePage } from './update-page.js'
import { updateTable } from './update-table.js'
import type { UiState } from './ui.js'

/** What a key is judged by. */
export interface KeyContext {
  readonly data: DashData
  readonly now: number
  /** Names of the table's rows. */
  readonly names: readonly string[]
  /** Rows of the table, and lines of a page, on the screen. */
  readonly tableRows: number
  readonly bodyRows: number
  /** Lines the open page has. */
  readonly bodyLines: number
}

export interface Updated {
  readonly ui: UiState
  readonly command?: Command
}

/** What a key does. Pure: what has to happen outside is said as a command. */
export function update(before: UiState, key: Key, context: KeyContext): Updated {
  if (key === 'ctrl-c') return { ui: before, command: { type: 'quit' } }
  if (key === 'ctrl-z') return { ui: before, command: { type: 'suspend' } }
  if (key === 'ctrl-l') return { ui: before, command: { type: 'repaint' } }
  const ui = before.notice === null ? before : { ...before, notice: null }
  if (ui.overlay !== null) return updateOverlay(ui, ui.overlay, key, context)
  return ui.page === null ? updateTable(ui, key, context) : updatePage(ui, ui.page, key, context)
}
