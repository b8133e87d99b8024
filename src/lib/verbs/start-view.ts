import { formatDuration } from '../base/index.js'
import { createPaint, neutralise, phaseMark, phaseStyle, type Io, type Paint } from '../cli/index.js'
import type { ServerSnapshot } from '../core/index.js'

/** How a start is shown while it goes on. */
export interface StartView {
  onChange(server: ServerSnapshot): void
  /** Ends the display; nothing may be written by it afterwards. */
  finish(): Promise<void>
}

export interface LineStyle {
  readonly paint: Paint
  /** Characters of the longest name. */
  readonly width: number
}

/** One line about a server: name, phase, seconds, and the tools or the reason. */
export function describeStart(server: ServerSnapshot, elapsedMs: number, { paint, width }: LineStyle): string {
  const head = `${server.name.padEnd(width)}  ${paint(phaseStyle(server.phase), server.phase.padEnd(8))}  ${formatDuration(elapsedMs).padStart(6)}`
  const detail = describeDetail(server)
  return `${head}${detail === '' ? '' : `  ${detail}`}`
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
      const mark = paint(phaseStyle(server.phase), phaseMark(server.phase, io.sayTerminal.unicode))
      io.say(`${mark} ${describeStart(server, performance.now() - startedAt, { paint, width })}`)
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
  // The reason of a server that waits for a login names the command.
  if (server.phase === 'failed' && server.reason.endsWith(`mcpctl login ${server.name}`)) return `mcpctl login ${server.name}`
  return `mcpctl logs ${server.name}, then mcpctl start ${server.name} to try again`
}
