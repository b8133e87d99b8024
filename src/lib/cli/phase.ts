import type { Phase } from '../core/index.js'
import type { Style } from './style.js'

/** Meaning is in the word and the mark; colour only repeats it. */
const LOOKS: Record<Phase, { style: Style; mark: string; plainMark: string }> = {
  idle: { style: 'dim', mark: '○', plainMark: '-' },
  waiting: { style: 'blue', mark: '◌', plainMark: '.' },
  starting: { style: 'cyan', mark: '◐', plainMark: '~' },
  ready: { style: 'green', mark: '●', plainMark: '+' },
  unready: { style: 'yellow', mark: '◑', plainMark: '!' },
  stopping: { style: 'blue', mark: '◒', plainMark: '~' },
  backoff: { style: 'yellow', mark: '▲', plainMark: '!' },
  exited: { style: 'dim', mark: '○', plainMark: '-' },
  failed: { style: 'red', mark: '✖', plainMark: 'x' },
}

export function phaseStyle(phase: Phase): Style {
  return LOOKS[phase].style
}

export function phaseMark(phase: Phase, unicode: boolean): string {
  return unicode ? LOOKS[phase].mark : LOOKS[phase].plainMark
}
