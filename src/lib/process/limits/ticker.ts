/** One timer for many: runs while there is anybody to call. */
export class Ticker {
  readonly #members = new Set<(now: number) => void>()
  readonly #intervalMs: number
  #timer: NodeJS.Timeout | undefined

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs
  }

  /** Calls `member` at every tick, with the milliseconds of a steady clock. It must not throw. */
  add(member: (now: number) => void): void {
    this.#members.add(member)
    if (this.#timer !== undefined) return
    this.#timer = setInterval(() => {
      const now = performance.now()
      for (const one of [...this.#members]) one(now)
    }, this.#intervalMs)
    this.#timer.unref()
  }

  remove(member: (now: number) => void): void {
    this.#members.delete(member)
    if (this.#members.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
