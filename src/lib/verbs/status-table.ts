import Table from 'cli-table3'
import { formatBytes, formatDuration } from '../base/index.js'
import { createPaint, neutralise, phaseMark, phaseStyle, type Paint, type Terminal } from '../cli/index.js'
import type { ServerSnapshot, Snapshot } from '../core/index.js'

const HEAD = ['', 'NAME', 'PHASE', 'ERA', 'PID', 'UPTIME', 'RESTARTS', 'CPU', 'MEMORY', 'TOOLS']
const BARE = { top: '', 'top-mid': '', 'top-left': '', 'top-right': '', bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '', left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: ' ' }

/** The table of all servers and one line of verdict. */
export function renderTable(snapshot: Snapshot, terminal: Terminal): string {
  const paint = createPaint(terminal.color)
  if (snapshot.servers.length === 0) return 'the daemon runs, but no server is configured'
  const table = new Table({
    head: HEAD,
    chars: BARE,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 1, compact: true },
    colAligns: ['left', 'left', 'left', 'left', 'right', 'right', 'right', 'right', 'right', 'right'],
  })
  for (const server of snapshot.servers) table.push(toRow(server, terminal, paint))
  const rows = table.toString().split('\n').map((line) => line.trimEnd())
  return [...rows, '', ...notes(snapshot.servers, paint), verdict(snapshot.servers)].join('\n')
}

function toRow(server: ServerSnapshot, terminal: Terminal, paint: Paint): string[] {
  const style = phaseStyle(server.phase)
  return [
    paint(style, phaseMark(server.phase, terminal.unicode)),
    server.name,
    paint(style, phaseWord(server)),
    server.era ?? '-',
    server.pid === null ? '-' : String(server.pid),
    server.uptimeSeconds === null ? '-' : formatDuration(server.uptimeSeconds * 1000),
    String(server.restarts),
    server.cpuPercent === null ? '-' : `${server.cpuPercent.toFixed(1)}%`,
    server.memoryBytes === null ? '-' : formatBytes(server.memoryBytes),
    server.tools === null ? '-' : String(server.tools),
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
