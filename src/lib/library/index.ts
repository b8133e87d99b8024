import type { Gateway, GatewayOptions, Supervisor, SupervisorOptions } from './contract.js'
import type { Run } from './run.js'

export type { CallOptions, ChangeListener, Gateway, GatewayOptions, ListenOptions, ServerStatus, Supervisor, SupervisorOptions, Tool, ToolResult, WaitOptions } from './contract.js'

/** What stands behind a supervisor: a gateway needs more of it than its users do. */
const runs = new WeakMap<Supervisor, () => Promise<Run>>()

/*
 * Configuration files import this package for `defineConfig`: whatever runs servers is loaded by the first method that needs it.
 */

/** A supervisor for these servers. Does nothing yet, so a mistake in the options is told by its first method. */
export function createSupervisor(options: SupervisorOptions): Supervisor {
  let opened: Promise<Run> | null = null
  let isClosed = false
  const run = (): Promise<Run> => {
    opened ??= isClosed ? Promise.reject(new Error('the supervisor was closed')) : import('./run.js').then(({ openRun }) => openRun(options))
    return opened
  }
  const listeners = new Set<Parameters<Supervisor['on']>[1]>()
  const listening = (): Promise<Run> => run().then((one) => {
    one.tell((...change) => { for (const listener of [...listeners]) quietly(() => { listener(...change) }) })
    return one
  })
  const supervisor: Supervisor = {
    start: async (names, wait) => (await listening()).start(names ?? null, wait?.timeoutMs ?? null),
    stop: async (names) => (await listening()).stop(names ?? null),
    status: async () => (await listening()).status(),
    on: (_event, listener) => {
      listeners.add(listener)
      return () => { listeners.delete(listener) }
    },
    call: async (server, tool, args = {}, { signal } = {}) => (await listening()).call(server, tool, { args, signal: signal ?? null }),
    close: async () => {
      isClosed = true
      // One that never came up has given back what it had.
      const one = await opened?.catch(() => null)
      await one?.close()
    },
  }
  runs.set(supervisor, listening)
  return supervisor
}

/** The servers of a supervisor as one MCP server, in this process and over HTTP. Does nothing yet. Throws TypeError for a supervisor of somebody else's. */
export function createGateway(supervisor: Supervisor, options: GatewayOptions = {}): Gateway {
  const run = runs.get(supervisor)
  if (run === undefined) throw new TypeError('createGateway: the first argument has to come from createSupervisor')
  let opened: Promise<Gateway> | null = null
  const gateway = (): Promise<Gateway> => (opened ??= Promise.all([run(), import('./local-gateway.js')]).then(([one, { openLocalGateway }]) => openLocalGateway(one.gateway, options)))
  return {
    tools: async () => (await gateway()).tools(),
    call: async (...call) => (await gateway()).call(...call),
    listen: async (where) => (await gateway()).listen(where),
    close: async () => { await (await opened?.catch(() => null))?.close() },
  }
}

/** A listener's defect is its own. */
function quietly(act: () => void): void {
  try {
    act()
  } catch {
    // Nobody here could do anything about it.
  }
}
