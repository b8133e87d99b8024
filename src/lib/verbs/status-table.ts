import { formatBytes, formatDuration } from '../base/index.js'
import { createPaint, neutralise, phaseMark, phaseStyle, type Paint, type Style, type Terminal } from '../cli/index.js'
import type { ServerSnapshot, Snapshot } from '../core/index.js'

interface Cell {
  readonly text: string
  readonly style?: Style
}

/** Heading and alignment; a number is read from its last digit. */
const COLUMNS = [
  { head: '', right: false },
  { head: 'NAME', right: false },
  { head: 'PHASE', right: false },
  { head: 'ERA', right: false },
  { head: 'PID', right: true },
  { head: 'UPTIME', right: true },
  { head: 'RESTARTS', right: true },
  { head: 'CPU', right: true },
  { head: 'MEMORY', right: true },
  { head: 'TOOLS', right: true },
]

/**
 * The table of all servers and one line of verdict. Written by hand: a table package takes longer to load and draw
 * this than everything else `status` does, and every cell here is plain one-line text.
 */
export function renderTable(snapshot: Snapshot, terminal: Terminal): string {
  const paint = createPaint(terminal.color)
  if (snapshot.servers.length === 0) return 'the daemon runs, but no server is configured'
  const rows = [COLUMNS.map(({ head }): Cell => ({ text: head, style: 'dim' })), ...snapshot.servers.map((server) => toRow(server, terminal))]
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]?.text.length ?? 0)))
  const lines = rows.map((row) => row.map((cell, column) => renderCell(cell, widths[column] ?? 0, COLUMNS[column]?.right === true, paint)).join('  ').trimEnd())
  return [...lines, '', ...notes(snapshot.servers, paint), verdict(snapshot.servers)].join('\n')
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

function notes(servers: readonly ServerSnapshot[], paint: Paint): string[] {
  const lines = servers
    .filter((server) => ['failed', 'backoff', 'unready', 'waiting', 'exited'].includes(server.phase))
    .map((server) => `${paint(phaseStyle(server.phase), server.name)}: ${neutralise(server.reason)}`)
  const changed = servers.filter((server) => server.changed).map((server) => server.name)
  if (changed.length > 0) lines.push(`configuration changed since the start of ${changed.join(', ')}: mcpctl restart ${changed.join(' ')}`)
  return lines.length > 0 ? [...lines, ''] : []
}

function verdict(servers: readonly ServerSnapshot[]): string {
  const counts = new Map<string, number>()
  for (const server of servers) counts.set(server.phase, (counts.get(server.phase) ?? 0) + 1)
  const ready = counts.get('ready') ?? 0
  counts.delete('ready')
  return [`${ready} ready`, ...[...counts].map(([phase, count]) => `${count} ${phase}`)].join(', ')
}
