import type { Key } from '../term/keys.js'
import { completePalette, runPalette } from './palette.js'
import { chooseSort, SORT_LETTERS } from './sort-choice.js'
import type { Overlay, UiState } from './ui.js'
import type { KeyContext, Updated } from './update.js'

type Prompt = Extract<Overlay, { type: 'prompt' }>
const LONGEST_INPUT = 200

/** Keys while something lies over the table or page: a list, a question, a line to type into. */
export function updateOverlay(ui: UiState, overlay: Overlay, key: Key, context: KeyContext): Updated {
  switch (overlay.type) {
    case 'help':
    case 'alerts':
      return { ui: { ...ui, overlay: scrollOverlay(overlay, key, context) } }
    case 'sort':
      return { ui: updateSort(ui, key, context) }
    case 'confirm':
      return updateConfirm(ui, overlay, key)
    case 'prompt':
      return updatePrompt(ui, overlay, key, context)
  }
}

function scrollOverlay(overlay: Extract<Overlay, { scroll: number }>, key: Key, { bodyRows, bodyLines }: KeyContext): Overlay | null {
  const steps: Readonly<Record<string, number>> = { up: -1, k: -1, down: 1, j: 1, pageup: -bodyRows, pagedown: bodyRows, ' ': bodyRows, home: -Infinity, g: -Infinity, end: Infinity, G: Infinity }
  const step = steps[key]
  if (step === undefined) return null
  const lowest = Math.max(0, bodyLines - bodyRows)
  return { ...overlay, scroll: Math.min(lowest, Math.max(0, overlay.scroll + step)) }
}

function updateSort(ui: UiState, key: Key, context: KeyContext): UiState {
  const sort = SORT_LETTERS[key.toLowerCase()]
  return sort === undefined ? { ...ui, overlay: null } : chooseSort(ui, sort, context)
}

/** Anything but a clear yes is a no. */
function updateConfirm(ui: UiState, { action, names }: Extract<Overlay, { type: 'confirm' }>, key: Key): Updated {
  const closed = { ...ui, overlay: null }
  if (key !== 'y' && key !== 'Y') return { ui: closed }
  return { ui: { ...closed, marked: new Set() }, command: { type: 'act', action, names } }
}

function updatePrompt(ui: UiState, prompt: Prompt, key: Key, context: KeyContext): Updated {
  if (key === 'escape') return { ui: typed({ ...ui, overlay: null }, prompt.kind, prompt.before) }
  if (key === 'enter') return prompt.kind === 'command' ? runPalette({ ...ui, overlay: null }, prompt.text, context) : { ui: { ...ui, overlay: null } }
  const text = edit(prompt, key, context)
  return { ui: typed({ ...ui, overlay: { ...prompt, text } }, prompt.kind, text) }
}

function edit({ kind, text }: Prompt, key: Key, { data }: KeyContext): string {
  if (key === 'tab') return kind === 'command' ? completePalette(text, [...data.servers.keys()]) : text
  if (key === 'backspace') return [...text].slice(0, -1).join('')
  if (key === 'ctrl-u') return ''
  if (key === 'ctrl-w') return text.replace(/\S*\s*$/, '')
  return [...key].length === 1 && text.length < LONGEST_INPUT ? text + key : text
}

/** A filter and a search work while they are typed. */
function typed(ui: UiState, kind: Prompt['kind'], text: string): UiState {
  if (kind === 'filter') return { ...ui, filter: text }
  if (kind === 'search' && ui.page !== null) return { ...ui, page: { ...ui.page, search: text, scroll: 0, follow: true } }
  return ui
}
