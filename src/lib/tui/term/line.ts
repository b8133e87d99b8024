import { fitText, isNarrow, textWidth, toClusters } from './cluster.js'
import type { Tone } from './tone.js'

export interface Span {
  readonly text: string
  readonly tone: Tone
}

/** One row of the screen, from its left edge; what does not fit is cut. */
export type Line = readonly Span[]

export interface Frame {
  readonly columns: number
  readonly rows: number
  readonly lines: readonly Line[]
  /** Counted from 0. Where the cursor rests; visible only while something is typed. */
  readonly cursor: { readonly row: number; readonly column: number; readonly visible: boolean }
}

export function span(text: string, tone: Tone = 'plain'): Span {
  return { text, tone }
}

export function lineWidth(line: Line): number {
  return line.reduce((sum, { text }) => sum + textWidth(text), 0)
}

/** The line as it is when it fits in `columns` cells; otherwise cut with the ellipsis as its last sign. */
export function fitLine(line: Line, columns: number, ellipsis: string): Line {
  if (lineWidth(line) <= columns) return line
  const kept: Span[] = []
  let room = columns
  for (const { text, tone } of line) {
    const width = textWidth(text)
    // The last part that still fits must leave a cell for the sign, unless it is the one cut.
    const isCut = width > room || (width === room && kept.length + 1 < line.length)
    kept.push({ text: isCut ? fitText(width > room ? text : `${text}${ellipsis}`, room, ellipsis) : text, tone })
    if (isCut) break
    room -= width
  }
  return kept
}

/** Left part and right part at the two edges; the left one goes when both do not fit. */
export function justify(left: Line, right: Line, columns: number): Line {
  const gap = columns - lineWidth(left) - lineWidth(right)
  if (gap >= 1) return [...left, span(' '.repeat(gap)), ...right]
  return lineWidth(left) <= columns ? left : right
}

/** The same line in one tone. */
export function inTone(line: Line, tone: Tone): Line {
  return line.map(({ text }) => ({ text, tone }))
}

/** The row as the differ compares it: one entry for every cell; the second cell of a wide sign is empty. */
export interface Cells {
  readonly text: string[]
  readonly tone: Tone[]
  /** Cells that hold a sign whose width terminals disagree about. */
  readonly unsure: ReadonlySet<number>
}

/** Exactly `columns` cells, blanks at the end. A wide sign that would reach over the edge becomes a blank. */
export function toCells(line: Line, columns: number): Cells {
  const cells = { text: [] as string[], tone: [] as Tone[], unsure: new Set<number>() }
  for (const { text, tone } of line) {
    if (cells.text.length >= columns) break
    if (isNarrow(text)) addNarrow(cells, text.slice(0, columns - cells.text.length), tone)
    else addSigns(cells, text, { tone, columns })
  }
  while (cells.text.length < columns) {
    cells.text.push(' ')
    cells.tone.push('plain')
  }
  return cells
}

function addNarrow(cells: { text: string[]; tone: Tone[] }, text: string, tone: Tone): void {
  for (const sign of text) {
    cells.text.push(sign)
    cells.tone.push(tone)
  }
}

function addSigns(cells: { text: string[]; tone: Tone[]; unsure: Set<number> }, text: string, { tone, columns }: { tone: Tone; columns: number }): void {
  for (const cluster of toClusters(text)) {
    if (cells.text.length >= columns) return
    const fits = cells.text.length + cluster.width <= columns
    if (fits && !cluster.sure) cells.unsure.add(cells.text.length)
    cells.text.push(fits ? cluster.text : ' ')
    cells.tone.push(tone)
    if (!fits || cluster.width === 1) continue
    cells.text.push('')
    cells.tone.push(tone)
  }
}

/** The text of a line, for tests and for comparing: what a person reads, without blanks at the end. */
export function plainText(line: Line): string {
  return line.map(({ text }) => text).join('').trimEnd()
}
