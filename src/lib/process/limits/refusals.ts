/** After a longer calm than this the next refusal begins a new row. */
const LONGEST_CALM_MS = 700
const FATAL_MS = 1000
const RECENT_MS = 3000

/**
 * When being refused new processes is the end. One refusal is not: a server may live with a thread less. It is when the
 * server goes on being refused for more than a second, as a fork bomb does and what waits for a thread it never gets.
 * Also when it exits soon after one.
 */
export class RefusalRow {
  #count = 0
  #since = 0
  #newestAt = Number.NEGATIVE_INFINITY

  /** Takes the kernel's count at one look; true when the row has lasted too long. Times in ms of any steady clock. */
  observe(count: number, now: number): boolean {
    if (count <= this.#count) return false
    if (now - this.#newestAt > LONGEST_CALM_MS) this.#since = now
    this.#count = count
    this.#newestAt = now
    return now - this.#since >= FATAL_MS
  }

  /** Whether the last refusal is so fresh that an exit now is likely due to it. */
  isRecent(now: number): boolean {
    return now - this.#newestAt <= RECENT_MS
  }
}
