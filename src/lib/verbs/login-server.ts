import type { Io } from '../cli/index.js'
import { connectControl, resolveHome, VERSION } from '../control/index.js'
import type { OutboundAuthSpec } from '../core/index.js'
import { McpctlError } from '../errors/index.js'
import { configNotFound } from './configured.js'
import { unknownServer } from './names.js'

/** A server of the configuration that somebody can log in to, or out of. */
export interface LoginServer {
  readonly name: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly spec: Extract<OutboundAuthSpec, { type: 'oauth' }>
  /** Where its login is kept. */
  readonly path: string
}

/** Throws USAGE where there is nothing to log in to, with what to change. */
export async function findLoginServer(io: Io, names: readonly string[], configPath: string | undefined): Promise<LoginServer> {
  const [name] = names
  if (name === undefined || names.length !== 1) throw new McpctlError('USAGE', 'one server has to be named', { hint: 'For example: mcpctl login search. mcpctl status lists the servers.' })
  const { findConfig, loadConfig } = await import('../config/index.js')
  const place = { cwd: io.cwd, env: io.env, ...(configPath === undefined ? {} : { configPath }) }
  if (findConfig(place) === null) throw configNotFound(io.cwd)
  const { servers, runtimeFile } = await loadConfig(place)
  const found = servers.find((server) => server.name === name)
  if (found === undefined) throw unknownServer(name, servers.map((server) => server.name))
  const { endpoint, source } = found
  const details = { name, source }
  if (endpoint === null) throw new McpctlError('USAGE', `${name} is a process of this machine: there is nothing to log in to`, { hint: 'What such a server needs, it gets from its environment (env).', details })
  const { url, headers, auth } = endpoint
  if (auth?.type !== 'oauth') {
    const what = auth === undefined ? 'is not configured to be logged in to' : `gets its token from ${auth.type === 'keychain' ? 'the' : 'a'} ${auth.type}`
    throw new McpctlError('USAGE', `${name} ${what}`, { hint: source === runtimeFile ? `mcpctl remove ${name}, then mcpctl add ${name} --url URL --auth oauth` : `Set auth: oauth for it in ${source}.`, details })
  }
  if (auth.grant === 'client-credentials') throw new McpctlError('USAGE', `${name} uses credentials of its own: nobody has to log in`, { hint: `mcpctl status ${name} shows how it is.`, details })
  const { tokenPath } = await import('../outbound/index.js')
  return { name, url, headers, spec: auth, path: tokenPath(resolveHome(io.env).state, name, url) }
}

/** Whether a daemon runs this server, or would if it could. */
export async function isWanted(io: Io, name: string): Promise<boolean> {
  const client = await connectControl(resolveHome(io.env), VERSION)
  if (client === null) return false
  try {
    const { servers } = await client.request('snapshot', { names: null, detail: false })
    return servers.some((server) => server.name === name && server.desired === 'up')
  } finally {
    client.close()
  }
}
