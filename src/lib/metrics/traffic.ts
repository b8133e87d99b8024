import type { TrafficFigures } from '../core/index.js'
import { OUTCOMES, type CountView, type HistogramView, type Outcome } from './prometheus-view.js'
import { NOTHING_RECENT, Recent } from './recent.js'

/** Upper bounds of the histogram that is never set back, in milliseconds: those that Prometheus asks for again and again. */
const BOUNDS_MS = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 120_000, 300_000]
const BOUNDS_SECONDS = BOUNDS_MS.map((bound) => bound / 1000)

/** How a request ended. */
export interface CountedEnd {
  readonly outcome: Outcome
  readonly durationMs: number
  readonly bytesOut: number
  /** Error code of the answer, or the gateway's own reason. */
  readonly code?: string | null
  /** Its server did not see it. */
  readonly isCached?: true
}

/** Whether a request says anything of its server: not when it was taken back, answered with what was kept, or refused because its caller or all together asked too much. */
export function isAside({ outcome, code, isCached }: CountedEnd): boolean {
  return outcome === 'cancelled' || isCached === true || code === 'rate-limited'
}

/** What was counted of one server, one tool, or all together. Fixed memory: some 200 bytes, and 3.5 KiB from the first call on. */
export class Traffic {
  inFlight = 0
  readonly #outcomes: Record<Outcome, number> = { ok: 0, failed: 0, error: 0, lost: 0, cancelled: 0 }
  /** Those that say nothing of the server. */
  #aside = 0
  #bytesIn = 0
  #bytesOut = 0
  #lastCallAt: number | null = null
  #sumMs = 0
  /** One more than there are bounds: what took longer than the last one. */
  #counts: Float64Array | null = null
  #recent: Recent | null = null

  began(now: number): void {
    this.inFlight++
    this.#lastCallAt = now
  }

  /** `now`: when it ended, epoch milliseconds. */
  ended(now: number, bytesIn: number, end: CountedEnd): void {
    const { outcome, durationMs, bytesOut } = end
    this.inFlight--
    this.#outcomes[outcome]++
    this.#bytesIn += bytesIn
    this.#bytesOut += bytesOut
    this.#recent ??= new Recent()
    if (isAside(end)) {
      this.#aside++
      return this.#recent.add(now, null, false)
    }
    this.#recent.add(now, durationMs, outcome !== 'ok')
    this.#sumMs += durationMs
    this.#counts ??= new Float64Array(BOUNDS_MS.length + 1)
    let at = 0
    while (at < BOUNDS_MS.length && durationMs > (BOUNDS_MS[at] ?? 0)) at++
    this.#counts[at] = (this.#counts[at] ?? 0) + 1
  }

  /** Requests that are over. */
  get calls(): number {
    return OUTCOMES.reduce((sum, outcome) => sum + this.#outcomes[outcome], 0)
  }

  get errors(): number {
    return this.#outcomes.failed + this.#outcomes.error + this.#outcomes.lost
  }

  get answered(): number {
    return this.calls - this.#aside
  }

  get sumSeconds(): number {
    return this.#sumMs / 1000
  }

  get outcomes(): Readonly<Record<Outcome, number>> {
    return { ...this.#outcomes }
  }

  figures(now: number): TrafficFigures {
    return {
      calls: this.calls, errors: this.errors, cancelled: this.#outcomes.cancelled, inFlight: this.inFlight,
      bytesIn: this.#bytesIn, bytesOut: this.#bytesOut,
      callsPerSecond: this.#recent?.callsPerSecond(now) ?? 0,
      ...(this.#recent?.figures(now) ?? NOTHING_RECENT),
      lastCallAt: this.#lastCallAt,
    }
  }

  /** Calls of the last five minutes that were not taken back. */
  recentCalls(now: number): number {
    return this.#recent?.answered(now) ?? 0
  }

  view(): CountView {
    return { outcomes: this.outcomes, inFlight: this.inFlight, bytesIn: this.#bytesIn, bytesOut: this.#bytesOut, latency: this.#histogram() }
  }

  #histogram(): HistogramView {
    let sum = 0
    const cumulative = BOUNDS_MS.map((_bound, at) => (sum += this.#counts?.[at] ?? 0))
    return { boundsSeconds: BOUNDS_SECONDS, cumulative, count: this.answered, sumSeconds: this.sumSeconds }
  }
}
