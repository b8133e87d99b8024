import type { Key } from '../term/keys.js'
import { actOn } from './action.js'
import { stepInterval } from './interval.js'
import { sortBy } from './sort-choice.js'
import { shownNames, type Page, type Tab, type UiState } from './ui.js'
import type { KeyContext, Updated } from './update.js'

/** Keys that only change what is chosen. */
const CHOICES: Readonly<Record<string, (ui: UiState) => Partial<UiState>>> = {
  '/': ({ filter }) => ({ overlay: { type: 'prompt', kind: 'filter', text: filter, before: filter } }),
  ':': () => ({ overlay: { type: 'prompt', kind: 'command', text: '', before: '' } }),
  '!': ({ inverted }) => ({ inverted: !inverted }),
  f: ({ failing }) => ({ failing: !failing }),
  o: () => ({ overlay: { type: 'sort' } }),
  w: ({ wordy }) => ({ wordy: !wordy }),
  p: ({ paused }) => ({ paused: !paused }),
  a: () => ({ overlay: { type: 'alerts', scroll: 0 } }),
  '?': () => ({ overlay: { type: 'help', scroll: 0 } }),
  f1: () => ({ overlay: { type: 'help', scroll: 0 } }),
}

const MOVES: Readonly<Record<string, (at: number, context: KeyContext) => number>> = {
  up: (at) => at - 1,
  k: (at) => at - 1,
  down: (at) => at + 1,
  j: (at) => at + 1,
  pageup: (at, { tableRows }) => at - tableRows,
  pagedown: (at, { tableRows }) => at + tableRows,
  'ctrl-b': (at, { tableRows }) => at - tableRows,
  'ctrl-f': (at, { tableRows }) => at + tableRows,
  home: () => 0,
  g: () => 0,
  end: (_, { names }) => names.length - 1,
  G: (_, { names }) => names.length - 1,
}

const OPENS: Readonly<Record<string, Tab>> = { enter: 'overview', d: 'overview', right: 'overview', l: 'logs', t: 'tools', h: 'history' }

/** Keys of the table. */
export function updateTable(ui: UiState, key: Key, context: KeyContext): Updated {
  const move = MOVES[key]
  if (move !== undefined) return { ui: moveTo(ui, move(positionOf(ui, context), context), context) }
  const choose = CHOICES[key]
  if (choose !== undefined) return { ui: { ...ui, ...choose(ui) } }
  const tab = OPENS[key]
  if (tab !== undefined) return { ui: ui.selected === null ? ui : { ...ui, page: openPage(ui.selected, tab) } }
  if (key === 'q') return { ui, command: { type: 'quit' } }
  if (key === ' ') return { ui: mark(ui, context) }
  if (key === 'escape') return { ui: { ...ui, filter: '', inverted: false, failing: false, marked: new Set() } }
  if (key === '+' || key === '=' || key === '-') return { ui: stepInterval(ui, key === '-' ? -1 : 1, context.now), command: { type: 'refresh' } }
  if (key === 'ctrl-r' || key === 'f5') return { ui, command: { type: 'refresh' } }
  return actOn(ui, key, context) ?? sortBy(ui, key, context) ?? { ui }
}

export function openPage(name: string, tab: Tab): Page {
  return { name, tab, scroll: 0, follow: true, search: '', streams: 'all' }
}

function positionOf({ selected }: UiState, { names }: KeyContext): number {
  return selected === null ? 0 : names.indexOf(selected)
}

function moveTo(ui: UiState, at: number, { data }: KeyContext): UiState {
  const names = shownNames(data, ui)
  return { ...ui, selected: names[Math.min(names.length - 1, Math.max(0, at))] ?? null }
}

/** Marks the selected server and goes on to the next, so that a series is one key held down. */
function mark(ui: UiState, context: KeyContext): UiState {
  if (ui.selected === null) return ui
  const marked = new Set(ui.marked)
  if (!marked.delete(ui.selected)) marked.add(ui.selected)
  return { ...moveTo(ui, positionOf(ui, context) + 1, context), marked }
}
