import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { formatDuration } from '../base/index.js'
import { defineVerb, type Io, type Outcome } from '../cli/index.js'
import { connectControl, resolveHome, VERSION, type ControlClient, type Home } from '../control/index.js'
import { McpctlError } from '../errors/index.js'
import { expandNames } from './names.js'

const GONE_LIMIT_MS = 2_000
const GONE_POLL_MS = 3
const BUSY_LIMIT_MS = 10_000
const BUSY_POLL_MS = 50

export const stop = defineVerb({
  id: 'stop',
  summary: 'Stop servers; without names, everything and the daemon.',
  description:
    'Asks each server to leave (its input is closed, then SIGTERM, then SIGKILL within its stop timeout) and ends whatever it started. Returns when all of it is gone. Stopping what is not running is a success.',
  examples: ['stop', 'stop files', "stop 'git*'", 'stop --keep-daemon'],
  names: { summary: 'Servers to stop; everything when none is named.', required: false },
  flags: { 'keep-daemon': { type: 'boolean', summary: 'Stop all servers but leave the daemon running.' } },
  run: async ({ names, flags }, io) => {
    const everything = names.length === 0 && flags['keep-daemon'] !== true
    return withDaemon(io, (client, startedAt) => (everything ? stopEverything(client, io, startedAt) : stopServers(client, io, names, startedAt)))
  },
})

/**
 * Runs an order on the daemon. Without one it makes sure that nothing of ours is left, whatever became of the last; a
 * daemon that is just starting or leaving is waited for.
 */
export async function withDaemon(io: Io, order: (client: ControlClient, startedAt: number) => Promise<Outcome>): Promise<Outcome> {
  const home = resolveHome(io.env)
  const startedAt = performance.now()
  for (const deadline = startedAt + BUSY_LIMIT_MS; ; await delay(BUSY_POLL_MS)) {
    const client = await connectControl(home, VERSION)
    try {
      if (client !== null) return await order(client, startedAt)
      const ended = await cleanUp(home)
      if (ended !== null) return tellCleanedUp(ended, io)
      if (performance.now() > deadline) throw unreachable(home)
    } catch (error) {
      const leaving = error instanceof McpctlError && error.details['leaving'] === true
      if (!leaving || performance.now() > deadline) throw error
    } finally {
      client?.close()
    }
  }
}

/** How many processes an earlier daemon had left behind; null when a daemon holds the home. */
async function cleanUp(home: Home): Promise<number | null> {
  if (!existsSync(home.state)) return 0
  const { cleanUpHome } = await import('../daemon/index.js')
  const report = await cleanUpHome(home)
  return report && report.ended
}

function unreachable(home: Home): McpctlError {
  return new McpctlError('DAEMON_UNREACHABLE', `a daemon holds ${home.root} but does not answer on ${home.socket}`, {
    hint: 'See mcpctl daemon status; if it hangs, end its process.',
    details: { socket: home.socket },
  })
}

function tellCleanedUp(ended: number, io: Io): Outcome {
  io.say(ended === 0 ? 'nothing is running' : `ended ${ended} process${ended === 1 ? '' : 'es'} an earlier daemon left behind`)
  return { json: { stopped: [], daemon: null } }
}

async function stopServers(client: ControlClient, io: Io, asked: readonly string[], startedAt: number): Promise<Outcome> {
  const { servers } = await client.request('snapshot', { names: null, detail: false })
  const names = asked.length === 0 ? null : expandNames(asked, servers)
  const wasUp = new Set(servers.filter((server) => server.pid !== null || server.desired === 'up').map((server) => server.name))
  const result = await client.request('stop', { names })
  const stopped = result.names.filter((name) => wasUp.has(name))
  const idle = result.names.filter((name) => !wasUp.has(name))
  if (stopped.length > 0) io.say(`stopped ${stopped.join(', ')} (${formatDuration(performance.now() - startedAt)})`)
  if (idle.length > 0 && asked.length > 0) io.say(`not running: ${idle.join(', ')}`)
  return { json: { stopped, daemon: 'running' } }
}

/** Also the whole of `daemon stop`. */
export async function stopEverything(client: ControlClient, io: Io, startedAt: number): Promise<Outcome> {
  const names = await endDaemon(client)
  const count = names.length === 0 ? 'no server was running' : `stopped ${names.length} server${names.length === 1 ? '' : 's'}`
  io.say(`${count}, daemon ended (${formatDuration(performance.now() - startedAt)})`)
  return { json: { stopped: names, daemon: 'ended' } }
}

/** Resolves with the names of the servers that ran when nothing of the daemon is left. */
export async function endDaemon(client: ControlClient, successor = false): Promise<readonly string[]> {
  const { pid } = await client.hello
  const { names } = await client.request('shutdown', successor ? { successor } : {})
  // The answer says the servers are down; the end of the connection, that socket and files are gone; then the process goes.
  await client.ended
  await untilGone(pid)
  return names
}

/** Bounded: a daemon that does not end by itself has still done all that was asked. */
async function untilGone(pid: number): Promise<void> {
  for (let waitedMs = 0; waitedMs < GONE_LIMIT_MS && isAlive(pid); waitedMs += GONE_POLL_MS) await delay(GONE_POLL_MS)
}

/** A zombie has ended; only whoever adopted it has not asked yet. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return process.platform !== 'linux' || !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}
