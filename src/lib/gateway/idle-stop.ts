export interface IdleStopOptions {
  /** How long nobody must have used it; null: it is not to be stopped for that. */
  readonly idleMs: () => number | null
  /** Whether nobody waits for anything of it. */
  readonly isUnused: () => boolean
  /** Epoch ms. */
  readonly now: () => number
  readonly stop: () => void
}

const SOONEST_MS = 50

/** Stops what nobody has used for a while. Its owner calls `close`. */
export class IdleStop {
  readonly #options: IdleStopOptions
  #usedAt = 0
  #timer: NodeJS.Timeout | null = null

  constructor(options: IdleStopOptions) {
    this.#options = options
  }

  /** Somebody uses it now. */
  used(): void {
    this.#usedAt = this.#options.now()
  }

  /** Begins to watch, unless it does already or there is nothing to stop. */
  arm(): void {
    const { idleMs, isUnused, now, stop } = this.#options
    const limitMs = idleMs()
    if (limitMs === null || this.#timer !== null) return
    const leftMs = limitMs - (now() - this.#usedAt)
    this.#timer = setTimeout(() => {
      this.#timer = null
      if (idleMs() === null) return
      if (isUnused() && now() - this.#usedAt >= limitMs) stop()
      else this.arm()
    }, Math.max(SOONEST_MS, leftMs)).unref()
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
  }
}
