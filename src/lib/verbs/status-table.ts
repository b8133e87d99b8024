import { formatBytes, formatDuration } from '../base/index.js'
import { createPaint, phaseMark, phaseStyle, type Paint, type Style, type Terminal } from '../cli/index.js'
import type { ServerSnapshot, Snapshot } from '../core/index.js'
import { describeSaved, renderNotes, type Figures } from './status-notes.js'

interface Cell {
  readonly text: string
  readonly style?: Style
}

interface Column {
  readonly head: string
  readonly right: boolean
  /** Place in the order in which columns are left out on a narrow terminal; 0 stays. */
  readonly leave: number
}

/** Heading and alignment; a number is read from its last digit. */
const COLUMNS: readonly Column[] = [
  { head: '', right: false, leave: 0 },
  { head: 'NAME', right: false, leave: 0 },
  { head: 'PHASE', right: false, leave: 0 },
  { head: 'ERA', right: false, leave: 1 },
  { head: 'PID', right: true, leave: 2 },
  { head: 'UPTIME', right: true, leave: 5 },
  { head: 'RESTARTS', right: true, leave: 3 },
  { head: 'CPU', right: true, leave: 4 },
  { head: 'MEMORY', right: true, leave: 6 },
  { head: 'TOOLS', right: true, leave: 7 },
]
const GAP = '  '

/**
 * The table of all servers and one line of verdict. Written by hand: a table package takes longer to load and draw
 * this than everything else `status` does, and every cell here is plain one-line text.
 */
export function renderTable(snapshot: Snapshot, terminal: Terminal, figures: Figures = { saved: null, alerts: [] }): string {
  const paint = createPaint(terminal.color)
  if (snapshot.servers.length === 0) return [...renderNotes({ snapshot, figures, paint }), 'the daemon runs, but no server is configured'].join('\n')
  const rows = [COLUMNS.map(({ head }): Cell => ({ text: head, style: 'dim' })), ...snapshot.servers.map((server) => toRow(server, terminal))]
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]?.text.length ?? 0)))
  const shown = fitColumns(widths, terminal.columns)
  const lines = rows.map((row) => shown.map((column) => renderCell(row[column] ?? { text: '' }, widths[column] ?? 0, COLUMNS[column]?.right === true, paint)).join(GAP).trimEnd())
  return [...lines, '', ...renderNotes({ snapshot, figures, paint }), verdict(snapshot.servers), ...describeSaved(figures.saved)].join('\n')
}

/** Positions of the columns that fit the width; a wrapped table cannot be read. */
function fitColumns(widths: readonly number[], most: number): number[] {
  const order = COLUMNS.map(({ leave }) => leave).filter((leave) => leave > 0).sort((a, b) => a - b)
  let shown = COLUMNS.map((_, column) => column)
  for (const leave of order) {
    const total = shown.reduce((sum, column) => sum + (widths[column] ?? 0) + GAP.length, -GAP.length)
    if (total <= most) break
    shown = shown.filter((column) => COLUMNS[column]?.leave !== leave)
  }
  return shown
}

function renderCell({ text, style }: Cell, width: number, right: boolean, paint: Paint): string {
  const gap = ' '.repeat(width - text.length)
  const painted = style === undefined ? text : paint(style, text)
  return right ? gap + painted : painted + gap
}

function toRow(server: ServerSnapshot, terminal: Terminal): Cell[] {
  const style = phaseStyle(server.phase)
  return [
    { text: phaseMark(server.phase, terminal.unicode), style },
    { text: server.name },
    { text: phaseWord(server), style },
    ...[
    server.era ?? '-',
    server.pid === null ? '-' : String(server.pid),
    server.uptimeSeconds === null ? '-' : server.uptimeSeconds === 0 ? '0s' : formatDuration(server.uptimeSeconds * 1000),
    String(server.restarts),
    server.cpuPercent === null ? '-' : `${server.cpuPercent.toFixed(1)}%`,
    server.memoryBytes === null ? '-' : formatBytes(server.memoryBytes),
    server.tools === null ? '-' : String(server.tools),
    ].map((text) => ({ text })),
  ]
}

function phaseWord(server: ServerSnapshot): string {
  if (server.phase === 'idle' && !server.enabled) return 'disabled'
  if (server.phase !== 'backoff' || server.retryAt === null) return server.phase
  return `backoff ${formatDuration(Math.max(0, server.retryAt - Date.now()))}`
}

function verdict(servers: readonly ServerSnapshot[]): string {
  const counts = new Map<string, number>()
  for (const server of servers) counts.set(server.phase, (counts.get(server.phase) ?? 0) + 1)
  const ready = counts.get('ready') ?? 0
  counts.delete('ready')
  return [`${ready} ready`, ...[...counts].map(([phase, count]) => `${count} ${phase}`)].join(', ')
}

