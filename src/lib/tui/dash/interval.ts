import type { UiState } from './ui.js'

/** Seconds the two keys step through. */
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300] as const
const NOTICE_MS = 3000

/** The next shorter (-1) or longer (1) interval. */
export function stepInterval(ui: UiState, direction: 1 | -1, now: number): UiState {
  const seconds = ui.intervalMs / 1000
  const next = direction === 1 ? STEPS.find((step) => step > seconds) : STEPS.findLast((step) => step < seconds)
  return setInterval(ui, next ?? seconds, now)
}

export function setInterval(ui: UiState, seconds: number, now: number): UiState {
  return { ...ui, intervalMs: seconds * 1000, notice: { text: `figures every ${seconds} s`, tone: 'plain', until: now + NOTICE_MS } }
}
