import type { ConcurrencySpec, RateSpec } from '../core/index.js'
import type { Call } from './call.js'
import type { Gate } from './gate.js'
import { overloaded, rateLimited } from './over-limit.js'
import { Turnstile } from './turnstile.js'

export interface Limits {
  readonly rate: RateSpec | null
  readonly concurrency: ConcurrencySpec | null
}

export const NO_LIMITS: Limits = { rate: null, concurrency: null }

export interface LaneOptions {
  /** The server as configured: processes of single sessions share its rate. */
  readonly server: string
  /** Asked anew for every call. */
  readonly limits: () => Limits
  readonly gate: Pick<Gate, 'book' | 'serverRates'>
  /** A call that waited may go on. */
  readonly onTurn: (call: Call) => void
}

/** The last stretch before a server: how often it is asked, and how many calls it has at once. One for each process or connection; its owner calls `clear` in the end. */
export class Lane {
  readonly #options: LaneOptions
  /** Null: there was never more than could be let in. */
  #turnstile: Turnstile | null = null

  constructor(options: LaneOptions) {
    this.#options = options
  }

  /** Calls that wait because it has as many as it may have at once. */
  get waiting(): number {
    return this.#turnstile?.waiting ?? 0
  }

  /**
   * True: it goes on now. False: it waits for its turn, or was refused. A call that comes again (another round, another
   * attempt) has its token already.
   */
  admit(call: Call): boolean {
    const { rate, concurrency } = this.#options.limits()
    if (rate !== null && call.lane !== this && !this.#takeToken(call, rate)) return false
    call.lane = this
    if (concurrency === null && this.#turnstile === null) return true
    this.#turnstile ??= this.#makeTurnstile()
    const entered = this.#turnstile.enter(call)
    if (entered === 'full') this.#shed(call, `server "${this.#options.server}" has ${concurrency?.max ?? 0} requests under way, and ${concurrency?.queue ?? 0} wait`)
    return entered === 'passes'
  }

  /** The server works on it no more, or nobody waits for it. May be called for any call, and more than once. */
  leave(call: Call): void {
    this.#turnstile?.leave(call)
  }

  /** Everybody who waits leaves, and is sent to `elsewhere`. */
  clear(elsewhere: (call: Call) => void): void {
    this.#turnstile?.clear(elsewhere)
  }

  #takeToken(call: Call, rate: RateSpec): boolean {
    const { server, gate: { serverRates, book } } = this.#options
    const now = performance.now()
    const waitMs = serverRates.wait(server, now, rate)
    if (waitMs === 0) {
      serverRates.take(server, now, rate)
      return true
    }
    book.refused(call.plan.server, 'rate-limited', 'server')
    call.refused(rateLimited('server', `server "${server}"`, rate, waitMs))
    return false
  }

  #shed(call: Call, message: string): void {
    this.#options.gate.book.refused(call.plan.server, 'overloaded', 'server')
    call.refused(overloaded('server', message))
  }

  #makeTurnstile(): Turnstile {
    const { server, limits, onTurn } = this.#options
    return new Turnstile({
      spec: () => limits().concurrency,
      onTurn,
      onOverdue: (call, waitedMs) => { this.#shed(call, `server "${server}" had no room for the request within ${Math.round(waitedMs)} ms`) },
    })
  }
}
