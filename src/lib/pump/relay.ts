import net from 'node:net'
import type { FrontHello } from '../control/index.js'
import { asMcpctlError, McpctlError } from '../errors/index.js'
import { connectFront } from './front-connection.js'
import { connectOrRevive } from './reconnect.js'

export interface RelayOptions {
  /** The gateway's socket. */
  readonly address: string
  readonly hello: Omit<FrontHello, 'front' | 'resume'>
  readonly host: string
  /** Null: any free one. */
  readonly port: number | null
  /** Brings a daemon up and gives it the configuration; called once at most, before anything listens. */
  readonly revive: () => Promise<void>
  readonly debug: (text: string) => void
}

export interface Relay {
  readonly port: number
  /** Ends every connection. */
  close(): Promise<void>
}

/**
 * Listens on TCP and hands every connection to the daemon's HTTP front, byte for byte. Rejects when there is no daemon and
 * none can be started, when it refuses this client, or with USAGE when the port cannot be used.
 */
export async function openRelay(options: RelayOptions): Promise<Relay> {
  const { address, host, port, revive } = options
  const hello: FrontHello = { ...options.hello, front: 'http', resume: null }
  const connect = () => connectFront(address, hello)
  const first = await connectOrRevive({ connect, revive })
  // Only to know that it lets us in: a wrong name is told now, not with the first request.
  if (first.type === 'open') first.socket.destroy()

  const clients = new Set<net.Socket>()
  const server = net.createServer({ pauseOnConnect: true, noDelay: true }, (client) => {
    clients.add(client)
    client.once('close', () => clients.delete(client))
    client.on('error', () => undefined)
    void connect().then(
      (attempt) => {
        if (attempt.type === 'open') join(client, attempt.socket, attempt.rest)
        else refuse(client, new McpctlError('NOT_RUNNING', 'mcpctl was stopped', { hint: 'Run mcpctl start.' }))
      },
      (error: unknown) => {
        options.debug(`no daemon: ${String(error)}`)
        refuse(client, asMcpctlError(error))
      },
    )
  })
  await listen(server, host, port)
  const bound = server.address()
  return {
    port: typeof bound === 'object' && bound !== null ? bound.port : 0,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const client of clients) client.destroy()
      }),
  }
}

function listen(server: net.Server, host: string, port: number | null): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'another program listens there' : error.code === 'EACCES' ? 'permission denied' : error.message
      reject(new McpctlError('USAGE', `cannot listen on ${host} port ${port ?? 'of its own choice'}: ${why}`, { hint: 'Choose another --port, or leave it out for a free one.', details: { host, port, cause: error.code }, cause: error }))
    })
    server.listen({ host, port: port ?? 0 }, resolve)
  })
}

function join(client: net.Socket, daemon: net.Socket, rest: Buffer): void {
  daemon.on('error', () => undefined)
  daemon.once('close', () => client.destroy())
  client.once('close', () => daemon.destroy())
  if (rest.length > 0) client.write(rest)
  client.pipe(daemon)
  daemon.pipe(client)
}

/** Whoever speaks HTTP gets an answer of HTTP. */
function refuse(client: net.Socket, { message, hint }: McpctlError): void {
  const text = hint === undefined ? message : `${message}. ${hint}`
  const body = JSON.stringify({ jsonrpc: '2.0', id: null, error: { code: -32603, message: text, data: { reason: 'stopped' } } })
  client.end(`HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`)
  client.resume()
}
