import { FULL_BUCKET, takeToken, waitForToken, type RateSpec } from '../core/index.js'

/** Callers come and go without number: of more than so many, those that asked for least are forgotten. */
const MAX_BUCKETS = 10_000

/** A bucket of tokens for each name. One that is full again needs none, so only those who asked lately have one. */
export class RateTable {
  readonly #fullAt = new Map<string, number>()
  readonly #most: number

  constructor(most = MAX_BUCKETS) {
    this.#most = most
  }

  get size(): number {
    return this.#fullAt.size
  }

  /** Milliseconds until there is a token for this name; 0: there is one now. Takes none. `now`: milliseconds of a clock that does not run backwards. */
  wait(name: string, now: number, spec: RateSpec): number {
    return waitForToken(this.#fullAt.get(name) ?? FULL_BUCKET, now, spec)
  }

  /** Takes a token, which there has to be. */
  take(name: string, now: number, spec: RateSpec): void {
    const fullAt = this.#fullAt.get(name)
    if (fullAt === undefined && this.#fullAt.size >= this.#most) this.#makeRoom(now)
    this.#fullAt.set(name, takeToken(fullAt ?? FULL_BUCKET, now, spec))
  }

  /** A quarter of the room at once, so that it is not looked for with every newcomer. */
  #makeRoom(now: number): void {
    for (const [name, fullAt] of this.#fullAt) if (fullAt <= now) this.#fullAt.delete(name)
    if (this.#fullAt.size < this.#most) return
    const soonest = [...this.#fullAt].sort(([, a], [, b]) => a - b).slice(0, Math.ceil(this.#most / 4))
    for (const [name] of soonest) this.#fullAt.delete(name)
  }
}
