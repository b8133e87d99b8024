import { formatDuration } from '../base/index.js'
import { createPaint, neutralise, type Io, type Outcome } from '../cli/index.js'
import type { ControlClient, ReloadChange, ReloadParams, ReloadResult } from '../control/index.js'
import type { ServerSnapshot } from '../core/index.js'
import { McpctlError } from '../errors/index.js'
import { createPlainStartView, renderStartSummary } from './start-view.js'
import { judgeStart, watchServers, type Verdict } from './watch.js'

export interface FollowOptions {
  readonly io: Io
  readonly timeoutMs: number | null
  /** Called with what is done, before it is waited for. */
  readonly onChanges: (result: ReloadResult) => void
}

/** Gives the order and shows how it goes until every server that is started, stopped or exchanged has come to a verdict. */
export async function followReload(client: ControlClient, order: ReloadParams, { io, timeoutMs, onChanges }: FollowOptions): Promise<Outcome> {
  const startedAt = performance.now()
  let concerned: readonly ReloadChange[] = []
  const actionOf = (name: string): ReloadChange['action'] => concerned.find((change) => change.name === name)?.action ?? 'none'
  const width = Math.max(0, ...order.servers.map(({ name }) => name.length))
  const view = createPlainStartView(io, width, startedAt)
  const watch = watchServers(client, {
    // One that is gone is not waited for; whether that was wanted is said in the end.
    judge: (server, servers) => judgeReload(server === undefined ? 'stop' : actionOf(server.name), server, servers),
    onChange: (server) => {
      // Until it is exchanged, the old one is as ready as before.
      if (!isWaiting(server) && actionOf(server.name) !== 'stop') view.onChange(server)
    },
    signal: io.signal,
    timeoutMs,
  })
  try {
    const result = await client.request('reload', order)
    onChanges(result)
    concerned = result.changes.filter(({ action }) => action !== 'none' && action !== 'update')
    watch.begin(concerned.map(({ name }) => name))
    const how = await watch.done
    if (how === 'lost') throw new McpctlError('DAEMON_UNREACHABLE', 'the daemon ended while servers were being reloaded', { hint: 'Another command may have stopped everything; see mcpctl daemon status.' })
    if (how === 'aborted') throw new McpctlError('INTERRUPTED', 'interrupted')
    return conclude(io, order, { changes: result.changes, servers: watch.servers, isLate: how === 'timeout', elapsedMs: performance.now() - startedAt })
  } finally {
    watch.close()
  }
}

/** Runs with its old configuration; the new one is on its way, or has failed. */
function isWaiting(server: ServerSnapshot): boolean {
  return server.changed && (server.phase === 'ready' || server.phase === 'unready')
}

/** What has become of one server. A server that is gone is what a stop wants. */
export function judgeReload(action: ReloadChange['action'], server: ServerSnapshot | undefined, servers: ReadonlyMap<string, ServerSnapshot>): Verdict {
  if (action === 'stop') return server === undefined || ['idle', 'exited', 'failed'].includes(server.phase) ? 'good' : 'open'
  if (server !== undefined && isWaiting(server)) return server.trouble == null ? 'open' : 'bad'
  return judgeStart(server, servers)
}

interface Reloaded {
  readonly changes: readonly ReloadChange[]
  readonly servers: ReadonlyMap<string, ServerSnapshot>
  readonly isLate: boolean
  readonly elapsedMs: number
}

function conclude(io: Io, order: ReloadParams, { changes, servers: all, isLate, elapsedMs }: Reloaded): Outcome {
  const paint = createPaint(io.sayTerminal.color)
  const up = changes.filter(({ action }) => action === 'start' || action === 'replace' || action === 'restart')
  const servers = up.map(({ name }) => all.get(name)).filter((server) => server !== undefined)
  const kept = servers.filter(isWaiting)
  for (const { name, trouble } of kept) {
    io.say(`${paint('red', name)}: ${neutralise(trouble ?? 'still runs with its old configuration')}`)
    io.say(`  ${paint('cyan', 'hint:')} mcpctl logs ${name}, correct its configuration; mcpctl reload ${name} tries again`)
  }
  const exchanged = servers.filter((server) => !kept.includes(server))
  const summary = renderStartSummary(exchanged, elapsedMs, paint)
  if (up.length > 0) for (const line of summary.slice(0, -1)) io.say(line)
  const ready = exchanged.filter(({ phase }) => phase === 'ready').length
  const stopping = changes.filter(({ name, action }) => action === 'stop' && judgeReload(action, all.get(name), all) !== 'good').length
  const failed = up.length - ready
  if (up.length > 0 || stopping > 0) io.say(`${[`${ready} ready`, ...(failed > 0 ? [`${failed} not`] : []), ...(stopping > 0 ? [`${stopping} still stopping`] : [])].join(', ')} (${formatDuration(elapsedMs)})`)
  const exitStatus = failed + stopping === 0 ? 0 : isLate ? 7 : 1
  return { exitStatus, json: { source: order.source, dryRun: false, changes, ready, failed, timedOut: isLate, servers } }
}
