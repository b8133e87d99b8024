import { connectControl, resolveHome, VERSION, type ControlClient, type Home } from '../control/index.js'
import type { ServerSnapshot } from '../core/index.js'
import { McpctlError } from '../errors/index.js'
import type { Io } from '../cli/index.js'

/** The running daemon, for verbs that go on to its gateway. Its owner calls `close`. */
export interface Daemon {
  readonly home: Home
  /** Every server as it is now. */
  servers(): Promise<readonly ServerSnapshot[]>
  close(): void
}

/** Throws NOT_RUNNING when there is no daemon, DAEMON_UNREACHABLE when it does not answer. */
export async function openDaemon(io: Io): Promise<Daemon> {
  const home = resolveHome(io.env)
  const client: ControlClient | null = await connectControl(home, VERSION)
  if (client === null) throw new McpctlError('NOT_RUNNING', 'the daemon is not running: there is no server to ask', { hint: 'mcpctl start' })
  return {
    home,
    servers: async () => (await client.request('snapshot', { names: null, detail: false })).servers,
    close: () => client.close(),
  }
}

/** One of the servers behind a name that clients see, a ready one if there is any. */
export function inGroup(name: string, servers: readonly ServerSnapshot[]): ServerSnapshot | undefined {
  const members = servers.filter(({ group }) => group === name)
  return members.find(({ ready }) => ready) ?? members[0]
}

/** Whether the server speaks MCP at all; a helper process has nothing to list or call. */
export function speaksMcp(server: ServerSnapshot): boolean {
  return server.transport !== 'none'
}

export function noMcp(name: string): McpctlError {
  return new McpctlError('USAGE', `"${name}" is a helper process (transport: none) and speaks no MCP`, { hint: 'See mcpctl status for the servers.', details: { name } })
}

/** The error for a server that was asked for something and is not there to give it. */
export function notReady(server: ServerSnapshot): McpctlError {
  const start = server.desired === 'down' ? `mcpctl start ${server.name}` : `mcpctl status ${server.name}`
  return new McpctlError('NOT_RUNNING', `server "${server.name}" is not ready: ${server.phase}: ${server.reason}`, { hint: start, details: { name: server.name, phase: server.phase, reason: server.reason } })
}
