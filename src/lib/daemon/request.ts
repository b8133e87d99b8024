import { existsSync } from 'node:fs'
import { nearest } from '../base/index.js'
import { readApplyParams, readNamesParams, readSnapshotParams, type ApplyResult, type Home, type NamesResult, type RequestContext, type RequestHandler } from '../control/index.js'
import { isActive, type Fleet, type Snapshot } from '../core/index.js'
import { McpctlError } from '../errors/index.js'
import type { GatewayHost } from './gateway-host.js'
import { baseName } from './server-source.js'
import { toServerSnapshot, toSnapshot } from './snapshot.js'
import type { Supervisor } from './supervisor.js'
import type { UsageMeter } from './usage.js'

export interface RequestServices {
  readonly supervisor: Supervisor
  readonly usage: UsageMeter
  readonly home: Home
  readonly now: () => number
  readonly version: string
  readonly startedAt: number
  /** A client has applied a configuration or asked for servers: the daemon has something to stay for. */
  readonly onUsed: () => void
  readonly gateway: GatewayHost
  /** Asks the daemon to end; resolves when every server is down. */
  readonly shutdown: () => Promise<void>
}

/** Answers control requests: reads the parameters, asks the supervisor, waits where the answer has to be true. */
export function createRequestHandler(services: RequestServices): RequestHandler {
  return async (method, params, context) => {
    switch (method) {
      case 'snapshot':
        return snapshot(services, params)
      case 'apply':
        return apply(services, params)
      case 'start':
        return want(services, 'start', params)
      case 'restart':
        return want(services, 'restart', params)
      case 'stop':
        return stop(services, params)
      case 'shutdown':
        return shutdown(services)
      case 'subscribe':
        return subscribe(services, context)
      default:
        throw new McpctlError('DAEMON_INCOMPATIBLE', `the daemon (version ${services.version}) does not know the request ${JSON.stringify(method)}`, {
          hint: 'Command and daemon are of different versions: mcpctl stop, then mcpctl start.',
        })
    }
  }
}

async function snapshot(services: RequestServices, params: unknown): Promise<Snapshot> {
  const { names, detail } = readSnapshotParams(params)
  const { supervisor, home, now } = services
  const known = resolveNames(supervisor.fleet, names)
  const usage = await services.usage.measure()
  return toSnapshot(supervisor, { names: known, detail, usage, now: now(), daemon: describeDaemon(services), home })
}

function describeDaemon({ supervisor, version, startedAt, home, gateway }: RequestServices): Snapshot['daemon'] {
  const sources = new Set([...supervisor.fleet.servers.values()].filter(({ spec }) => spec.session === null).map(({ spec }) => spec.source))
  return { pid: process.pid, version, startedAt, home: home.root, logDirectory: home.logs, sources: [...sources], http: gateway.http }
}

async function apply({ supervisor, onUsed, gateway }: RequestServices, params: unknown): Promise<ApplyResult> {
  const { source, settings, servers } = readApplyParams(params)
  if (supervisor.fleet.closing) throw closing()
  // A file that is gone was renamed or moved: its servers are taken over by the one that names them now.
  const conflict = supervisor.conflicts(source, servers).find((candidate) => existsSync(candidate.source))
  if (conflict) {
    throw new McpctlError('CONFIG_CONFLICT', `server "${conflict.name}" of ${source} is already defined by ${conflict.source}`, {
      hint: `Rename one of the two, stop the other (mcpctl stop ${conflict.name}), or run one project under its own MCP_HOME.`,
      details: { name: conflict.name, source, other: conflict.source },
    })
  }
  const before = supervisor.fleet
  onUsed()
  supervisor.send({ type: 'apply', source, specs: servers, settings })
  await gateway.applied(source, settings.gateway)
  const mine = [...supervisor.fleet.servers].filter(([, entry]) => entry.spec.source === source)
  return {
    added: mine.filter(([name]) => !before.servers.has(name)).map(([name]) => name),
    changed: mine.filter(([, entry]) => entry.nextSpec !== null).map(([name]) => name),
    removed: mine.filter(([, entry]) => entry.removed).map(([name]) => name),
  }
}

function want({ supervisor, onUsed }: RequestServices, type: 'start' | 'restart', params: unknown): NamesResult {
  const names = resolveNames(supervisor.fleet, readNamesParams(params).names, (fleet) =>
    [...fleet.servers].filter(([, { spec, state, removed }]) => (type === 'restart' ? state.desired === 'up' : spec.enabled && !removed && spec.start === 'auto')).map(([name]) => name),
  )
  if (supervisor.fleet.closing) throw closing()
  onUsed()
  supervisor.send({ type, names })
  return { names }
}

async function stop({ supervisor }: RequestServices, params: unknown): Promise<NamesResult> {
  const asked = resolveNames(supervisor.fleet, readNamesParams(params).names)
  // With a server go the processes of it that belong to single sessions.
  const names = [...supervisor.fleet.servers.keys()].filter((name) => asked.includes(name) || asked.includes(baseName(name)))
  supervisor.send({ type: 'stop', names })
  await supervisor.until((fleet) => names.every((name) => isDownOrWantedAgain(fleet, name)))
  const again = names.find((name) => supervisor.fleet.servers.get(name)?.state.desired === 'up')
  if (again !== undefined) throw new McpctlError('SERVER_FAILED', `${again} was started again while it stopped`, { hint: 'Another command asked for it; see mcpctl events.', details: { name: again } })
  return { names }
}

function isDownOrWantedAgain(fleet: Fleet, name: string): boolean {
  const state = fleet.servers.get(name)?.state
  return state === undefined || state.desired === 'up' || !isActive(state)
}

async function shutdown({ supervisor, shutdown: end }: RequestServices): Promise<NamesResult> {
  const names = [...supervisor.fleet.servers].filter(([, entry]) => isActive(entry.state)).map(([name]) => name)
  await end()
  return { names }
}

function subscribe(services: RequestServices, context: RequestContext): Promise<Record<string, never>> {
  const { supervisor, now, home } = services
  return new Promise((resolve) => {
    let told = false
    const names = [...supervisor.fleet.servers.keys()]
    context.emit({ type: 'snapshot', snapshot: toSnapshot(supervisor, { names, detail: false, usage: new Map(), now: now(), daemon: describeDaemon(services), home }) })
    const stopListening = supervisor.onChange((name, before) => {
      if (supervisor.fleet.closing && !before.closing && !told) {
        told = true
        context.emit({ type: 'closing', time: now() })
      }
      const entry = supervisor.fleet.servers.get(name)
      const previous = before.servers.get(name)?.state.phase ?? null
      if (entry) context.emit({ type: 'server', time: now(), previous, server: toServerSnapshot(supervisor, entry, now()) })
      else context.emit({ type: 'removed', time: now(), name })
    })
    context.onGone(() => {
      stopListening()
      resolve({})
    })
  })
}

function closing(): McpctlError {
  return new McpctlError('DAEMON_UNREACHABLE', 'the daemon is shutting down', { hint: 'Try again in a moment.', details: { leaving: true } })
}

function resolveNames(fleet: Fleet, names: readonly string[] | null, all = (of: Fleet): string[] => [...of.servers.keys()]): string[] {
  if (names === null) return all(fleet)
  for (const name of names) {
    if (fleet.servers.has(name)) continue
    const close = nearest(name, fleet.servers.keys())
    const known = [...fleet.servers.keys()]
    throw new McpctlError('SERVER_UNKNOWN', `there is no server "${name}"`, {
      hint: close.length > 0 ? `Did you mean ${close.join(' or ')}?` : known.length > 0 ? `Known servers: ${known.slice(0, 20).join(', ')}.` : 'No servers are configured here.',
      details: { name, suggestions: close },
    })
  }
  return [...new Set(names)]
}
