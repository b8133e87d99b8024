/** After a longer calm than this the next refusal begins a new row, unless there was no room all the while. */
const LONGEST_CALM_MS = 700
const FATAL_MS = 1000
const RECENT_MS = 3000
/** So many in one row no server makes that asked for a thread more than it may have. */
const MANY = 100

/**
 * When being refused new processes is the end. One refusal is not: a server may live with a thread less. It is when the
 * server goes on being refused for more than a second, as a fork bomb does and what waits for a thread it never gets.
 * Shells wait longer and longer before they try again (bash 1, 2, 4, 8 s), all processes of a bomb in step: then it is
 * the number of refusals while the group stays full that tells. Also when it exits soon after one.
 */
export class RefusalRow {
  #count = 0
  #countBefore = 0
  #since = 0
  #goesOnAt = Number.NEGATIVE_INFINITY
  #newestAt = Number.NEGATIVE_INFINITY

  /** Takes the kernel's count at one look; true when the row has lasted too long. Times in ms of any steady clock. `isFull` is asked only within a row. */
  observe(count: number, now: number, isFull: () => boolean): boolean {
    const isOver = now - this.#goesOnAt > LONGEST_CALM_MS
    if (count <= this.#count) {
      if (!isOver && now - this.#newestAt > LONGEST_CALM_MS / 2 && isFull()) this.#goesOnAt = now
      return false
    }
    if (isOver) {
      this.#since = now
      this.#countBefore = this.#count
    }
    const isDense = now - this.#newestAt <= LONGEST_CALM_MS
    this.#count = count
    this.#newestAt = this.#goesOnAt = now
    return now - this.#since >= FATAL_MS && (isDense || count - this.#countBefore >= MANY)
  }

  /** Whether the last refusal is so fresh that an exit now is likely due to it. */
  isRecent(now: number): boolean {
    return now - this.#newestAt <= RECENT_MS
  }
}
