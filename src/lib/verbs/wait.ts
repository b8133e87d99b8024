import { formatDuration } from '../base/index.js'
import { defineVerb } from '../cli/index.js'
import { connectControl, resolveHome, VERSION } from '../control/index.js'
import type { ServerSnapshot } from '../core/index.js'
import { McpctlError } from '../errors/index.js'
import { expandNames } from './names.js'
import { readTimeout } from './start.js'
import { watchServers, type Verdict } from './watch.js'

const GOALS = ['ready', 'stopped'] as const
type Goal = (typeof GOALS)[number]

export const wait = defineVerb({
  id: 'wait',
  summary: 'Wait until servers are ready, or stopped.',
  description: 'Exits 0 when every named server (all that should be running when none is named) has reached the state, 1 when one of them has failed for good, 7 when the time is up.',
  examples: ['wait files', 'wait --timeout 30s', 'wait db --for stopped'],
  names: { summary: 'Servers to wait for.', required: false },
  flags: {
    for: { type: 'string', value: 'STATE', options: GOALS, summary: 'What to wait for: ready (the default) or stopped.' },
    timeout: { type: 'string', short: 't', value: 'TIME', summary: 'Give up after this long (default 60s).' },
  },
  run: async ({ names, flags }, io) => {
    const goal = readGoal(flags.for)
    const timeoutMs = readTimeout(flags.timeout) ?? 60_000
    const client = await connectControl(resolveHome(io.env), VERSION)
    if (client === null) {
      if (goal === 'stopped') return { json: { servers: [] } }
      throw new McpctlError('NOT_RUNNING', 'the daemon is not running', { hint: 'mcpctl start' })
    }
    try {
      const { servers } = await client.request('snapshot', { names: null, detail: false })
      const watched = names.length > 0 ? expandNames(names, servers) : servers.filter((server) => server.desired === 'up').map((server) => server.name)
      const startedAt = performance.now()
      const watch = watchServers(client, { judge: (server) => judge(goal, server), onChange: () => undefined, signal: io.signal, timeoutMs })
      // The first answer on this connection comes after the subscription's snapshot: now the states are known.
      await client.request('snapshot', { names: [], detail: false })
      watch.begin(watched)
      const how = await watch.done
      const finals = watched.map((name) => watch.servers.get(name)).filter((server) => server !== undefined)
      if (how === 'lost' && goal === 'ready') throw new McpctlError('DAEMON_UNREACHABLE', 'the daemon ended while it was waited for', { hint: 'mcpctl daemon status' })
      const bad = finals.filter((server) => judge(goal, server) !== 'good')
      if (how === 'timeout') throw timedOut(goal, bad, timeoutMs)
      for (const server of bad) io.say(`${server.name}: ${server.phase}: ${server.reason}`)
      if (bad.length === 0) io.say(`${watched.length} ${goal} (${formatDuration(performance.now() - startedAt)})`)
      return { exitStatus: bad.length === 0 ? 0 : 1, json: { servers: finals } }
    } finally {
      client.close()
    }
  },
})

function judge(goal: Goal, server: ServerSnapshot | undefined): Verdict {
  if (goal === 'stopped') return server === undefined || ['idle', 'exited', 'failed'].includes(server.phase) ? 'good' : 'open'
  if (server === undefined) return 'bad'
  if (server.phase === 'ready') return 'good'
  return server.phase === 'failed' || server.phase === 'exited' ? 'bad' : 'open'
}

function readGoal(value: string | undefined): Goal {
  const goal = GOALS.find((candidate) => candidate === (value ?? 'ready'))
  if (goal) return goal
  throw new McpctlError('USAGE', `--for ${JSON.stringify(value)} is not a state to wait for`, { hint: `Use one of ${GOALS.join(', ')}.`, details: { flag: 'for', value } })
}

function timedOut(goal: Goal, open: readonly ServerSnapshot[], timeoutMs: number): McpctlError {
  const list = open.map((server) => `${server.name} is ${server.phase} (${server.reason})`).join('; ')
  return new McpctlError('TIMEOUT', `not ${goal} within ${formatDuration(timeoutMs)}: ${list}`, { hint: 'Wait longer with --timeout, or see mcpctl status NAME.', details: { goal, timeoutMs, servers: open.map((server) => server.name) } })
}
