import { formatBytes, formatDuration } from '../base/index.js'
import { createPaint, neutralise, phaseMark, phaseStyle, type Paint, type Terminal } from '../cli/index.js'
import type { Alert, AlertKind, ConfigSnapshot, GateServerMetrics, InstanceEnd, ServerDetail, ServerSnapshot } from '../core/index.js'
import type { LogLine } from '../logs/index.js'

/** What is shown of a server beyond its row. */
export interface DetailParts {
  readonly detail: ServerDetail | undefined
  readonly log: readonly LogLine[]
  /** Those about this server. */
  readonly alerts?: readonly Alert[]
  /** The configuration it is from. */
  readonly config?: ConfigSnapshot | null
  /** What the gate did with its calls. */
  readonly gate?: GateServerMetrics | undefined
}

/** Alerts that only say what phase and reason say. */
const TOLD_BY_PHASE: ReadonlySet<AlertKind> = new Set(['failed', 'crash-loop', 'unready'])

/** Everything about one server: what it is, why, what went before and what to do next. */
export function renderDetail(server: ServerSnapshot, { detail, log, alerts = [], config = null, gate }: DetailParts, terminal: Terminal): string {
  const paint = createPaint(terminal.color)
  const style = phaseStyle(server.phase)
  const rows: [string, string | null][] = [
    ['Phase', `${paint(style, server.phase)} since ${new Date(server.since).toISOString()} (${formatDuration(Math.max(0, Date.now() - server.since))})`],
    ['Reason', neutralise(server.reason)],
    ['Trouble', describeTrouble(server, paint)],
    ...alerts.filter(({ kind }) => !TOLD_BY_PHASE.has(kind)).map(({ text, hint }): [string, string] => ['Alert', `${paint('yellow', neutralise(text))} (${neutralise(hint)})`]),
    ['Breaker', describeBreaker(server, paint)],
    ['Group', describeGroup(server)],
    ['Wanted', server.desired === 'up' ? 'up' : server.enabled ? 'down' : 'down (disabled in the configuration)'],
    ['Target', detail ? neutralise(detail.target) : null],
    ['', detail?.note ?? null],
    ['Process', describeProcess(server, detail)],
    ['Usage', describeUsage(server, detail)],
    ['Limits', describeLimits(server)],
    ['Cache', describeCache(gate)],
    ['Refused', describeRefused(gate)],
    ['Protocol', describeProtocol(server, detail)],
    ['Depends on', server.dependsOn.length > 0 ? server.dependsOn.join(', ') : null],
    ['Tags', server.tags.length > 0 ? server.tags.join(', ') : null],
    ['Restarts', `${server.restarts} since it was last started by hand`],
    ['Config', `${server.source}${server.changed ? ' (changed since it started)' : ''}${server.removed ? ' (no longer in it)' : ''}`],
    ['', describeConfig(config, paint)],
    ['Log', detail ? `${detail.logFile}${detail.logTrouble === null ? '' : ` (${detail.logTrouble})`}` : null],
  ]
  const body = rows.filter(([, text]) => text !== null).map(([label, text]) => `  ${paint('dim', label.padEnd(10))}  ${text}`)
  return [
    `${paint(style, phaseMark(server.phase, terminal.unicode))} ${paint('bold', server.name)}`,
    ...body,
    ...section('Last ends', (detail?.ends ?? []).slice(-5).reverse().map(describeEnding), paint),
    ...section('Last log lines', log.map(describeLine), paint),
    `  ${paint('dim', 'Try'.padEnd(10))}  ${nextStep(server)}`,
  ].join('\n')
}

/** The name clients see, where it is not the server's own. */
function describeGroup({ group = null }: ServerSnapshot): string | null {
  return group === null ? null : `clients see it as ${group}`
}

function section(title: string, lines: readonly string[], paint: Paint): string[] {
  return lines.length === 0 ? [] : [`  ${paint('dim', title)}`, ...lines.map((line) => `    ${line}`)]
}

/** A daemon that was started before troubles were known sends none. */
function describeTrouble({ trouble }: ServerSnapshot, paint: Paint): string | null {
  return trouble ? paint('yellow', neutralise(trouble)) : null
}

/** Absent as long as it never opened. */
function describeBreaker({ breaker }: ServerSnapshot, paint: Paint): string | null {
  if (breaker == null || breaker.opened === 0) return null
  const { state, since, opened, retryAt, reason } = breaker
  const next = retryAt === null ? '' : `, next try in ${formatDuration(Math.max(0, retryAt - Date.now()))}`
  return `${paint(state === 'closed' ? 'green' : 'yellow', state)} for ${formatDuration(Math.max(0, Date.now() - since))}${next}; opened ${opened === 1 ? 'once' : `${opened} times`}, last: ${neutralise(reason)}`
}

/** A server goes on with what it was started with while its file cannot be used. */
function describeConfig(config: ConfigSnapshot | null, paint: Paint): string | null {
  if (config === null || config.trouble === null) return null
  const [first = '', ...rest] = config.trouble.split('\n')
  return `${paint('red', `its newest version is not in effect: ${neutralise(first.trim())}`)}${rest.length === 0 ? '' : ` (and ${rest.length} more)`}; see mcpctl config validate`
}

function describeProcess(server: ServerSnapshot, detail: ServerDetail | undefined): string | null {
  if (server.pid === null) return null
  const tree = detail?.processes && detail.processes > 1 ? `, ${detail.processes} processes` : ''
  const uptime = server.uptimeSeconds === null ? '' : `, up ${formatDuration(server.uptimeSeconds * 1000)}`
  return `pid ${server.pid}, generation ${server.generation}${tree}${uptime}`
}

function describeCache(gate: GateServerMetrics | undefined): string | null {
  if (gate === undefined || gate.hits + gate.misses === 0) return null
  const asked = gate.hits + gate.misses
  return `${gate.hits} of ${asked} calls (${Math.round((gate.hits / asked) * 100)}%) answered with what was kept, ${formatBytes(gate.cacheBytes)} kept now`
}

/** Calls that were not let through, by whose limit it was. */
function describeRefused(gate: GateServerMetrics | undefined): string | null {
  if (gate === undefined) return null
  const { limited: { caller, server, total }, overloaded } = gate
  const parts = [[caller, 'over the rate of their caller'], [server, 'over its rate'], [total, 'over the rate of all'], [overloaded, 'for want of room']] as const
  const told = parts.filter(([count]) => count > 0).map(([count, why]) => `${count} ${why}`)
  return told.length === 0 ? null : `calls: ${told.join(', ')}`
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
