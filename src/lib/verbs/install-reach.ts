import { realpathSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Client, Place, Reach } from '../clients/index.js'
import type { LoadedConfig } from '../config/index.js'
import type { Io } from '../cli/index.js'
import { McpctlError } from '../errors/index.js'

const ENTRY = fileURLToPath(new URL('../../../bin/run.js', import.meta.url))

export interface ReachOrder {
  readonly io: Io
  readonly config: LoadedConfig
  /** Found without being named, wherever a client is started: a person's own file. */
  readonly isUserConfig: boolean
  readonly isHttp: boolean
}

/**
 * How this client gets to mcpctl: a program it starts, by whole paths where it is started from the desktop and knows no
 * PATH; or the gateway's address. In a project's file, which others read too, nothing of this machine is written.
 */
export async function chooseReach(client: Client, place: Place, order: ReachOrder): Promise<Reach> {
  const { io, config, isUserConfig, isHttp } = order
  if (isHttp && client.urlKey !== null) return addressOf(config, place)
  const env: Record<string, string> = {}
  if (place.scope === 'project') return { type: 'program', command: 'mcpctl', args: ['proxy'], env }
  if (io.env['MCP_HOME'] !== undefined && io.env['MCP_HOME'].trim() !== '') env['MCP_HOME'] = config.explained.settings.find(({ field }) => field === 'home')?.value as string
  const args = ['proxy', ...(isUserConfig ? [] : ['--config', config.source])]
  if (!client.isDesktop && (await isOnPath(io))) return { type: 'program', command: 'mcpctl', args, env }
  return { type: 'program', command: process.execPath, args: [ENTRY, ...args], env }
}

/** Whether `mcpctl` in a shell is this very program. */
async function isOnPath(io: Io): Promise<boolean> {
  const { lookUpExecutable } = await import('../process/index.js')
  const found = lookUpExecutable('mcpctl', { cwd: io.cwd, env: { PATH: io.env['PATH'] ?? '' } })
  if (found === null) return false
  // Windows has a small script in its place.
  return process.platform === 'win32' || realpathSync(found) === realpathSync(ENTRY)
}

function addressOf({ settings, source }: LoadedConfig, place: Place): Reach {
  const { port, token } = settings.gateway
  if (port === null) {
    throw new McpctlError('USAGE', 'the gateway listens on no port, so there is no address to give', { hint: `Add gateway: { port: 7420 } to ${source}, or leave --http out.`, details: { source } })
  }
  if (token !== null && place.scope === 'project') {
    throw new McpctlError('USAGE', `the gateway wants a token, which must not stand in ${place.file}: others read it too`, { hint: 'Leave --http or --project out.', details: { file: place.file } })
  }
  return { type: 'address', url: `${gatewayAddress(settings.gateway)}/mcp`, token }
}

/** Where the gateway answers on this machine. */
export function gatewayAddress({ host, port }: { readonly host: string; readonly port: number | null }): string {
  const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host
  return `http://${name}:${port ?? 0}`
}
