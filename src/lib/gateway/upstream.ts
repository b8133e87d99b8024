import type { Admission, Era } from '../core/index.js'
import { LinkError, type Catalogue, type JsonObject, type Link, type ServerRequest } from '../mcp/index.js'
import { whoIsMeant } from './attribution.js'
import { createGuard, type BreakerGuard } from './breaker-guard.js'
import { isChanged } from './cache/staleness.js'
import type { Call } from './call.js'
import { CallsUnderWay } from './calls-under-way.js'
import type { CallClient, CallVerdict, Setback } from './call-contract.js'
import { INTERNAL_ERROR, linkTrouble, trouble, undelivered } from './failure.js'
import { IdleStop } from './idle-stop.js'
import { Interest } from './interest.js'
import type { Supplier } from './group/supplier.js'
import type { Hub } from './hub.js'
import { Lane, NO_LIMITS } from './lane.js'
import { LevelSender } from './level-sender.js'
import { changedLists, ListRefresh } from './list-refresh.js'
import { META } from './request-text.js'
import { ServerQuestions } from './server-questions.js'
import type { Heard, SourceServer } from './source.js'
import { WaitingCalls } from './waiting-calls.js'

const MAX_UNDER_WAY = 10_000

/** One server, or one session's own process of it, as the gateway uses it: its link while it has one, and everything under way. */
export class Upstream implements Supplier {
  readonly name: string
  readonly members = null
  readonly keeper: Upstream = this
  /** Set when the process belongs to one session. */
  readonly owner: CallClient | null
  readonly interest: Interest
  /** How often and how much at once it may be asked. */
  readonly lane: Lane
  /** Tells whether its calls end well enough to be sent more. */
  readonly guard: BreakerGuard
  catalogue: Catalogue | null = null
  instructions: string | null = null
  readonly #hub: Hub
  readonly #calls = new CallsUnderWay()
  readonly #waiting = new WaitingCalls()
  #server: SourceServer | null = null
  #link: Link | null = null
  /** Of the instance that was up last, even while it takes nothing new. */
  #lists: ListRefresh | null = null
  readonly #questions: ServerQuestions
  readonly #level = new LevelSender()
  #isListed = false
  #offersResources = false
  #era: Era | null = null
  #version = ''
  readonly #idleStop: IdleStop

  /** `configured`: the server whose process it is. */
  constructor(name: string, owner: CallClient | null, hub: Hub, configured = name) {
    this.name = name
    this.owner = owner
    this.#hub = hub
    this.interest = new Interest(this)
    this.lane = new Lane({ server: configured, gate: hub.gate, limits: () => this.#server?.traffic ?? NO_LIMITS, onTurn: (call) => { this.submit(call) } })
    this.#questions = new ServerQuestions({ name, owner, hub, callsOn: (link) => this.#calls.on(link) })
    this.guard = createGuard(name, hub, { spec: () => this.#server?.traffic.breaker ?? null, isUp: () => this.#link !== null, opened: () => { this.lane.clear((call) => { this.submit(call) }) }, release: () => { this.#submitWaiting() } })
    this.#idleStop = new IdleStop({
      idleMs: () => (this.#link === null ? null : (this.#server?.idleStopMs ?? null)),
      isUnused: () => this.inFlight === 0 && !this.interest.isAlive,
      now: () => hub.now(),
      stop: () => { hub.source.rest(name) },
    })
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
    this.#level.set(level)
  }

  get absence(): string {
    return this.#server?.reason ?? ''
  }

  get inFlight(): number {
    return this.#calls.size + this.#waiting.size + this.lane.waiting
  }

  /** Params of a request the gateway itself sends to a modern server. */
  ownParams(params: JsonObject): JsonObject {
    return { ...params, _meta: { [META.version]: this.#version, [META.clientInfo]: { name: 'mcpctl', version: this.#hub.version }, [META.capabilities]: {} } }
  }

  get isShared(): boolean {
    // One made for a profile has the name of another one, whose answers are not its own.
    return this.owner === null && this.#server?.isolation !== 'per-session' && this.#server?.traffic.profile == null
  }

  submit(call: Call): void {
    this.#idleStop.used()
    if (this.#calls.size >= MAX_UNDER_WAY) {
      call.refused(undelivered(call.plan.server, `server "${call.plan.server}" has ${MAX_UNDER_WAY} requests under way`, 'overloaded', 1000))
      return
    }
    if (this.guard.admission === 'shut') this.#shut(call)
    // One that just ended gets nothing: a trial that never leaves would be missed by its breaker.
    else if (this.#link === null || this.#link.closed) this.#queue(call)
    // Only who can be sent now takes a token and a place: all others wait for the server, however long its start takes.
    else if (this.lane.admit(call)) {
      this.guard.enter(call)
      if (!this.#pass(call, this.#link)) this.#queue(call)
    }
  }

  /** Its breaker lets nothing through: worth waiting for only where the server was started anew. */
  #shut(call: Call): void {
    if (this.guard.mayWait || this.#server?.presence === 'down') this.#queue(call)
    else call.refused(this.guard.refusal(call.plan.server))
  }

  takeBack(call: Call, reason: string): void {
    this.#waiting.delete(call)
    this.lane.leave(call)
    if (!this.#calls.delete(call)) return
    const { link, linkId } = call
    if (link === null || linkId === null) return
    // The instance that has it may have been replaced meanwhile: its link stays open until its calls are answered.
    link.takeBack(linkId, reason, this.#questions.takenBack(call, link))
  }

  judged(call: Call, verdict: CallVerdict): void {
    // What becomes of the calls of an instance that was replaced tells nothing of the one there is.
    if (call.link === this.#link) this.guard.judged(call, verdict)
    else this.guard.settled(call)
    this.lane.leave(call)
  }

  /** Asking the same server once more is all there is; one that comes back may be another instance. */
  goesOn(call: Call, { isUndelivered, isLost }: Setback): boolean {
    if (!isLost || call.repeated || !(call.plan.repeatable || isUndelivered) || (this.guard.admission === 'shut' && !this.guard.mayWait)) return false
    call.repeated = true
    this.submit(call)
    return true
  }

  /** Whether it takes calls: all, some to see whether it is well again, or none. */
  get admission(): Admission {
    return this.#link !== null && !this.#link.closed ? this.guard.admission : 'shut'
  }

  /** Called by the hub when the call is over, or another server has it. */
  settled(call: Call): void {
    this.#waiting.delete(call)
    this.#calls.delete(call)
    this.lane.leave(call)
    this.guard.settled(call)
    if (this.#calls.size > 0) return
    // It was in use until now, however long ago that call began.
    this.#idleStop.used()
    this.#idleStop.arm()
  }

  /** Looks at the source again: the server may have come up, gone down, or changed. */
  changed(): void {
    const server = this.#hub.source.get(this.name)
    if (isChanged(this.#server?.traffic, server?.traffic)) this.#hub.stale(this.name)
    this.#server = server
    this.guard.follow()
    const link = server?.up?.link ?? null
    if (link !== this.#link) this.#adopt(server)
    if (server === null) this.#waiting.fail(`server "${this.name}" is not configured any more`, 'removed', null)
    else if (server.presence === 'down') this.#waiting.fail(`server "${this.name}" is down: ${server.reason}`, 'down', server.retryAfterMs)
    if (link !== null) this.#idleStop.arm()
  }

  notified(...[method, params, via, link = null]: Heard): void {
    const lists = changedLists(method)
    if (lists !== undefined) {
      if (link === null || link === this.#lists?.link) this.#lists?.changed(lists)
      return
    }
    switch (method) {
      case 'notifications/progress': return this.#progressed(params)
      case 'notifications/resources/updated': return this.interest.updated(params)
      case 'notifications/message': return this.#logged(params ?? {}, via, link)
      case 'notifications/subscriptions/acknowledged':
      case 'notifications/cancelled':
        return
      default: whoIsMeant(this.#calls.on(link), via, this.owner)?.call?.tell(method, params)
    }
  }

  asked(request: ServerRequest, link: Link | null = null): Promise<JsonObject> | undefined {
    return this.#questions.asked(request, link)
  }

  /** The gateway gives this server up. */
  close(reason: string): void {
    this.lane.clear((call) => { call.refused(undelivered(call.plan.server, reason, 'closed', null)) })
    for (const call of this.#calls.on(null)) {
      this.takeBack(call, reason)
      call.setBack({ failure: 'dead', isUndelivered: false, isLost: false }, trouble(reason, { reason: 'closed', server: call.plan.server, outcome: 'unknown' }))
    }
    this.#waiting.fail(reason, 'closed', null)
    this.#idleStop.close()
    this.guard.close()
    this.interest.close()
    this.#lists?.stop()
    this.#link = this.#lists = null
    this.#level.adopt(null, null)
  }

  /** False when the link turned out to be over: nothing was sent then. */
  #pass(call: Call, link: Link): boolean {
    this.#calls.delete(call)
    call.token = call.wantsProgress ? this.#hub.nextToken() : null
    try {
      call.linkId = link.pass(call.toPassed({ era: this.#era ?? 'legacy', protocolVersion: this.#version, token: call.token }))
      call.link = link
    } catch (error) {
      if (error instanceof LinkError && error.reason === 'closed') return false
      call.refused(error instanceof LinkError ? linkTrouble(call.plan.server, error) : { code: INTERNAL_ERROR, message: String(error), status: 200 })
      return true
    }
    this.#calls.add(call)
    call.leaves()
    return true
  }

  #queue(call: Call): void {
    this.#calls.delete(call)
    this.lane.leave(call)
    // A process of the session's own is worth waiting for; for a shared one another may stand in.
    if (this.owner === null && call.goesOnElsewhere(this)) return
    const server = this.server
    if (this.#waiting.add(call, server) && server?.presence === 'resting') this.#hub.source.wake(this.name)
  }

  #adopt(server: SourceServer | null): void {
    const up = server?.up ?? null
    this.#link = up?.link ?? null
    if (up === null) return this.#level.adopt(null, null)
    const { established } = up
    this.#era = established.verdict.era
    this.#version = established.verdict.protocolVersion
    this.instructions = established.instructions
    this.#offersResources = established.capabilities['resources'] !== undefined
    this.#idleStop.used()
    // One that was away for a moment may have told of other lists since it came up.
    if (up.link !== this.#lists?.link) {
      this.guard.renewed()
      this.#hub.stale(this.name)
      this.#followLists(up.link)
      this.#learn(established.catalogue)
    }
    this.interest.renew()
    this.#level.adopt(up.link, established)
    this.#submitWaiting()
  }

  #submitWaiting(): void {
    if (this.#link === null || this.#waiting.size === 0) return
    for (const call of this.#waiting.take()) this.submit(call)
  }

  #followLists(link: Link): void {
    this.#lists?.stop()
    this.#lists = new ListRefresh(link, {
      onRead: (kind, list) => { if (this.catalogue !== null) this.#learn({ ...this.catalogue, [kind]: list }) },
      onFailure: (text) => { this.#hub.source.note(this.name, text) },
    })
  }

  #learn(catalogue: Catalogue): void {
    const isNew = !this.#isListed || this.catalogue === null || JSON.stringify(this.catalogue) !== JSON.stringify(catalogue)
    this.catalogue = catalogue
    this.#isListed = true
    if (this.owner === null && isNew) this.#hub.source.remember(this.name, { catalogue, instructions: this.instructions })
    this.#hub.catalogueChanged(isNew)
  }

  #progressed(params: JsonObject | undefined): void {
    const call = this.#calls.withToken(params?.['progressToken'])
    if (params !== undefined && call !== undefined) call.progress(params)
  }

  #logged(params: JsonObject, via: number | null, link: Link | null): void {
    const about = whoIsMeant(this.#calls.on(link), via, this.owner)
    if (about !== null) about.session.logged(this.name, about.call, params)
    else if (this.owner === null) this.#hub.logged(this.name, params)
  }
}
