import { formatBytes, formatDuration } from '../base/index.js'
import { createPaint, neutralise, phaseStyle, type Paint, type Style, type Terminal } from '../cli/index.js'
import type { TracedMessage, TraceEvent } from '../core/index.js'

/** Widths from which lines of different messages stand in columns. */
const ID_CHARS = 4
const WHAT_CHARS = 26
const FACTS_CHARS = 14

export interface TraceLook {
  readonly terminal: Terminal
  /** The one server that was asked for, whose name is left out; null: several. */
  readonly only: string | null
  /** Characters of the longest name. */
  readonly nameChars: number
  readonly body: boolean
  /** Cells a text takes on a terminal. */
  readonly widthOf: (text: string) => number
}

/** One event of a trace for people: a line, and below it the body when that is wanted. */
export function renderTraceEvent(event: TraceEvent, look: TraceLook): string {
  const paint = createPaint(look.terminal.color)
  const time = paint('dim', clock(event.time))
  switch (event.type) {
    case 'message': return renderMessage(event, time, look, paint)
    case 'phase': return `${time}  ${nameOf(event.server, look)}${paint('dim', '---')} ${paint(phaseStyle(event.phase), event.phase)}  #${event.generation}  ${neutralise(event.reason)}`
    case 'lost': return `${time}  ${paint('yellow', `--- ${event.count} message${event.count === 1 ? ' was' : 's were'} left out: more came than were read`)}`
    case 'closing': return `${time}  ${paint('dim', '---')} the daemon ends`
  }
}

function renderMessage(message: TracedMessage, time: string, look: TraceLook, paint: Paint): string {
  const { terminal, body } = look
  const style = styleOf(message)
  const what = paint(style, whatOf(message).padEnd(WHAT_CHARS))
  const id = (message.id === null ? '' : `#${neutralise(String(message.id))}`).padEnd(ID_CHARS)
  const head = `${time}  ${nameOf(message.server, look)}${paint(style, arrow(message, terminal.unicode))} ${paint('dim', id)} ${what}  ${factsOf(message).padEnd(FACTS_CHARS)}`
  if (body && message.text !== undefined) return `${head.trimEnd()}\n${bodyOf(message.text, message.cut === true)}`
  const said = neutralise(message.summary)
  if (!terminal.interactive) return `${head}  ${said}`.trimEnd()
  const used = look.widthOf(head) + 2
  return `${head}  ${paint('dim', fit(said, terminal.columns - used, look))}`.trimEnd()
}

/** The client's side is the left one. */
function arrow({ kind, direction }: TracedMessage, unicode: boolean): string {
  if (kind === 'given-up') return unicode ? '✗' : 'x'
  return direction === 'out' ? (unicode ? '→' : '->') : unicode ? '←' : '<-'
}

function styleOf({ failed, direction, kind }: TracedMessage): Style {
  if (failed) return 'red'
  if (kind === 'unreadable') return 'yellow'
  return direction === 'out' ? 'cyan' : 'green'
}

function whatOf({ kind, method, target, code, failed }: TracedMessage): string {
  const call = [method, target].filter((part) => part !== null).map(neutralise).join(' ')
  const about = call === '' ? (kind === 'unreadable' ? 'unreadable' : 'answer') : call
  if (kind === 'given-up') return `${about} no answer`
  if (kind === 'error') return `${about} error${code === null ? '' : ` ${code}`}`
  return failed ? `${about} failed` : about
}

function factsOf({ durationMs, bytes, kind }: TracedMessage): string {
  const parts = [durationMs === null ? null : duration(durationMs), kind === 'given-up' ? null : formatBytes(bytes)]
  return parts.filter((part) => part !== null).join(' ')
}

function duration(ms: number): string {
  return ms < 10 ? `${ms.toFixed(1)}ms` : formatDuration(ms)
}

function nameOf(name: string, { nameChars, only }: TraceLook): string {
  return name === only ? '' : `${neutralise(name).padEnd(nameChars)}  `
}

/** Readable JSON where it is whole; the text as it is where it was cut. */
function bodyOf(text: string, cut: boolean): string {
  let shown = text
  if (!cut) {
    try {
      shown = JSON.stringify(JSON.parse(text), null, 2)
    } catch {
      // A secret that was masked outside of a string has left no JSON.
    }
  }
  return [...shown.split('\n'), ...(cut ? ['… (cut)'] : [])].map((line) => `    ${neutralise(line)}`).join('\n')
}

/** The beginning of the text that fits these cells. */
function fit(text: string, cells: number, { widthOf, terminal }: TraceLook): string {
  if (cells <= 0) return ''
  if (widthOf(text) <= cells) return text
  const mark = terminal.unicode ? '…' : '~'
  const characters = [...text.slice(0, cells * 2)].slice(0, cells)
  while (characters.length > 0 && widthOf(characters.join('')) > cells - 1) characters.pop()
  return characters.join('') + mark
}

/** Time of day here, to the millisecond. */
function clock(time: number): string {
  const date = new Date(time)
  const two = (value: number): string => String(value).padStart(2, '0')
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, '0')}`
}
