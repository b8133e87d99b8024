import type { ClientMessage, Gateway, Reply, Session, SessionOptions, SessionState, Underway, View } from '../../../src/lib/gateway/index.js'
import type { HttpFront, HttpFrontOptions, SessionStore, StoredSession } from '../../../src/lib/gateway/http/index.js'
import { openHttpFront } from '../../../src/lib/gateway/http/index.js'

type Request = Extract<ClientMessage, { type: 'request' }>

export const ALL: View = { servers: null, tags: [], prefix: null, separator: null }

/** A request the fake session was given, with the reply it leaves to the test. */
export interface Asked {
  readonly message: Request
  readonly reply: Reply
  aborted: string | null
}

/** Answers a few methods at once and leaves every other one open for the test. */
export class FakeSession implements Session {
  readonly options: SessionOptions
  readonly received: ClientMessage[] = []
  readonly asked: Asked[] = []
  readonly headers = new Map<string, ReadonlyMap<string, readonly string[]>>()
  state: SessionState | null
  closedWith: string | null = null
  /** How often those who listen were told that it is over. */
  finished = 0

  constructor(options: SessionOptions) {
    this.options = options
    this.state = options.resume ?? null
  }

  get protocolVersion(): string | null {
    return this.state?.protocolVersion ?? null
  }

  receive(message: ClientMessage, reply: Reply): Underway | null {
    this.received.push(message)
    if (message.type === 'bad') {
      reply.answer([text({ jsonrpc: '2.0', id: message.id, error: { code: message.code, message: message.reason } })], 400)
      return null
    }
    if (message.type !== 'request') return null
    return this.#answer(message, reply)
  }

  toolHeaders(tool: string): ReadonlyMap<string, readonly string[]> {
    return this.headers.get(tool) ?? new Map()
  }

  finishListening(): void {
    this.finished++
  }

  close(reason: string): void {
    this.closedWith ??= reason
  }

  #answer(message: Request, reply: Reply): Underway | null {
    const { id, method, params } = message
    if (method === 'initialize') {
      const protocolVersion = typeof params?.['protocolVersion'] === 'string' ? params['protocolVersion'] : '2025-11-25'
      if (protocolVersion === 'refuse') reply.answer([text({ jsonrpc: '2.0', id, error: { code: -32602, message: 'no' } })], 200)
      else {
        this.state = { protocolVersion, capabilities: {}, clientInfo: null, logLevel: null, subscriptions: [] }
        reply.answer([text({ jsonrpc: '2.0', id, result: { protocolVersion } })], 200)
      }
      return null
    }
    if (method === 'logging/setLevel' && this.state !== null) this.state = { ...this.state, logLevel: String(params?.['level']) }
    if (method === 'ping' || method === 'logging/setLevel') {
      reply.answer([Buffer.from('{"jsonrpc":"2.0","id":'), Buffer.from(JSON.stringify(id)), Buffer.from(',"result":{}}')], 200)
      return null
    }
    if (method === 'defect') throw new Error('the fake broke')
    if (method === 'unknown') {
      reply.answer([text({ jsonrpc: '2.0', id, error: { code: -32601, message: 'no such method' } })], 404)
      return null
    }
    const asked: Asked = { message, reply, aborted: null }
    this.asked.push(asked)
    return { abort: (reason) => { asked.aborted = reason } }
  }
}

export class FakeGateway implements Gateway {
  readonly sessions: FakeSession[] = []
  readonly servers = new Map<string, View>()
  readonly profiles = new Map<string, View>()

  openSession(options: SessionOptions): FakeSession {
    const session = new FakeSession(options)
    this.sessions.push(session)
    return session
  }

  viewOfServer(name: string): View | null {
    return this.servers.get(name) ?? null
  }

  viewOfProfile(name: string): View | null {
    return this.profiles.get(name) ?? null
  }

  /** The newest request that was left to the test with that method. */
  asked(method: string): Asked | undefined {
    return this.sessions.flatMap((session) => session.asked).findLast(({ message }) => message.method === method)
  }
}

export class FakeStore implements SessionStore {
  readonly sessions = new Map<string, StoredSession>()
  saves = 0

  load(id: string): StoredSession | null {
    return this.sessions.get(id) ?? null
  }

  save(id: string, session: StoredSession): void {
    this.saves++
    this.sessions.set(id, session)
  }

  remove(id: string): void {
    this.sessions.delete(id)
  }
}

export interface Opened {
  readonly front: HttpFront
  readonly gateway: FakeGateway
  readonly store: FakeStore
  readonly logged: string[]
  readonly url: string
  readonly port: number
}

/** A front on a free port of 127.0.0.1. */
export async function openFake(settings: Partial<HttpFrontOptions['settings']> = {}, options: Partial<HttpFrontOptions> = {}): Promise<Opened> {
  const gateway = new FakeGateway()
  const store = new FakeStore()
  const logged: string[] = []
  const front = await openHttpFront({
    gateway, view: ALL, store,
    settings: { host: '127.0.0.1', port: 0, token: null, allowedHosts: [], allowedOrigins: [], sse: false, ...settings },
    log: (level, message) => logged.push(`${level} ${message}`),
    ...options,
  })
  const port = front.address?.port ?? 0
  return { front, gateway, store, logged, url: `http://127.0.0.1:${String(port)}`, port }
}

export function text(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value))
}
