import { setTimeout as delay } from 'node:timers/promises'
import { Register } from '../base/index.js'
import type { Era } from '../core/index.js'
import { isJsonObject, LinkError, readList, RpcError, type Catalogue, type JsonObject, type Link, type ServerRequest } from '../mcp/index.js'
import { whoIsAsked, whoIsMeant, type Addressee } from './attribution.js'
import type { Call, CallCarrier, CallClient } from './call.js'
import { INTERNAL_ERROR, linkTrouble, METHOD_NOT_FOUND, trouble } from './failure.js'
import { Interest } from './interest.js'
import type { Hub } from './hub.js'
import { META } from './request-text.js'
import type { SourceServer } from './source.js'
import { Withdrawn } from './withdrawn.js'

const LIST_TIMEOUT_MS = 30_000
const QUESTIONS = new Set(['sampling/createMessage', 'elicitation/create', 'roots/list'])
const REFRESH_PAUSE_MS = 250
const MAX_WAITING = 1000
const MAX_UNDER_WAY = 10_000
const LISTS: Readonly<Record<string, readonly (keyof Catalogue)[]>> = {
  'notifications/tools/list_changed': ['tools'],
  'notifications/prompts/list_changed': ['prompts'],
  'notifications/resources/list_changed': ['resources', 'resourceTemplates'],
}

/** One server, or one session's own process of it, as the gateway uses it: its link while it has one, and everything under way. */
export class Upstream implements CallCarrier {
  readonly name: string
  /** Set when the process belongs to one session. */
  readonly owner: CallClient | null
  readonly interest: Interest
  catalogue: Catalogue | null = null
  instructions: string | null = null
  readonly #hub: Hub
  readonly #calls = new Register<Call>()
  readonly #waiting = new Set<Call>()
  readonly #tokens = new Register<Call>()
  #server: SourceServer | null = null
  #link: Link | null = null
  /** The same, even while the server takes nothing new. */
  #lastLink: Link | null = null
  readonly #withdrawn = new Withdrawn()
  #hasLogging = false
  #isListed = false
  #offersResources = false
  #logLevel: string | null = null
  #era: Era | null = null
  #version = ''
  #idleTimer: NodeJS.Timeout | null = null
  #usedAt = 0
  readonly #refreshing = new Set<keyof Catalogue>()
  readonly #refreshAgain = new Set<keyof Catalogue>()

  constructor(name: string, owner: CallClient | null, hub: Hub) {
    this.name = name
    this.owner = owner
    this.#hub = hub
    this.interest = new Interest(this)
    // A process of one session's own lists nearly what the shared one does: its calls need not wait for its lists.
    const remembered = hub.source.remembered(name)
    this.catalogue = remembered?.catalogue ?? null
    this.instructions = remembered?.instructions ?? null
    this.changed()
  }

  get link(): Link | null {
    return this.#link
  }

  get era(): Era | null {
    return this.#era
  }

  get protocolVersion(): string {
    return this.#version
  }

  /** Its lists are still to come. What a session's own process lists can depend on its client, so what others listed does not do. */
  get isPending(): boolean {
    return this.owner === null ? this.catalogue === null : !this.#isListed
  }

  /** As it was when it changed last. */
  get server(): SourceServer | null {
    return this.#server
  }

  get offersResources(): boolean {
    return this.#offersResources || (this.catalogue !== null && this.catalogue.resources.length + this.catalogue.resourceTemplates.length > 0)
  }

  /** The most verbose level its clients asked for. */
  setLogLevel(level: string | null): void {
    if (level === this.#logLevel) return
    this.#logLevel = level
    this.#sendLogLevel()
  }

  get absence(): string {
    return this.#server?.reason ?? ''
  }

  get inFlight(): number {
    return this.#calls.size + this.#waiting.size
  }

  /** Params of a request the gateway itself sends to a modern server. */
  ownParams(params: JsonObject): JsonObject {
    return { ...params, _meta: { [META.version]: this.#version, [META.clientInfo]: { name: 'mcpctl', version: this.#hub.version }, [META.capabilities]: {} } }
  }

  submit(call: Call): void {
    this.#usedAt = this.#hub.now()
    if (this.#calls.size >= MAX_UNDER_WAY) {
      call.fail(trouble(`server "${call.plan.server}" has ${MAX_UNDER_WAY} requests under way`, { reason: 'overloaded', server: call.plan.server, outcome: 'not-delivered', retryAfterMs: 1000 }))
      return
    }
    if (this.#link === null || !this.#pass(call, this.#link)) this.#queue(call)
  }

  takeBack(call: Call, reason: string): void {
    this.#waiting.delete(call)
    if (!this.#calls.delete(call.serial)) return
    if (call.token !== null) this.#tokens.delete(call.token)
    if (call.linkId === null) return
    const forget = this.#withdrawn.note(call.clientKey, this.#hub.now())
    this.#lastLink?.takeBack(call.linkId, reason, forget)
  }

  /** Called by the hub when the call is over. */
  settled(call: Call): void {
    this.#waiting.delete(call)
    this.#calls.delete(call.serial)
    if (call.token !== null) this.#tokens.delete(call.token)
    if (this.#calls.size === 0) this.#armIdleStop()
  }

  /** Looks at the source again: the server may have come up, gone down, or changed. */
  changed(): void {
    const server = this.#hub.source.get(this.name)
    this.#server = server
    const link = server?.up?.link ?? null
    if (link !== this.#link) this.#adopt(server)
    if (server === null) this.#failWaiting(`server "${this.name}" is not configured any more`, 'removed', null)
    else if (server.presence === 'down') this.#failWaiting(`server "${this.name}" is down: ${server.reason}`, 'down', server.retryAfterMs)
    if (link !== null) this.#armIdleStop()
  }

  notified(method: string, params: JsonObject | undefined, via: number | null): void {
    const lists = LISTS[method]
    if (lists !== undefined) return void lists.forEach((kind) => void this.#refresh(kind))
    switch (method) {
      case 'notifications/progress': return this.#progressed(params)
      case 'notifications/resources/updated': return this.interest.updated(params)
      case 'notifications/message': return this.#logged(params ?? {}, via)
      case 'notifications/subscriptions/acknowledged':
      case 'notifications/cancelled':
        return
      default: {
        const about = whoIsMeant(this.#calls.values(), via, this.owner)
        if (about !== null) about.call?.tell(method, params)
      }
    }
  }

  asked({ method, params, via }: ServerRequest): Promise<JsonObject> | undefined {
    if (!QUESTIONS.has(method)) return undefined
    const likely = whoIsAsked(this.#calls.values(), via, this.owner)
    const about = likely === null || this.#isSure(likely, via) ? likely : null
    // The roots of a legacy session would be taken for everybody's; a modern client's are part of its request.
    if (method === 'roots/list' && this.owner === null && !(about?.call?.origin.era === 'modern' && isJsonObject(about.call.origin.capabilities['roots']))) {
      const roots = this.server?.roots
      return roots == null ? undefined : Promise.resolve({ roots })
    }
    return about === null ? this.#refuseToAsk(method, likely) : about.session.ask(about.call, method, params ?? {})
  }

  #refuseToAsk(method: string, likely: Addressee | null): Promise<never> {
    const why = likely !== null ? 'soon after another client gave a call up' : this.#calls.size === 0 ? 'while no client waits for it' : 'while calls of several clients are under way'
    this.#hub.warn(this.name, `it asked ${method} ${why}, so nobody can tell which client is meant; set isolation: per-session for it`)
    return Promise.reject(new RpcError({ code: METHOD_NOT_FOUND, message: `${method} was not passed on: it was asked ${why}` }))
  }

  #isSure({ call }: Addressee, via: number | null): boolean {
    return via !== null || this.owner !== null || !this.#withdrawn.hasOthers(call?.clientKey, this.#hub.now())
  }

  /** The gateway gives this server up. */
  close(reason: string): void {
    for (const call of this.#calls.values()) {
      this.takeBack(call, reason)
      call.fail(trouble(reason, { reason: 'closed', server: call.plan.server, outcome: 'unknown' }))
    }
    this.#failWaiting(reason, 'closed', null)
    if (this.#idleTimer !== null) clearTimeout(this.#idleTimer)
    this.#idleTimer = null
    this.interest.close()
    this.#link = this.#lastLink = null
  }

  /** False when the link turned out to be over: nothing was sent then. */
  #pass(call: Call, link: Link): boolean {
    if (call.token !== null) this.#tokens.delete(call.token)
    call.token = call.wantsProgress ? this.#hub.nextToken() : null
    try {
      call.linkId = link.pass(call.toPassed({ era: this.#era ?? 'legacy', protocolVersion: this.#version, token: call.token }))
    } catch (error) {
      if (error instanceof LinkError && error.reason === 'closed') return false
      call.fail(error instanceof LinkError ? linkTrouble(call.plan.server, error) : { code: INTERNAL_ERROR, message: String(error), status: 200 })
      return true
    }
    if (call.token !== null) this.#tokens.set(call.token, call)
    this.#calls.set(call.serial, call)
    call.leaves()
    return true
  }

  #queue(call: Call): void {
    this.#calls.delete(call.serial)
    const server = this.server
    if (server === null || server.presence === 'down') {
      const why = server === null ? 'it is not configured any more' : server.reason
      call.fail(trouble(`server "${call.plan.server}" is down: ${why}`, { reason: 'down', server: call.plan.server, outcome: 'not-delivered', ...(server?.retryAfterMs == null ? {} : { retryAfterMs: server.retryAfterMs }) }))
      return
    }
    if (this.#waiting.size >= MAX_WAITING) {
      call.fail(trouble(`${MAX_WAITING} requests wait for server "${call.plan.server}" already`, { reason: 'overloaded', server: call.plan.server, outcome: 'not-delivered', retryAfterMs: 1000 }))
      return
    }
    this.#waiting.add(call)
    call.waits()
    if (server.presence === 'resting') this.#hub.source.wake(this.name)
  }

  #adopt(server: SourceServer | null): void {
    const up = server?.up ?? null
    this.#link = up?.link ?? null
    if (up === null) return
    const { established } = up
    this.#era = established.verdict.era
    this.#version = established.verdict.protocolVersion
    this.instructions = established.instructions
    this.#hasLogging = established.capabilities['logging'] !== undefined
    this.#offersResources = established.capabilities['resources'] !== undefined
    this.#usedAt = this.#hub.now()
    // One that was away for a moment may have told of other lists since it came up.
    if (up.link !== this.#lastLink) {
      this.#lastLink = up.link
      this.#withdrawn.clear()
      this.#learn(established.catalogue)
    }
    this.interest.renew()
    this.#sendLogLevel()
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const call of waiting) this.submit(call)
  }

  #learn(catalogue: Catalogue): void {
    const isNew = !this.#isListed || this.catalogue === null || JSON.stringify(this.catalogue) !== JSON.stringify(catalogue)
    this.catalogue = catalogue
    this.#isListed = true
    if (this.owner === null && isNew) this.#hub.source.remember(this.name, { catalogue, instructions: this.instructions })
    this.#hub.catalogueChanged(isNew)
  }

  /** Modern requests carry the level themselves. */
  #sendLogLevel(): void {
    if (this.#link === null || this.#logLevel === null || !this.#hasLogging || this.#era !== 'legacy') return
    this.#link.request('logging/setLevel', { level: this.#logLevel }, { timeoutMs: LIST_TIMEOUT_MS }).catch(() => undefined)
  }

  /** One read at a time for each list; what changes meanwhile is read again. */
  async #refresh(kind: keyof Catalogue): Promise<void> {
    const link = this.#lastLink
    if (link === null) return
    if (this.#refreshing.has(kind)) return void this.#refreshAgain.add(kind)
    this.#refreshing.add(kind)
    try {
      const list = await readList(link, kind, { timeoutMs: LIST_TIMEOUT_MS })
      if (link === this.#lastLink && this.catalogue !== null) this.#learn({ ...this.catalogue, [kind]: list })
    } catch (error) {
      this.#hub.source.note(this.name, `its list of ${kind} changed and could not be read again: ${error instanceof Error ? error.message : String(error)}`)
    }
    // A server that tells of a change whenever it is read must not be read all the time.
    await delay(REFRESH_PAUSE_MS, undefined, { ref: false })
    this.#refreshing.delete(kind)
    if (this.#refreshAgain.delete(kind)) void this.#refresh(kind)
  }

  #progressed(params: JsonObject | undefined): void {
    const token = params?.['progressToken']
    const call = typeof token === 'number' ? this.#tokens.get(token) : undefined
    if (params !== undefined && call !== undefined) call.progress(params)
  }

  #logged(params: JsonObject, via: number | null): void {
    const about = whoIsMeant(this.#calls.values(), via, this.owner)
    if (about !== null) about.session.logged(this.name, about.call, params)
    else if (this.owner === null) this.#hub.logged(this.name, params)
  }

  #failWaiting(message: string, reason: string, retryAfterMs: number | null): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const call of waiting) call.fail(trouble(message, { reason, server: call.plan.server, outcome: 'not-delivered', ...(retryAfterMs === null ? {} : { retryAfterMs }) }))
  }

  #armIdleStop(): void {
    const idleMs = this.server?.idleStopMs ?? null
    if (idleMs === null || this.#link === null || this.#idleTimer !== null) return
    this.#idleTimer = setTimeout(() => {
      this.#idleTimer = null
      if (this.#link === null) return
      const unusedMs = this.#hub.now() - this.#usedAt
      if (this.inFlight === 0 && !this.interest.isAlive && unusedMs >= idleMs) this.#hub.source.rest(this.name)
      else this.#armIdleStop()
    }, Math.max(50, idleMs - (this.#hub.now() - this.#usedAt))).unref()
  }
}
