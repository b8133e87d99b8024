/** Ten minutes at a step every ten seconds: less says nothing about a trend. */
const LEAST_STEPS = 60
/** A server that has just started grows until it has loaded what it needs. */
const WARM_UP_STEPS = 12
const BLOCKS = 8
const LEAST_GROWTH_BYTES = 16 * 1024 * 1024
const LEAST_GROWTH_SHARE = 0.1
/** Of a growth that goes on evenly, 2 of 7 steps between blocks come last; of one that comes to its end, much less. */
const LATE_SHARE = 0.15

export interface Leak {
  readonly fromBytes: number
  readonly toBytes: number
  /** From the middle of the first block to that of the last one. */
  readonly steps: number
}

/**
 * Whether memory grows steadily; null when it does not. The time is cut into eight blocks, of each the smallest value is
 * taken (what a garbage collector gives back again is no leak), and every block has to be above the one before: of 40,320
 * orders in which chance can put them, that is one. The growth has to be worth mentioning, and to go on: caches fill too.
 * `memoryBytes`: one value a step, oldest first. `steps`: for how many of the newest ones the process has been running.
 */
export function findLeak(memoryBytes: readonly (number | null)[], steps: number): Leak | null {
  const living = memoryBytes.slice(-Math.max(1, Math.min(memoryBytes.length, steps)))
  const warm = steps > memoryBytes.length ? living : living.slice(WARM_UP_STEPS)
  const known = warm.filter((value) => value !== null)
  if (known.length < LEAST_STEPS) return null
  const lowest = Array.from({ length: BLOCKS }, (_, block) => Math.min(...known.slice(Math.floor((block * known.length) / BLOCKS), Math.floor(((block + 1) * known.length) / BLOCKS))))
  const [from = 0] = lowest
  const to = lowest.at(-1) ?? 0
  const growth = to - from
  if (growth < Math.max(LEAST_GROWTH_BYTES, from * LEAST_GROWTH_SHARE)) return null
  if (lowest.some((value, block) => block > 0 && value <= (lowest[block - 1] ?? 0))) return null
  if (to - (lowest.at(-3) ?? 0) < growth * LATE_SHARE) return null
  return { fromBytes: from, toBytes: to, steps: Math.round((known.length * (BLOCKS - 1)) / BLOCKS) }
}
