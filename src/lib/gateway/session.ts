import { isJsonObject, LinkError, MODERN_VERSIONS, RpcError, type JsonObject, type RequestId } from '../mcp/index.js'
import { Call, type CallClient, type RequestMessage } from './call.js'
import type { ClientMessage, Reply, Session, SessionOptions, SessionState, Underway, View } from './contract.js'
import { failureText, INTERNAL_ERROR, INVALID_PARAMS, INVALID_REQUEST, linkTrouble, METHOD_NOT_FOUND, refuse, trouble, UNSUPPORTED_VERSION, type Failure } from './failure.js'
import type { ResourceListener } from './interest.js'
import { describe, introduce, readClientInfo } from './introduction.js'
import { changeMethods, Listen } from './listen.js'
import { isWanted, LOG_LEVELS } from './log-level.js'
import type { Parking } from './parking.js'
import { Questions, whyNotAsked } from './questions.js'
import { META, type Origin } from './request-text.js'
import { route, type Destination } from './route.js'
import { SessionView, type ViewHost } from './session-view.js'
import { toolHeadersOf } from './tool-headers.js'
import type { Upstream } from './upstream.js'
import type { ListKind } from './view-catalogue.js'

/** What a session needs from the gateway. */
export interface SessionHost extends ViewHost {
  readonly parking: Parking
  readonly startWaitMs: number
  readonly passInstructions: boolean
  separatorOf(view: View): string
  /** The text of an answer of this server names resources. */
  named(server: string, text: Buffer): void
  /** The server that was seen to name this URI. */
  originOf(uri: string): string | null
  logLevelChanged(session: GatewaySession): void
  closed(session: GatewaySession): void
}

const LISTS: Readonly<Record<string, ListKind>> = {
  'tools/list': 'tools', 'prompts/list': 'prompts', 'resources/list': 'resources', 'resources/templates/list': 'resourceTemplates',
}
const ROUTED = new Set(['tools/call', 'prompts/get', 'resources/read', 'completion/complete'])
const MAX_UNDER_WAY = 10_000
const EMPTY_RESULT = Buffer.from('{}')

/** One client of the gateway. Reads what it wants, finds who can do it, and sees to it that each request gets one answer. */
export class GatewaySession implements Session, CallClient, ResourceListener {
  readonly servers: SessionView
  readonly #host: SessionHost
  readonly #options: SessionOptions
  readonly #questions: Questions
  readonly #underway = new Map<RequestId, Underway>()
  readonly #calls = new Set<Call>()
  readonly #listens = new Set<Listen>()
  readonly #watched = new Map<string, Upstream>()
  /** Requests for servers that have not been listed yet. */
  readonly #undecided = new Set<() => void>()
  #state: SessionState | null = null
  #legacyOrigin: Origin = { era: 'legacy', capabilities: {}, clientInfo: null, logLevel: null }
  #introduced = false
  #closed = false

  constructor(options: SessionOptions, host: SessionHost) {
    this.#options = options
    this.#host = host
    this.#questions = new Questions(options.channel)
    this.servers = new SessionView(options.view, host, this)
    if (options.resume !== undefined) this.#resume(options.resume)
  }

  get protocolVersion(): string | null {
    return this.#state?.protocolVersion ?? null
  }

  get state(): SessionState | null {
    return this.#state === null ? null : { ...this.#state, subscriptions: [...this.#watched.keys()] }
  }

  get logLevel(): string | null {
    return this.#state?.logLevel ?? null
  }

  receive(message: ClientMessage, reply: Reply): Underway | null {
    switch (message.type) {
      case 'request': return this.#request(message, reply)
      case 'notification': this.#notified(message.method, message.params); return null
      case 'answer': this.#questions.answered(message); return null
      case 'bad': reply.answer([failureText(message.id, { code: message.code, message: message.reason, status: 400 })], 400); return null
    }
  }

  toolHeaders(tool: string): ReadonlyMap<string, readonly string[]> {
    return toolHeadersOf(this.servers.catalogue.merged().toolRoutes.get(tool)?.definition)
  }

  close(reason: string): void {
    if (this.#closed) return
    this.#closed = true
    for (const listen of [...this.#listens]) listen.abort()
    for (const call of [...this.#calls]) call.abort(reason)
    this.#undecided.clear()
    for (const [uri, upstream] of this.#watched) upstream.interest.remove(uri, this)
    this.#watched.clear()
    this.#questions.close(reason)
    this.servers.close()
    this.#host.closed(this)
  }

  /** The gateway ends: those who listen are told so. */
  finish(reason: string): void {
    for (const listen of [...this.#listens]) listen.finish()
    this.close(reason)
  }

  // What servers have to say.

  ask(call: Call | null, method: string, params: JsonObject): Promise<JsonObject> {
    const origin = call?.origin ?? this.#legacyOrigin
    const why = whyNotAsked(origin.capabilities, method, params)
    if (why !== null) return Promise.reject(why)
    if (origin.era === 'legacy') return this.#questions.ask(call, method, params)
    return call === null ? Promise.reject(new RpcError({ code: METHOD_NOT_FOUND, message: 'a client of the modern era can only be asked about a call' })) : call.park(method, params)
  }

  logged(_server: string, call: Call | null, params: JsonObject): void {
    if (call?.origin.era === 'modern') {
      const meta = call.message.params?.['_meta']
      const wanted = isJsonObject(meta) ? meta[META.logLevel] : undefined
      if (typeof wanted === 'string' && isWanted(params['level'], wanted)) call.tell('notifications/message', params)
      return
    }
    if (this.logLevel !== null && !isWanted(params['level'], this.logLevel)) return
    if (call === null) this.#tell('notifications/message', params)
    else call.tell('notifications/message', params)
  }

  settled(call: Call): void {
    this.#calls.delete(call)
    this.paused(call)
    this.#questions.forget(call)
    call.carrier.settled(call)
  }

  paused(call: Call): void {
    if (this.#underway.get(call.id) === call) this.#underway.delete(call.id)
  }

  named(call: Call, text: Buffer): void {
    this.#host.named(call.plan.server, text)
  }

  resourceUpdated(params: JsonObject): void {
    this.#tell('notifications/resources/updated', params)
  }

  /** Lists of its view are not what they were. */
  listsChanged(kinds: readonly ListKind[]): void {
    if (this.#introduced) for (const method of changeMethods(kinds)) this.#tell(method, undefined)
    for (const listen of this.#listens) listen.changed(kinds)
  }

  /** Servers came or went. */
  serversChanged(): void {
    this.servers.changed()
    for (const decide of [...this.#undecided]) decide()
  }

  // What the client wants.

  #request(message: RequestMessage, reply: Reply): Underway | null {
    const { id, method } = message
    if (this.#closed) return this.#refuse(message, reply, trouble('the session was closed', { reason: 'closed', outcome: 'not-delivered' }))
    const keyed = this.#options.kind === 'any'
    if (keyed && this.#underway.has(id)) return this.#refuse(message, reply, refuse(INVALID_REQUEST, `a request with the id ${JSON.stringify(id)} is under way already`))
    if (keyed && this.#underway.size >= MAX_UNDER_WAY) return this.#refuse(message, reply, trouble(`${MAX_UNDER_WAY} requests of this client are under way already`, { reason: 'overloaded', outcome: 'not-delivered', retryAfterMs: 1000 }))
    const origin = this.#originOf(message)
    if ('code' in origin) return this.#refuse(message, reply, origin)
    if (ROUTED.has(method)) return this.#routed(message, origin, reply)
    const kind = Object.hasOwn(LISTS, method) ? LISTS[method] : undefined
    if (kind !== undefined) return this.#list(message, kind, origin, reply)
    return this.#own(message, origin, reply)
  }

  /** What the gateway answers itself. */
  #own(message: RequestMessage, origin: Origin, reply: Reply): Underway | null {
    const isModern = origin.era === 'modern'
    switch (message.method) {
      case 'server/discover': return this.#answer(message, reply, describe(this.#host.version, this.#instructions()))
      case 'subscriptions/listen': if (isModern) return this.#listen(message, reply); break
      case 'initialize': if (!isModern) return this.#initialize(message, reply); break
      case 'ping': if (!isModern) return this.#answer(message, reply, {}); break
      case 'logging/setLevel': if (!isModern) return this.#setLevel(message, reply); break
      case 'resources/subscribe': if (!isModern) return this.#subscribe(message, reply); break
      case 'resources/unsubscribe': if (!isModern) return this.#unsubscribe(message, reply); break
    }
    return this.#refuse(message, reply, refuse(METHOD_NOT_FOUND, `Method not found: ${message.method.slice(0, 256)}`))
  }

  /** Who asks: the session as it introduced itself, or what a modern request says for itself (2026-07-28: every request names version and capabilities). */
  #originOf({ method, params }: RequestMessage): Origin | Failure {
    const meta = isJsonObject(params?.['_meta']) ? params['_meta'] : undefined
    const version = meta?.[META.version]
    if (version === undefined && this.#options.kind === 'any' && method !== 'subscriptions/listen') return this.#legacyOrigin
    if (typeof version !== 'string') return refuse(INVALID_PARAMS, `"params._meta" has to hold "${META.version}"`)
    if (!MODERN_VERSIONS.includes(version)) return refuse(UNSUPPORTED_VERSION, `Unsupported protocol version: ${version.slice(0, 64)}`, { supported: [...MODERN_VERSIONS], requested: version.slice(0, 64) })
    const capabilities = meta?.[META.capabilities]
    if (!isJsonObject(capabilities)) return refuse(INVALID_PARAMS, `"params._meta" has to hold "${META.capabilities}"`)
    const clientInfo = readClientInfo(meta?.[META.clientInfo])
    if (!this.#introduced && this.#options.kind === 'any') this.servers.introduce({ capabilities, info: clientInfo })
    return { era: 'modern', capabilities, clientInfo, logLevel: null }
  }

  #initialize(message: RequestMessage, reply: Reply): null {
    const { result, state } = introduce(message.params, this.#host.version, this.#instructions())
    this.#introduce(state)
    return this.#answer(message, reply, result)
  }

  #introduce(state: SessionState): void {
    this.#state = state
    this.#introduced = true
    this.#legacyOrigin = { era: 'legacy', capabilities: state.capabilities, clientInfo: state.clientInfo, logLevel: state.logLevel }
    this.servers.introduce({ capabilities: state.capabilities, info: state.clientInfo })
  }

  #resume(state: SessionState): void {
    this.#introduce(state)
    if (state.logLevel !== null) this.#host.logLevelChanged(this)
    for (const uri of state.subscriptions) {
      const release = this.servers.whenListed(() => { this.#watch(uri).catch(() => undefined) })
      this.#undecided.delete(release)
    }
  }

  #instructions(): string | null {
    return this.#host.passInstructions ? this.#host.sharedCatalogue(this.#options.view).instructions() : null
  }

  #list(message: RequestMessage, kind: ListKind, origin: Origin, reply: Reply): Underway | null {
    if (message.params?.['cursor'] !== undefined) return this.#refuse(message, reply, { ...refuse(INVALID_PARAMS, 'Invalid cursor: lists are given out whole'), status: 200 })
    let isOver = false
    const proceed = (): void => {
      if (isOver) return
      isOver = true
      this.#forget(message)
      this.#answerText(message, reply, this.servers.catalogue.list(kind, origin.era))
    }
    const takeBack = this.servers.whenListed(proceed)
    return isOver ? null : this.#track(message, { abort: () => { isOver = true; takeBack(); this.#forget(message) } })
  }

  #routed(message: RequestMessage, origin: Origin, reply: Reply): Underway | null {
    if (origin.era === 'modern' && message.params?.['requestState'] !== undefined) {
      const resumed = this.#host.parking.resume(message, this, reply)
      if (resumed !== null) return resumed.over ? null : this.#track(message, resumed)
    }
    const { method, params } = message
    const routing = route(method, params, this.#routeParts(origin))
    if ('failure' in routing) return this.#refuse(message, reply, routing.failure)
    if ('waitFor' in routing) return this.#decideLater(message, origin, reply, routing.waitFor)
    return this.#call(message, origin, reply, routing.to)
  }

  #routeParts(origin: Origin): Parameters<typeof route>[2] {
    const { catalogue } = this.servers
    return {
      merged: catalogue.merged(),
      pending: () => catalogue.pending(),
      separator: this.#host.separatorOf(this.#options.view),
      originOf: (uri) => this.#host.originOf(uri),
      resourceServers: () => catalogue.servers().filter((name) => this.servers.upstreamOf(name).offersResources),
      isModern: origin.era === 'modern',
    }
  }

  #call(message: RequestMessage, origin: Origin, reply: Reply, to: Destination): Underway | null {
    const carrier = this.servers.upstreamOf(to.server)
    if (origin.era === 'modern' && carrier.era === 'legacy' && message.params?.['requestState'] !== undefined) {
      return this.#refuse(message, reply, { ...refuse(INVALID_PARAMS, 'the requestState is unknown, expired or used already'), status: 200 })
    }
    const traffic = this.#host.shared(to.server).server?.traffic
    const tool = to.tool !== null && traffic !== undefined && Object.hasOwn(traffic.tools, to.tool) ? traffic.tools[to.tool] : undefined
    const call = new Call({
      message, origin, reply, carrier, client: this, principal: this, parking: this.#host.parking,
      clientKey: origin.era === 'modern' ? message : this,
      plan: {
        server: to.server, replaced: to.replaced, repeatable: to.repeatable, startWaitMs: this.#host.startWaitMs,
        idleTimeoutMs: tool?.idleTimeoutMs ?? traffic?.idleTimeoutMs ?? null, timeoutMs: tool?.timeoutMs ?? traffic?.timeoutMs ?? null,
      },
    })
    this.#calls.add(call)
    carrier.submit(call)
    return call.over ? null : this.#track(message, call)
  }

  /** The server that could have it has not been listed yet: the request is looked at again whenever something changed. */
  #decideLater(message: RequestMessage, origin: Origin, reply: Reply, servers: readonly string[]): Underway {
    for (const name of servers) if (this.#host.source.get(name)?.presence === 'resting') this.#host.source.wake(name)
    const [first = ''] = servers
    const waiting: Underway & { next: Underway | null } = {
      next: null,
      abort: (reason) => {
        stop()
        waiting.next?.abort(reason)
      },
    }
    const stop = (): void => {
      clearTimeout(timer)
      this.#undecided.delete(decide)
      this.#forget(message)
    }
    const timer = setTimeout(() => {
      stop()
      this.#refuse(message, reply, trouble(`server "${first}" is still starting after ${this.#host.startWaitMs / 1000} s`, { reason: 'starting', server: first, outcome: 'not-delivered', retryAfterMs: 1000 }))
    }, this.#host.startWaitMs)
    const decide = (): void => {
      if ('waitFor' in route(message.method, message.params, this.#routeParts(origin))) return
      stop()
      waiting.next = this.#routed(message, origin, reply)
    }
    this.#undecided.add(decide)
    return this.#track(message, waiting)
  }

  #listen(message: RequestMessage, reply: Reply): Underway {
    const listen = new Listen({
      id: message.id, params: message.params, reply,
      ownerOf: (uri) => this.#ownerOf(uri),
      onOver: (over) => {
        this.#listens.delete(over)
        this.#forget(message)
      },
    })
    this.#listens.add(listen)
    return this.#track(message, listen)
  }

  #ownerOf(uri: string): Upstream | null {
    const routing = route('resources/subscribe', { uri }, this.#routeParts(this.#legacyOrigin))
    return 'to' in routing ? this.servers.upstreamOf(routing.to.server) : null
  }

  #subscribe(message: RequestMessage, reply: Reply): null {
    const uri = message.params?.['uri']
    if (typeof uri !== 'string') return this.#refuse(message, reply, refuse(INVALID_PARAMS, '"params.uri" has to be the URI of a resource'))
    this.#watch(uri).then(
      () => { this.#answer(message, reply, {}) },
      (error: unknown) => { this.#refuse(message, reply, this.#toFailure(error)) },
    )
    return null
  }

  async #watch(uri: string): Promise<void> {
    const upstream = this.#ownerOf(uri)
    if (upstream === null) throw new RpcError({ code: INVALID_PARAMS, message: `Resource not found: ${uri.slice(0, 1024)}` })
    await upstream.interest.add(uri, this)
    if (this.#closed) upstream.interest.remove(uri, this)
    else this.#watched.set(uri, upstream)
  }

  #unsubscribe(message: RequestMessage, reply: Reply): null {
    const uri = message.params?.['uri']
    if (typeof uri === 'string') {
      this.#watched.get(uri)?.interest.remove(uri, this)
      this.#watched.delete(uri)
    }
    return this.#answer(message, reply, {})
  }

  #setLevel(message: RequestMessage, reply: Reply): null {
    const level = message.params?.['level']
    if (typeof level !== 'string' || !LOG_LEVELS.includes(level)) return this.#refuse(message, reply, refuse(INVALID_PARAMS, `"params.level" has to be one of ${LOG_LEVELS.join(', ')}`))
    this.#state = { ...(this.#state ?? { protocolVersion: '', capabilities: {}, clientInfo: null, subscriptions: [] }), logLevel: level }
    this.#legacyOrigin = { ...this.#legacyOrigin, logLevel: level }
    this.#host.logLevelChanged(this)
    return this.#answer(message, reply, {})
  }

  #notified(method: string, params: JsonObject | undefined): void {
    if (method === 'notifications/cancelled') {
      const id = params?.['requestId']
      if (typeof id === 'string' || typeof id === 'number') this.#underway.get(id)?.abort(typeof params?.['reason'] === 'string' ? params['reason'] : 'the client cancelled the request')
    } else if (method === 'notifications/roots/list_changed') {
      for (const upstream of this.servers.own()) upstream.link?.notify(method, params)
    }
  }

  #track<T extends Underway>(message: RequestMessage, underway: T): T {
    if (this.#options.kind === 'any') this.#underway.set(message.id, underway)
    return underway
  }

  #forget(message: RequestMessage): void {
    this.#underway.delete(message.id)
  }

  #tell(method: string, params: JsonObject | undefined): void {
    this.#options.channel.send(JSON.stringify({ jsonrpc: '2.0', method, ...(params === undefined ? {} : { params }) }))
  }

  #answer(message: RequestMessage, reply: Reply, result: JsonObject): null {
    return this.#answerText(message, reply, Object.keys(result).length === 0 ? EMPTY_RESULT : Buffer.from(JSON.stringify(result)))
  }

  #answerText(message: RequestMessage, reply: Reply, result: Buffer): null {
    reply.answer([Buffer.from(`{"jsonrpc":"2.0","id":${JSON.stringify(message.id)},"result":`), result, CLOSING_BRACE], 200)
    return null
  }

  #refuse(message: RequestMessage, reply: Reply, failure: Failure): null {
    reply.answer([failureText(message.id, failure)], failure.status)
    return null
  }

  #toFailure(error: unknown): Failure {
    if (error instanceof RpcError) return { ...error.toObject(), status: 200 }
    return error instanceof LinkError ? linkTrouble('', error) : { code: INTERNAL_ERROR, message: String(error), status: 200 }
  }
}

const CLOSING_BRACE = Buffer.from('}')
