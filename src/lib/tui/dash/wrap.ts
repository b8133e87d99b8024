import { textWidth, toClusters } from '../term/cluster.js'
import { span, type Line } from '../term/line.js'
import type { Tone } from '../term/tone.js'

/** The text in lines of at most `width` cells, broken at blanks where there are any. */
export function wrapText(text: string, width: number): string[] {
  if (width < 1) return []
  if (textWidth(text) <= width) return [text]
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const joined = line === '' ? word : `${line} ${word}`
    if (textWidth(joined) <= width) {
      line = joined
      continue
    }
    if (line !== '') lines.push(line)
    const pieces = cutWord(word, width)
    lines.push(...pieces.slice(0, -1))
    line = pieces.at(-1) ?? ''
  }
  return [...lines, line]
}

function cutWord(word: string, width: number): string[] {
  const pieces: string[] = []
  let piece = ''
  let used = 0
  for (const { text, width: cells } of toClusters(word)) {
    if (used + cells > width && piece !== '') {
      pieces.push(piece)
      piece = ''
      used = 0
    }
    piece += text
    used += cells
  }
  return [...pieces, piece]
}

const LABEL_WIDTH = 12

/** A label and what belongs to it, wrapped beside it. */
export function labelled(label: string, text: string, columns: number, tone: Tone = 'plain'): Line[] {
  const width = Math.max(10, columns - LABEL_WIDTH - 3)
  return wrapText(text, width).map((part, at) => [span(` ${(at === 0 ? label : '').padEnd(LABEL_WIDTH)} `, 'dim'), span(part, tone)])
}
