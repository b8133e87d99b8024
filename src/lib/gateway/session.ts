import { Register } from '../base/index.js'
import type { SessionMetrics } from '../core/index.js'
import type { JsonObject } from '../mcp/index.js'
import type { Access } from './access.js'
import { idText } from './client-id.js'
import type { Call } from './call.js'
import type { CallClient } from './call-contract.js'
import type { ClientMessage, ReachableServer, Reply, RequestMessage, Session, SessionOptions, SessionState, Underway } from './contract.js'
import { absent, failureText, INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, refuse, trouble, type Failure } from './failure.js'
import { createInside, type Inside } from './inside.js'
import { describe, introduce } from './introduction.js'
import { changeMethods } from './listen.js'
import { isWanted, LOG_LEVELS } from './log-level.js'
import { abilityFor, Questions, whyNotAsked } from './questions.js'
import { originMissing, readModernOrigin, requestedLevel } from './origin.js'
import { answer, answerError, answerText } from './reply.js'
import type { Origin } from './request-text.js'
import { isRouted, listKindOf, planOf, route, type Destination, type RouteParts } from './route.js'
import { createRouteParts } from './route-parts.js'
import { SessionCalls, type Asked } from './session-calls.js'
import type { SessionHost } from './session-host.js'
import { SessionView } from './session-view.js'
import type { Sight } from './sight.js'
import { Subscriptions } from './subscriptions.js'
import { toolHeadersOf } from './tool-headers.js'
import type { Upstream } from './upstream.js'
import { UndecidedRequests } from './undecided.js'
import { LIST_KINDS, type ListKind } from './view-catalogue.js'

const MAX_UNDER_WAY = 10_000

/** One client of the gateway. Reads what it wants, finds who can do it, and sees to it that each request gets one answer. */
export class GatewaySession implements Session, CallClient {
  readonly servers: SessionView
  readonly sight: Sight
  readonly inside: Inside
  readonly #host: SessionHost<GatewaySession>
  readonly #options: SessionOptions
  readonly #questions: Questions
  readonly #underway = new Register<Underway>()
  readonly #calls: SessionCalls
  /** What the legacy client has been given a list of. */
  readonly #listed = new Set<ListKind>()
  readonly #subscriptions: Subscriptions
  readonly #undecided = new UndecidedRequests()
  #state: SessionState | null = null
  #legacyOrigin: Origin = { era: 'legacy', capabilities: {}, clientInfo: null, logLevel: null }
  readonly #routeParts: { readonly legacy: RouteParts; readonly modern: RouteParts }
  #introduced = false
  #closed = false

  constructor(options: SessionOptions, host: SessionHost<GatewaySession>) {
    this.#options = options
    this.#host = host
    this.#calls = new SessionCalls(host, this, options)
    this.#questions = new Questions(options.channel)
    this.sight = this.servers = new SessionView(options.view, host, this, options.kind === 'modern')
    this.inside = createInside(this.servers, (asked) => this.#routed(asked))
    this.#routeParts = { legacy: createRouteParts(this.servers, host, false), modern: createRouteParts(this.servers, host, true) }
    this.#subscriptions = new Subscriptions({
      ownerOf: (uri) => this.#ownerOf(uri),
      isSeen: (upstream) => this.servers.sees(upstream),
      whenListed: (proceed) => this.servers.whenListed(() => { if (!this.#closed) proceed() }),
      onUpdate: (params) => { this.#tell('notifications/resources/updated', params) },
    })
    if (options.resume !== undefined) this.#resume(options.resume)
  }

  get access(): Access {
    return this.#calls.access
  }

  get protocolVersion(): string | null {
    return this.#state?.protocolVersion ?? null
  }

  get state(): SessionState | null {
    return this.#state === null ? null : { ...this.#state, subscriptions: this.#subscriptions.uris() }
  }

  get logLevel(): string | null {
    return this.#state?.logLevel ?? null
  }

  /** Its client; of a place for requests that stand for themselves, those that were there a moment ago. */
  figures(): SessionMetrics[] {
    return this.#calls.figures(this.servers.catalogue.sources())
  }

  receive(message: ClientMessage, reply: Reply): Underway | null {
    switch (message.type) {
      case 'request': return this.#request(message, reply)
      case 'notification': this.#notified(message.method, message.params); return null
      case 'answer': this.#questions.answered(message); return null
      case 'bad': reply.answer([failureText(message.id, { code: message.code, message: message.reason })], 400); return null
    }
  }

  toolHeaders(tool: string): ReadonlyMap<string, readonly string[]> {
    return toolHeadersOf(this.servers.catalogue.merged().toolRoutes.get(tool)?.definition)
  }

  reachable(): ReachableServer[] {
    return this.servers.reachable()
  }

  close(reason: string): void {
    if (this.#closed) return
    this.#closed = true
    this.#calls.abort(reason)
    this.#undecided.clear()
    this.#subscriptions.close()
    this.#questions.close(reason)
    this.servers.close()
    this.#host.closed(this)
  }

  finishListening(): void { this.#subscriptions.finish() }

  /** The gateway ends: those who listen are told so. */
  finish(reason: string): void {
    this.finishListening()
    this.close(reason)
  }

  ask(call: Call | null, method: string, params: JsonObject): Promise<JsonObject> {
    const origin = call?.origin ?? this.#legacyOrigin
    const why = whyNotAsked(origin.capabilities, method, params)
    if (why !== null) {
      call?.lacks(abilityFor(method), params['mode'] === 'url' ? { url: {} } : {})
      return Promise.reject(why)
    }
    return call === null ? this.#questions.ask(null, method, params) : origin.era === 'modern' ? call.park(method, params) : call.holdsFor(this.#questions.ask(call, method, params))
  }

  logged(_server: string, call: Call | null, params: JsonObject): void {
    const isModern = call?.origin.era === 'modern'
    const wanted = isModern ? requestedLevel(call.message.params) : this.logLevel
    if (wanted === null ? isModern : !isWanted(params['level'], wanted)) return
    if (call !== null) call.tell('notifications/message', params)
    else if (this.#introduced || this.logLevel !== null) this.#tell('notifications/message', params)
  }

  settled(call: Call): void {
    this.#calls.settled(call)
    this.paused(call)
    this.#questions.forget(call)
    call.carrier.settled(call)
    this.#host.gate.settled(call)
  }

  paused(call: Call): void {
    if (this.#underway.get(call.id) === call) this.#underway.delete(call.id)
  }

  named(call: Call, text: Buffer): void {
    this.#host.named(call.plan.server, text)
  }

  /** Lists of its view are not what they were. */
  listsChanged(kinds: readonly ListKind[]): void {
    // Who never asked for a list has nothing out of date.
    if (this.#introduced) for (const method of changeMethods(kinds.filter((kind) => this.#listed.has(kind)))) this.#tell(method, undefined)
    this.#subscriptions.listsChanged(kinds)
  }

  /** Servers came or went. */
  serversChanged(): void {
    this.servers.changed()
    this.#undecided.look()
    if (this.servers.hasGroups) this.#subscriptions.follow()
  }

  #request(message: RequestMessage, reply: Reply): Underway | null {
    const { id, method } = message
    if (this.#closed) return answerError(message, reply, trouble('the session was closed', { reason: 'closed', outcome: 'not-delivered' }))
    const keyed = this.#options.kind === 'any'
    if (keyed && this.#underway.get(id) !== undefined) return answerError(message, reply, refuse(INVALID_REQUEST, `a request with the id ${idText(id)} is under way already`))
    if (keyed && this.#underway.size >= MAX_UNDER_WAY) return answerError(message, reply, trouble(`${MAX_UNDER_WAY} requests of this client are under way already`, { reason: 'overloaded', outcome: 'not-delivered', retryAfterMs: 1000 }))
    const origin = this.#originOf(message)
    if ('code' in origin) return answerError(message, reply, origin)
    if (isRouted(method)) return this.#routed({ message, origin, reply, takenOn: performance.now() })
    this.#calls.heard(origin)
    const kind = listKindOf(method)
    return kind === null ? this.#own(message, origin, reply) : this.#list(message, kind, origin, reply)
  }

  /** What the gateway answers itself. */
  #own(message: RequestMessage, origin: Origin, reply: Reply): Underway | null {
    const isModern = origin.era === 'modern'
    switch (message.method) {
      case 'server/discover': return answer(message, reply, describe(this.#host.version, this.#instructions()))
      case 'subscriptions/listen': if (isModern) return this.#track(message, this.#subscriptions.listen(message, reply, () => { this.#underway.delete(message.id) })); break
      case 'initialize': if (!isModern) return this.#initialize(message, reply); break
      case 'ping': if (!isModern) return answer(message, reply, {}); break
      case 'logging/setLevel': if (!isModern) return this.#setLevel(message, reply); break
      case 'resources/subscribe': if (!isModern) return this.#subscriptions.subscribe(message, reply); break
      case 'resources/unsubscribe': if (!isModern) return this.#subscriptions.unsubscribe(message, reply); break
    }
    return answerError(message, reply, refuse(METHOD_NOT_FOUND, `Method not found: ${message.method.slice(0, 256)}`))
  }

  /** Who asks: the session as it introduced itself, or what a modern request says for itself. */
  #originOf(message: RequestMessage): Origin | Failure {
    const isOwn = this.#options.kind === 'any'
    const origin = readModernOrigin(message)
    if (origin === null) return isOwn && message.method !== 'subscriptions/listen' ? this.#legacyOrigin : originMissing()
    if (!('code' in origin) && !this.#introduced && isOwn) this.servers.introduce({ capabilities: origin.capabilities, info: origin.clientInfo })
    return origin
  }

  #initialize(message: RequestMessage, reply: Reply): null {
    const { result, state } = introduce(message.params, this.#host.version, this.#instructions())
    this.#introduce(state)
    return answer(message, reply, result)
  }

  #introduce(state: SessionState): void {
    this.#state = state
    this.#introduced = true
    this.#legacyOrigin = { era: 'legacy', capabilities: state.capabilities, clientInfo: state.clientInfo, logLevel: state.logLevel }
    this.servers.introduce({ capabilities: state.capabilities, info: state.clientInfo })
    this.#calls.introduced(state.clientInfo)
  }

  #resume(state: SessionState): void {
    this.#introduce(state)
    for (const kind of LIST_KINDS) this.#listed.add(kind)
    if (state.logLevel !== null) this.#host.logLevelChanged(this)
    this.#subscriptions.resume(state.subscriptions)
  }

  #instructions(): string | null {
    return this.#host.passInstructions ? this.#host.sharedCatalogue(this.#options.view).instructions() : null
  }

  #list(message: RequestMessage, kind: ListKind, origin: Origin, reply: Reply): Underway | null {
    if (message.params?.['cursor'] !== undefined) return answerError(message, reply, { ...refuse(INVALID_PARAMS, 'Invalid cursor: lists are given out whole'), status: 200 })
    let isOver = false
    const proceed = (): void => {
      if (isOver) return
      isOver = true
      this.#underway.delete(message.id)
      if (origin.era === 'legacy') this.#listed.add(kind)
      answerText(message, reply, this.servers.catalogue.list(kind, origin.era))
    }
    const takeBack = this.servers.whenListed(proceed)
    return isOver ? null : this.#track(message, { abort: () => { isOver = true; takeBack(); this.#underway.delete(message.id) } })
  }

  #routed(asked: Asked): Underway | null {
    const { message, origin, reply } = asked
    if (origin.era === 'modern' && message.params?.['requestState'] !== undefined) {
      const resumed = this.#host.parking.resume(message, this, reply)
      if (resumed !== null) return resumed.over ? null : this.#track(message, resumed)
    }
    const routing = route(message.method, message.params, this.#routeParts[origin.era])
    if ('failure' in routing) return this.#calls.turnAway(asked, routing)
    if ('waitFor' in routing) return this.#decideLater(asked, routing.waitFor)
    return this.#call(asked, routing.to)
  }

  #call(asked: Asked, to: Destination): Underway | null {
    const { message, origin, reply } = asked
    const carrier = this.servers.supplierOf(to.server)
    const source = to.member ?? this.servers.sourceOf(to.server)
    if (origin.era === 'modern' && carrier.era === 'legacy' && message.params?.['requestState'] !== undefined) {
      return answerError(message, reply, { ...refuse(INVALID_PARAMS, 'the requestState is unknown, expired or used already'), status: 200 })
    }
    const plan = planOf(to, this.#host.shared(source).server?.traffic, this.#host.startWaitMs)
    const call = this.#calls.open(asked, to.target, { carrier, plan, source })
    this.#host.gate.enter(call, { carrier, to, access: this.#calls.access })
    return call.over ? null : this.#track(message, call)
  }

  #decideLater(asked: Asked, servers: readonly string[]): Underway {
    const { message, origin } = asked
    this.servers.wake()
    const [first = ''] = servers
    const sources = servers.map((name) => this.servers.sourceOf(name))
    return this.#track(message, this.#undecided.add({
      decide: () => ('waitFor' in route(message.method, message.params, this.#routeParts[origin.era]) ? null : () => this.#routed(asked)),
      giveUp: () => { this.#calls.refuse(asked, sources, absent(first, this.#host.startWaitMs, this.#host.source.get(sources[0] ?? first)?.reason ?? '')) },
      onSettled: () => { this.#underway.delete(message.id) },
    }, this.#host.startWaitMs))
  }

  #ownerOf(uri: string): Upstream | null {
    const routing = route('resources/subscribe', { uri }, this.#routeParts.legacy)
    return 'to' in routing ? this.servers.supplierOf(routing.to.server).keeper : null
  }

  #setLevel(message: RequestMessage, reply: Reply): null {
    const level = message.params?.['level']
    if (typeof level !== 'string' || !LOG_LEVELS.includes(level)) return answerError(message, reply, refuse(INVALID_PARAMS, `"params.level" has to be one of ${LOG_LEVELS.join(', ')}`))
    this.#state = { ...(this.#state ?? { protocolVersion: '', capabilities: {}, clientInfo: null, subscriptions: [] }), logLevel: level }
    this.#legacyOrigin = { ...this.#legacyOrigin, logLevel: level }
    this.#host.logLevelChanged(this)
    return answer(message, reply, {})
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

  #tell(method: string, params: JsonObject | undefined): void {
    this.#options.channel.send(JSON.stringify({ jsonrpc: '2.0', method, params }))
  }
}
