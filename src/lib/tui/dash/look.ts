import { neutralise, phaseMark } from '../../cli/index.js'
import type { Phase } from '../../core/index.js'

/** What the terminal can show, and how times are told. */
export interface Look {
  readonly unicode: boolean
}

export interface Signs {
  readonly pointer: string
  readonly marked: string
  readonly rule: string
  readonly ellipsis: string
  readonly arrow: string
  readonly up: string
  readonly down: string
  readonly thumb: string
  readonly track: string
  readonly warning: string
  readonly critical: string
  /** From nothing to most. */
  readonly bars: string
  readonly crumb: string
}

const UNICODE: Signs = { pointer: '▸', marked: '◆', rule: '─', ellipsis: '…', arrow: '→', up: '↑', down: '↓', thumb: '█', track: '░', warning: '▲', critical: '✖', bars: '▁▂▃▄▅▆▇█', crumb: '›' }
const ASCII: Signs = { pointer: '>', marked: '*', rule: '-', ellipsis: '~', arrow: '->', up: '^', down: 'v', thumb: '#', track: '|', warning: '!', critical: 'x', bars: '_.-=+*%#', crumb: '>' }

export function signsOf({ unicode }: Look): Signs {
  return unicode ? UNICODE : ASCII
}

export function markOf(phase: Phase, { unicode }: Look): string {
  return phaseMark(phase, unicode)
}

/** Text from outside, harmless and in one line; signs beyond ASCII become `?` where the terminal has none. */
export function clean(text: string, { unicode }: Look): string {
  const line = neutralise(text.replaceAll(/[\r\n]+/g, ' ').replaceAll('\t', '  '))
  // eslint-disable-next-line no-control-regex
  return unicode ? line : line.replaceAll('…', '...').replace(/[^\u0000-\u007F]/gu, '?')
}
