import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Io } from '../cli/index.js'
import { connectControl, resolveHome, VERSION, type Home } from '../control/index.js'
import type { LimitsBackendSnapshot, Snapshot } from '../core/index.js'
import { asMcpctlError } from '../errors/index.js'

/** One thing that was looked at. `fix` is the next step, for everything that is not `ok`. */
export interface Finding {
  readonly area: 'node' | 'home' | 'configuration' | 'daemon' | 'limits' | 'descriptors'
  readonly state: 'ok' | 'warn' | 'fail'
  readonly detail: string
  readonly fix: string | null
}

/** What a daemon needs besides its servers, and for each of them: pipes, log, watches, clients. */
const OWN_DESCRIPTORS = 40
const DESCRIPTORS_PER_SERVER = 6
const LEAST_NODE: readonly [number, number] = [20, 19]

const ok = (area: Finding['area'], detail: string): Finding => ({ area, state: 'ok', detail, fix: null })
const warn = (area: Finding['area'], detail: string, fix: string): Finding => ({ area, state: 'warn', detail, fix })
const fail = (area: Finding['area'], detail: string, fix: string): Finding => ({ area, state: 'fail', detail, fix })

/** Looks at everything servers depend on here; starts no daemon and changes nothing that stays. */
export async function examine(io: Io): Promise<Finding[]> {
  const home = resolveHome(io.env)
  const snapshot = await askDaemon(home)
  const findings = [checkNode(), checkHome(home), ...(await checkConfiguration(io))]
  if (snapshot instanceof Error) {
    const error = asMcpctlError(snapshot)
    findings.push(fail('daemon', error.message, error.hint ?? 'mcpctl daemon status'))
  } else findings.push(...checkDaemon(snapshot))
  const limits = snapshot instanceof Error ? undefined : snapshot?.daemon.limits
  findings.push(...checkLimits(limits ?? (await tryLimits(io))), checkDescriptors(snapshot instanceof Error ? null : snapshot))
  return findings
}

function checkNode(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const isNewEnough = major > LEAST_NODE[0] || (major === LEAST_NODE[0] && minor >= LEAST_NODE[1])
  return isNewEnough ? ok('node', `Node ${process.versions.node}`) : fail('node', `Node ${process.versions.node} is too old`, `Install Node ${LEAST_NODE.join('.')} or newer.`)
}

function checkHome(home: Home): Finding {
  const existing = existsSync(home.root) ? home.root : dirname(home.root)
  try {
    accessSync(existing, constants.W_OK | constants.X_OK)
    return ok('home', home.root)
  } catch (error) {
    return fail('home', `${existing} cannot be written: ${error instanceof Error ? error.message : String(error)}`, 'Make it writable, or set MCP_HOME to another folder.')
  }
}

async function checkConfiguration(io: Io): Promise<Finding[]> {
  const { findConfig, loadConfig } = await import('../config/index.js')
  if (findConfig({ cwd: io.cwd, env: io.env }) === null) return [warn('configuration', `none in ${io.cwd} or above`, 'Create mcp.config.json, or go to the folder of your project.')]
  try {
    const { source, servers, warnings } = await loadConfig({ cwd: io.cwd, env: io.env })
    return [ok('configuration', `${source}, ${servers.length} server${servers.length === 1 ? '' : 's'}`), ...warnings.map((text) => warn('configuration', text, 'mcpctl config validate'))]
  } catch (error) {
    const { message, hint } = asMcpctlError(error)
    return [fail('configuration', message, hint ?? 'mcpctl config validate')]
  }
}

/** Null: none runs. */
async function askDaemon(home: Home): Promise<Snapshot | Error | null> {
  try {
    const client = await connectControl(home, VERSION)
    if (client === null) return null
    try {
      return await client.request('snapshot', { names: null, detail: false })
    } finally {
      client.close()
    }
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

function checkDaemon(snapshot: Snapshot | null): Finding[] {
  if (snapshot === null) return [ok('daemon', 'not running')]
  const { daemon, servers } = snapshot
  const findings = [ok('daemon', `pid ${daemon.pid}, ${servers.filter(({ ready }) => ready).length} of ${servers.filter(({ desired }) => desired === 'up').length} wanted servers ready`)]
  if (daemon.version !== VERSION) findings.push(warn('daemon', `it is of version ${daemon.version}, this command of ${VERSION}`, 'mcpctl daemon restart'))
  if (daemon.http.trouble !== null) findings.push(fail('daemon', daemon.http.trouble, 'Free the port, or change gateway.port.'))
  for (const { source, trouble } of daemon.configs ?? []) if (trouble !== null) findings.push(fail('configuration', `${source} is not in effect: ${trouble}`, 'Correct it, or mcpctl reload to try again.'))
  for (const { name, phase, reason } of servers) if (phase === 'failed' || phase === 'unready' || phase === 'backoff') findings.push(fail('daemon', `${name} is ${phase}: ${reason}`, `mcpctl why ${name}`))
  for (const { name, trouble } of servers) if (trouble != null) findings.push(warn('daemon', `${name}: ${trouble}`, `mcpctl why ${name}`))
  return findings
}

/** The choice a daemon would make, tried out in a group of its own that is removed again. */
async function tryLimits({ env }: Io): Promise<LimitsBackendSnapshot> {
  const { tryLimitsBackend } = await import('../daemon/index.js')
  return tryLimitsBackend(env)
}

function checkLimits({ backend, memory, cpu, pids, notes }: LimitsBackendSnapshot): Finding[] {
  const detail = `${backend}: memory ${memory}, cpu ${cpu}, pids ${pids}${notes.length === 0 ? '' : ` (${notes.join('; ')})`}`
  if (memory === 'tree') return [ok('limits', detail)]
  return [warn('limits', detail, 'Run the daemon where cgroups are delegated: as a systemd unit with Delegate=yes, or in a user session of systemd.')]
}

/** Linux only: elsewhere the limit is not to be had cheaply. */
function checkDescriptors(snapshot: Snapshot | null): Finding {
  const pid = snapshot?.daemon.pid ?? 'self'
  const most = Number(/^Max open files\s+(\d+)/m.exec(readQuietly(`/proc/${pid}/limits`))?.[1] ?? Number.NaN)
  if (Number.isNaN(most)) return ok('descriptors', 'not known here')
  const servers = snapshot?.servers.length ?? 0
  const needed = OWN_DESCRIPTORS + DESCRIPTORS_PER_SERVER * servers
  const detail = `${most} allowed, about ${needed} needed for ${servers} server${servers === 1 ? '' : 's'}`
  return most >= needed ? ok('descriptors', detail) : warn('descriptors', detail, 'Raise ulimit -n in the shell, then mcpctl daemon restart.')
}

function readQuietly(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}
