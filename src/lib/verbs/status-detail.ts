import { formatBytes, formatDuration } from '../base/index.js'
import { createPaint, neutralise, phaseMark, phaseStyle, type Paint, type Terminal } from '../cli/index.js'
import type { InstanceEnd, ServerDetail, ServerSnapshot } from '../core/index.js'
import type { LogLine } from '../logs/index.js'

/** Everything about one server: what it is, why, what went before and what to do next. */
export function renderDetail(server: ServerSnapshot, detail: ServerDetail | undefined, log: readonly LogLine[], terminal: Terminal): string {
  const paint = createPaint(terminal.color)
  const style = phaseStyle(server.phase)
  const rows: [string, string | null][] = [
    ['Phase', `${paint(style, server.phase)} since ${new Date(server.since).toISOString()} (${formatDuration(Math.max(0, Date.now() - server.since))})`],
    ['Reason', neutralise(server.reason)],
    ['Trouble', describeTrouble(server, paint)],
    ['Wanted', server.desired === 'up' ? 'up' : server.enabled ? 'down' : 'down (disabled in the configuration)'],
    ['Target', detail ? neutralise(detail.target) : null],
    ['', detail?.note ?? null],
    ['Process', describeProcess(server, detail)],
    ['Usage', describeUsage(server, detail)],
    ['Limits', describeLimits(server)],
    ['Protocol', describeProtocol(server, detail)],
    ['Depends on', server.dependsOn.length > 0 ? server.dependsOn.join(', ') : null],
    ['Tags', server.tags.length > 0 ? server.tags.join(', ') : null],
    ['Restarts', `${server.restarts} since it was last started by hand`],
    ['Config', `${server.source}${server.changed ? ' (changed since it started)' : ''}${server.removed ? ' (no longer in it)' : ''}`],
    ['Log', detail ? `${detail.logFile}${detail.logTrouble === null ? '' : ` (${detail.logTrouble})`}` : null],
  ]
  const body = rows.filter(([, text]) => text !== null).map(([label, text]) => `  ${paint('dim', label.padEnd(10))}  ${text}`)
  const sections = [`${paint(style, phaseMark(server.phase, terminal.unicode))} ${paint('bold', server.name)}`, ...body]
  if (detail && detail.ends.length > 0) sections.push(`  ${paint('dim', 'Last ends')}`, ...detail.ends.slice(-5).reverse().map((end) => `    ${describeEnding(end)}`))
  if (log.length > 0) sections.push(`  ${paint('dim', 'Last log lines')}`, ...log.map((line) => `    ${describeLine(line)}`))
  sections.push(`  ${paint('dim', 'Try'.padEnd(10))}  ${nextStep(server)}`)
  return sections.join('\n')
}

/** A daemon that was started before troubles were known sends none. */
function describeTrouble({ trouble }: ServerSnapshot, paint: Paint): string | null {
  return trouble ? paint('yellow', neutralise(trouble)) : null
}

function describeProcess(server: ServerSnapshot, detail: ServerDetail | undefined): string | null {
  if (server.pid === null) return null
  const tree = detail?.processes && detail.processes > 1 ? `, ${detail.processes} processes` : ''
  const uptime = server.uptimeSeconds === null ? '' : `, up ${formatDuration(server.uptimeSeconds * 1000)}`
  return `pid ${server.pid}, generation ${server.generation}${tree}${uptime}`
}

function describeUsage(server: ServerSnapshot, detail: ServerDetail | undefined): string | null {
  if (server.memoryBytes === null) return null
  const cpu = server.cpuPercent === null ? '' : `${server.cpuPercent.toFixed(1)}% of a core, `
  return `${cpu}${formatBytes(server.memoryBytes)} of memory${detail?.processes && detail.processes > 1 ? ' in the whole tree' : ''}`
}

function describeLimits({ limits }: ServerSnapshot): string | null {
  if (limits == null) return null
  const { memoryBytes, cpuPercent, pids, backend } = limits
  const parts = [
    ...(memoryBytes === null ? [] : [`${formatBytes(memoryBytes)} of memory`]),
    ...(cpuPercent === null ? [] : [`${cpuPercent}% of a core`]),
    ...(pids === null ? [] : [`${pids} processes and threads`]),
  ]
  return `${parts.join(', ')}${backend === null ? '' : ` (held by ${backend})`}`
}

function describeProtocol(server: ServerSnapshot, detail: ServerDetail | undefined): string | null {
  if (server.transport === 'none') return 'none: ready as soon as it runs'
  if (server.era === null) return null
  const info = detail?.serverInfo ? `; ${neutralise(detail.serverInfo.name)} ${neutralise(detail.serverInfo.version)}` : ''
  return `${server.transport}, ${server.era} era (${neutralise(detail?.protocolVersion ?? 'unknown version')}), ${server.tools ?? 0} tools${info}`
}

function describeEnding(end: InstanceEnd): string {
  return `${new Date(end.endedAt).toISOString()}  generation ${end.generation}  ${neutralise(end.reason)}`
}

function describeLine(line: LogLine): string {
  return `${new Date(line.time).toISOString().slice(11, 23)} ${line.stream === 'mark' ? '---' : line.stream} ${neutralise(line.text)}`
}

function nextStep(server: ServerSnapshot): string {
  switch (server.phase) {
    case 'ready':
      return `mcpctl logs -f ${server.name}`
    case 'idle':
    case 'exited':
      return `mcpctl start ${server.name}`
    case 'failed':
      return `mcpctl why ${server.name}, mend the cause, then mcpctl start ${server.name}`
    case 'backoff':
      return `wait for the next try, or mcpctl start ${server.name} to try now`
    case 'waiting':
      return server.dependsOn.length > 0 ? `mcpctl status ${server.dependsOn.join(' ')}` : `mcpctl wait ${server.name}`
    case 'unready':
      return `mcpctl why ${server.name}, or mcpctl restart ${server.name}`
    case 'starting':
    case 'stopping':
      return `mcpctl logs -f ${server.name}, or mcpctl wait ${server.name}`
  }
}
