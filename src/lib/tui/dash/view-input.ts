import type { Look } from './look.js'
import type { DashData } from './model.js'
import type { UiState } from './ui.js'

/** Everything a frame is made of. */
export interface ViewInput {
  readonly data: DashData
  readonly ui: UiState
  readonly look: Look
  readonly now: number
  readonly columns: number
  readonly rows: number
  /** Names of the table's rows: those that pass the filter, in order. */
  readonly names: readonly string[]
}
