import { dirname } from 'node:path'
import { defineVerb, type Io } from '../cli/index.js'
import type { LoadedConfig } from '../config/index.js'
import { connectControl, ensureDaemon, readDesired, resolveHome, VERSION, type ControlClient, type Home } from '../control/index.js'
import { McpctlError } from '../errors/index.js'
import { originOf } from './config-origin.js'
import type { Configured } from './configured.js'
import { bringUp, NO_WAIT_FLAG, readTimeout, TIMEOUT_FLAG } from './start.js'
import { endDaemon } from './stop.js'

export const daemonRestart = defineVerb({
  id: 'daemon restart',
  summary: 'Exchange the daemon, for instance after an update of mcpctl; servers come back as they were.',
  description:
    'Loads every configuration the running daemon has servers of, and changes nothing when one cannot be loaded. Then the daemon stops its servers and ends, and one of this version starts the same servers again. Clients of `mcpctl proxy` keep their sessions: what they ask meanwhile waits for the next daemon.',
  examples: ['daemon restart', 'daemon restart --no-wait'],
  flags: { 'no-wait': NO_WAIT_FLAG, timeout: TIMEOUT_FLAG },
  run: async ({ flags }, io) => {
    const timeoutMs = readTimeout(flags.timeout)
    const home = resolveHome(io.env)
    const client = await connectControl(home, VERSION)
    if (client === null) throw new McpctlError('NOT_RUNNING', 'the daemon is not running', { hint: 'mcpctl start', details: { home: home.root } })
    let order: RestartOrder
    try {
      const state = await whatRuns(client, home)
      order = { names: state.names, configs: await loadAll(state.sources, io) }
      await endDaemon(client, true)
    } finally {
      client.close()
    }
    io.say('the daemon ended, the next one starts')
    return bringUp({ io, open: () => openAgain(home, order, io), method: 'start', wait: flags['no-wait'] !== true, timeoutMs })
  },
})

interface RestartOrder {
  readonly names: readonly string[]
  readonly configs: readonly LoadedSource[]
}

interface LoadedSource {
  readonly config: LoadedConfig
  readonly io: Io
  readonly loadedAt: number
}

/** Asked of the daemon; of one that speaks another version of the protocol, as it wrote it down. */
async function whatRuns(client: ControlClient, home: Home): Promise<{ names: readonly string[]; sources: readonly string[] }> {
  try {
    const { servers, daemon } = await client.request('snapshot', { names: null, detail: false })
    const own = servers.filter(({ source }) => daemon.sources.includes(source))
    return { names: own.filter(({ desired }) => desired === 'up').map(({ name }) => name), sources: daemon.sources }
  } catch (error) {
    const written = error instanceof McpctlError && error.code === 'DAEMON_INCOMPATIBLE' ? readDesired(home) : null
    if (written === null) throw error
    return { names: written.filter(({ desired }) => desired === 'up').map(({ name }) => name), sources: [...new Set(written.map(({ source }) => source))] }
  }
}

/** Each as if it were given with `--config` in its own folder. */
async function loadAll(sources: readonly string[], io: Io): Promise<LoadedSource[]> {
  const { loadConfig } = await import('../config/index.js')
  const loaded: LoadedSource[] = []
  for (const source of sources) {
    const there: Io = { ...io, cwd: dirname(source) }
    const loadedAt = Date.now()
    loaded.push({ config: await loadConfig({ cwd: there.cwd, env: there.env, configPath: source }), io: there, loadedAt })
  }
  return loaded
}

async function openAgain(home: Home, { names, configs }: RestartOrder, io: Io): Promise<Configured> {
  const client = await ensureDaemon(home)
  try {
    for (const { config, io: there, loadedAt } of configs) {
      const { source, settings, servers, warnings } = config
      for (const warning of warnings) io.say(`warning: ${warning}`)
      await client.request('apply', { source, settings, servers, origin: originOf(there, config, { configPath: source, loadedAt }) })
    }
    const known = new Set(configs.flatMap(({ config }) => config.servers.map(({ name }) => name)))
    const gone = names.filter((name) => !known.has(name))
    if (gone.length > 0) io.say(`no longer in the configuration: ${gone.join(', ')}`)
    return { client, config: null, applied: null, names: names.filter((name) => known.has(name)) }
  } catch (error) {
    client.close()
    throw error
  }
}
