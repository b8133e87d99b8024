import type { CallPlan } from './call-contract.js'

type Limit = 'idle' | 'total' | 'wait'

/** The timers of one call: silence, the whole, and the wait for its server. Owned by the call, which calls `stopAll` at its end. */
export class CallClock {
  readonly #plan: CallPlan
  readonly #onExpire: (reason: 'timeout' | 'idle-timeout', limitMs: number) => void
  #idle: NodeJS.Timeout | null = null
  #total: NodeJS.Timeout | null = null
  #wait: NodeJS.Timeout | null = null
  /** When the whole is over, on the clock of `performance.now`; null: whenever. */
  #dueAt: number | null = null
  #isOver = false
  /** Signs of life so far. */
  #signs = 0

  constructor(plan: CallPlan, onExpire: (reason: 'timeout' | 'idle-timeout', limitMs: number) => void) {
    this.#plan = plan
    this.#onExpire = onExpire
  }

  /** From now on it may take so long, unless it was limited before. */
  armTotal(): void {
    const limitMs = this.#plan.timeoutMs
    if (limitMs === null || this.#total !== null) return
    const timer = setTimeout(() => { afterReading(() => { if (this.#total === timer) this.#onExpire('timeout', limitMs) }) }, limitMs)
    this.#total = timer
    this.#dueAt = performance.now() + limitMs
  }

  /** Whether something that takes so long would come too late. With half of its time left it never is. */
  isTooLateFor(durationMs: number): boolean {
    const { timeoutMs } = this.#plan
    return timeoutMs !== null && this.#dueAt !== null && this.#dueAt - performance.now() < Math.min(durationMs, timeoutMs / 2)
  }

  /** Another server takes it on: all limits begin anew. */
  restart(): void {
    this.stop('idle')
    this.stop('total')
    this.armTotal()
  }

  /** A sign of life: the limit on silence begins anew. */
  armIdle(): void {
    const limitMs = this.#plan.idleTimeoutMs
    if (limitMs === null || this.#isOver) return
    this.#signs++
    if (this.#idle !== null) {
      this.#idle.refresh()
      return
    }
    const timer = setTimeout(() => {
      const signs = this.#signs
      afterReading(() => { if (this.#idle === timer && this.#signs === signs) this.#onExpire('idle-timeout', limitMs) })
    }, limitMs)
    this.#idle = timer
  }

  /** Its server has so long to come up; a wait that is running goes on as it is. */
  armWait(onReached: () => void): void {
    this.#wait ??= setTimeout(onReached, this.#plan.startWaitMs)
  }

  stop(limit: Limit): void {
    const timer = limit === 'idle' ? this.#idle : limit === 'total' ? this.#total : this.#wait
    if (timer === null) return
    clearTimeout(timer)
    if (limit === 'idle') this.#idle = null
    else if (limit === 'total') this.#total = null
    else this.#wait = null
  }

  /** For good. */
  stopAll(): void {
    this.#isOver = true
    this.stop('idle')
    this.stop('total')
    this.stop('wait')
  }
}

/** In each round of the event loop timers come first: after a busy one, an answer that has arrived in time is still unread. */
function afterReading(then: () => void): void {
  setImmediate(then)
}
