import { Register } from '../base/index.js'
import type { ConcurrencySpec } from '../core/index.js'
import type { Call } from './call.js'

export interface TurnstileOptions {
  /** Read anew for every call; null: as many as want to. */
  readonly spec: () => ConcurrencySpec | null
  /** A call that waited is let in. */
  readonly onTurn: (call: Call) => void
  /** A call waited for as long as it may, or would be let in too late to be answered in time; it waits no more. */
  readonly onOverdue: (call: Call, waitedMs: number) => void
}

interface Waiting {
  readonly call: Call
  /** On the clock of `performance.now`. */
  readonly since: number
  readonly until: number
  isGone: boolean
}

/** How much each stay tells of how long the next one will be. */
const NEWEST_SHARE = 0.1

/** Places in the line of calls that left it are taken out when there are more than this many. */
const MAX_GONE = 1024

/**
 * Lets so many calls in at once; others wait in line, first come, first served, for a bounded time. One whose own time is
 * nearly over when its turn comes is not let in: with more to do than can be done, all would be let in at their last
 * moment, and none answered. Its owner calls `clear` in the end.
 */
export class Turnstile {
  readonly #options: TurnstileOptions
  /** Since when, on the clock of `performance.now`. */
  readonly #inside = new Register<number>()
  /** How long a stay is at the moment, in milliseconds; null: there was none yet. */
  #stayMs: number | null = null
  readonly #waiting = new Register<Waiting>()
  /** In the order in which they came; those before `#first`, and those that are gone, are none. */
  #line: Waiting[] = []
  #first = 0
  #timer: NodeJS.Timeout | null = null
  #isServing = false

  constructor(options: TurnstileOptions) {
    this.#options = options
  }

  get waiting(): number {
    return this.#waiting.size
  }

  get inside(): number {
    return this.#inside.size
  }

  /** `waits`: `onTurn` or `onOverdue` follows, unless it leaves before. Who is inside may enter again. */
  enter(call: Call): 'passes' | 'waits' | 'full' {
    if (this.#inside.get(call.serial) !== undefined) return 'passes'
    // There may be more room than there was.
    this.#serve()
    const spec = this.#options.spec()
    if (spec === null || (this.#waiting.size === 0 && this.#inside.size < spec.max)) {
      this.#inside.set(call.serial, performance.now())
      return 'passes'
    }
    if (this.#waiting.size >= spec.queue) return 'full'
    const since = performance.now()
    const waiting: Waiting = { call, since, until: since + spec.queueTimeoutMs, isGone: false }
    this.#waiting.set(call.serial, waiting)
    this.#line.push(waiting)
    this.#arm()
    return 'waits'
  }

  /** It is through, or does not want to wait any more. For a call that is neither inside nor waiting nothing happens. */
  leave(call: Call): void {
    const since = this.#inside.get(call.serial)
    if (since !== undefined) {
      this.#inside.delete(call.serial)
      const stayMs = performance.now() - since
      this.#stayMs = this.#stayMs === null ? stayMs : this.#stayMs + (stayMs - this.#stayMs) * NEWEST_SHARE
      return this.#serve()
    }
    const waiting = this.#waiting.get(call.serial)
    if (waiting === undefined) return
    this.#drop(waiting)
    if (this.#waiting.size === 0) this.#reset()
    else if (this.#line.length - this.#first - this.#waiting.size > MAX_GONE) this.#compact()
  }

  /** Everybody who waits leaves, in order, and is sent to `elsewhere`. */
  clear(elsewhere: (call: Call) => void): void {
    const waiting = this.#line.slice(this.#first).filter(({ isGone }) => !isGone)
    for (const each of waiting) this.#drop(each)
    this.#reset()
    for (const { call } of waiting) elsewhere(call)
  }

  /** One at a time however deep in each other calls are let in and leave. */
  #serve(): void {
    if (this.#isServing || this.#waiting.size === 0) return
    this.#isServing = true
    try {
      for (let next = this.#next(); next !== null; next = this.#next()) {
        this.#drop(next)
        const now = performance.now()
        if (this.#stayMs !== null && next.call.isTooLateFor(this.#stayMs)) {
          this.#options.onOverdue(next.call, now - next.since)
          continue
        }
        this.#inside.set(next.call.serial, now)
        this.#options.onTurn(next.call)
      }
    } finally {
      this.#isServing = false
    }
    if (this.#waiting.size === 0) this.#reset()
  }

  /** Who is let in now; null: nobody. */
  #next(): Waiting | null {
    const spec = this.#options.spec()
    return spec !== null && this.#inside.size >= spec.max ? null : this.#front()
  }

  #front(): Waiting | null {
    while (this.#line[this.#first]?.isGone === true) this.#first++
    if (this.#first > MAX_GONE) this.#compact()
    return this.#line[this.#first] ?? null
  }

  #drop(waiting: Waiting): void {
    waiting.isGone = true
    this.#waiting.delete(waiting.call.serial)
  }

  #compact(): void {
    this.#line = this.#line.slice(this.#first).filter(({ isGone }) => !isGone)
    this.#first = 0
  }

  #reset(): void {
    this.#line = []
    this.#first = 0
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }

  /** One timer for all: who came first is overdue first. */
  #arm(): void {
    const front = this.#front()
    if (front === null || this.#timer !== null) return
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.#expire()
      this.#arm()
    }, Math.max(1, Math.ceil(front.until - performance.now())))
  }

  #expire(): void {
    const now = performance.now()
    for (let front = this.#front(); front !== null && front.until <= now; front = this.#front()) {
      this.#drop(front)
      this.#options.onOverdue(front.call, now - front.since)
    }
    if (this.#waiting.size === 0) this.#reset()
  }
}
