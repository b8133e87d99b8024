import type { History } from '../core/index.js'

/** Twenty minutes. */
export const HISTORY_LENGTH = 120
export const HISTORY_INTERVAL_MS = 10_000

const COLUMNS = ['cpuPercent', 'memoryBytes', 'callsPerSecond', 'errorPercent', 'p95Ms'] as const
type Column = (typeof COLUMNS)[number]
/** What is kept of each: the numbers are kept as floats of 32 bits, more digits would be made up. */
const DIGITS: Readonly<Record<Column, number>> = { cpuPercent: 1, memoryBytes: 0, callsPerSecond: 2, errorPercent: 1, p95Ms: 2 }

/** One step; null: not known. */
export type HistoryPoint = Readonly<Record<Column, number | null>>

/** The recent past of one server, or of all together, in steps of ten seconds. Fixed memory: 2.4 KiB. */
export class HistoryRing {
  readonly #values = new Float32Array(COLUMNS.length * HISTORY_LENGTH).fill(Number.NaN)
  /** Steps so far: the next one is filled in at this number, modulo the length. */
  #steps = 0
  #endedAt = 0

  /** Adds a step that ends `at` (epoch milliseconds). Steps that were left out since the last one are gaps. */
  push(at: number, point: HistoryPoint): void {
    const passed = this.#steps === 0 ? 1 : Math.max(1, Math.round((at - this.#endedAt) / HISTORY_INTERVAL_MS))
    for (let gap = Math.min(passed, HISTORY_LENGTH) - 1; gap > 0; gap--) this.#fill(null)
    this.#fill(point)
    this.#endedAt = at
  }

  /** Oldest first; begins with the first step of which anything is known. Each column is made when it is looked at. */
  read(): History {
    const first = this.#firstKnown()
    const column = (name: Column): (number | null)[] => this.#column(name, first)
    return {
      intervalMs: HISTORY_INTERVAL_MS,
      endedAt: this.#endedAt,
      get cpuPercent() { return column('cpuPercent') },
      get memoryBytes() { return column('memoryBytes') },
      get callsPerSecond() { return column('callsPerSecond') },
      get errorPercent() { return column('errorPercent') },
      get p95Ms() { return column('p95Ms') },
    }
  }

  #column(column: Column, first: number): (number | null)[] {
    const from = COLUMNS.indexOf(column) * HISTORY_LENGTH
    const scale = 10 ** DIGITS[column]
    const values: (number | null)[] = []
    for (let index = first; index < HISTORY_LENGTH; index++) {
      const value = this.#values[from + ((this.#steps + index) % HISTORY_LENGTH)] ?? Number.NaN
      values.push(Number.isNaN(value) ? null : Math.round(value * scale) / scale)
    }
    return values
  }

  #firstKnown(): number {
    // What was never filled in needs no look.
    for (let index = Math.max(0, HISTORY_LENGTH - this.#steps); index < HISTORY_LENGTH; index++) {
      const at = (this.#steps + index) % HISTORY_LENGTH
      for (let from = 0; from < this.#values.length; from += HISTORY_LENGTH) if (!Number.isNaN(this.#values[from + at] ?? Number.NaN)) return index
    }
    return HISTORY_LENGTH
  }

  #fill(point: HistoryPoint | null): void {
    const at = this.#steps++ % HISTORY_LENGTH
    for (const [index, column] of COLUMNS.entries()) this.#values[index * HISTORY_LENGTH + at] = point?.[column] ?? Number.NaN
  }
}
