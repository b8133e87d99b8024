import type { Io, Outcome } from '../cli/index.js'
import type { LoadedConfig } from '../config/index.js'
import { changeRuntime, connectControl, readRuntimeChanges, resolveHome, runtimeChangesFile, VERSION, type ControlClient, type Home, type RuntimeChanges } from '../control/index.js'
import type { Snapshot } from '../core/index.js'
import { McpctlError } from '../errors/index.js'
import { configOf } from './config-of.js'
import { followReload } from './reload-follow.js'
import { orderOf, withFreshOrder } from './reload-order.js'

export type Change = (changes: RuntimeChanges) => RuntimeChanges

/** What is known before anything is changed. The caller closes the client. */
export interface Ground {
  readonly home: Home
  readonly file: string
  /** Null: no daemon runs. */
  readonly client: ControlClient | null
  readonly snapshot: Snapshot | null
  /** The configuration from here with these changes; null: there is none, not even with them. Throws what loading throws. */
  load(changes: RuntimeChanges): Promise<LoadedConfig | null>
}

export async function openGround(io: Io): Promise<Ground> {
  const home = resolveHome(io.env)
  const client = await connectControl(home, VERSION)
  const snapshot = client === null ? null : await client.request('snapshot', { names: null, detail: false })
  return { home, file: runtimeChangesFile(home), client, snapshot, load: (changes) => load(io, changes) }
}

async function load(io: Io, runtime: RuntimeChanges): Promise<LoadedConfig | null> {
  const { loadConfig } = await import('../config/index.js')
  try {
    return await loadConfig({ cwd: io.cwd, env: io.env, runtime })
  } catch (error) {
    if (error instanceof McpctlError && error.code === 'CONFIG_NOT_FOUND' && error.details['places'] !== undefined) return null
    throw error
  }
}

export interface ChangeOrder {
  readonly io: Io
  readonly ground: Ground
  readonly action: 'add' | 'remove' | 'enable' | 'disable' | 'reset'
  /** The servers concerned. */
  readonly names: readonly string[]
  readonly change: Change
  /** False: what is new is made known to a running daemon, but not started. */
  readonly start?: boolean
  readonly timeoutMs: number | null
}

/**
 * Tries the change, writes it down, and has a running daemon follow. Throws before anything is written when the
 * configuration could not be loaded with it.
 */
export async function carryOut(order: ChangeOrder): Promise<Outcome> {
  const { io, ground, action, names, change } = order
  const tried = await ground.load(change(readRuntimeChanges(ground.home))).catch((error: unknown) => { throw untied(error, ground.file) })
  for (const warning of tried?.warnings ?? []) io.say(`warning: ${warning}`)
  await changeRuntime(ground.home, change)
  const document = { action, names, file: ground.file }
  if (ground.client === null || ground.snapshot === null) return { json: { ...document, daemon: null, changes: [], servers: [] } }
  const outcomes: Outcome[] = []
  for (const [source, concerned] of bySource(ground.snapshot, order, tried)) outcomes.push(await apply(order, ground.client, { source, names: concerned }))
  const lists = (key: string): unknown[] => outcomes.flatMap(({ json }) => (Array.isArray(json?.[key]) ? (json[key] as unknown[]) : []))
  return { exitStatus: Math.max(0, ...outcomes.map(({ exitStatus = 0 }) => exitStatus)), json: { ...document, daemon: 'running', changes: lists('changes'), servers: lists('servers') } }
}

async function apply({ io, start = true, timeoutMs }: ChangeOrder, client: ControlClient, { source, names }: { readonly source: string; readonly names: readonly string[] }): Promise<Outcome> {
  return withFreshOrder(io, client, { configPath: source, dryRun: false }, async (loaded) => {
    if (start) return followReload(client, { ...orderOf(io, loaded), names, dryRun: false }, { io, timeoutMs, onChanges: () => undefined })
    await client.request('apply', orderOf(io, loaded))
    return {}
  })
}

/**
 * The configurations of the daemon that have to be loaded anew, with the servers they are about. What is new comes with the
 * configuration from here, if the daemon has that one; a command given elsewhere must not bring in another project's servers.
 */
function bySource({ daemon, servers }: Snapshot, { names, ground }: ChangeOrder, tried: LoadedConfig | null): Map<string, string[]> {
  const sources = new Map<string, string[]>()
  const here = tried !== null && (daemon.configs ?? []).some(({ source }) => source === tried.source) ? tried.source : ground.file
  for (const name of names) {
    const meant = servers.filter((server) => server.name === name || server.name.startsWith(`${name}@`))
    const configs = new Set(meant.map((server) => configOf(daemon, server)?.source ?? server.source))
    // One that no configuration of the daemon's names yet is only known from here.
    if (configs.size === 0) configs.add(here)
    for (const source of configs) sources.set(source, [...(sources.get(source) ?? []), ...(meant.length === 0 ? [name] : meant.map((server) => server.name))])
  }
  return sources
}

/** What is wrong with an entry that was never written stands in no file. */
function untied(error: unknown, file: string): unknown {
  if (!(error instanceof McpctlError) || !error.message.includes(file)) return error
  return new McpctlError(error.code, error.message.replaceAll(`${file}: `, ''), { ...(error.hint === undefined ? {} : { hint: error.hint }), details: error.details, cause: error })
}
