import { createServer, type Server } from 'node:http'
import type { Socket } from 'node:net'
import { isLoopback } from '../../base/index.js'
import type { AuthSettings } from '../../core/index.js'
import { McpctlError } from '../../errors/index.js'
import type { View } from '../contract.js'
import { answerBadRequest } from './bad-request.js'
import { mostConnections } from './connection-limit.js'
import type { HttpFront, HttpFrontOptions } from './contract.js'
import { Desk } from './desk.js'
import { Incoming, Outgoing } from './exchange.js'
import { cannotListen } from './listen-error.js'
import { homePath } from './place.js'

const KEEP_ALIVE_MS = 60_000
/** A client that takes longer to say what it wants only holds a connection; noticed at the next look. */
const HEADERS_MS = 5_000
const LOOK_MS = 1_500
/** A whole request has to be here after this; its answer may take as long as it takes. */
const REQUEST_MS = 5 * 60_000
/** Room for argument values that are repeated in headers. */
const MAX_HEADER_BYTES = 64 * 1024
const FAREWELL_MS = 1000

/**
 * Opens the HTTP face: Streamable HTTP of both eras, HTTP+SSE if wanted. Rejects with CONFIG_INVALID when other machines
 * could come in without a token, or when the address cannot be listened on.
 */
export async function openHttpFront(options: HttpFrontOptions): Promise<HttpFront> {
  const { host, port, token, auth } = options.settings
  const isGuarded = token !== null || (auth !== undefined && (Object.keys(auth.keys).length > 0 || auth.jwt.length > 0)) || Object.keys(options.keys?.current() ?? {}).length > 0
  if (port !== null && !isGuarded && !isLoopback(host)) {
    throw new McpctlError('CONFIG_INVALID', `gateway.host is "${host}", which other machines can reach, and there is neither gateway.token nor gateway.auth`, {
      hint: 'Set gateway.token (for example to ${MCP_GATEWAY_TOKEN}) or gateway.auth, or gateway.host to 127.0.0.1.',
      details: { host, port },
    })
  }
  const front = new Front(options)
  if (port === null) front.expectAccepted()
  else await front.listen(host, port)
  return front
}

class Front implements HttpFront {
  readonly #options: HttpFrontOptions
  readonly #desk: Desk
  readonly #server: Server<typeof Incoming, typeof Outgoing>
  readonly #sockets = new Set<Socket>()
  #address: HttpFront['address'] = null
  #closing: Promise<void> | null = null

  constructor(options: HttpFrontOptions) {
    this.#options = options
    this.#desk = new Desk(options)
    this.#server = createServer({
      IncomingMessage: Incoming, ServerResponse: Outgoing, noDelay: true, maxHeaderSize: MAX_HEADER_BYTES,
      keepAliveTimeout: KEEP_ALIVE_MS, headersTimeout: HEADERS_MS, requestTimeout: REQUEST_MS, connectionsCheckingInterval: LOOK_MS,
    }, (req, res) => { this.#desk.receive(req, res) })
    this.#server.maxConnections = mostConnections()
    this.#server.on('connection', (socket: Socket) => { this.#own(socket) })
    this.#server.on('clientError', answerBadRequest)
    // An accept that fails (no descriptors left) is that client's misfortune.
    this.#server.on('error', (error) => { options.log('warn', `HTTP front: ${error.message}`) })
  }

  get address(): HttpFront['address'] {
    return this.#address
  }

  async listen(host: string, port: number): Promise<void> {
    const name = host.replace(/^\[(.*)\]$/, '$1')
    try {
      await new Promise<void>((resolve, reject) => {
        this.#server.once('error', reject)
        this.#server.listen({ host: name, port, backlog: 511 }, () => {
          this.#server.removeListener('error', reject)
          resolve()
        })
      })
    } catch (error) {
      this.#desk.close()
      throw cannotListen(error, name, port)
    }
    const address = this.#server.address()
    this.#address = { host: name, port: typeof address === 'object' && address !== null ? address.port : port }
  }

  /** A server of node:http watches over slow requests from the moment it listens; this one never does. */
  expectAccepted(): void {
    this.#server.emit('listening')
  }

  accept(socket: Socket, view: View): void {
    if (this.#closing !== null) {
      socket.destroy()
      return
    }
    this.#desk.settle(socket, { view, path: homePath(view, this.#options.view), isPrivate: true })
    this.#server.emit('connection', socket)
    socket.resume()
  }

  takeKeys(keys: AuthSettings['keys']): void {
    this.#desk.takeKeys(keys)
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  async #close(): Promise<void> {
    const closed = new Promise<void>((resolve) => { this.#server.close(() => { resolve() }) })
    this.#desk.close()
    // Answers that were just written still go out; who does not read them by then never will.
    for (const socket of this.#sockets) socket.destroySoon()
    const timer = setTimeout(() => { for (const socket of this.#sockets) socket.destroy() }, FAREWELL_MS)
    const left = [...this.#sockets].map((socket) => new Promise<void>((resolve) => socket.once('close', () => { resolve() })))
    await Promise.all(left)
    clearTimeout(timer)
    await closed
  }

  #own(socket: Socket): void {
    this.#sockets.add(socket)
    // Requests that wait behind each other on one connection each want to hear of its end.
    socket.setMaxListeners(0)
    socket.once('close', () => this.#sockets.delete(socket))
  }
}
