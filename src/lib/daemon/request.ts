import { existsSync } from 'node:fs'
import { nearest } from '../base/index.js'
import {
  readApplyParams,
  readConfigFailedParams,
  readMetricsParams,
  readNamesParams,
  readReloadParams,
  readShutdownParams,
  readSnapshotParams,
  readTraceParams,
  type ApplyParams,
  type ApplyResult,
  type DefinitionsResult,
  type Home,
  type NamesResult,
  type ReloadParams,
  type ReloadResult,
  type RequestContext,
  type RequestHandler,
} from '../control/index.js'
import { isActive, planReload, type Fleet, type MetricsSnapshot, type Snapshot } from '../core/index.js'
import { McpctlError } from '../errors/index.js'
import { keepAway } from './away.js'
import type { ConfigSources } from './config-sources.js'
import type { Definitions } from './definitions.js'
import { bringBack, type DesiredKeeper } from './desired.js'
import type { GatewayHost } from './gateway-host.js'
import { describeLimits } from './limits-snapshot.js'
import type { Metrics } from './metrics.js'
import type { LimitsBackend } from '../process/index.js'
import { baseName, isConfigured } from './server-name.js'
import { toServerSnapshot, toSnapshot } from './snapshot.js'
import type { Supervisor } from './supervisor.js'
import type { Tracer } from './trace.js'
import type { UsageMeter } from './usage.js'

export interface RequestServices {
  readonly supervisor: Supervisor
  readonly usage: UsageMeter
  readonly metrics: Metrics
  readonly home: Home
  readonly now: () => number
  readonly version: string
  readonly startedAt: number
  /** A client has applied a configuration or asked for servers: the daemon has something to stay for. */
  readonly onUsed: () => void
  readonly gateway: GatewayHost
  readonly configs: ConfigSources
  readonly desired: DesiredKeeper
  readonly definitions: Definitions
  readonly limits: LimitsBackend
  /** Asks the daemon to end; resolves when every server is down. */
  readonly shutdown: (successor?: boolean) => Promise<void>
}

/** Answers control requests: reads the parameters, asks the supervisor, waits where the answer has to be true. */
export function createRequestHandler(services: RequestServices): RequestHandler {
  // Loaded with the first one who looks on.
  let tracer: Promise<Tracer> | null = null
  return async (method, params, context) => {
    switch (method) {
      case 'snapshot':
        return snapshot(services, params)
      case 'metrics':
        return metrics(services, params)
      case 'apply':
        return apply(services, params)
      case 'reload':
        return reload(services, params)
      case 'config-failed':
        return configFailed(services, params)
      case 'start':
        return want(services, 'start', params)
      case 'restart':
        return want(services, 'restart', params)
      case 'reconnect':
        return reconnect(services, params)
      case 'stop':
        return stop(services, params)
      case 'away':
        return keepAway(services.supervisor, resolveNames(services.supervisor.fleet, readNamesParams(params).names), { stop: () => stop(services, params), onGone: (listener) => { context.onGone(listener) } })
      case 'definitions':
        return listDefinitions(services, params)
      case 'shutdown':
        return shutdown(services, params)
      case 'subscribe':
        return subscribe(services, context)
      case 'trace':
        tracer ??= import('./trace.js').then(({ createTracer }) => createTracer(services.supervisor, services.now)).catch((error: unknown) => {
          // The next one tries again.
          tracer = null
          throw error
        })
        return (await tracer).serve(readTraceParams(params), context)
      default:
        throw new McpctlError('DAEMON_INCOMPATIBLE', `the daemon (version ${services.version}) does not know the request ${JSON.stringify(method)}`, {
          hint: 'Command and daemon are of different versions: mcpctl daemon restart.',
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

async function metrics({ supervisor, metrics: figures }: RequestServices, params: unknown): Promise<MetricsSnapshot> {
  const { names, history, tools } = readMetricsParams(params)
  // What a session's own process does is counted with its server.
  return figures.read({ names: names === null ? null : resolveNames(supervisor.fleet, names).map(baseName), history, tools })
}

/** Everything of configured servers that speak MCP, what is quarantined too. */
function listDefinitions({ supervisor, definitions }: RequestServices, params: unknown): DefinitionsResult {
  const { names } = readNamesParams(params)
  const wanted = resolveNames(supervisor.fleet, names)
  const entries = wanted.flatMap((name) => supervisor.fleet.servers.get(name) ?? []).filter((entry) => isConfigured(entry) && entry.spec.transport !== 'none')
  return {
    servers: entries.map(({ spec: { name, source, traffic }, state }) => {
      const listed = definitions.of(name)
      return {
        name, source, phase: state.phase, isPinned: traffic.pins !== null,
        listed: listed === null ? null : { tools: listed.catalogue.tools, prompts: listed.catalogue.prompts, isRemembered: listed.isRemembered || state.phase !== 'ready' },
        held: definitions.held(name),
      }
    }),
  }
}

function describeDaemon({ version, startedAt, home, gateway, configs, limits, supervisor }: RequestServices): Snapshot['daemon'] {
  const sources = new Set([...supervisor.fleet.servers.values()].filter(isConfigured).map(({ spec }) => spec.source))
  return {
    pid: process.pid, version, startedAt, home: home.root, logDirectory: home.logs, sources: [...sources], http: gateway.http,
    configs: configs.describe([...sources]),
    limits: describeLimits(limits),
    profiles: gateway.profiles(),
  }
}

/** Hands a configuration to all that follow it, unless its names clash with those of another one. */
async function takeOver({ supervisor, onUsed, gateway, configs, desired }: RequestServices, order: ApplyParams, { sources, change }: { sources: readonly string[]; change: () => void }): Promise<void> {
  if (supervisor.fleet.closing) throw closing()
  // A file that is gone was renamed or moved: its servers are taken over by the one that names them now.
  const { source, settings, servers } = order
  const conflict = supervisor.conflicts(servers).find((candidate) => existsSync(candidate.source))
  if (conflict) {
    throw new McpctlError('CONFIG_CONFLICT', `server "${conflict.name}" of ${source} is already defined by ${conflict.source}`, {
      hint: `Rename one of the two, stop the other (mcpctl stop ${conflict.name}), or run one project under its own MCP_HOME.`,
      details: { name: conflict.name, source, other: conflict.source },
    })
  }
  onUsed()
  change()
  bringBack(supervisor, desired.takeOver(sources), servers)
  configs.applied(order)
  await gateway.applied(source, settings.gateway)
}

async function apply(services: RequestServices, params: unknown): Promise<ApplyResult> {
  const order = readApplyParams(params)
  const { servers, settings } = order
  const { supervisor } = services
  const before = supervisor.fleet
  const sources = services.configs.filesOf(order)
  await takeOver(services, order, { sources, change: () => supervisor.send({ type: 'apply', sources, specs: servers, settings }) })
  const mine = [...supervisor.fleet.servers].filter(([, entry]) => sources.includes(entry.spec.source) && isConfigured(entry))
  return {
    added: mine.filter(([name]) => !before.servers.has(name)).map(([name]) => name),
    changed: mine.filter(([, entry]) => entry.nextSpec !== null).map(([name]) => name),
    removed: mine.filter(([, entry]) => entry.removed).map(([name]) => name),
  }
}

async function reload(services: RequestServices, params: unknown): Promise<ReloadResult> {
  const order = readReloadParams(params)
  const { servers, settings, names, dryRun } = order
  const { supervisor } = services
  const sources = services.configs.filesOf(order)
  refuseStale(services, order)
  const changes = planReload(supervisor.fleet, sources, servers, names)
  if (!dryRun) await takeOver(services, order, { sources, change: () => supervisor.send({ type: 'reload', sources, specs: servers, settings, names }) })
  return { changes }
}

/** What was read before the version in effect was would take back what that one brought. */
function refuseStale({ configs }: RequestServices, { source, origin }: ReloadParams): void {
  if (origin == null || origin.loadedAt >= (configs.originOf(source)?.loadedAt ?? 0)) return
  throw new McpctlError('CONFIG_CONFLICT', `${source}: a newer version of it has taken effect meanwhile`, { hint: 'Reload it again.', details: { source, isStale: true } })
}

function configFailed({ configs }: RequestServices, params: unknown): Record<string, never> {
  configs.failed(readConfigFailedParams(params))
  return {}
}

function want({ supervisor, onUsed }: RequestServices, type: 'start' | 'restart', params: unknown): NamesResult {
  const names = resolveNames(supervisor.fleet, readNamesParams(params).names, (fleet) =>
    [...fleet.servers].filter(([, { spec, state, removed }]) => (type === 'restart' ? state.desired === 'up' : spec.enabled && !removed && spec.start === 'auto') && fleet.servers.get(spec.name)?.standIn === null).map(([name]) => name),
  )
  if (supervisor.fleet.closing) throw closing()
  onUsed()
  supervisor.send({ type, names })
  return { names }
}

/** What waits for its next try is tried at once; a remote server gets a new connection. */
function reconnect({ supervisor, gateway, onUsed }: RequestServices, params: unknown): NamesResult {
  const { breakers, fleet } = supervisor
  const isClosed = (name: string): boolean => (breakers.of(name)?.state ?? 'closed') === 'closed'
  const names = resolveNames(fleet, readNamesParams(params).names, () => [...fleet.servers.values()]
    .filter((entry) => isConfigured(entry) && entry.state.desired === 'up' && (entry.state.phase !== 'ready' || !isClosed(entry.spec.name))).map(({ spec }) => spec.name))
  if (fleet.closing) throw closing()
  onUsed()
  const isRemote = (name: string): boolean => fleet.servers.get(name)?.spec.launch === null
  const connected = names.filter((name) => isRemote(name) && ['ready', 'unready'].includes(fleet.servers.get(name)?.state.phase ?? ''))
  supervisor.send({ type: 'restart', names: connected })
  supervisor.send({ type: 'start', names: names.filter((name) => !connected.includes(name)) })
  for (const name of names) gateway.tryNow(name)
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

async function shutdown({ supervisor, shutdown: end }: RequestServices, params: unknown): Promise<NamesResult> {
  const { successor } = readShutdownParams(params)
  const names = [...supervisor.fleet.servers].filter(([, entry]) => isActive(entry.state) && entry.standIn === null).map(([name]) => name)
  await end(successor)
  return { names }
}

function subscribe(services: RequestServices, context: RequestContext): Promise<Record<string, never>> {
  const { supervisor, now, home } = services
  return new Promise((resolve) => {
    let told = false
    const names = namesOf(supervisor.fleet)
    context.emit({ type: 'snapshot', snapshot: toSnapshot(supervisor, { names, detail: false, usage: new Map(), now: now(), daemon: describeDaemon(services), home }) })
    const stopListening = supervisor.onChange((name, before) => {
      if (supervisor.fleet.closing && !before.closing && !told) {
        told = true
        context.emit({ type: 'closing', time: now() })
      }
      const entry = supervisor.fleet.servers.get(name)
      if ((entry ?? before.servers.get(name))?.standIn != null) return
      const previous = before.servers.get(name)?.state.phase ?? null
      if (entry) context.emit({ type: 'server', time: now(), previous, server: toServerSnapshot(supervisor, entry, now()) })
      else context.emit({ type: 'removed', time: now(), name })
    })
    const stopHearing = supervisor.breakers.onChange(({ name, at, from, to, reason }) => {
      context.emit({ type: 'breaker', time: at, name, from, to, reason })
      const entry = supervisor.fleet.servers.get(name)
      if (entry) context.emit({ type: 'server', time: at, previous: entry.state.phase, server: toServerSnapshot(supervisor, entry, now()) })
    })
    context.onGone(() => {
      stopHearing()
      stopListening()
      resolve({})
    })
  })
}

function closing(): McpctlError {
  return new McpctlError('DAEMON_UNREACHABLE', 'the daemon is shutting down', { hint: 'Try again in a moment.', details: { leaving: true } })
}

/** Every server, those of single sessions too; not the second instance of one that is being replaced. */
function namesOf(fleet: Fleet): string[] {
  return [...fleet.servers.values()].filter(({ standIn }) => standIn === null).map(({ spec }) => spec.name)
}

function resolveNames(fleet: Fleet, names: readonly string[] | null, all = namesOf): string[] {
  if (names === null) return all(fleet)
  const found = names.flatMap((name) => {
    const known = namesOf(fleet)
    // The name of a group stands for its members.
    const meant = known.filter((each) => each === name || fleet.servers.get(each)?.spec.traffic.membership?.group === name)
    if (meant.length > 0) return meant
    const close = nearest(name, known)
    throw new McpctlError('SERVER_UNKNOWN', `there is no server "${name}"`, {
      hint: close.length > 0 ? `Did you mean ${close.join(' or ')}?` : known.length > 0 ? `Known servers: ${known.slice(0, 20).join(', ')}.` : 'No servers are configured here.',
      details: { name, suggestions: close },
    })
  })
  return [...new Set(found)]
}
