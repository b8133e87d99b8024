import type { Key } from '../term/keys.js'
import { actOn } from './action.js'
import { TABS, type LogStreams, type Page, type UiState } from './ui.js'
import type { KeyContext, Updated } from './update.js'

const NEXT_STREAMS: Readonly<Record<LogStreams, LogStreams>> = { all: 'err', err: 'mark', mark: 'all' }

const SCROLLS: Readonly<Record<string, (at: number, context: KeyContext) => number>> = {
  up: (at) => at - 1,
  k: (at) => at - 1,
  down: (at) => at + 1,
  j: (at) => at + 1,
  pageup: (at, { bodyRows }) => at - bodyRows,
  pagedown: (at, { bodyRows }) => at + bodyRows,
  'ctrl-b': (at, { bodyRows }) => at - bodyRows,
  'ctrl-f': (at, { bodyRows }) => at + bodyRows,
  ' ': (at, { bodyRows }) => at + bodyRows,
  home: () => 0,
  g: () => 0,
  end: () => Infinity,
  G: () => Infinity,
}

/** Keys of the pages of one server. */
export function updatePage(ui: UiState, page: Page, key: Key, context: KeyContext): Updated {
  const scroll = SCROLLS[key]
  if (scroll !== undefined) return { ui: { ...ui, page: scrollPage(page, scroll, context) } }
  const tab = tabFor(page, key)
  if (tab !== undefined) return { ui: { ...ui, page: { ...page, tab, scroll: 0, follow: true } } }
  const changed = pageKey(page, key, context)
  if (changed !== undefined) return { ui: { ...ui, ...changed } }
  if (key === 'ctrl-r' || key === 'f5') return { ui, command: { type: 'refresh' } }
  return actOn(ui, key, context) ?? { ui }
}

function tabFor({ tab }: Page, key: Key): Page['tab'] | undefined {
  const at = TABS.indexOf(tab)
  if (/^[1-6]$/.test(key)) return TABS[Number(key) - 1]
  if (key === 'tab' || key === 'right') return TABS[(at + 1) % TABS.length]
  if (key === 'backtab' || key === 'left') return TABS[(at + TABS.length - 1) % TABS.length]
  return key === 'l' ? 'logs' : key === 't' ? 'tools' : key === 'h' ? 'history' : undefined
}

function pageKey(page: Page, key: Key, context: KeyContext): Partial<UiState> | undefined {
  const isLog = page.tab === 'logs'
  if (key === 'escape' && page.search !== '') return { page: { ...page, search: '', follow: true } }
  if (key === 'escape' || key === 'q' || key === 'backspace') return { page: null }
  if (key === '?' || key === 'f1') return { overlay: { type: 'help', scroll: 0 } }
  if (key === ':') return { overlay: { type: 'prompt', kind: 'command', text: '', before: '' } }
  if (key === 'a') return { overlay: { type: 'alerts', scroll: 0 } }
  if (isLog && key === '/') return { overlay: { type: 'prompt', kind: 'search', text: page.search, before: page.search } }
  if (isLog && key === 'e') return { page: { ...page, streams: NEXT_STREAMS[page.streams], follow: true } }
  if (isLog && key === 'f') return { page: { ...page, follow: !page.follow, scroll: Math.max(0, context.bodyLines - context.bodyRows) } }
  return undefined
}

/** A log is followed until somebody scrolls up, and again from its end on. */
function scrollPage(page: Page, step: (at: number, context: KeyContext) => number, context: KeyContext): Page {
  const lowest = Math.max(0, context.bodyLines - context.bodyRows)
  const from = page.tab === 'logs' && page.follow ? lowest : Math.min(page.scroll, lowest)
  const scroll = Math.min(lowest, Math.max(0, step(from, context)))
  return { ...page, scroll, follow: page.tab === 'logs' ? scroll >= lowest : page.follow }
}
