import { fitText, textWidth } from '../term/cluster.js'
import { span, type Line } from '../term/line.js'
import type { Tone } from '../term/tone.js'

export interface GridCell {
  readonly text: string
  readonly tone?: Tone
}

export interface GridColumn {
  readonly head: string
  readonly right?: boolean
  /** Left out first where it is narrow: the lowest; absent: stays. */
  readonly keep?: number
  /** At most so many cells. */
  readonly most?: number
}

/** A small table whose columns are as wide as what is in them; the last one has what is left. */
export function gridLines(columns: readonly GridColumn[], rows: readonly (readonly GridCell[])[], width: number, ellipsis: string): Line[] {
  const widths = columns.map(({ head, most = 60 }, at) => Math.min(most, Math.max(textWidth(head), ...rows.map((row) => textWidth(row[at]?.text ?? '')))))
  let shown = columns.map((_, at) => at)
  const total = (): number => shown.reduce((sum, at) => sum + (widths[at] ?? 0) + 2, 0)
  while (total() > width - 1) {
    const keeps = shown.map((at) => columns[at]?.keep ?? Infinity)
    const least = Math.min(...keeps)
    if (least === Infinity) break
    shown = shown.filter((at) => (columns[at]?.keep ?? Infinity) !== least)
  }
  const line = (cells: readonly GridCell[]): Line => shown.map((at, place) => {
    const { text, tone = 'plain' } = cells[at] ?? { text: '' }
    const cell = (widths[at] ?? 0)
    const padded = columns[at]?.right === true ? ' '.repeat(Math.max(0, cell - textWidth(text))) + fitText(text, Math.min(cell, textWidth(text)), ellipsis) : fitText(text, cell, ellipsis)
    return span(`${place === 0 ? ' ' : '  '}${padded}`, tone)
  })
  return [line(columns.map(({ head }) => ({ text: head, tone: 'dim' as const }))), ...rows.map(line)]
}
