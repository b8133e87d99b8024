import { resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Io } from '../cli/index.js'
import { connectControl, resolveHome, VERSION } from '../control/index.js'
import { McpctlError } from '../errors/index.js'
import { openConfigured } from './configured.js'

/** A daemon that is just leaving takes this long at most: every stop of a server has its bound. */
const LEAVING_LIMIT_MS = 30_000
const LEAVING_POLL_MS = 50

/**
 * Brings the daemon up, gives it the configuration and starts the servers that start by themselves. Does not wait for
 * any of them. `say` gets what a person may want to know.
 */
export async function reviveDaemon(io: Io, configPath: string | undefined, say: (text: string) => void): Promise<void> {
  const quiet: Io = { ...io, say }
  for (const deadline = performance.now() + LEAVING_LIMIT_MS; ; await delay(LEAVING_POLL_MS)) {
    try {
      return await reviveOnce(quiet, configPath)
    } catch (error) {
      const isLeaving = error instanceof McpctlError && error.details['leaving'] === true
      if (!isLeaving || io.signal.aborted || performance.now() > deadline) throw error
    }
  }
}

async function reviveOnce(io: Io, configPath: string | undefined): Promise<void> {
  const { client, config, names } = await openConfigured({ io, configPath, names: [], all: 'enabled' })
  try {
    const onDemand = new Set(config?.servers.filter((spec) => spec.start === 'on-demand').map((spec) => spec.name))
    const eager = names.filter((name) => !onDemand.has(name))
    if (eager.length > 0) await client.request('start', { names: eager })
  } finally {
    client.close()
  }
}

/** Whether the daemon that runs, if one does, has servers of this configuration file. */
export async function knowsConfig(io: Io, configPath: string): Promise<boolean> {
  const client = await connectControl(resolveHome(io.env), VERSION)
  if (client === null) return false
  try {
    const { daemon } = await client.request('snapshot', { names: [], detail: false })
    return daemon.sources.includes(resolve(io.cwd, configPath))
  } finally {
    client.close()
  }
}
