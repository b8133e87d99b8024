const BEAT_MS = 15_000

/** A request that waits for its answer, or a stream that is open. */
export interface Living {
  /** Called every 15 s. */
  beat(): void
  /** The front closes: what can still be said is said now. */
  stop?(): void
}

/** Everything that is open, under one timer. Owned by the front. */
export class Heartbeat {
  readonly #living = new Set<Living>()
  #timer: NodeJS.Timeout | null = null

  add(living: Living): void {
    this.#living.add(living)
    this.#timer ??= setInterval(() => this.#beat(), BEAT_MS).unref()
  }

  delete(living: Living): void {
    this.#living.delete(living)
  }

  get size(): number {
    return this.#living.size
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
    const living = [...this.#living]
    this.#living.clear()
    for (const each of living) each.stop?.()
  }

  #beat(): void {
    if (this.#living.size === 0 && this.#timer !== null) {
      clearInterval(this.#timer)
      this.#timer = null
    }
    for (const each of [...this.#living]) each.beat()
  }
}
