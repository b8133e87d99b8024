import { readFileSync } from 'node:fs'
import { formatBytes } from '../base/index.js'
import type { Io } from '../cli/index.js'
import { VERSION } from '../control/index.js'
import type { Alert, LimitsBackendSnapshot, ServerSnapshot, Snapshot } from '../core/index.js'
import { asMcpctlError } from '../errors/index.js'
import { configuredServers, runningSnapshot, type Facts } from './doctor-facts.js'
import { count, fail, ok, warn, type Finding } from './doctor-finding.js'

/** What a daemon needs besides its servers, and for each of them: pipes, log, watches, clients. */
const OWN_DESCRIPTORS = 40
const DESCRIPTORS_PER_SERVER = 6
const LEAST_NODE: readonly [number, number] = [20, 19]
/** Alerts that say again what the phase of a server or its configuration says already. */
const TOLD_BY_PHASE: ReadonlySet<Alert['kind']> = new Set(['failed', 'crash-loop', 'unready', 'config', 'limits'])

export function checkNode(version = process.versions.node): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const isNewEnough = major > LEAST_NODE[0] || (major === LEAST_NODE[0] && minor >= LEAST_NODE[1])
  return isNewEnough ? ok('node', `Node ${version}`) : fail('node', `Node ${version} is too old`, `Install Node ${LEAST_NODE.join('.')} or newer.`)
}

/** Whether the daemon answers, and how each of its servers does: a handshake was answered and the lists were read, or why not. */
export async function checkDaemon(facts: Facts, areNamed: boolean): Promise<Finding[]> {
  const found = await facts.daemon
  if (found.state === 'absent') return [ok('daemon', 'not running')]
  if (found.state === 'mute') {
    const error = asMcpctlError(found.trouble)
    return [fail('daemon', error.message, error.hint ?? 'mcpctl daemon status')]
  }
  return [...judgeDaemon(found.snapshot, found.alerts), ...(areNamed ? found.snapshot.servers.filter(({ ready }) => ready).map(describeReady) : [])]
}

export function judgeDaemon({ daemon, servers }: Snapshot, alerts: readonly Alert[], version = VERSION): Finding[] {
  const findings = [ok('daemon', `pid ${daemon.pid}, ${servers.filter(({ ready }) => ready).length} of ${servers.filter(({ desired }) => desired === 'up').length} wanted servers ready`)]
  if (daemon.version !== version) findings.push(warn('daemon', `it is of version ${daemon.version}, this command of ${version}`, 'mcpctl daemon restart'))
  if (daemon.http.trouble !== null) findings.push(fail('daemon', daemon.http.trouble, 'Free the port, or change gateway.port.'))
  for (const { source, trouble } of daemon.configs ?? []) if (trouble !== null) findings.push(fail('configuration', `${source} is not in effect: ${trouble}`, 'Correct it, or mcpctl reload to try again.'))
  for (const { name, phase, reason } of servers) if (phase === 'failed' || phase === 'unready' || phase === 'backoff') findings.push(fail('daemon', `${name} is ${phase}: ${reason}`, loginHint(name, alerts) ?? `mcpctl why ${name}`, { server: name }))
  for (const { name, trouble } of servers) if (trouble != null) findings.push(warn('daemon', `${name}: ${trouble}`, `mcpctl why ${name}`, { server: name }))
  const told = new Set(findings.flatMap(({ server }) => server ?? []))
  return [...findings, ...alerts.filter(({ kind, server }) => !TOLD_BY_PHASE.has(kind) || (server !== null && !told.has(server))).map(describeAlert)]
}

function describeAlert({ server, text, hint }: Alert): Finding {
  return warn('daemon', text, hint, server === null ? {} : { server })
}

function describeReady({ name, era, tools, memoryBytes, transport }: ServerSnapshot): Finding {
  const parts = [...(era === null ? [] : [`${transport}, ${era} era`]), ...(tools === null ? [] : [count(tools, 'tool')]), ...(memoryBytes === null ? [] : [formatBytes(memoryBytes)])]
  return ok('daemon', `${name} is ready${parts.length === 0 ? '' : `: ${parts.join(', ')}`}`, { server: name })
}

/** What limits are held with, and why with nothing stronger; without a daemon, what one would choose. */
export async function checkLimits(facts: Facts): Promise<Finding[]> {
  const running = (await runningSnapshot(facts))?.daemon.limits
  const limits = running ?? (await tryLimits(facts.io))
  const servers = await configuredServers(facts)
  return judgeLimits(limits, servers.filter(({ limits: wanted }) => wanted.memoryBytes !== undefined).map(({ name }) => name))
}

/** `bounded`: servers whose memory is to be limited. */
export function judgeLimits({ backend, memory, cpu, pids, notes }: LimitsBackendSnapshot, bounded: readonly string[]): Finding[] {
  const detail = `${backend}: memory ${memory}, cpu ${cpu}, pids ${pids}${notes.length === 0 ? '' : ` (${notes.join('; ')})`}`
  if (memory === 'tree') return [ok('limits', detail)]
  const concerned = bounded.length === 0 ? '' : `; it matters to ${bounded.join(', ')}`
  return [warn('limits', `${detail}${concerned}`, 'Run the daemon where cgroups are delegated: as a systemd unit with Delegate=yes, or in a user session of systemd.')]
}

/** The choice a daemon would make, tried out in a group of its own that is removed again. */
async function tryLimits({ env }: Io): Promise<LimitsBackendSnapshot> {
  const { tryLimitsBackend } = await import('../daemon/index.js')
  return tryLimitsBackend(env)
}

/** Linux only: elsewhere the limit is not to be had cheaply. */
export async function checkDescriptors(facts: Facts): Promise<Finding[]> {
  const snapshot = await runningSnapshot(facts)
  const pid = snapshot?.daemon.pid ?? 'self'
  const most = Number(/^Max open files\s+(\d+)/m.exec(readQuietly(`/proc/${pid}/limits`))?.[1] ?? Number.NaN)
  const servers = snapshot?.servers.length ?? (await configuredServers(facts)).length
  return [judgeDescriptors(most, servers)]
}

/** `most`: NaN when it is not known. */
export function judgeDescriptors(most: number, servers: number): Finding {
  if (Number.isNaN(most)) return ok('descriptors', 'not known here')
  const needed = OWN_DESCRIPTORS + DESCRIPTORS_PER_SERVER * servers
  const detail = `${most} allowed, about ${needed} needed for ${count(servers, 'server')}`
  return most >= needed ? ok('descriptors', detail) : warn('descriptors', detail, 'Raise ulimit -n in the shell, then mcpctl daemon restart.')
}

function readQuietly(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

/** What the alert of a server says that waits for somebody to log in. */
function loginHint(name: string, alerts: readonly Alert[]): string | undefined {
  return alerts.find(({ server, hint }) => server === name && hint.startsWith('mcpctl login '))?.hint
}
