import { OomSignal } from './oom-signal.js'

export interface Tick {
  /** Milliseconds of a steady clock. */
  readonly now: number
  /** False when no process of the whole system was killed for want of memory since the last ticks. */
  readonly oomPossible: boolean
}

/** Must not throw. */
export type TickListener = (tick: Tick) => void

/** One timer for many: runs while there is anybody to call. */
export class Ticker {
  readonly #members = new Set<TickListener>()
  readonly #oom = new OomSignal()
  readonly #intervalMs: number
  #timer: NodeJS.Timeout | undefined

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs
  }

  add(member: TickListener): void {
    this.#members.add(member)
    if (this.#timer !== undefined) return
    this.#timer = setInterval(() => {
      const tick: Tick = { now: performance.now(), oomPossible: this.#oom.look() }
      for (const one of [...this.#members]) one(tick)
    }, this.#intervalMs)
    this.#timer.unref()
  }

  remove(member: TickListener): void {
    this.#members.delete(member)
    if (this.#members.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#oom.close()
  }
}
