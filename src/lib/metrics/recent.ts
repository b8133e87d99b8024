import { LATENCY_BUCKETS, latencyBucket, latencyQuantile, roundMs } from './latency.js'

/** "The last five minutes" in this many pieces: the oldest is forgotten when a new one begins. */
const PIECES = 6
const PIECE_MS = 50_000
/** "The last minute", likewise. */
const SLOTS = 12
const SLOT_MS = 5_000

interface Piece {
  period: number
  answered: number
  errors: number
  sumMs: number
  leastMs: number
  mostMs: number
  readonly counts: Uint32Array
}

/** What a window says of the calls in it; all null when there were none. */
export interface RecentFigures {
  readonly errorPercent: number | null
  readonly meanMs: number | null
  readonly p50Ms: number | null
  readonly p95Ms: number | null
  readonly p99Ms: number | null
}

/** Sums that are only needed while they are read. */
const merged = new Uint32Array(LATENCY_BUCKETS)

/**
 * Calls of the last five minutes (between four minutes and ten seconds, and five) by duration, and the pace of the last
 * minute. Fixed memory: 3 KiB. Times are epoch milliseconds of a clock that does not run backwards.
 */
export class Recent {
  readonly #pieces: (Piece | null)[] = new Array<Piece | null>(PIECES).fill(null)
  readonly #slots = new Uint32Array(SLOTS)
  #slot = 0

  /** A call ended. `durationMs` null: its client took it back, so it says nothing about the server. */
  add(now: number, durationMs: number | null, isError: boolean): void {
    this.#turnTo(now)
    this.#slots[this.#slot % SLOTS] = (this.#slots[this.#slot % SLOTS] ?? 0) + 1
    if (durationMs === null) return
    const piece = this.#piece(now)
    const bucket = latencyBucket(durationMs)
    piece.counts[bucket] = (piece.counts[bucket] ?? 0) + 1
    piece.sumMs += durationMs
    piece.leastMs = Math.min(piece.leastMs, durationMs)
    piece.mostMs = Math.max(piece.mostMs, durationMs)
    piece.answered++
    if (isError) piece.errors++
  }

  /** Calls that ended in the last minute, per second. */
  callsPerSecond(now: number): number {
    this.#turnTo(now)
    let calls = 0
    for (const count of this.#slots) calls += count
    const spanMs = (SLOTS - 1) * SLOT_MS + (now % SLOT_MS)
    return Math.round((calls / spanMs) * 100_000) / 100
  }

  figures(now: number): RecentFigures {
    merged.fill(0)
    let [answered, errors, sumMs, leastMs, mostMs] = [0, 0, 0, Infinity, 0]
    const oldest = Math.floor(now / PIECE_MS) - PIECES
    for (const piece of this.#pieces) {
      if (piece === null || piece.period <= oldest) continue
      answered += piece.answered
      errors += piece.errors
      sumMs += piece.sumMs
      leastMs = Math.min(leastMs, piece.leastMs)
      mostMs = Math.max(mostMs, piece.mostMs)
      for (let bucket = 0; bucket < LATENCY_BUCKETS; bucket++) merged[bucket] = (merged[bucket] ?? 0) + (piece.counts[bucket] ?? 0)
    }
    if (answered === 0) return NOTHING_RECENT
    // In a bucket all durations look alike; none is outside of what there was.
    const quantile = (share: number): number => roundMs(Math.min(mostMs, Math.max(leastMs, latencyQuantile(merged, share) ?? 0)))
    return { errorPercent: percent(errors, answered), meanMs: roundMs(sumMs / answered), p50Ms: quantile(0.5), p95Ms: quantile(0.95), p99Ms: quantile(0.99) }
  }

  /** How many of the last five minutes' calls were not taken back. */
  answered(now: number): number {
    const oldest = Math.floor(now / PIECE_MS) - PIECES
    return this.#pieces.reduce((sum, piece) => sum + (piece !== null && piece.period > oldest ? piece.answered : 0), 0)
  }

  /** Slots between the last one used and the one of this moment had no calls. */
  #turnTo(now: number): void {
    const slot = Math.floor(now / SLOT_MS)
    for (let empty = Math.max(this.#slot + 1, slot - SLOTS + 1); empty <= slot; empty++) this.#slots[empty % SLOTS] = 0
    this.#slot = Math.max(this.#slot, slot)
  }

  #piece(now: number): Piece {
    const period = Math.floor(now / PIECE_MS)
    const known = this.#pieces[period % PIECES] ?? null
    if (known?.period === period) return known
    if (known === null) return (this.#pieces[period % PIECES] = { period, answered: 0, errors: 0, sumMs: 0, leastMs: Infinity, mostMs: 0, counts: new Uint32Array(LATENCY_BUCKETS) })
    known.counts.fill(0)
    known.period = period
    known.answered = known.errors = known.sumMs = known.mostMs = 0
    known.leastMs = Infinity
    return known
  }
}

export const NOTHING_RECENT: RecentFigures = { errorPercent: null, meanMs: null, p50Ms: null, p95Ms: null, p99Ms: null }

/** With one decimal. */
export function percent(part: number, whole: number): number {
  return Math.round((part / whole) * 1000) / 10
}
