import { formatDuration } from '../base/index.js'
import { createPaint, neutralise, phaseMark, phaseStyle, type Io, type Paint, type Terminal } from '../cli/index.js'
import type { ServerSnapshot } from '../core/index.js'

/** How a start is shown while it goes on. */
export interface StartView {
  onChange(server: ServerSnapshot): void
  /** Ends the display; nothing may be written by it afterwards. */
  finish(): Promise<void>
}

/** One line about a server: mark, name, phase, seconds, and the tools or the reason. */
export function describeStart(server: ServerSnapshot, terminal: Terminal, paint: Paint, width: number, elapsedMs: number): string {
  const mark = paint(phaseStyle(server.phase), phaseMark(server.phase, terminal.unicode))
  const head = `${server.name.padEnd(width)}  ${paint(phaseStyle(server.phase), server.phase.padEnd(8))}  ${formatDuration(elapsedMs).padStart(6)}`
  const detail = describeDetail(server)
  return `${mark} ${head}${detail === '' ? '' : `  ${detail}`}`
}

function describeDetail(server: ServerSnapshot): string {
  if (server.phase === 'ready') return server.tools === null ? '' : `${server.tools} tool${server.tools === 1 ? '' : 's'}`
  if (server.phase === 'starting') return server.progress ?? (server.restarts > 0 ? neutralise(server.reason) : '')
  return neutralise(server.reason)
}

/** One plain line per change of phase: for logs, pipes and terminals that cannot redraw. */
export function createPlainStartView(io: Io, width: number, startedAt: number): StartView {
  const paint = createPaint(io.sayTerminal.color)
  const shown = new Map<string, string>()
  return {
    onChange(server) {
      const key = `${server.phase} ${server.generation}`
      if (server.phase === 'stopping' || shown.get(server.name) === key) return
      shown.set(server.name, key)
      io.say(describeStart(server, io.sayTerminal, paint, width, performance.now() - startedAt))
    },
    finish: () => Promise.resolve(),
  }
}

/** The last lines: how many of each outcome, and for each failure why and what to do. */
export function renderStartSummary(servers: readonly ServerSnapshot[], elapsedMs: number, paint: Paint): string[] {
  const ready = servers.filter((server) => server.phase === 'ready')
  const others = servers.filter((server) => server.phase !== 'ready')
  const lines: string[] = []
  for (const server of others) {
    lines.push(`${paint('red', server.name)}: ${server.phase}: ${neutralise(server.reason)}`)
    for (const line of server.lastErrors) lines.push(`    ${paint('dim', neutralise(line))}`)
    lines.push(`  ${paint('cyan', 'hint:')} ${hintFor(server)}`)
  }
  const counts = [`${ready.length} ready`, ...countPhases(others)]
  lines.push(`${counts.join(', ')} (${formatDuration(elapsedMs)})`)
  return lines
}

function countPhases(servers: readonly ServerSnapshot[]): string[] {
  const counts = new Map<string, number>()
  for (const server of servers) counts.set(server.phase, (counts.get(server.phase) ?? 0) + 1)
  return [...counts].map(([phase, count]) => `${count} ${phase}`)
}

function hintFor(server: ServerSnapshot): string {
  if (server.phase === 'waiting') return `see what it waits for: mcpctl status ${server.dependsOn.join(' ')}`
  if (server.phase === 'backoff') return `it is tried again by itself; mcpctl logs ${server.name}`
  return `mcpctl logs ${server.name}, then mcpctl start ${server.name} to try again`
}
