import { connectControl, ensureDaemon, readDesired, resolveHome, VERSION, type ApplyResult, type ControlClient, type DesiredServer } from '../control/index.js'
import type { LoadedConfig } from '../config/index.js'
import { McpctlError } from '../errors/index.js'
import type { Io } from '../cli/index.js'
import { originOf } from './config-origin.js'
import { expandNames, isCalled, type Named } from './names.js'

export interface Configured {
  readonly client: ControlClient
  /** Null when there is no configuration here and the daemon's own is used. */
  readonly config: LoadedConfig | null
  readonly applied: ApplyResult | null
  /** The servers meant, in configuration order. */
  readonly names: readonly string[]
}

export interface ConfiguredOptions {
  readonly io: Io
  readonly configPath: string | undefined
  readonly names: readonly string[]
  /** What no name means: all that start by themselves, all that run, or those that ran when the last daemon died. */
  readonly all: 'enabled' | 'running' | 'resume'
}

/**
 * Brings daemon and configuration together: starts the daemon if needed while the configuration loads, checks the
 * names, then hands the configuration over. Nothing is applied when anything is wrong with configuration or names.
 */
export async function openConfigured(options: ConfiguredOptions): Promise<Configured> {
  const { io, configPath } = options
  const { findConfig } = await import('../config/find.js')
  if (findConfig({ cwd: io.cwd, env: io.env, ...(configPath === undefined ? {} : { configPath }) }) === null) return openUnconfigured(options)
  const home = resolveHome(io.env)
  const loadedAt = Date.now()
  // Before a daemon starts: it begins a list of its own.
  const desired = readDesired(home)
  const loading = import('../config/index.js').then(({ loadConfig }) => loadConfig({ cwd: io.cwd, env: io.env, ...(configPath === undefined ? {} : { configPath }) }))
  const [daemon, config] = await Promise.allSettled([ensureDaemon(home), loading])
  if (config.status === 'rejected' || daemon.status === 'rejected') {
    if (daemon.status === 'fulfilled') daemon.value.close()
    // A configuration error is the user's to mend whatever else went wrong.
    throw config.status === 'rejected' ? config.reason : (daemon as PromiseRejectedResult).reason
  }
  return applyConfig(options, daemon.value, config.value, { loadedAt, desired })
}

interface Earlier {
  readonly loadedAt: number
  readonly desired: readonly DesiredServer[] | null
}

async function applyConfig(options: ConfiguredOptions, client: ControlClient, config: LoadedConfig, { loadedAt, desired }: Earlier): Promise<Configured> {
  try {
    for (const warning of config.warnings) options.io.say(`warning: ${warning}`)
    const own = config.servers.map(({ name, traffic }) => ({ name, group: traffic.membership?.group ?? null }))
    const known = options.names.every((name) => own.some((server) => isCalled(server, name))) ? own : await knownNames(client, own)
    const asked = expandNames(options.names, known)
    const { source, settings, servers } = config
    const applied = await client.request('apply', { source, sources: config.explained.files, settings, servers, origin: originOf(options.io, config, { configPath: options.configPath, loadedAt }) })
    const names = asked.length > 0 ? asked : options.all === 'running' ? await runningNames(client) : startingNames(config, options.all === 'resume' ? desired : null)
    return { client, config, applied, names }
  } catch (error) {
    client.close()
    throw error
  }
}

/** No configuration here: servers the daemon already knows can still be named. */
async function openUnconfigured({ io, names }: ConfiguredOptions): Promise<Configured> {
  const client = names.length > 0 ? await connectControl(resolveHome(io.env), VERSION) : null
  if (client === null) throw configNotFound(io.cwd)
  try {
    return { client, config: null, applied: null, names: expandNames(names, await knownNames(client, [])) }
  } catch (error) {
    client.close()
    throw error
  }
}

async function knownNames(client: ControlClient, own: readonly Named[]): Promise<Named[]> {
  const { servers } = await client.request('snapshot', { names: null, detail: false })
  return [...own, ...servers]
}

async function runningNames(client: ControlClient): Promise<string[]> {
  const { servers } = await client.request('snapshot', { names: null, detail: false })
  return servers.filter((server) => server.desired === 'up').map((server) => server.name)
}

/** Every server that starts by itself; or, after a daemon that died, those somebody wanted up then. */
function startingNames({ servers, explained }: LoadedConfig, desired: readonly DesiredServer[] | null): string[] {
  const known = new Map(desired?.filter((server) => explained.files.includes(server.source)).map((server) => [server.name, server.desired]))
  return servers.filter(({ name, enabled, start }) => enabled && (known.get(name) ?? (start === 'auto' ? 'up' : 'down')) === 'up').map(({ name }) => name)
}

export function configNotFound(cwd: string): McpctlError {
  return new McpctlError('CONFIG_NOT_FOUND', `no configuration found in ${cwd} or any folder above it`, {
    hint: 'Create mcp.config.json with { "servers": { "NAME": { "command": "…" } } }, keep a .mcp.json, or point to one with --config FILE.',
    details: { cwd },
  })
}

