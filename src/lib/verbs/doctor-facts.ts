import type { LoadedConfig } from '../config/index.js'
import type { Io } from '../cli/index.js'
import { connectControl, resolveHome, VERSION, type Home } from '../control/index.js'
import type { Alert, MetricsSnapshot, ServerSpec, Snapshot } from '../core/index.js'
import type { ListedProcess } from '../process/index.js'

/** What the daemon says; `trouble`: it is there and does not answer. */
export type DaemonFacts =
  | { readonly state: 'absent' }
  | { readonly state: 'mute'; readonly trouble: unknown }
  | { readonly state: 'running'; readonly snapshot: Snapshot; readonly alerts: readonly Alert[] }

export type ConfigFacts =
  | { readonly state: 'absent' }
  | { readonly state: 'broken'; readonly trouble: unknown }
  | { readonly state: 'loaded'; readonly config: LoadedConfig }

/** What several checks look at, asked once. None of the promises rejects. */
export interface Facts {
  readonly io: Io
  readonly home: Home
  readonly daemon: Promise<DaemonFacts>
  readonly config: Promise<ConfigFacts>
  readonly processes: Promise<readonly ListedProcess[]>
}

export function gatherFacts(io: Io): Facts {
  const home = resolveHome(io.env)
  return { io, home, daemon: askDaemon(home), config: readConfig(io), processes: listProcesses() }
}

/** The servers of the configuration that are in use. */
export async function configuredServers(facts: Facts): Promise<readonly ServerSpec[]> {
  const found = await facts.config
  return found.state === 'loaded' ? found.config.servers.filter(({ enabled }) => enabled) : []
}

export async function runningSnapshot(facts: Facts): Promise<Snapshot | null> {
  const found = await facts.daemon
  return found.state === 'running' ? found.snapshot : null
}

async function askDaemon(home: Home): Promise<DaemonFacts> {
  try {
    const client = await connectControl(home, VERSION)
    if (client === null) return { state: 'absent' }
    try {
      const [snapshot, metrics] = await Promise.all([
        client.request('snapshot', { names: null, detail: false }),
        // A daemon of an older version has no figures.
        client.request('metrics', { names: null, history: false, tools: false }).catch((): MetricsSnapshot | null => null),
      ])
      return { state: 'running', snapshot, alerts: metrics?.alerts ?? [] }
    } finally {
      client.close()
    }
  } catch (trouble) {
    return { state: 'mute', trouble }
  }
}

async function readConfig(io: Io): Promise<ConfigFacts> {
  try {
    const { findConfig, loadConfig } = await import('../config/index.js')
    if (findConfig({ cwd: io.cwd, env: io.env }) === null) return { state: 'absent' }
    return { state: 'loaded', config: await loadConfig({ cwd: io.cwd, env: io.env }) }
  } catch (trouble) {
    return { state: 'broken', trouble }
  }
}

async function listProcesses(): Promise<readonly ListedProcess[]> {
  try {
    return await (await import('../process/index.js')).listProcesses()
  } catch {
    return []
  }
}
