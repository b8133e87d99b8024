import net from 'node:net'
import { fromErrorDocument, McpctlError } from '../errors/index.js'
import type { TraceEvent } from '../core/index.js'
import type { Home } from './home.js'
import { LineSplitter } from './line.js'
import { PROTOCOL, type ClientMessage, type ControlEvent, type DaemonMessage, type Method, type Methods, type StreamEvent, type TraceParams } from './wire.js'

interface Pending {
  resolve(result: unknown): void
  reject(error: unknown): void
  onEvent?: (event: StreamEvent) => void
}

/** The daemon's greeting: who answers. */
export interface DaemonHello {
  readonly protocol: number
  readonly version: string
  readonly pid: number
}

/** One connection to the daemon. `close` releases it; it keeps the process alive until then. */
export interface ControlClient {
  readonly hello: Promise<DaemonHello>
  request<M extends Method>(method: M, params: Methods[M]['params']): Promise<Methods[M]['result']>
  /** Calls back with the snapshot first, then with every change, until the connection ends (the promise settles). */
  subscribe(onEvent: (event: ControlEvent) => void): Promise<void>
  /** Calls back with every message of the servers' links; resolves when the stream is over, rejects when the connection ends. */
  trace(params: TraceParams, onEvent: (event: TraceEvent) => void): Promise<void>
  /** Resolves when the connection is gone, whoever ended it. */
  readonly ended: Promise<void>
  close(): void
}

/** A daemon that has not greeted by then is stopped, swapped out or stuck. */
const GREETING_LIMIT_MS = 10_000

/**
 * Connects to the daemon of this home; null when none listens, or when the one that did was just leaving. Rejects with
 * DAEMON_UNREACHABLE when it does not greet within 10 s or something else is wrong with the socket.
 */
export async function connectControl(home: Home, version: string): Promise<ControlClient | null> {
  const socket = await openSocket(home)
  if (socket === null) return null
  const client = createClient(socket, version)
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), GREETING_LIMIT_MS)
  })
  const first = await Promise.race([client.hello, client.ended, late]).catch(() => undefined)
  clearTimeout(timer)
  if (first === 'late') {
    client.close()
    throw new McpctlError('DAEMON_UNREACHABLE', `the daemon does not answer on ${home.socket} within ${GREETING_LIMIT_MS / 1000} s`, {
      hint: `It may be stopped or overloaded; its pid is in ${home.daemonFile}. If it is beyond help, kill -9 it (its servers end with it) and run mcpctl stop.`,
      details: { socket: home.socket },
    })
  }
  return first === undefined ? null : client
}

function openSocket(home: Home): Promise<net.Socket | null> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(home.socket)
    socket.once('error', (error: NodeJS.ErrnoException) => {
      // A starting daemon's full backlog answers EAGAIN: as good as not there yet.
      // Where a file or folder stands in the way, no daemon listens either; starting one says what is wrong.
      if (['ENOENT', 'ECONNREFUSED', 'EAGAIN', 'ENOTDIR', 'ENOTSOCK'].includes(error.code ?? '')) resolve(null)
      else reject(unreachable(home, error))
    })
    socket.once('connect', () => resolve(socket))
  })
}

function unreachable(home: Home, error: NodeJS.ErrnoException): McpctlError {
  return new McpctlError('DAEMON_UNREACHABLE', `cannot reach the daemon at ${home.socket}: ${error.message}`, {
    hint: error.code === 'EACCES' ? 'The daemon belongs to another user; use your own MCP_HOME.' : 'See mcpctl daemon status.',
    details: { socket: home.socket, cause: error.code },
    cause: error,
  })
}

function createClient(socket: net.Socket, version: string): ControlClient {
  const pending = new Map<number, Pending>()
  const splitter = new LineSplitter()
  let nextId = 1
  let greet: (hello: DaemonHello) => void = () => undefined
  let refuse: (error: unknown) => void = () => undefined
  const hello = new Promise<DaemonHello>((resolve, reject) => {
    greet = resolve
    refuse = reject
  })
  hello.catch(() => undefined)
  const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()))

  const send = (message: ClientMessage): void => {
    socket.write(`${JSON.stringify(message)}\n`)
  }
  let failure: McpctlError | null = null
  const failAll = (error: McpctlError): void => {
    failure ??= error
    refuse(error)
    for (const entry of pending.values()) entry.reject(error)
    pending.clear()
  }
  const onMessage = (message: DaemonMessage): void => {
    if (message.type === 'hello') return greet(message)
    const entry = pending.get(message.id)
    if (!entry) return
    if (message.type === 'event') return entry.onEvent?.(message.event)
    pending.delete(message.id)
    if (message.type === 'result') entry.resolve(message.result)
    else entry.reject(fromErrorDocument(message.error))
  }
  socket.removeAllListeners('error')
  socket.on('error', () => undefined)
  socket.on('data', (chunk) => {
    try {
      for (const line of splitter.push(chunk)) onMessage(JSON.parse(line) as DaemonMessage)
    } catch (error) {
      failAll(new McpctlError('DAEMON_UNREACHABLE', 'the daemon sent something that is no control message', { hint: 'Restart it: mcpctl stop, mcpctl start.', cause: error }))
      socket.destroy()
    }
  })
  socket.once('close', () => failAll(new McpctlError('DAEMON_UNREACHABLE', 'the daemon closed the connection', { hint: 'See mcpctl daemon status, or start it again: mcpctl start.', details: { leaving: true } })))

  const ask = async (method: Method, params: unknown, onEvent?: (event: StreamEvent) => void): Promise<unknown> => {
    // After the end nobody would ever answer.
    if (failure !== null) throw failure
    const id = nextId++
    const answer = new Promise<unknown>((resolve, reject) => pending.set(id, { resolve, reject, ...(onEvent ? { onEvent } : {}) }))
    send({ type: 'request', id, method, params })
    const [result, greeting] = await Promise.all([answer, hello.then((who) => checkProtocol(who, method))])
    return greeting && result
  }

  send({ type: 'hello', protocol: PROTOCOL, version })
  return {
    hello,
    request: async (method, params) => (await ask(method, params)) as Methods[typeof method]['result'],
    // A request's stream holds only events of its own kind.
    subscribe: async (onEvent) => void (await ask('subscribe', {}, (event) => onEvent(event as ControlEvent))),
    trace: async (params, onEvent) => void (await ask('trace', params, (event) => onEvent(event as TraceEvent))),
    ended,
    close: () => socket.destroy(),
  }
}

function checkProtocol(hello: DaemonHello, method: Method): true {
  if (hello.protocol === PROTOCOL || method === 'shutdown') return true
  const older = hello.protocol < PROTOCOL ? 'older' : 'newer'
  throw new McpctlError('DAEMON_INCOMPATIBLE', `the running daemon (version ${hello.version}, pid ${hello.pid}) is ${older} than this command and speaks control protocol ${hello.protocol}, not ${PROTOCOL}`, {
    hint: older === 'older' ? 'Let this version take over: mcpctl daemon restart.' : 'Use the newer mcpctl, or end the daemon with mcpctl stop.',
    details: { daemonProtocol: hello.protocol, protocol: PROTOCOL, daemonVersion: hello.version },
  })
}
