import { rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { ApplyParams } from '../control/index.js'
import { McpctlError } from '../errors/index.js'
import type { SupervisorOptions } from './contract.js'
import type { Place } from './place.js'

export interface Loaded {
  readonly order: ApplyParams
}

/**
 * What is to run, as a daemon would be told it; nothing listens on a port because of it. Throws USAGE when the options say
 * nothing or two things, and what loading a configuration throws.
 */
export async function loadServers({ config, servers, defaults }: SupervisorOptions, { home, env }: Place): Promise<Loaded> {
  if ((config === undefined) === (servers === undefined)) throw new McpctlError('USAGE', `createSupervisor needs "config" or "servers"${config === undefined ? '' : ', not both'}`, { hint: "createSupervisor({ servers: { files: { command: 'npx', args: [...] } } })" })
  const { loadConfig } = await import('../config/index.js')
  const cwd = process.cwd()
  const written = servers === undefined ? null : join(home.run, 'library.json')
  if (written !== null) writeFileSync(written, JSON.stringify({ servers: fromHere(servers ?? {}, cwd), ...(defaults === undefined ? {} : { defaults }) }), { mode: 0o600 })
  try {
    // Servers that are given stand alone: no configuration of the person's own belongs to them.
    const found = await loadConfig({ cwd, configPath: written ?? resolve(cwd, config ?? ''), env, isAlone: written !== null })
    const { source, settings } = found
    return { order: { source, sources: found.explained.files, servers: found.servers, settings: { ...settings, gateway: { ...settings.gateway, port: null } } } }
  } finally {
    if (written !== null) rmSync(written, { force: true })
  }
}

/** Paths are meant from where the program runs, not from where the configuration happens to be written. */
function fromHere(servers: Readonly<Record<string, object>>, cwd: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(servers).map(([name, server]) => {
    const own = 'cwd' in server && typeof server.cwd === 'string' ? server.cwd : null
    return [name, 'command' in server ? { ...server, cwd: own === null ? cwd : resolve(cwd, own) } : server]
  }))
}
