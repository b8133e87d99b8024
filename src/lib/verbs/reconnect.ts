import { createPaint, defineVerb, type Io, type Outcome } from '../cli/index.js'
import { connectControl, resolveHome, VERSION, type ControlClient } from '../control/index.js'
import type { ServerSnapshot } from '../core/index.js'
import { McpctlError } from '../errors/index.js'
import { expandNames } from './names.js'
import { NO_WAIT_FLAG, readTimeout, TIMEOUT_FLAG } from './start.js'
import { createPlainStartView, renderStartSummary } from './start-view.js'
import { judgeStart, watchServers } from './watch.js'

export const reconnect = defineVerb({
  id: 'reconnect',
  summary: 'Try at once what waits for its next try.',
  description:
    'Without names: every server that should run and is not ready, or whose breaker is not closed. A server in backoff is started now, a remote server gets a new connection, and a breaker lets a few calls through to see whether the server is well again. A process that runs is left running (restart replaces it). Waits until the servers are ready.',
  examples: ['reconnect', 'reconnect search', 'reconnect --json'],
  names: { summary: 'Servers to reconnect; all that are not connected when none is named.', required: false },
  flags: { 'no-wait': NO_WAIT_FLAG, timeout: TIMEOUT_FLAG },
  run: async ({ names, flags }, io) => {
    const timeoutMs = readTimeout(flags.timeout)
    const client = await connectControl(resolveHome(io.env), VERSION)
    if (client === null) throw new McpctlError('NOT_RUNNING', 'the daemon is not running', { hint: 'mcpctl start' })
    try {
      return await run(client, io, { asked: names, wait: flags['no-wait'] !== true, timeoutMs })
    } finally {
      client.close()
    }
  },
})

interface Order {
  readonly asked: readonly string[]
  readonly wait: boolean
  readonly timeoutMs: number | null
}

async function run(client: ControlClient, io: Io, { asked, wait, timeoutMs }: Order): Promise<Outcome> {
  const startedAt = performance.now()
  const { servers: known } = await client.request('snapshot', { names: null, detail: false })
  const wanted = asked.length === 0 ? null : expandNames(asked, known)
  const view = createPlainStartView(io, Math.max(...known.map(({ name }) => name.length)), startedAt)
  const watch = watchServers(client, { judge: judgeStart, onChange: (server) => { view.onChange(server) }, signal: io.signal, timeoutMs })
  try {
    const { names } = await client.request('reconnect', { names: wanted })
    if (names.length === 0) io.say('every server that should run is connected')
    if (!wait && names.length > 0) io.say(`reconnecting ${names.join(', ')}`)
    let how: Awaited<typeof watch.done> = 'done'
    if (wait && names.length > 0) {
      watch.begin(names)
      how = await watch.done
      await view.finish()
    }
    return conclude({ io, how, names, wait, elapsedMs: performance.now() - startedAt }, (await summary(client, how)) ?? [...watch.servers.values()])
  } finally {
    watch.close()
    await view.finish()
  }
}

/** How all servers are now; null: nobody is there to be asked. */
async function summary(client: ControlClient, how: string): Promise<readonly ServerSnapshot[] | null> {
  return how === 'lost' || how === 'aborted' ? null : (await client.request('snapshot', { names: null, detail: false })).servers
}

interface Ended {
  readonly io: Io
  readonly how: 'done' | 'lost' | 'aborted' | 'timeout'
  readonly names: readonly string[]
  readonly wait: boolean
  readonly elapsedMs: number
}

function conclude({ io, how, names, wait, elapsedMs }: Ended, all: readonly ServerSnapshot[]): Outcome {
  if (how === 'lost') throw new McpctlError('DAEMON_UNREACHABLE', 'the daemon ended while servers were being reconnected', { hint: 'Another command may have stopped everything; see mcpctl daemon status.' })
  if (how === 'aborted') throw new McpctlError('INTERRUPTED', 'interrupted')
  const meant = all.filter(({ name }) => names.includes(name))
  if (wait && meant.length > 0) for (const line of renderStartSummary(meant, elapsedMs, createPaint(io.sayTerminal.color))) io.say(line)
  const exitStatus = !wait || meant.every(({ ready }) => ready) ? 0 : how === 'timeout' ? 7 : 1
  return {
    exitStatus,
    json: {
      connected_servers: all.filter(({ ready }) => ready).length,
      total_servers: all.length,
      servers: Object.fromEntries(all.map((server) => [server.name, describe(server)])),
      names, timedOut: how === 'timeout',
    },
  }
}

function describe({ ready, phase, breaker, tools, reason, retryAt }: ServerSnapshot): Record<string, unknown> {
  return { connected: ready, phase, breaker: breaker?.state ?? 'closed', tools, reason, retryAt: retryAt ?? breaker?.retryAt ?? null }
}
