import { formatBytes, formatDuration } from '../base/index.js'
import { createPaint, neutralise, phaseMark, phaseStyle, type Paint, type Style, type Terminal } from '../cli/index.js'
import type { ServerSnapshot, Snapshot } from '../core/index.js'

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
const SHOWN_PROBLEMS = 5

/**
 * The table of all servers and one line of verdict. Written by hand: a table package takes longer to load and draw
 * this than everything else `status` does, and every cell here is plain one-line text.
 */
export function renderTable(snapshot: Snapshot, terminal: Terminal): string {
  const paint = createPaint(terminal.color)
  if (snapshot.servers.length === 0) return 'the daemon runs, but no server is configured'
  const rows = [COLUMNS.map(({ head }): Cell => ({ text: head, style: 'dim' })), ...snapshot.servers.map((server) => toRow(server, terminal))]
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]?.text.length ?? 0)))
  const shown = fitColumns(widths, terminal.columns)
  const lines = rows.map((row) => shown.map((column) => renderCell(row[column] ?? { text: '' }, widths[column] ?? 0, COLUMNS[column]?.right === true, paint)).join(GAP).trimEnd())
  return [...lines, '', ...notes(snapshot, paint), verdict(snapshot.servers)].join('\n')
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

function notes({ servers, daemon }: Snapshot, paint: Paint): string[] {
  // A daemon of an older version says nothing of these.
  const lines = (daemon.configs ?? []).flatMap(({ source, trouble }) => (trouble === null ? [] : describeBroken(source, trouble, paint)))
  lines.push(...servers
    .filter((server) => ['failed', 'backoff', 'unready', 'waiting', 'exited'].includes(server.phase))
    .map((server) => `${paint(phaseStyle(server.phase), server.name)}: ${neutralise(server.reason)}`))
  lines.push(...servers.flatMap(({ name, trouble }) => (trouble == null ? [] : [`${paint('yellow', name)}: ${neutralise(trouble)}`])))
  const changed = servers.filter((server) => server.changed && !server.trouble).map((server) => server.name)
  if (changed.length > 0) lines.push(`configuration changed since the start of ${changed.join(', ')}: mcpctl reload ${changed.join(' ')}`)
  return lines.length > 0 ? [...lines, ''] : []
}

/** Many things can be wrong in one file: the first ones are shown, and where to see the rest. */
function describeBroken(source: string, trouble: string, paint: Paint): string[] {
  const lines = trouble.split('\n')
  const shown = lines.slice(0, SHOWN_PROBLEMS).map((line) => `    ${neutralise(line)}`)
  const rest = lines.length > SHOWN_PROBLEMS ? [`    and ${lines.length - SHOWN_PROBLEMS} more: mcpctl config validate --config ${source}`] : []
  return [`${paint('red', 'configuration not in effect')}: ${source} (everything runs on as before)`, ...shown, ...rest]
}

function verdict(servers: readonly ServerSnapshot[]): string {
  const counts = new Map<string, number>()
  for (const server of servers) counts.set(server.phase, (counts.get(server.phase) ?? 0) + 1)
  const ready = counts.get('ready') ?? 0
  counts.delete('ready')
  return [`${ready} ready`, ...[...counts].map(([phase, count]) => `${count} ${phase}`)].join(', ')
}
