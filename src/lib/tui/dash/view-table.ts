import { fitText, textWidth } from '../term/cluster.js'
import { inTone, span, type Line } from '../term/line.js'
import { phaseStyle } from '../../cli/index.js'
import { chooseColumns, renderCells, stateWord, type Column } from './columns.js'
import { markOf, signsOf } from './look.js'
import { rowsOf } from './ui.js'
import { toRow, type Row } from './rows.js'
import type { ViewInput } from './view-input.js'

/** Pointer, mark of the phase, and a blank after each. */
const MARKS_WIDTH = 4
const LONGEST_NAME = 40

/** Column heads and the visible rows. */
export function viewTable(input: ViewInput, rows: number, withHead: boolean): Line[] {
  const { data, ui, columns, names } = input
  const isLong = names.length > rows
  const nameWidth = Math.min(LONGEST_NAME, Math.max(8, ...[...data.servers.keys()].map(textWidth)))
  const shown = chooseColumns({ columns: columns - MARKS_WIDTH - (isLong ? 2 : 0) - 1, nameWidth, wordy: ui.wordy })
  const visible = rowsOf(data, names.slice(ui.top, ui.top + rows))
  const lines = visible.map((row, at) => withBar(renderRow(row, shown, input), { input, rows, at, isLong }))
  return withHead ? [renderHead(shown, input), ...lines] : lines
}

function renderHead(columns: readonly Column[], { ui, look }: ViewInput): Line {
  const { up, down, ellipsis } = signsOf(look)
  const cells = renderCells(columns, ({ head, sort, right, width }) => {
    if (sort !== ui.sort) return span(head, 'dim')
    const arrow = ui.descending ? down : up
    return span(right || head.length + 2 > width ? `${head}${arrow}`.slice(-Math.max(width, 2)) : `${head} ${arrow}`, 'bold')
  }, ellipsis)
  return [span(' '.repeat(MARKS_WIDTH)), ...cells]
}

function renderRow(row: Row, columns: readonly Column[], { ui, look, now }: ViewInput): Line {
  const { pointer, marked, ellipsis } = signsOf(look)
  const isSelected = row.name === ui.selected
  const line = [
    span(ui.marked.has(row.name) ? marked : isSelected ? pointer : ' ', 'bold'),
    span(markOf(row.server.phase, look), phaseStyle(row.server.phase)),
    span('  '),
    ...renderCells(columns, (column) => column.cell(row, { look, now }), ellipsis),
  ]
  return isSelected ? inTone(line, 'selected') : line
}

/** The scroll bar stands at the right edge. */
function withBar(line: Line, { input: { columns, names, ui, look }, rows, at, isLong }: { input: ViewInput; rows: number; at: number; isLong: boolean }): Line {
  const isSelected = line[0]?.tone === 'selected'
  const width = columns - (isLong ? 2 : 0)
  const used = line.reduce((sum, { text }) => sum + textWidth(text), 0)
  const full = isSelected && used < width ? [...line, span(' '.repeat(width - used), 'selected')] : line
  if (!isLong) return full
  const { thumb, track } = signsOf(look)
  const size = Math.max(1, Math.round((rows * rows) / names.length))
  const start = Math.round((ui.top / Math.max(1, names.length - rows)) * (rows - size))
  const padding = isSelected ? '' : ' '.repeat(Math.max(0, width - used))
  return [...full, span(`${padding} `), span(at >= start && at < start + size ? thumb : track, 'dim')]
}

/** One server a line where there is room for nothing else. */
export function viewTiny({ data, ui, look, now, columns, names }: ViewInput, rows: number): Line[] {
  return names.slice(ui.top, ui.top + rows).flatMap((name) => {
    const row = toRow(data, name)
    if (row === null) return []
    const word = stateWord(row.server, now)
    const room = Math.max(4, columns - word.length - 5)
    const width = Math.min(room, Math.max(...names.map(textWidth)))
    const line = [
      span(name === ui.selected ? signsOf(look).pointer : ' '),
      span(`${markOf(row.server.phase, look)} `, phaseStyle(row.server.phase)),
      span(`${fitText(name, width, signsOf(look).ellipsis)} `),
      span(word, phaseStyle(row.server.phase)),
    ]
    return [name === ui.selected ? inTone(line, 'selected') : line]
  })
}
