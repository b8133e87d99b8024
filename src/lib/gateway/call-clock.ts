type Limit = 'idle' | 'total' | 'wait'

/** The timers of one call: silence, the whole, and the wait for its server. Owned by the call. */
export class CallClock {
  #idle: NodeJS.Timeout | null = null
  #total: NodeJS.Timeout | null = null
  #wait: NodeJS.Timeout | null = null

  /** A limit that is running goes on as it is; that on silence begins anew. */
  start(limit: Limit, afterMs: number, onReached: () => void): void {
    const running = this.#timer(limit)
    if (running === null) this.#set(limit, setTimeout(onReached, afterMs))
    else if (limit === 'idle') running.refresh()
  }

  stop(limit: Limit): void {
    const timer = this.#timer(limit)
    if (timer === null) return
    clearTimeout(timer)
    this.#set(limit, null)
  }

  stopAll(): void {
    this.stop('idle')
    this.stop('total')
    this.stop('wait')
  }

  #timer(limit: Limit): NodeJS.Timeout | null {
    return limit === 'idle' ? this.#idle : limit === 'total' ? this.#total : this.#wait
  }

  #set(limit: Limit, timer: NodeJS.Timeout | null): void {
    if (limit === 'idle') this.#idle = timer
    else if (limit === 'total') this.#total = timer
    else this.#wait = timer
  }
}
