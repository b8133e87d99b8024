import { Register } from '../../base/index.js'
import type { CacheSpec } from '../../core/index.js'
import type { AnswerText } from '../answer-text.js'
import type { Call } from '../call.js'
import type { AnswerKeeper } from '../call-contract.js'
import type { GateBook } from '../gate-book.js'
import type { Hop } from '../request-text.js'
import type { Destination } from '../route.js'
import { AnswerStore } from './answer-store.js'
import { readKeepable } from './keepable.js'
import { isWorthKeeping, requestKey } from './request-key.js'

export interface ResponseCacheOptions {
  readonly book: GateBook
  readonly maxBytes: () => number
  /** A call that waited for the answer to another one has to go to its server itself. */
  readonly proceed: (call: Call) => void
}

/** Calls that wait for the answer to an equal one; more go to the server themselves. */
const MAX_FOLLOWERS = 10_000
/** Leaders that came to nothing before the others go by themselves: who waits must not wait for one after the other. */
const MAX_LOSSES = 2

/** Equal calls of which one is on its way. */
interface Flight {
  readonly key: string
  /** For everybody, and for one caller alone. */
  readonly publicKey: string
  readonly spec: CacheSpec
  leader: Call
  readonly followers: Map<Call, string>
  /** Of the leader. */
  caller: string
  /** What its server's answers were worth when the request left: another number means that they may have changed. */
  epoch: number
  losses: number
  /** What all of these callers may have; set between the leader's answer and its end. */
  landed: { readonly answer: AnswerText; readonly hop: Hop; readonly isPublic: boolean } | null
}

/** Gives an answer to more than one call: to equal ones that come while it is on its way, and to those that come while it is kept. Its owner calls `close`. */
export class ResponseCache implements AnswerKeeper {
  readonly store: AnswerStore
  readonly #options: ResponseCacheOptions
  readonly #flights = new Map<string, Flight>()
  readonly #byCall = new Register<Flight>()
  /** By server, as clients know it. */
  readonly #epochs = new Map<string, number>()
  #lastEpoch = 0
  #followers = 0

  constructor(options: ResponseCacheOptions) {
    this.#options = options
    this.store = new AnswerStore(options.maxBytes)
  }

  /** True: the call is answered, or waits for the answer to an equal one. False: it has to go to its server. */
  take(call: Call, to: Destination, { caller, spec }: { readonly caller: string; readonly spec: CacheSpec }): boolean {
    const { message, plan: { server } } = call
    if (to.target === null || !call.carrier.isShared || !isWorthKeeping(spec, message, to)) return false
    const publicKey = requestKey(server, message, to.target)
    if (publicKey === null) return false
    const ownKey = `${caller}\n${publicKey}`
    const found = this.store.find(publicKey) ?? this.store.find(ownKey)
    if (found !== null) {
      this.#options.book.hit(server)
      call.recall(found.answer, found.hop)
      return true
    }
    const key = spec.scope === 'public' ? publicKey : ownKey
    const flight = this.#flights.get(key)
    if (flight !== undefined && flight.epoch === this.#epochOf(server)) {
      if (this.#follow(flight, call, caller)) return true
    } else {
      this.#lead({ key, publicKey, spec, leader: call, followers: new Map(), caller, epoch: this.#epochOf(server), losses: 0, landed: null })
    }
    this.#options.book.miss(server)
    return false
  }

  left(call: Call): void {
    const flight = this.#byCall.get(call.serial)
    if (flight?.leader === call) flight.epoch = this.#epochOf(call.plan.server)
  }

  bound(call: Call): void {
    const flight = this.#byCall.get(call.serial)
    if (flight?.leader === call) this.#disperse(flight)
  }

  answered(call: Call, answer: AnswerText): void {
    const flight = this.#byCall.get(call.serial)
    if (flight?.leader !== call) return
    const { hop, plan: { server } } = call
    const keepable = hop === null || call.isBound || flight.epoch !== this.#epochOf(server) ? null : readKeepable(answer, hop.era, flight.spec)
    if (hop === null || keepable === null) return this.#disperse(flight)
    const isPublic = keepable.scope === 'public'
    const { params, method } = call.message
    const uri = method === 'resources/read' && typeof params?.['uri'] === 'string' ? params['uri'] : null
    this.store.keep({ key: isPublic ? flight.publicKey : `${flight.caller}\n${flight.publicKey}`, server, uri, answer, hop }, keepable)
    flight.landed = { answer, hop, isPublic }
  }

  /** The call is over: those that waited for it get its answer, or one of them goes in its place. */
  settled(call: Call): void {
    const flight = this.#byCall.get(call.serial)
    if (flight === undefined) return
    this.#byCall.delete(call.serial)
    call.keeper = null
    if (flight.leader !== call) return this.#leave(flight, call)
    if (flight.landed !== null) this.#land(flight, flight.landed)
    else if (++flight.losses >= MAX_LOSSES) this.#disperse(flight)
    else this.#succeed(flight)
  }

  /** What a server answered may not hold any more; with a URI, what is about that resource. */
  stale(server: string, uri: string | null = null): void {
    if (this.#epochs.has(server)) this.#epochs.set(server, ++this.#lastEpoch)
    this.store.forget(server, uri)
  }

  /** The server is not configured any more. */
  forget(server: string): void {
    this.#epochs.delete(server)
    this.store.forget(server)
  }

  close(): void {
    this.store.clear()
  }

  #epochOf(server: string): number {
    const known = this.#epochs.get(server)
    if (known !== undefined) return known
    this.#epochs.set(server, ++this.#lastEpoch)
    return this.#lastEpoch
  }

  #lead(flight: Flight): void {
    this.#flights.set(flight.key, flight)
    this.#byCall.set(flight.leader.serial, flight)
    flight.leader.keeper = this
  }

  /** False: it goes by itself. Who wants to hear of progress has to. */
  #follow(flight: Flight, call: Call, caller: string): boolean {
    if (call.wantsProgress || this.#followers >= MAX_FOLLOWERS) return false
    this.#followers++
    flight.followers.set(call, caller)
    this.#byCall.set(call.serial, flight)
    call.stage = 'held'
    return true
  }

  #leave(flight: Flight, call: Call): void {
    if (flight.followers.delete(call)) this.#followers--
    call.stage = 'passed'
  }

  #end(flight: Flight): void {
    if (this.#flights.get(flight.key) === flight) this.#flights.delete(flight.key)
  }

  #land(flight: Flight, { answer, hop, isPublic }: NonNullable<Flight['landed']>): void {
    this.#end(flight)
    for (const [call, caller] of [...flight.followers]) {
      if (!flight.followers.has(call)) continue
      this.#release(flight, call)
      if (!isPublic && caller !== flight.caller) {
        this.#send(call)
        continue
      }
      this.#options.book.hit(call.plan.server)
      call.recall(answer, hop)
    }
  }

  /** The leader came to nothing. */
  #succeed(flight: Flight): void {
    const [next] = flight.followers
    if (next === undefined) return this.#end(flight)
    const [call, caller] = next
    this.#leave(flight, call)
    flight.leader = call
    flight.caller = caller
    call.keeper = this
    this.#send(call)
  }

  /** The answer is for the leader alone: all others go by themselves. */
  #disperse(flight: Flight): void {
    this.#end(flight)
    for (const call of [...flight.followers.keys()]) {
      if (!flight.followers.has(call)) continue
      this.#release(flight, call)
      this.#send(call)
    }
  }

  #release(flight: Flight, call: Call): void {
    this.#leave(flight, call)
    this.#byCall.delete(call.serial)
  }

  #send(call: Call): void {
    this.#options.book.miss(call.plan.server)
    this.#options.proceed(call)
  }
}
