import type { Io } from '../cli/index.js'
import { connectControl, resolveHome, VERSION } from '../control/index.js'
import { followLogs, readLogs } from '../logs/index.js'
import type { DashServices } from '../tui/index.js'

/** The rest of the program as the dashboard needs it; what only an action needs is loaded by it. */
export function createDashServices(io: Io): DashServices {
  const home = resolveHome(io.env)
  // A dashboard has one screen: what other commands would say on it goes nowhere.
  const quiet: Io = { env: io.env, get cwd() { return io.cwd }, out: () => undefined, say: () => undefined, outTerminal: io.outTerminal, sayTerminal: io.sayTerminal, json: true, signal: io.signal }
  return {
    connect: () => connectControl(home, VERSION),
    readLog: ({ directory, name, tail }) => readLogs({ directory, names: [name], tail }),
    followLog: ({ directory, name, tail, signal }) => followLogs({ directory, names: [name], tail, signal }),
    async reload(client, names) {
      const { orderOf, withFreshOrder } = await import('./reload-order.js')
      const { changes } = await withFreshOrder(quiet, client, { configPath: undefined, dryRun: false }, (loaded) => client.request('reload', { ...orderOf(quiet, loaded), names, dryRun: false }))
      const changed = changes.filter(({ action }) => action !== 'none')
      return changed.length === 0 ? 'reloaded: nothing has changed' : `reloaded: ${changed.map(({ name, action }) => `${action} ${name}`).join(', ')}`
    },
    async launch() {
      const { openConfigured } = await import('./configured.js')
      const { client, names } = await openConfigured({ io: quiet, configPath: undefined, names: [], all: 'enabled' })
      try {
        if (names.length > 0) await client.request('start', { names })
      } finally {
        client.close()
      }
    },
    logDirectory: home.logs,
    now: Date.now,
  }
}
