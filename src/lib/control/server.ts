import { chmodSync, rmSync } from 'node:fs'
import net from 'node:net'
import { McpctlError, toErrorDocument } from '../errors/index.js'
import type { Home } from './home.js'
import { LineSplitter } from './line.js'
import { readNumber, readRecord, readString } from './read.js'
import { PROTOCOL, type DaemonMessage, type StreamEvent } from './wire.js'

/** A client that reads so slowly that this much waits for it is cut off: it would only grow. */
const MAX_QUEUED_BYTES = 8 * 1024 * 1024

export interface RequestContext {
  /** Sends an event of this request's stream. */
  emit(event: StreamEvent): void
  /** Bytes that wait because the client does not read; a client far behind is cut off. */
  readonly queuedBytes: number
  /** Called once when the client cancels or is gone. */
  onGone(listener: () => void): void
}

export type RequestHandler = (method: string, params: unknown, context: RequestContext) => Promise<unknown>

export interface ControlServer {
  close(): Promise<void>
}

/**
 * Listens on the home's socket (0600). The caller must hold the home's lock: a socket file found there is stale
 * and is removed. `onAlone` is called whenever the last client has left. Rejects when the address cannot be used.
 */
export async function openControlServer(home: Home, version: string, handle: RequestHandler, onAlone: () => void = () => undefined): Promise<ControlServer> {
  const connections = new Set<net.Socket>()
  const server = net.createServer((socket) => {
    connections.add(socket)
    socket.once('close', () => {
      connections.delete(socket)
      if (connections.size === 0) onAlone()
    })
    serveConnection(socket, version, handle)
  })
  if (process.platform !== 'win32') rmSync(home.socket, { force: true })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ path: home.socket, backlog: 511 }, () => {
      server.removeListener('error', reject)
      resolve()
    })
  })
  if (process.platform !== 'win32') chmodSync(home.socket, 0o600)
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        // Answers already written still leave; then the connection ends.
        for (const socket of connections) socket.end()
        setTimeout(() => {
          for (const socket of connections) socket.destroy()
        }, 500).unref()
      }),
  }
}

function serveConnection(socket: net.Socket, version: string, handle: RequestHandler): void {
  const splitter = new LineSplitter()
  const gone = new Map<number, () => void>()
  let corked = false
  const send = (message: DaemonMessage): void => {
    if (socket.destroyed) return
    // All that one step of the fleet changed arrives together: a client never judges half of it.
    if (!corked) {
      corked = true
      socket.cork()
      process.nextTick(() => {
        corked = false
        socket.uncork()
      })
    }
    socket.write(`${JSON.stringify(message)}\n`)
    if (socket.writableLength > MAX_QUEUED_BYTES) socket.destroy()
  }
  const endAll = (): void => {
    for (const listener of gone.values()) listener()
    gone.clear()
  }
  const serve = async (id: number, method: string, params: unknown): Promise<void> => {
    const context: RequestContext = {
      emit: (event) => send({ type: 'event', id, event }),
      get queuedBytes() {
        return socket.writableLength
      },
      onGone: (listener) => {
        if (socket.destroyed) listener()
        else gone.set(id, listener)
      },
    }
    try {
      send({ type: 'result', id, result: await handle(method, params, context) })
    } catch (error) {
      send({ type: 'error', id, error: toErrorDocument(error) })
    } finally {
      gone.delete(id)
    }
  }
  const onLine = (line: string): void => {
    const message = readRecord(JSON.parse(line), 'message')
    switch (message['type']) {
      case 'hello':
        return
      case 'request':
        return void serve(readNumber(message['id'], 'id'), readString(message['method'], 'method'), message['params'])
      case 'cancel':
        return gone.get(readNumber(message['id'], 'id'))?.()
      default:
        throw new McpctlError('USAGE', `control message of unknown type ${JSON.stringify(message['type'])}`)
    }
  }

  socket.on('error', () => undefined)
  socket.once('close', endAll)
  send({ type: 'hello', protocol: PROTOCOL, version, pid: process.pid })
  socket.on('data', (chunk) => {
    try {
      for (const line of splitter.push(chunk)) onLine(line)
    } catch (error) {
      // Id 0 is nobody's: the client learns why before the connection ends.
      send({ type: 'error', id: 0, error: toErrorDocument(error) })
      socket.destroySoon()
    }
  })
}
