/** What may wait to be looked at. Above it messages are left out: the message path never waits for who looks on. */
const MAX_BYTES = 8 * 1024 * 1024
const MAX_COUNT = 10_000
/** What one costs besides its bytes. */
const OVERHEAD_BYTES = 256
/** So long others wait for a turn of looking. */
const TURN_MS = 2

interface Waiting {
  readonly bytes: number
  readonly look: () => void
}

/** What was copied on the message path and is looked at apart from it, in order and a little at a time. */
export class TraceQueue {
  #waiting: Waiting[] = []
  #bytes = 0
  #scheduled: NodeJS.Immediate | null = null

  get hasRoom(): boolean {
    return this.#bytes < MAX_BYTES && this.#waiting.length < MAX_COUNT
  }

  /** `bytes`: what it keeps alive until it was looked at. */
  add(bytes: number, look: () => void): void {
    this.#waiting.push({ bytes: bytes + OVERHEAD_BYTES, look })
    this.#bytes += bytes + OVERHEAD_BYTES
    this.#scheduled ??= setImmediate(() => this.#turn())
  }

  /** Forgets what waits. */
  clear(): void {
    if (this.#scheduled !== null) clearImmediate(this.#scheduled)
    this.#scheduled = null
    this.#waiting = []
    this.#bytes = 0
  }

  #turn(): void {
    this.#scheduled = null
    const end = performance.now() + TURN_MS
    let done = 0
    for (const { bytes, look } of this.#waiting) {
      if (done > 0 && performance.now() >= end) break
      done++
      this.#bytes -= bytes
      look()
    }
    // Whoever looked may have been the last one.
    if (this.#waiting.length === 0) return
    this.#waiting.splice(0, done)
    if (this.#waiting.length > 0) this.#scheduled ??= setImmediate(() => this.#turn())
  }
}
