import type { GateMetrics, GatewaySettings, RateSpec } from '../core/index.js'
import type { Access } from './access.js'
import type { Call } from './call.js'
import type { CallCarrier } from './call-contract.js'
import { GateBook } from './gate-book.js'
import { ResponseCache } from './cache/response-cache.js'
import { isLocal } from './local-source.js'
import { overloaded, rateLimited } from './over-limit.js'
import { RateTable } from './rate-table.js'
import type { Destination } from './route.js'
import { Turnstile } from './turnstile.js'

/** A call on its way from its session to its server. */
export interface Entry {
  readonly carrier: CallCarrier
  readonly to: Destination
  readonly access: Access
}

const TOTAL = 'total'

/**
 * What every call passes between its session and its server: the rate of its caller, the rate of all, the answers that
 * are kept, and the room there is for all. How often and how much at once a server is asked is seen to where the
 * process or connection is known that gets the call (`Lane`). Owned by the gateway.
 */
export class Gate {
  readonly book = new GateBook()
  /** By server as configured. */
  readonly serverRates = new RateTable()
  readonly #settings: () => GatewaySettings
  readonly #callers = new RateTable()
  readonly #total = new RateTable()
  readonly #room: Turnstile
  readonly #cache: ResponseCache
  /** Which settings `#isOpen` is about. */
  #known: GatewaySettings | null = null
  #isOpen = true

  /** `settings` is asked anew for every call. */
  constructor(settings: () => GatewaySettings) {
    this.#settings = settings
    this.#cache = new ResponseCache({ book: this.book, maxBytes: () => this.#settings().cacheBytes, proceed: (call) => { this.#proceed(call) } })
    this.#room = new Turnstile({
      spec: () => this.#settings().concurrency,
      onTurn: (call) => { this.#submit(call) },
      onOverdue: (call, waitedMs) => {
        this.book.refused(call.plan.server, 'overloaded', 'total')
        call.fail(overloaded('total', `there was no room for the request within ${Math.round(waitedMs)} ms`))
      },
    })
  }

  /** Calls that wait for room, not counting those that wait for that of one server. */
  get waiting(): number {
    return this.#room.waiting
  }

  enter(call: Call, entry: Entry): void {
    const settings = this.#settings()
    if (settings !== this.#known) this.#learn(settings)
    const { cache } = call.plan
    if (this.#isOpen && cache === null && entry.access.grant.rate === null) return entry.carrier.submit(call)
    call.stage = 'passed'
    if (this.#isOverRate(call, entry.access, settings)) return
    if (cache !== null && this.#cache.take(call, entry.to, { caller: entry.access.id, spec: cache })) return
    this.#proceed(call)
  }

  /** The call is over. */
  settled(call: Call): void {
    if (call.stage === 'free') return
    this.#room.leave(call)
    this.#cache.settled(call)
  }

  /** What a server or group answered may not hold any more; with a URI, what is about that resource. */
  stale(server: string, uri: string | null = null): void {
    this.#cache.stale(server, uri)
  }

  /** The server is not configured any more. */
  forget(server: string): void {
    this.#cache.forget(server)
    this.book.forget(server)
  }

  figures(): GateMetrics {
    const { store } = this.#cache
    return { waiting: this.waiting, cacheEntries: store.size, cacheBytes: store.bytes, servers: this.book.read((server) => store.bytesOf(server)) }
  }

  /** Nobody waits any more: sessions have ended their calls. */
  close(): void {
    this.#room.clear((call) => { call.abort('mcpctl was stopped') })
    this.#cache.close()
  }

  #learn(settings: GatewaySettings): void {
    this.#known = settings
    this.#isOpen = settings.rate.caller === null && settings.rate.total === null && settings.concurrency === null
  }

  /** Takes a token of each, or of none. */
  #isOverRate(call: Call, { id, grant }: Access, settings: GatewaySettings): boolean {
    const own = grant.rate ?? settings.rate.caller
    const { total } = settings.rate
    if (own === null && total === null) return false
    const now = performance.now()
    const ownWaitMs = own === null ? 0 : this.#callers.wait(id, now, own)
    if (own !== null && ownWaitMs > 0) return this.#refuseRate(call, 'caller', own, ownWaitMs)
    const totalWaitMs = total === null ? 0 : this.#total.wait(TOTAL, now, total)
    if (total !== null && totalWaitMs > 0) return this.#refuseRate(call, 'total', total, totalWaitMs)
    if (own !== null) this.#callers.take(id, now, own)
    if (total !== null) this.#total.take(TOTAL, now, total)
    return false
  }

  #refuseRate(call: Call, limit: 'caller' | 'total', spec: RateSpec, waitMs: number): true {
    this.book.refused(call.plan.server, 'rate-limited', limit)
    call.fail(rateLimited(limit, limit, spec, waitMs))
    return true
  }

  #proceed(call: Call): void {
    const { concurrency } = this.#settings()
    // What it makes of a call may be other calls: they need the room.
    if (isLocal(call.plan.server)) return this.#submit(call)
    const entered = concurrency === null && this.#room.inside === 0 ? 'passes' : this.#room.enter(call)
    if (entered === 'passes') return this.#submit(call)
    if (entered === 'waits') {
      call.stage = 'held'
      return
    }
    this.book.refused(call.plan.server, 'overloaded', 'total')
    call.fail(overloaded('total', `${concurrency?.max ?? 0} requests are under way, and ${concurrency?.queue ?? 0} wait`))
  }

  #submit(call: Call): void {
    call.stage = 'passed'
    call.carrier.submit(call)
  }
}
