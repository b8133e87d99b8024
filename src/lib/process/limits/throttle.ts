import { readStat, type ProcStat } from '../proc.js'

const TICK_MS = 50
const MS_PER_TICK = 10
/** How much unused time may be made up for: short bursts stay unnoticed, and so do ticks of ours that come late. */
const LARGEST_CREDIT_MS = 500
/** How much overuse is remembered, so that a burst does not stop a server for seconds. */
const LARGEST_DEBT_MS = 2000
/** Without a pause for this long it is not needed any more. */
const CALM_MS = 3000

export interface Throttled {
  /** Percent of one core. */
  readonly percent: () => number
  readonly members: () => readonly ProcStat[]
  readonly signal: (signal: 'SIGSTOP' | 'SIGCONT') => void
}

/**
 * Holds a CPU quota where the scheduler does not: gives the tree an account into which the quota flows, and keeps it
 * stopped while it is overdrawn. Because the account carries over, the average is exact whatever the tree does between
 * two looks. About a hundred small reads and signals a second for each server under it, none for the others.
 */
export class Throttle {
  readonly #target: Throttled
  #timer: NodeJS.Timeout | undefined
  #paused = false
  #creditMs = 0
  #calmMs = 0
  #lookedAt = 0
  #usedMs = 0

  constructor(target: Throttled) {
    this.#target = target
  }

  get active(): boolean {
    return this.#timer !== undefined
  }

  start(): void {
    if (this.active) return
    this.#creditMs = 0
    this.#calmMs = 0
    this.#lookedAt = performance.now()
    this.#usedMs = this.#readCpuMs()
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
    this.#timer.unref()
  }

  /** Lets the tree run. */
  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    if (this.#paused) this.#target.signal('SIGCONT')
    this.#paused = false
  }

  #tick(): void {
    const now = performance.now()
    const elapsedMs = now - this.#lookedAt
    const usedMs = this.#readCpuMs()
    // A member that ended and was not waited for by another one takes its time along.
    const spentMs = Math.max(0, usedMs - this.#usedMs)
    this.#lookedAt = now
    this.#usedMs = usedMs
    const credit = this.#creditMs + (elapsedMs * this.#target.percent()) / 100 - spentMs
    this.#creditMs = Math.min(LARGEST_CREDIT_MS, Math.max(-LARGEST_DEBT_MS, credit))
    const pause = this.#creditMs < 0
    // Sent again while it lasts: a process that was made at the wrong moment missed the first.
    if (pause) this.#target.signal('SIGSTOP')
    else if (this.#paused) this.#target.signal('SIGCONT')
    this.#calmMs = pause || this.#paused ? 0 : this.#calmMs + elapsedMs
    this.#paused = pause
    if (this.#calmMs >= CALM_MS) this.stop()
  }

  #readCpuMs(): number {
    let ticks = 0
    for (const { pid, startTicks } of this.#target.members()) {
      const stat = readStat(pid)
      if (stat !== null && stat.startTicks === startTicks) ticks += stat.cpuTicks
    }
    return ticks * MS_PER_TICK
  }
}
