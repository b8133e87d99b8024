/** What a waiting list looks at. */
export interface Readiness {
  /** Servers that have not been listed yet. */
  readonly pending: number
  /** Servers that have. */
  readonly listed: number
}

/** Servers that start together come up close to each other: after this long without another one, the rest is slow. */
const QUIET_MS = 300

/**
 * Holds lists back while servers come up, but not for long: until all are there, or some are and no other came for a
 * moment, or the limit is reached. The caller says when something changed.
 */
export class ListWait {
  readonly #read: () => Readiness
  readonly #limitMs: number
  readonly #now: () => number
  readonly #onGivenUp: () => void
  readonly #waiters = new Set<() => void>()
  #startedAt = 0
  #timer: NodeJS.Timeout | null = null
  #seen: Readiness = { pending: 0, listed: 0 }

  /** `onGivenUp`: some were waited for in vain. */
  constructor(read: () => Readiness, limitMs: number, now: () => number, onGivenUp: () => void) {
    this.#read = read
    this.#limitMs = limitMs
    this.#now = now
    this.#onGivenUp = onGivenUp
  }

  /** Calls back when the list may be given out; at once when nothing is missing. Returns what takes the wish back. */
  whenSettled(proceed: () => void): () => void {
    const ready = this.#read()
    if (ready.pending === 0 || this.#limitMs === 0) {
      proceed()
      return () => undefined
    }
    if (this.#waiters.size === 0) {
      this.#startedAt = this.#now()
      this.#seen = ready
      this.#arm()
    }
    this.#waiters.add(proceed)
    return () => {
      this.#waiters.delete(proceed)
      if (this.#waiters.size === 0) this.#stopTimer()
    }
  }

  changed(): void {
    if (this.#waiters.size === 0) return
    const ready = this.#read()
    if (ready.pending === 0) return this.#release()
    if (ready.listed === this.#seen.listed && ready.pending === this.#seen.pending) return
    this.#seen = ready
    this.#arm()
  }

  close(): void {
    this.#release()
  }

  #arm(): void {
    this.#stopTimer()
    const leftMs = Math.max(0, this.#startedAt + this.#limitMs - this.#now())
    this.#timer = setTimeout(() => {
      this.#onGivenUp()
      this.#release()
    }, this.#seen.listed === 0 ? leftMs : Math.min(QUIET_MS, leftMs))
  }

  #release(): void {
    this.#stopTimer()
    const waiters = [...this.#waiters]
    this.#waiters.clear()
    for (const proceed of waiters) proceed()
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }
}
