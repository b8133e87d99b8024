import { toCells, type Cells, type Frame, type Line } from './line.js'
import type { Tone, Tones } from './tone.js'

const CSI = '\u001B['
/** Synchronized output: the terminal shows the frame when it is whole. Terminals that do not know it ignore it. */
const BEGIN = `${CSI}?2026h`
const END = `${CSI}?2026l`
const SHOW_CURSOR = `${CSI}?25h`
const HIDE_CURSOR = `${CSI}?25l`
/** Unchanged cells between two changes that are cheaper written than stepped over. */
const SHORT_GAP = 8
/** From here on erasing to the end of the row is shorter than blanks. */
const SHORT_TAIL = 4

interface Row {
  readonly key: string
  readonly line: Line
}

/** What the terminal is told in one frame; the tone that is set is remembered. */
class Pen {
  text = ''
  #tone: Tone | null = null
  readonly #tones: Tones

  constructor(tones: Tones) {
    this.#tones = tones
  }

  move(row: number, column: number): void {
    this.text += `${CSI}${row + 1};${column + 1}H`
  }

  tone(tone: Tone): void {
    if (this.#tone === tone) return
    const parameters = this.#tones[tone]
    if (this.#tone === null || this.#tones[this.#tone] !== parameters) this.text += `${CSI}0${parameters === '' ? '' : `;${parameters}`}m`
    this.#tone = tone
  }

  raw(text: string): void {
    this.text += text
  }
}

/**
 * Remembers what the terminal shows and says what has to be written to show the next frame: only changed cells, and
 * nothing at all when nothing changed. Takes the whole alternate screen for granted, with line wrap switched off.
 */
export class Screen {
  readonly #tones: Tones
  #size = ''
  #rows: Row[] = []
  #cursor = ''

  constructor(tones: Tones) {
    this.#tones = tones
  }

  /** Forgets what is shown: the next frame is written whole. */
  reset(): void {
    this.#size = ''
  }

  /** What turns the shown frame into this one; empty when they are the same. */
  paint(frame: Frame): string {
    const pen = new Pen(this.#tones)
    const size = `${frame.columns}x${frame.rows}`
    if (size !== this.#size) {
      this.#size = size
      this.#rows = []
      this.#cursor = ''
      pen.tone('plain')
      pen.raw(`${CSI}2J`)
    }
    const before = pen.text.length
    for (let row = 0; row < frame.rows; row++) this.#paintRow(pen, row, frame)
    if (pen.text.length !== before) pen.tone('plain')
    const { row, column, visible } = frame.cursor
    const cursor = `${row};${column};${visible}`
    if (pen.text === '' && cursor === this.#cursor) return ''
    pen.move(row, column)
    if (visible !== this.#cursor.endsWith('true')) pen.raw(visible ? SHOW_CURSOR : HIDE_CURSOR)
    this.#cursor = cursor
    return `${BEGIN}${pen.text}${END}`
  }

  #paintRow(pen: Pen, row: number, frame: Frame): void {
    const line = frame.lines[row] ?? []
    const shown = this.#rows[row]
    const key = line.map(({ text, tone }) => `${tone}\u0000${text}`).join('\u0000')
    if ((shown?.key ?? '') === key) return
    paintCells(pen, row, toCells(shown?.line ?? [], frame.columns), toCells(line, frame.columns))
    this.#rows[row] = { key, line }
  }
}

function paintCells(pen: Pen, row: number, old: Cells, next: Cells): void {
  const width = next.text.length
  const tail = blankTail(next)
  for (let at = firstChange(old, next, 0); at < width;) {
    // The second half of a wide sign cannot be written without the first.
    const start = next.text[at] === '' ? at - 1 : at
    const end = endOfChange(old, next, at)
    pen.move(row, start)
    if (end - tail >= SHORT_TAIL && start <= tail) {
      writeCells(pen, next, { row, start, end: tail })
      pen.tone('plain')
      return pen.raw(`${CSI}K`)
    }
    writeCells(pen, next, { row, start, end })
    at = firstChange(old, next, end)
  }
}

function isSame(old: Cells, next: Cells, at: number): boolean {
  return old.text[at] === next.text[at] && old.tone[at] === next.tone[at]
}

function firstChange(old: Cells, next: Cells, from: number): number {
  let at = from
  while (at < next.text.length && isSame(old, next, at)) at++
  return at
}

/** One past the last changed cell of a run, short unchanged gaps and the second half of a wide sign included. */
function endOfChange(old: Cells, next: Cells, from: number): number {
  let end = from + 1
  for (let at = from + 1; at < next.text.length && at - end < SHORT_GAP; at++) if (!isSame(old, next, at)) end = at + 1
  return next.text[end] === '' ? end + 1 : end
}

/** Where the plain blanks at the end of the row begin. */
function blankTail(cells: Cells): number {
  let at = cells.text.length
  while (at > 0 && cells.text[at - 1] === ' ' && cells.tone[at - 1] === 'plain') at--
  return at
}

function writeCells(pen: Pen, cells: Cells, { row, start, end }: { row: number; start: number; end: number }): void {
  for (let at = start; at < end; at++) {
    const text = cells.text[at] ?? ' '
    if (text === '') continue
    pen.tone(cells.tone[at] ?? 'plain')
    if (!cells.unsure.has(at)) {
      pen.raw(text)
      continue
    }
    // However wide the terminal draws it: its cells are empty before, and the next sign has its own place.
    const width = cells.text[at + 1] === '' ? 2 : 1
    pen.raw(`${CSI}${width}X${text}`)
    if (at + width < cells.text.length) pen.move(row, at + width)
  }
}
