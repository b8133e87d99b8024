import type { Key } from '../term/keys.js'
import { isDescendingFirst, type SortKey } from './rows.js'
import { reorder, type UiState } from './ui.js'
import type { KeyContext, Updated } from './update.js'

/** Letters of the sort menu; as capitals they sort at once. */
export const SORT_LETTERS: Readonly<Record<string, SortKey>> = {
  n: 'name', s: 'state', u: 'up', x: 'restarts', c: 'cpu', m: 'memory', r: 'calls', p: 'p95', e: 'errors', t: 'tools', i: 'sessions',
}

/** Taken by other commands: `R` reloads. */
const NOT_DIRECT = new Set(['R'])

/** Sorts by a column; asked for again, the other way round. */
export function chooseSort(ui: UiState, sort: SortKey, { data }: Pick<KeyContext, 'data'>): UiState {
  const descending = ui.sort === sort ? !ui.descending : isDescendingFirst(sort)
  return reorder({ ...ui, sort, descending, overlay: null }, data)
}

/** A capital letter of the sort menu, or null. */
export function sortBy(ui: UiState, key: Key, context: KeyContext): Updated | null {
  if (!/^[A-Z]$/.test(key) || NOT_DIRECT.has(key)) return null
  const sort = SORT_LETTERS[key.toLowerCase()]
  return sort === undefined ? null : { ui: chooseSort(ui, sort, context) }
}
