import type { MembershipSpec } from '../../core/index.js'
import { isJsonObject, type Link } from '../../mcp/index.js'
import type { Call } from '../call.js'
import type { CallVerdict, Setback } from '../call-contract.js'
import { INVALID_PARAMS, refuse, undelivered, type Failure } from '../failure.js'
import type { Hub } from '../hub.js'
import type { Upstream } from '../upstream.js'
import type { GroupMemory } from './group-memory.js'
import { havingWhat, isComing, isRepeatableAt, standingOf, type Tried } from './standing.js'
import type { Supplier } from './supplier.js'

export interface GroupParts {
  /** As clients know it. */
  readonly name: string
  readonly hub: Hub
  readonly memory: GroupMemory
  /** As they are configured now: the lowest priority number first. */
  readonly members: () => readonly string[]
  /** What serves this session as that member right now; starts nothing. */
  readonly look: (member: string) => Upstream
  /** The same for a call: a process of the session's own is started if it has to have one. */
  readonly open: (member: string) => Upstream
  /** Its calls come from many clients, so none of them can be kept with one member. */
  readonly isStateless: boolean
}

/** One call on its way through the members. */
interface Ride {
  /** Who has it; null while it waits for any of them. */
  upstream: Upstream | null
  member: string
  /** Through which instance; null: it waits for one. */
  link: Link | null
  startedOn: number
  readonly tried: Tried[]
  /** Attempts that may have reached a server. */
  delivered: number
  /** Only the member that asked the client something can go on. */
  isPinned: boolean
}

type Choice = { readonly member: string } | 'wait' | null

const MAX_WAITING = 1000

/**
 * Several servers under one name, as one session has them. A call goes to one of them; to another one when it certainly
 * did not reach the first, or when it may be repeated and the first failed. Nothing is answered twice: a member that
 * gave a call back, or lost it, is not listened to any more.
 */
export class Group implements Supplier {
  readonly #parts: GroupParts
  readonly #rides = new Map<Call, Ride>()
  readonly #waiting = new Set<Call>()
  /** The member this session stays with. */
  #home: string | null = null

  constructor(parts: GroupParts) {
    this.#parts = parts
  }

  get era(): null {
    return null
  }

  get isShared(): boolean {
    return this.members.every((member) => this.#parts.look(member).isShared)
  }

  get members(): readonly string[] {
    return this.#parts.members()
  }

  get offersResources(): boolean {
    return this.members.some((member) => this.#parts.look(member).offersResources)
  }

  /** It has no calls. */
  get isIdle(): boolean {
    return this.#rides.size === 0
  }

  get keeper(): Upstream {
    const { look, open, name } = this.#parts
    const { members } = this
    const up = members.filter((member) => standingOf(member, look(member), []) === 'ready')
    const home = this.#home !== null && up.includes(this.#home) ? this.#home : null
    return open(home ?? up[0] ?? members[0] ?? name)
  }

  get absence(): string {
    return this.members.map((member) => {
      const upstream = this.#parts.look(member)
      return `${member}: ${isUp(upstream) ? upstream.guard.refusal(member).message : upstream.absence}`
    }).join('; ')
  }

  submit(call: Call): void {
    const known = this.#rides.get(call)
    // It comes again with answers of its client, which mean something only to the one that asked.
    if (known?.upstream != null) return known.upstream.submit(call)
    const ride: Ride = { upstream: null, member: '', link: null, startedOn: 0, tried: [], delivered: 0, isPinned: false }
    this.#rides.set(call, ride)
    const state = call.origin.era === 'modern' ? call.message.params?.['requestState'] : undefined
    if (state !== undefined) return this.#continue(call, ride, state)
    this.#take(call, ride, this.#choose(call, ride))
  }

  takeBack(call: Call, reason: string): void {
    this.#waiting.delete(call)
    this.#rides.get(call)?.upstream?.takeBack(call, reason)
  }

  judged(call: Call, verdict: CallVerdict): void {
    const ride = this.#rides.get(call)
    if (ride?.upstream == null) return
    ride.upstream.judged(call, verdict)
    const now = performance.now()
    if (verdict.type === 'answered' || verdict.failure === 'hung') this.#parts.memory.answered(ride.member, now - ride.startedOn, now)
  }

  goesOn(call: Call, { isUndelivered, failure }: Setback): boolean {
    const ride = this.#rides.get(call)
    if (ride?.upstream == null || ride.isPinned || call.isBound) return false
    if (!isUndelivered && !(failure !== null && isRepeatableAt(call, ride.upstream, this.members.map((member) => this.#parts.look(member))))) return false
    // A group that shrank to one member is like a single server: that one may be asked once more.
    if (!isUndelivered && ++ride.delivered >= Math.max(2, this.members.length)) return false
    ride.tried.push({ member: ride.member, link: ride.link })
    const choice = this.#choose(call, ride)
    if (choice === null || (choice === 'wait' && this.#waiting.size >= MAX_WAITING)) return false
    ride.upstream.settled(call)
    this.#take(call, ride, choice)
    return true
  }

  paused(call: Call, requestState: unknown): void {
    const { memory, hub } = this.#parts
    const ride = this.#rides.get(call)
    if (ride !== undefined && requestState !== undefined) memory.keep(requestState, ride.member, hub.now())
  }

  settled(call: Call): void {
    this.#waiting.delete(call)
    this.#rides.get(call)?.upstream?.settled(call)
    this.#rides.delete(call)
  }

  /** Members came or went: calls that wait for any of them may go on. */
  changed(): void {
    for (const call of [...this.#waiting]) {
      const ride = this.#rides.get(call)
      const choice = ride === undefined ? null : this.#choose(call, ride)
      if (choice === 'wait') continue
      this.#waiting.delete(call)
      if (ride !== undefined) this.#take(call, ride, choice)
    }
  }

  #continue(call: Call, ride: Ride, state: unknown): void {
    const { memory, hub } = this.#parts
    const member = memory.keeperOf(state, hub.now())
    ride.isPinned = true
    if (member === null) return call.fail({ ...refuse(INVALID_PARAMS, 'the requestState is unknown or expired'), status: 200 })
    if (this.members.includes(member)) return this.#take(call, ride, { member })
    call.fail(undelivered(call.plan.server, `server "${member}", which asked for this, is gone`, 'removed', null))
  }

  #take(call: Call, ride: Ride, choice: Choice): void {
    if (choice === null) return call.fail(this.#nobody(call))
    if (choice === 'wait') {
      if (this.#waiting.size >= MAX_WAITING) return call.fail(undelivered(call.plan.server, `${MAX_WAITING} requests wait for "${call.plan.server}" already`, 'overloaded', 1000))
      ride.upstream = null
      this.#waiting.add(call)
      return call.waits()
    }
    const upstream = this.#parts.open(choice.member)
    ride.upstream = upstream
    ride.member = choice.member
    ride.link = upstream.link
    ride.startedOn = performance.now()
    call.goesTo(choice.member)
    upstream.submit(call)
  }

  #choose(call: Call, { tried }: Ride): Choice {
    const { look, hub } = this.#parts
    const all = new Map(this.members.map((member) => [look(member), member]))
    const having = havingWhat(call, [...all.keys()])
    const candidates = having.map((upstream) => ({ upstream, member: all.get(upstream) ?? upstream.name }))
    const member = this.#pick(call, candidates, tried)
    const chosen = candidates.find((candidate) => candidate.member === member)
    for (const { upstream, member: resting } of candidates) {
      // One that comes first is wanted back; the others only when there is nobody.
      const isWanted = chosen === undefined || priorityOf(upstream) < priorityOf(chosen.upstream)
      if (isWanted && upstream.server?.presence === 'resting') hub.source.wake(resting)
    }
    if (chosen !== undefined) return chosen
    // One that was just started anew shows with a few calls that it is well: the others wait there.
    const renewed = candidates.find(({ upstream, member: name }) => isUp(upstream) && upstream.guard.mayWait && !tried.some((one) => one.member === name))
    if (renewed !== undefined) return renewed
    const withinMs = tried.length === 0 ? null : call.plan.startWaitMs
    return having.some((upstream) => isComing(upstream, withinMs)) ? 'wait' : null
  }

  #pick(call: Call, candidates: readonly { readonly upstream: Upstream; readonly member: string }[], tried: readonly Tried[]): string | undefined {
    const { memory, isStateless } = this.#parts
    const standing = candidates.map(({ upstream, member }) => standingOf(member, upstream, tried))
    const [first] = candidates
    const membership = first === undefined ? null : membershipOf(first.upstream)
    const isSticky = !isStateless && (membership?.sticky === 'session' || first?.upstream.server?.isolation === 'per-session')
    const home = isSticky ? candidates.findIndex(({ member }) => member === this.#home) : -1
    if (home >= 0 && standing[home] !== 'unavailable') return candidates[home]?.member
    const strategy = membership?.strategy ?? 'priority'
    const now = performance.now()
    const [chosen] = memory.order(candidates.map(({ upstream, member }, index) => ({
      name: member, priority: priorityOf(upstream), weight: membershipOf(upstream)?.weight ?? 1, state: standing[index] ?? 'unavailable',
      pending: upstream.inFlight, latencyMs: strategy === 'latency' ? memory.latencyOf(member, now) : null,
    })), { strategy, random: Math.random(), mayTry: call.plan.repeatable })
    if (isSticky && chosen !== undefined) this.#home = chosen
    return chosen
  }

  /** Nobody takes it, and nobody is about to. */
  #nobody({ plan: { server } }: Call): Failure {
    const members = this.members.map((member) => this.#parts.look(member))
    const waits = members.flatMap((upstream) => retryAfterOf(upstream) ?? [])
    const isShut = members.some((upstream) => isUp(upstream) && upstream.admission !== 'open')
    return undelivered(server, `none of the servers behind "${server}" takes calls: ${this.absence}`, isShut ? 'breaker-open' : 'down', waits.length === 0 ? null : Math.min(...waits))
  }
}

/** When it may take calls again; null: nobody can say. */
function retryAfterOf(upstream: Upstream): number | null {
  const data = isUp(upstream) ? upstream.guard.refusal('').data : null
  return isJsonObject(data) && typeof data['retryAfterMs'] === 'number' ? data['retryAfterMs'] : (upstream.server?.retryAfterMs ?? null)
}

function isUp({ link }: Upstream): boolean {
  return link !== null && !link.closed
}

function membershipOf({ server }: Upstream): MembershipSpec | null {
  return server?.traffic.membership ?? null
}

function priorityOf(upstream: Upstream): number {
  return membershipOf(upstream)?.priority ?? 1
}
