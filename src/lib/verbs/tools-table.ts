import { createPaint, neutralise, type Terminal } from '../cli/index.js'

const GAP = '  '
const LEAST_DESCRIPTION = 20

interface Row {
  readonly name: string
  readonly tools: readonly unknown[]
}

/** One line a tool: server, tool, first line of its description, cut where the terminal ends. Null when there is none. */
export function renderTools(servers: readonly Row[], terminal: Terminal): string | null {
  const rows = servers.flatMap(({ name, tools }) => tools.map((tool) => [name, textOf(tool, 'name'), firstLine(textOf(tool, 'description'))] as const))
  if (rows.length === 0) return null
  const paint = createPaint(terminal.color)
  const [serverWidth, toolWidth] = ([0, 1] as const).map((column) => Math.max(...rows.map((row) => row[column].length), 6)) as [number, number]
  const room = Math.max(LEAST_DESCRIPTION, terminal.columns - serverWidth - toolWidth - 2 * GAP.length)
  const head = paint('dim', ['SERVER'.padEnd(serverWidth), 'TOOL'.padEnd(toolWidth), 'DESCRIPTION'].join(GAP))
  const lines = rows.map(([server, tool, description]) => [server.padEnd(serverWidth), paint('bold', tool) + ' '.repeat(toolWidth - tool.length), cut(description, room, terminal.unicode)].join(GAP).trimEnd())
  return [head, ...lines].join('\n')
}

function textOf(tool: unknown, member: 'name' | 'description'): string {
  const value = typeof tool === 'object' && tool !== null ? (tool as Record<string, unknown>)[member] : undefined
  return typeof value === 'string' ? (member === 'name' ? neutralise(value) : value) : ''
}

function firstLine(text: string): string {
  return neutralise(text.split(/\r?\n/).map((line) => line.trim()).find((line) => line !== '') ?? '')
}

function cut(text: string, room: number, unicode: boolean): string {
  if (text.length <= room) return text
  const mark = unicode ? '…' : '...'
  return text.slice(0, room - mark.length).trimEnd() + mark
}
