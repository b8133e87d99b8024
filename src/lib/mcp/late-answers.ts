const MAX_LATE = 1000

/** Who wants to know when a request that was given up is answered all the same. The oldest are forgotten. */
export class LateAnswers {
  readonly #awaited = new Map<number, () => void>()

  get size(): number {
    return this.#awaited.size
  }

  add(id: number, onLate: () => void): void {
    this.#awaited.set(id, onLate)
    const [oldest] = this.#awaited.keys()
    if (this.#awaited.size > MAX_LATE && oldest !== undefined) this.#awaited.delete(oldest)
  }

  /** An answer with that id is here. */
  came(id: number): void {
    const tell = this.#awaited.get(id)
    if (tell === undefined) return
    this.#awaited.delete(id)
    tell()
  }
}
