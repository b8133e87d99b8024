import type net from 'node:net'
import type { FrontHello } from '../control/index.js'
import { McpctlError } from '../errors/index.js'
import { connectFront } from './front-connection.js'
import { connectOrRevive } from './reconnect.js'

export interface FrontStreamOptions {
  /** The gateway's socket. */
  readonly address: string
  readonly hello: Omit<FrontHello, 'front' | 'resume'>
  /** Brings a daemon up and gives it the configuration; null: only one that runs will do. */
  readonly revive: (() => Promise<void>) | null
}

/** A stream of MCP lines to the daemon, for whoever wants to be a client itself; paused until its owner listens and resumes it. Rejects as the daemon refuses, or with NOT_RUNNING. */
export async function openFrontStream({ address, hello, revive }: FrontStreamOptions): Promise<net.Socket> {
  const connect = () => connectFront(address, { ...hello, front: 'stdio', resume: null })
  const reached = revive === null ? await connect() : await connectOrRevive({ connect, revive })
  if (reached.type === 'absent') {
    throw new McpctlError('NOT_RUNNING', `no daemon of mcpctl listens on ${address}`, { hint: 'Run mcpctl start; if one runs, it is of an older version: mcpctl stop first.', details: { socket: address } })
  }
  if (reached.type === 'stopping') throw new McpctlError('NOT_RUNNING', 'mcpctl was stopped', { hint: 'Run mcpctl start.' })
  const { socket, rest } = reached
  if (rest.length > 0) socket.unshift(rest)
  return socket
}
