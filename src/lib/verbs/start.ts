import { readDuration } from '../base/index.js'
import { createPaint, defineVerb, type Io, type Outcome } from '../cli/index.js'
import { VERSION, type ApplyResult, type ControlClient } from '../control/index.js'
import type { ServerSnapshot } from '../core/index.js'
import { McpctlError } from '../errors/index.js'
import { openConfigured, type Configured } from './configured.js'
import { createPlainStartView, renderStartSummary, type StartView } from './start-view.js'
import { judgeStart, watchServers } from './watch.js'

export const CONFIG_FLAG = { type: 'string', short: 'c', value: 'FILE', summary: 'Use this configuration file instead of searching for one.' } as const
export const TIMEOUT_FLAG = { type: 'string', short: 't', value: 'TIME', summary: 'Give up waiting after this long ("30s"); servers go on starting.' } as const
export const NO_WAIT_FLAG = { type: 'boolean', summary: 'Return as soon as the daemon has accepted the order.' } as const

export const start = defineVerb({
  id: 'start',
  summary: 'Start servers and wait until they are ready.',
  description:
    'Starts the daemon if needed and every enabled server that is not on demand, or the named ones with what they depend on, all in parallel. A server counts as ready when it has answered the handshake and its lists were read. Servers that already run are left alone.',
  examples: ['start', 'start files git', 'start --resume', 'start --config ./mcp.config.ts', 'start --no-wait'],
  names: { summary: 'Servers to start; when none is named, every enabled one that is not on demand.', required: false },
  flags: { config: CONFIG_FLAG, 'no-wait': NO_WAIT_FLAG, timeout: TIMEOUT_FLAG, resume: { type: 'boolean', summary: 'After a daemon that was killed: start what ran then, not every enabled server.' } },
  run: async ({ names, flags }, io) => {
    const timeoutMs = readTimeout(flags.timeout)
    const open = () => openConfigured({ io, configPath: flags.config, names, all: flags.resume === true ? 'resume' : 'enabled' })
    return bringUp({ io, open, method: 'start', wait: flags['no-wait'] !== true, timeoutMs })
  },
})

export interface BringUp {
  readonly io: Io
  readonly open: () => Promise<Configured>
  readonly method: 'start' | 'restart'
  readonly wait: boolean
  readonly timeoutMs: number | null
}

/** A daemon that is leaving takes this long at most: every stop of a server has its bound. */
const LEAVING_LIMIT_MS = 30_000
const LEAVING_POLL_MS = 50

/**
 * Sends the order and, unless told not to wait, shows how it goes until every server has come to a verdict. A daemon
 * that is just leaving refuses new orders: then the next daemon gets the whole order again, which changes nothing twice.
 */
export async function bringUp(order: BringUp): Promise<Outcome> {
  const startedAt = performance.now()
  for (;;) {
    try {
      return await bringUpOnce(order, startedAt)
    } catch (error) {
      const leaving = error instanceof McpctlError && error.details['leaving'] === true
      if (!leaving || order.io.signal.aborted || performance.now() - startedAt > LEAVING_LIMIT_MS) throw error
      await new Promise((resolve) => setTimeout(resolve, LEAVING_POLL_MS))
    }
  }
}

async function bringUpOnce(order: BringUp, startedAt: number): Promise<Outcome> {
  const { io } = order
  const { client, names, applied, config } = await order.open()
  try {
    await tellVersion(client, io)
    if (applied) tellApplied(io, applied, order.method, names)
    if (names.length === 0) return nothingToDo(io, config?.servers.some((spec) => spec.enabled) === true)
    if (!order.wait) {
      await client.request(order.method, { names })
      io.say(`${order.method === 'start' ? 'starting' : 'restarting'} ${names.length} server${names.length === 1 ? '' : 's'}`)
      return { json: { names } }
    }
    const width = Math.max(...names.map((name) => name.length))
    const view = await createView(io, names, width, startedAt)
    const watch = watchServers(client, { judge: judgeStart, onChange: (server) => view.onChange(server), signal: io.signal, timeoutMs: order.timeoutMs })
    try {
      await client.request(order.method, { names })
      for (const name of names) {
        const server = watch.servers.get(name)
        if (server) view.onChange(server)
      }
      watch.begin(names)
      const how = await watch.done
      await view.finish()
      return conclude(order, how, names.map((name) => watch.servers.get(name)).filter((server) => server !== undefined), performance.now() - startedAt)
    } finally {
      watch.close()
      await view.finish()
    }
  } finally {
    client.close()
  }
}

/** An older daemon goes on as it is: whether it may be interrupted is not for this command to say. */
async function tellVersion(client: ControlClient, io: Io): Promise<void> {
  const { version } = await client.hello
  if (version !== VERSION) io.say(`the daemon is of version ${version}, this command of ${VERSION}: mcpctl daemon restart lets this one take over`)
}

async function createView(io: Io, names: readonly string[], width: number, startedAt: number): Promise<StartView> {
  // A terminal that does not know its size cannot be redrawn.
  if (!io.sayTerminal.interactive || io.json || !process.stderr.columns) return createPlainStartView(io, width, startedAt)
  const { createLiveStartView } = await import('./start-view-live.js')
  return createLiveStartView(io, names, width, startedAt)
}

function conclude(order: BringUp, how: 'done' | 'lost' | 'aborted' | 'timeout', servers: readonly ServerSnapshot[], elapsedMs: number): Outcome {
  const { io } = order
  if (how === 'lost') throw new McpctlError('DAEMON_UNREACHABLE', `the daemon ended while servers were being ${order.method}ed`, { hint: 'Another command may have stopped everything; see mcpctl daemon status.' })
  if (how === 'aborted') throw new McpctlError('INTERRUPTED', 'interrupted')
  for (const line of renderStartSummary(servers, elapsedMs, createPaint(io.sayTerminal.color))) io.say(line)
  const ready = servers.filter((server) => server.phase === 'ready').length
  const exitStatus = ready === servers.length ? 0 : how === 'timeout' ? 7 : 1
  return { exitStatus, json: { ready, failed: servers.length - ready, timedOut: how === 'timeout', servers } }
}

function tellApplied(io: Io, applied: ApplyResult, method: 'start' | 'restart', names: readonly string[]): void {
  const changed = applied.changed.filter((name) => method === 'start' || !names.includes(name))
  if (changed.length > 0) io.say(`configuration changed, still running the old one: ${changed.join(', ')} (mcpctl reload ${changed.join(' ')})`)
  if (applied.removed.length > 0) io.say(`no longer in the configuration, still running: ${applied.removed.join(', ')} (mcpctl stop ${applied.removed.join(' ')})`)
}

function nothingToDo(io: Io, areOnDemand: boolean): Outcome {
  io.say(areOnDemand ? 'every enabled server is started on demand, by the first request for it' : 'no server is enabled in the configuration')
  return { json: { ready: 0, failed: 0, timedOut: false, servers: [] } }
}

/** What a timer of Node can hold. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** Milliseconds, or null for no limit. Throws USAGE. */
export function readTimeout(value: string | undefined): number | null {
  if (value === undefined) return null
  const timeoutMs = readDuration(value)
  if (timeoutMs !== undefined && timeoutMs > 0 && timeoutMs <= LONGEST_TIMER_MS) return timeoutMs
  throw new McpctlError('USAGE', `--timeout ${JSON.stringify(value)} is not a time`, { hint: 'Write seconds (30) or a duration such as 500ms, 30s or 2m; at most 24 days.', details: { flag: 'timeout', value } })
}
