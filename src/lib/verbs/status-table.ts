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
  readonly text: (server: ServerSnapshot) => string
}

/** After the mark of the phase. A number is read from its last digit. */
const COLUMNS: readonly Column[] = [
  { head: 'NAME', right: false, leave: 0, text: ({ name }) => name },
  { head: 'GROUP', right: false, leave: 8, text: ({ group }) => group ?? '' },
  { head: 'PHASE', right: false, leave: 0, text: phaseWord },
  { head: 'ERA', right: false, leave: 1, text: ({ era }) => era ?? '-' },
  { head: 'PID', right: true, leave: 2, text: ({ pid }) => (pid === null ? '-' : String(pid)) },
  { head: 'UPTIME', right: true, leave: 5, text: ({ uptimeSeconds: seconds }) => (seconds === null ? '-' : seconds === 0 ? '0s' : formatDuration(seconds * 1000)) },
  { head: 'RESTARTS', right: true, leave: 3, text: ({ restarts }) => String(restarts) },
  { head: 'CPU', right: true, leave: 4, text: ({ cpuPercent }) => (cpuPercent === null ? '-' : `${cpuPercent.toFixed(1)}%`) },
  { head: 'MEMORY', right: true, leave: 6, text: ({ memoryBytes }) => (memoryBytes === null ? '-' : formatBytes(memoryBytes)) },
  { head: 'TOOLS', right: true, leave: 7, text: ({ tools }) => (tools === null ? '-' : String(tools)) },
]
const GAP = '  '

/**
 * The table of all servers and one line of verdict. Written by hand: a table package takes longer to load and draw
 * this than everything else `status` does, and every cell here is plain one-line text.
 */
export function renderTable(snapshot: Snapshot, terminal: Terminal, figures: Figures = { saved: null, alerts: [] }): string {
  const paint = createPaint(terminal.color)
  if (snapshot.servers.length === 0) return [...renderNotes({ snapshot, figures, paint }), 'the daemon runs, but no server is configured'].join('\n')
  const rows = snapshot.servers.map((server) => ({ server, texts: COLUMNS.map(({ text }) => text(server)) }))
  const widths = COLUMNS.map(({ head }, column) => {
    const width = Math.max(...rows.map(({ texts }) => texts[column]?.length ?? 0))
    return width === 0 ? 0 : Math.max(head.length, width)
  })
  const shown = fitColumns(widths, terminal.columns)
  const render = (cells: readonly Cell[]): string => shown.map((column) => renderCell(cells[column] ?? { text: '' }, widths[column] ?? 0, COLUMNS[column]?.right === true, paint)).join(GAP)
  const lines = [
    ` ${GAP}${render(COLUMNS.map(({ head }) => ({ text: head, style: 'dim' })))}`,
    ...rows.map(({ server, texts }) => {
      const style = phaseStyle(server.phase)
      const cells = texts.map((text, column): Cell => (COLUMNS[column]?.head === 'PHASE' ? { text, style } : { text }))
      return `${paint(style, phaseMark(server.phase, terminal.unicode))}${GAP}${render(cells)}`
    }),
  ].map((line) => line.trimEnd())
  return [...lines, '', ...renderNotes({ snapshot, figures, paint }), verdict(snapshot.servers), ...describeSaved(figures.saved)].join('\n')
}

/** Positions of the columns that have something in them and fit the width; a wrapped table cannot be read. */
function fitColumns(widths: readonly number[], most: number): number[] {
  const order = COLUMNS.map(({ leave }) => leave).filter((leave) => leave > 0).sort((a, b) => a - b)
  let shown = COLUMNS.map((_, column) => column).filter((column) => (widths[column] ?? 0) > 0)
  for (const leave of order) {
    const total = shown.reduce((sum, column) => sum + (widths[column] ?? 0) + GAP.length, 1)
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

