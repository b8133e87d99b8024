import type { Key } from '../term/keys.js'
import type { Action, UiState } from './ui.js'
import type { KeyContext, Updated } from './update.js'

const NOTICE_MS = 4000
/** A server in one of these has nothing to stop. */
const DOWN: ReadonlySet<string> = new Set(['idle', 'exited', 'failed'])

/** `s` starts or stops, `r` restarts, `R` reloads; null: another key. What takes something away from clients is asked for first. */
export function actOn(ui: UiState, key: Key, context: KeyContext): Updated | null {
  if (key !== 's' && key !== 'r' && key !== 'R') return null
  const { data, now } = context
  if (ui.readOnly) return { ui: warn(ui, 'read-only: nothing can be changed from here', now) }
  if (data.link.state === 'absent' && key === 's') return { ui, command: { type: 'act', action: 'start', names: null } }
  if (data.link.state !== 'live') return { ui: warn(ui, 'no daemon answers: nothing can be done now', now) }
  if (key === 'R') return { ui: confirm(ui, 'reload', ui.marked.size > 0 ? [...ui.marked] : null) }
  const names = targetsOf(ui)
  if (names.length === 0) return { ui: warn(ui, 'no server is selected', now) }
  return key === 'r' ? act(ui, 'restart', names) : act(ui, isDown(names, context) ? 'start' : 'stop', names)
}

/** A single start does no harm; all else is asked for. */
export function act(ui: UiState, action: Action, names: readonly string[]): Updated {
  if (action === 'start' && names.length === 1) return { ui, command: { type: 'act', action, names } }
  return { ui: confirm(ui, action, names) }
}

export function confirm(ui: UiState, action: Action, names: readonly string[] | null): UiState {
  return { ...ui, overlay: { type: 'confirm', action, names } }
}

/** The marked servers, or the open one, or the selected one. */
export function targetsOf({ page, marked, selected }: UiState): readonly string[] {
  if (page !== null) return [page.name]
  if (marked.size > 0) return [...marked]
  return selected === null ? [] : [selected]
}

function isDown(names: readonly string[], { data }: KeyContext): boolean {
  return names.every((name) => DOWN.has(data.servers.get(name)?.server.phase ?? 'idle'))
}

export function warn(ui: UiState, text: string, now: number): UiState {
  return { ...ui, notice: { text, tone: 'red', until: now + NOTICE_MS } }
}
