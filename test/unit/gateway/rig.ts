import type { TrafficSpec } from '../../../src/lib/core/index.js'
import { DEFAULT_GATEWAY, DEFAULT_TRAFFIC, type GatewaySettings } from '../../../src/lib/core/index.js'
import { createGateway, parseClientMessage, EVERYTHING, type CallObserver, type Session, type SessionOptions, type SourceListener, type SourceServer, type View } from '../../../src/lib/gateway/index.js'
import { LinkError, type Catalogue, type Established, type JsonObject, type Link, type LinkActivity, type PassedReceiver, type PassedRequest } from '../../../src/lib/mcp/index.js'

export interface Passed {
  readonly id: number
  readonly text: string
  readonly request: PassedRequest
}

/** A server that answers only what a test makes it answer. */
export class FakeLink implements Link {
  readonly passed: Passed[] = []
  readonly takenBack: number[] = []
  /** What waits for late answers. */
  readonly late = new Map<number, () => void>()
  readonly requests: { method: string; params: JsonObject | undefined }[] = []
  readonly counters = { unknownAnswers: 0, noise: 0, oversize: 0, unsent: 0 }
  readonly tap = null
  closed = false
  onRequest: (method: string, params: JsonObject | undefined) => Promise<unknown> = () => Promise.resolve({})
  refusal: LinkError | null = null
  /** Whether it answers others, as far as its link can tell. */
  isAnswering = false
  readonly #since = new Map<number, number>()
  readonly #open = new Map<number, PassedReceiver>()
  #ids = 0

  establish(): Promise<Established> {
    return Promise.reject(new Error('the source is established already'))
  }

  request(method: string, params: JsonObject | undefined): Promise<unknown> {
    this.requests.push({ method, params })
    return this.onRequest(method, params)
  }

  pass(request: PassedRequest): number {
    if (this.closed) throw new LinkError('closed', 'it is closed')
    if (this.refusal !== null) throw this.refusal
    const id = ++this.#ids
    this.#open.set(id, request.receiver)
    this.#since.set(id, Date.now())
    this.passed.push({ id, request, text: Buffer.concat([...request.before, Buffer.from(String(id)), ...request.after]).toString() })
    return id
  }

  takeBack(id: number, _reason: string, onLate?: () => void): boolean {
    this.takenBack.push(id)
    this.#open.delete(id)
    if (onLate !== undefined) this.late.set(id, onLate)
    return true
  }

  answeredSince(): boolean {
    return this.isAnswering
  }

  heldFor(id: number): number {
    const now = Date.now()
    return now - (this.#since.get(id) ?? now)
  }

  learnTools(tools: readonly unknown[]): { usable: readonly unknown[]; warnings: readonly string[] } {
    return { usable: tools, warnings: [] }
  }

  notify(): void {
    // Nobody listens.
  }

  probe(): number {
    return ++this.#ids
  }

  close(): void {
    this.closed = true
  }

  /** The server is gone: whoever still waits for it learns that. */
  end(): void {
    this.closed = true
    for (const [id, receiver] of [...this.#open]) {
      this.#open.delete(id)
      receiver.failed(new LinkError('closed', 'the server exited'))
    }
  }

  get activity(): LinkActivity {
    return { lastHeardAt: 0, lastSentAt: 0, inFlight: this.passed.length, inFlightSince: null, queuedBytes: 0 }
  }

  lastFrames(): [] {
    return []
  }

  unanswered(): [] {
    return []
  }

  /** The requests of this method that were passed on. */
  of(method: string): Passed[] {
    return this.passed.filter(({ request }) => request.method === method)
  }

  /** Answers the passed request with that id. */
  answer(id: number, result: JsonObject): void {
    this.answerText(id, '{"jsonrpc":"2.0","id":', `,"result":${JSON.stringify(result)}}`)
  }

  /** The same with the text as it is written before and after the id; its client hears nothing when it was taken back. */
  answerText(id: number, before: string, after: string): void {
    this.#open.delete(id)
    const start = Buffer.byteLength(before)
    this.passed.find((passed) => passed.id === id)?.request.receiver.answered(Buffer.from(`${before}${String(id)}${after}`), start, start + String(id).length)
  }
}

export interface FakeServer {
  era?: 'legacy' | 'modern'
  catalogue?: Partial<Catalogue>
  isolation?: 'shared' | 'per-session'
  traffic?: Partial<TrafficSpec>
  /** False: it comes up with `raise`. */
  isUp?: boolean
}

/** Where something that a server says comes from. */
export interface From {
  readonly via?: number
  readonly link?: FakeLink
}

/** A gateway over servers of which each has a `FakeLink`. Names hold no `#`: that marks processes of single sessions. */
export function createRig(servers: Readonly<Record<string, FakeServer>>, settings: Partial<GatewaySettings> = {}, observer?: CallObserver) {
  const links = new Map<string, FakeLink>()
  const state = new Map<string, SourceServer>()
  const ups = new Map<string, SourceServer['up']>()
  const own: string[] = []
  const opened: unknown[] = []
  const suspected: string[] = []
  let listener: SourceListener | null = null
  const add = (name: string, { era = 'legacy', catalogue = {}, isolation = 'shared', traffic = {}, isUp = true }: FakeServer): void => {
    const link = new FakeLink()
    links.set(name, link)
    const verdict = { era, protocolVersion: era === 'modern' ? '2026-07-28' : '2025-11-25', exitsOnProbe: false, decidedAt: 0 }
    const established: Established = {
      verdict, remember: verdict, serverInfo: null, capabilities: { tools: {}, resources: {}, logging: {} }, instructions: null, warnings: [],
      catalogue: { tools: [], prompts: [], resources: [], resourceTemplates: [], ...catalogue },
    }
    ups.set(name, { link, established })
    state.set(name, { name, presence: isUp ? 'up' : 'coming', reason: '', retryAfterMs: null, up: isUp ? { link, established } : null, isolation, idleStopMs: null, roots: null, tags: [], traffic: { ...DEFAULT_TRAFFIC, ...traffic } })
  }
  for (const [name, server] of Object.entries(servers)) add(name, server)
  const gateway = createGateway({
    source: {
      names: () => [...state.keys()].filter((name) => !name.includes('#')),
      get: (name) => state.get(name) ?? null,
      remembered: () => null,
      remember: () => undefined,
      wake: () => undefined,
      rest: () => undefined,
      openOwn: (name, client) => {
        const named = `${name}#${String(own.length + 1)}`
        add(named, servers[name] ?? {})
        own.push(named)
        opened.push(client)
        return named
      },
      suspect: (name, failure) => void suspected.push(`${name} ${failure}`),
      closeOwn: (name) => void state.delete(name),
      note: () => undefined,
      listen: (heard) => { listener = heard },
    },
    settings: () => ({ ...DEFAULT_GATEWAY, ...settings }),
    version: '1', now: () => Date.now(), warn: () => undefined, ...(observer && { observer }),
  })
  const change = (name: string, parts: Partial<SourceServer>): void => {
    const before = state.get(name)
    if (before !== undefined) state.set(name, { ...before, ...parts })
    listener?.changed(name)
  }
  return {
    gateway, own, opened, suspected,
    link: (name: string): FakeLink => {
      const link = links.get(name)
      if (link === undefined) throw new Error(`there is no server ${name}`)
      return link
    },
    /** Changes what the source says of a server, and says that it did. */
    change,
    raise: (name: string): void => { change(name, { presence: 'up', up: ups.get(name) ?? null }) },
    server: (name: string): SourceServer => {
      const server = state.get(name)
      if (server === undefined) throw new Error(`there is no server ${name}`)
      return server
    },
    /** Another instance takes the server's place; the link of the one before stays as it is. */
    replace: (name: string, server: FakeServer = {}): FakeLink => {
      add(name, server)
      listener?.changed(name)
      return links.get(name) ?? new FakeLink()
    },
    says: (name: string, method: string, params?: JsonObject, { via, link }: From = {}): void => listener?.notified(name, method, params, via ?? null, link),
    asks: (name: string, method: string, params: JsonObject = {}, { via, link }: From = {}): Promise<JsonObject> | undefined => listener?.asked(name, { id: 1, method, params, via: via ?? null }, link),
    client: (options: Partial<SessionOptions> = {}): FakeClient => new FakeClient((channel) => gateway.openSession({ view: EVERYTHING, kind: 'any', channel, ...options })),
    view: (name: string): View => ({ ...EVERYTHING, servers: [name] }),
    /** Until what was put off in this turn of the event loop has happened. */
    settle: async (turns = 3): Promise<void> => {
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
    },
  }
}

export class FakeClient {
  readonly session: Session
  /** Everything it was sent that is no answer. */
  readonly heard: JsonObject[] = []
  readonly answers: JsonObject[] = []
  #ids = 0

  constructor(open: (channel: { send(text: string): void }) => Session) {
    this.session = open({ send: (text) => void this.heard.push(JSON.parse(text) as JsonObject) })
  }

  initialize(capabilities: JsonObject = {}): void {
    this.request('initialize', { protocolVersion: '2025-11-25', capabilities, clientInfo: { name: 'c', version: '1' } })
  }

  /** Sends a request and returns its id. */
  request(method: string, params?: JsonObject): number {
    const id = ++this.#ids
    this.line(JSON.stringify({ jsonrpc: '2.0', id, method, params }))
    return id
  }

  /** The same as a modern client. */
  modern(method: string, params: JsonObject = {}, capabilities: JsonObject = {}): number {
    return this.request(method, { ...params, _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': capabilities } })
  }

  line(text: string): void {
    this.session.receive(parseClientMessage(Buffer.from(text)), {
      answer: (parts) => void this.answers.push(JSON.parse(Buffer.concat(parts).toString()) as JsonObject),
      send: (sent) => void this.heard.push(JSON.parse(sent) as JsonObject),
    })
  }

  answerTo(id: number): JsonObject | undefined {
    return this.answers.find((answer) => answer['id'] === id)
  }
}
