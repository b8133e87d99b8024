import { changeRuntime, readRuntimeChanges, runtimeChangesFile, type ConfigOrigin, type Home, type RuntimeChanges } from '../control/index.js'
import type { Fleet, FleetEntry } from '../core/index.js'
import { McpctlError } from '../errors/index.js'
import type { AddedServer, ManagedHealth, ManagedServer, Management } from '../gateway/index.js'
import type { ConfigSources } from './config-sources.js'
import { runReload, type ProcessGroups, type RunReload } from './config-watch-run.js'
import { describeHealthOf, type FleetFacts } from './health-document.js'
import type { Journal } from './journal.js'
import { baseName, isConfigured } from './server-name.js'
import type { Supervisor } from './supervisor.js'

export interface ManagementOptions {
  readonly home: Home
  readonly supervisor: Supervisor
  readonly journal: Journal
  readonly groups: ProcessGroups
  /** Errors of a server's calls since the daemon started. */
  readonly errorsOf: (server: string) => number
  /** All servers, and how they are. */
  readonly facts: () => Promise<FleetFacts>
  readonly run?: RunReload
}

/** What clients change, for its owner. */
export interface OwnManagement extends Management {
  /** From now on it is known which configurations there are. */
  follow(configs: ConfigSources): void
  /** Ends what is under way. */
  close(): void
}

/** A client is not kept waiting longer for a server to come up. */
const SETTLE_MS = 10_000

/**
 * Changes of clients of this daemon: written down like those of `mcpctl add` and its like, and brought about by the same
 * command that reloads a changed configuration. One that cannot be loaded is taken back.
 */
export function createManagement({ home, supervisor, journal, groups, errorsOf, facts, run = runReload }: ManagementOptions): OwnManagement {
  const abort = new AbortController()
  let configs: ConfigSources | null = null
  let work: Promise<unknown> = Promise.resolve()

  const bring = async (name: string, change: (changes: RuntimeChanges) => RuntimeChanges): Promise<void> => {
    const source = sourceOf(supervisor, configs, name) ?? runtimeChangesFile(home)
    const before = readRuntimeChanges(home)
    const after = await changeRuntime(home, change)
    const outcome = await run({ source, origin: configs?.originOf(source) ?? ownOrigin(home), home, groups, names: [name] }, abort.signal)
    if (outcome.type === 'reloaded') {
      journal.write('info', 'a client changed the servers', { name, changes: outcome.summary })
      return settled(supervisor, name)
    }
    await changeRuntime(home, (now) => (JSON.stringify(now) === JSON.stringify(after) ? before : now))
    throw new McpctlError('CONFIG_INVALID', outcome.trouble, { hint: 'Nothing was changed.' })
  }
  /** One after the other: what is taken back must not be somebody else's. */
  const queue = (name: string, change: (changes: RuntimeChanges) => RuntimeChanges): Promise<void> => {
    const done = work.then(() => bring(name, change))
    work = done.catch(() => undefined)
    return done
  }
  return {
    servers: () => [...supervisor.fleet.servers.values()].filter((entry) => isConfigured(entry) && !entry.removed && entry.spec.transport !== 'none').map((entry) => describe(entry, { home, supervisor, errorsOf })),
    add: (server) => queue(server.name, ({ servers, enabled }) => {
      const { [server.name]: _switch, ...kept } = enabled
      return { servers: { ...servers, [server.name]: entryOf(server, home) }, enabled: kept }
    }),
    remove(name) {
      if (!Object.hasOwn(readRuntimeChanges(home).servers, name)) {
        return Promise.reject(new McpctlError('USAGE', `server "${name}" stands in a configuration file and cannot be removed from here`, { hint: 'It can be disabled.' }))
      }
      return queue(name, ({ servers, enabled }) => {
        const { [name]: _entry, ...others } = servers
        const { [name]: _switch, ...kept } = enabled
        return { servers: others, enabled: kept }
      })
    },
    switch: (name, isOn) => queue(name, ({ servers, enabled }) => ({ servers, enabled: { ...enabled, [keyOf(name)]: isOn } })),
    health: async (names) => describeHealthOf(await facts(), names),
    follow(known) { configs = known },
    close() { abort.abort() },
  }
}

function entryOf({ url, command, args = [] }: AddedServer, home: Home): Record<string, unknown> {
  return url === undefined ? { command, args: [...args], cwd: home.root } : { url }
}

/** `search@2` is made of what its file calls `search`. */
function keyOf(name: string): string {
  return name.split('@')[0] ?? name
}

/** The configuration that has it, or for a new one any: the first there is. */
function sourceOf({ fleet }: Supervisor, configs: ConfigSources | null, name: string): string | null {
  const file = fleet.servers.get(name)?.spec.source
  const files = file === undefined ? [...new Set([...fleet.servers.values()].filter(isConfigured).map(({ spec }) => spec.source))] : [file]
  return configs?.describe(files).find(({ source }) => configs.originOf(source) !== null)?.source ?? null
}

/** Nobody applied a configuration yet. */
function ownOrigin(home: Home): ConfigOrigin {
  const env = Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return { cwd: home.root, configPath: null, env: Object.fromEntries(env), files: [], watch: true, loadedAt: 0 }
}

async function settled(supervisor: Supervisor, name: string): Promise<void> {
  const deadline = performance.now() + SETTLE_MS
  // Its start is ordered in a moment, and what it does after that is told by nobody in particular.
  while (performance.now() < deadline && isOnItsWay(supervisor.fleet, name)) await new Promise((resolve) => setTimeout(resolve, 50))
}

function isOnItsWay(fleet: Fleet, name: string): boolean {
  const state = fleet.servers.get(name)?.state
  return state !== undefined && !fleet.closing && (state.phase === 'waiting' || state.phase === 'starting' || state.phase === 'stopping')
}

function describe(entry: FleetEntry, { home, supervisor, errorsOf }: Pick<ManagementOptions, 'home' | 'supervisor' | 'errorsOf'>): ManagedServer {
  const { spec, state } = entry
  const instance = supervisor.instance(spec.name)
  const link = state.phase === 'ready' ? (instance?.link ?? null) : null
  return {
    name: spec.name, url: spec.endpoint === null ? null : withoutSecrets(spec.endpoint.url), enabled: spec.enabled,
    isAdded: spec.source === runtimeChangesFile(home),
    health: healthOf(entry, supervisor), lastCheck: link?.activity.lastHeardAt ?? state.since,
    toolCount: link === null ? 0 : (instance?.established?.catalogue.tools.length ?? 0),
    errorCount: errorsOf(baseName(spec.name)), lastError: state.phase === 'ready' || state.phase === 'idle' ? null : state.reason || null,
  }
}

function healthOf({ spec, state }: FleetEntry, { breakers }: Supervisor): ManagedHealth {
  if (!spec.enabled) return 'unknown'
  if (breakers.of(spec.name)?.state === 'open') return 'proxy_error'
  switch (state.phase) {
    case 'ready': return 'healthy'
    case 'unready': return 'unhealthy'
    case 'backoff':
    case 'failed':
    case 'exited': return 'error'
    default: return 'unknown'
  }
}

/** A query may hold a key. */
function withoutSecrets(url: string): string {
  if (!URL.canParse(url)) return url
  const { origin, pathname } = new URL(url)
  return `${origin}${pathname}`
}
