import { chmodSync, rmSync } from 'node:fs'
import net from 'node:net'
import { nearest } from '../base/index.js'
import { MAX_HELLO_BYTES, readFrontHello, SUCCESSOR, writeFrontSignal, type FrontHello, type FrontSignal, type Home } from '../control/index.js'
import { asMcpctlError, McpctlError } from '../errors/index.js'
import { serveLines, type Gateway, type LineFront, type View } from '../gateway/index.js'

/** A program of ours greets at once; whatever else came here is sent away. */
const HELLO_LIMIT_MS = 5_000
const LF = 0x0a

export interface FrontSocketOptions {
  readonly home: Home
  readonly gateway: Gateway
  /** Takes connections of clients that speak HTTP; null: there is no such front. */
  readonly http: { accept(socket: net.Socket, view: View): void } | null
  readonly log: (level: 'info' | 'warn', message: string) => void
  /** Every server and profile there is, for what is said about unknown ones. */
  readonly names: () => { readonly servers: readonly string[]; readonly profiles: readonly string[] }
  /** Clients wait for this before they are let in: a daemon that just started has no configuration yet. */
  readonly configured?: Promise<unknown>
}

export interface FrontSocket {
  /** Tells the stdio clients that mcpctl was stopped, or that another daemon follows, ends every connection. Resolves when the socket is gone. */
  close(successor?: boolean): Promise<void>
}

/**
 * Listens on the home's gateway socket (0600) and makes clients of those who greet. The caller holds the home's lock:
 * a socket file found there is stale and is removed. Rejects when the address cannot be used.
 */
export async function openFrontSocket(options: FrontSocketOptions): Promise<FrontSocket> {
  const { home } = options
  const door = new Door(options)
  const server = net.createServer((socket) => void door.receive(socket))
  if (process.platform !== 'win32') rmSync(home.gatewaySocket, { force: true })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ path: home.gatewaySocket, backlog: 511 }, () => {
      server.removeListener('error', reject)
      resolve()
    })
  })
  // An accept that fails (no descriptors left) is that client's misfortune.
  server.on('error', (error) => options.log('warn', `gateway socket: ${error.message}`))
  if (process.platform !== 'win32') chmodSync(home.gatewaySocket, 0o600)
  return {
    close: (successor = false) =>
      new Promise((resolve) => {
        server.close(() => resolve())
        door.close(successor ? SUCCESSOR : 'stopped')
      }),
  }
}

/** Who came in and is still here. */
class Door {
  readonly #options: FrontSocketOptions
  readonly #sockets = new Set<net.Socket>()
  readonly #fronts = new Set<LineFront>()
  #closing: string | null = null

  constructor(options: FrontSocketOptions) {
    this.#options = options
  }

  async receive(socket: net.Socket): Promise<void> {
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    socket.on('error', () => undefined)
    try {
      const line = await readHello(socket)
      if (line === null) return
      const hello = readFrontHello(line)
      await this.#options.configured
      this.#admit(socket, hello, viewOf(hello, this.#options))
    } catch (error) {
      const known = asMcpctlError(error)
      this.#options.log('warn', `gateway socket: a client was refused: ${known.message}`)
      end(socket, { type: 'refused', error: known })
    }
  }

  #admit(socket: net.Socket, hello: FrontHello, view: View): void {
    if (socket.destroyed) return
    if (this.#closing !== null) return end(socket, { type: 'closing', why: this.#closing })
    const { gateway, http } = this.#options
    if (hello.front === 'stdio') {
      socket.write(writeFrontSignal({ type: 'ready' }))
      const front: LineFront = serveLines(socket, gateway, {
        view,
        kind: 'any',
        ...(hello.resume === null ? {} : { resume: hello.resume }),
        onEnd: () => this.#fronts.delete(front),
      })
      this.#fronts.add(front)
    } else {
      if (http === null) throw new McpctlError('DAEMON_INCOMPATIBLE', 'the daemon has no HTTP front')
      socket.write(writeFrontSignal({ type: 'ready' }))
      http.accept(socket, view)
    }
    // It was paused after the greeting, with the bytes that came after it put back.
    socket.resume()
  }

  close(why: string): void {
    this.#closing = why
    for (const front of this.#fronts) front.close(writeFrontSignal({ type: 'closing', why }).trimEnd())
    // HTTP connections and those who never greeted; fronts let their last lines out by themselves.
    setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy()
    }, 500).unref()
  }
}

function end(socket: net.Socket, signal: FrontSignal): void {
  socket.end(writeFrontSignal(signal))
  // Whoever keeps sending must not keep the connection.
  setTimeout(() => socket.destroy(), 500).unref()
  socket.resume()
}

/** The first line; null when the client left without one. Afterwards the socket is paused and what came later is still in it. */
function readHello(socket: net.Socket): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let bytes = 0
    const timer = setTimeout(() => finish(() => reject(new McpctlError('USAGE', `no greeting within ${HELLO_LIMIT_MS / 1000} s`))), HELLO_LIMIT_MS)
    const finish = (settle: () => void): void => {
      clearTimeout(timer)
      socket.removeListener('data', onData)
      socket.removeListener('end', onGone)
      socket.removeListener('close', onGone)
      settle()
    }
    const onGone = (): void => finish(() => resolve(null))
    const onData = (chunk: Buffer): void => {
      const at = chunk.indexOf(LF)
      if (at < 0) {
        bytes += chunk.length
        if (bytes > MAX_HELLO_BYTES) return finish(() => reject(new McpctlError('USAGE', `the greeting is longer than ${MAX_HELLO_BYTES} bytes`)))
        return void chunks.push(chunk)
      }
      socket.pause()
      if (at + 1 < chunk.length) socket.unshift(chunk.subarray(at + 1))
      finish(() => resolve(Buffer.concat([...chunks, chunk.subarray(0, at)]).toString('utf8')))
    }
    socket.on('data', onData)
    socket.once('end', onGone)
    socket.once('close', onGone)
  })
}

/** Throws SERVER_UNKNOWN with near names. */
function viewOf({ view, profile }: FrontHello, { gateway, names }: FrontSocketOptions): View {
  if (profile !== null) {
    const found = gateway.viewOfProfile(profile)
    if (found === null) throw unknown('profile', profile, names().profiles)
    return { ...found, prefix: view.prefix ?? found.prefix, separator: view.separator ?? found.separator }
  }
  for (const name of view.servers ?? []) if (gateway.viewOfServer(name) === null) throw unknown('server', name, names().servers)
  return view
}

function unknown(what: 'server' | 'profile', name: string, known: readonly string[]): McpctlError {
  const close = nearest(name, known)
  const listed = known.length > 0 ? `Known ${what}s: ${known.slice(0, 20).join(', ')}${known.length > 20 ? ', …' : ''}.` : `No ${what}s are configured.`
  return new McpctlError('SERVER_UNKNOWN', `there is no ${what} "${name}"`, {
    hint: close.length > 0 ? `Did you mean ${close.join(' or ')}?` : listed,
    details: { name, kind: what, suggestions: close },
  })
}
