import { Register } from '../../base/index.js'

const BEAT_MS = 15_000

/** A request that waits for its answer, or a stream that is open. */
export interface Living {
  /** Called every 15 s. */
  beat(): void
  /** The front closes: what can still be said is said now. */
  stop?(): void
  /** Set while it is under a heartbeat. */
  beatKey?: number
}

/** Everything that is open, under one timer. Owned by the front. */
export class Heartbeat {
  readonly #living = new Register<Living>()
  #keys = 0
  #timer: NodeJS.Timeout | null = null

  add(living: Living): void {
    living.beatKey ??= ++this.#keys
    this.#living.set(living.beatKey, living)
    this.#timer ??= setInterval(() => this.#beat(), BEAT_MS).unref()
  }

  delete(living: Living): void {
    if (living.beatKey !== undefined) this.#living.delete(living.beatKey)
  }

  get size(): number {
    return this.#living.size
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
    for (const each of this.#living.values()) {
      this.delete(each)
      each.stop?.()
    }
  }

  #beat(): void {
    if (this.#living.size === 0 && this.#timer !== null) {
      clearInterval(this.#timer)
      this.#timer = null
    }
    for (const each of this.#living.values()) each.beat()
  }
}
