/**
 * Durations in buckets whose width grows with the duration: four to each doubling, from a sixteenth of a millisecond to
 * 70 minutes, so that a percentile is off by an eighth at most whatever the server's pace. The layout is that of
 * HdrHistogram: the place of the highest bit names the doubling, the two bits after it the bucket in it.
 */
const PER_MS = 16
const SUB_BITS = 2
const SUB_BUCKETS = 1 << SUB_BITS
const HIGHEST_BIT = 26
const MOST = 2 ** (HIGHEST_BIT + 1) - 1
/** How many buckets there are. */
export const LATENCY_BUCKETS = HIGHEST_BIT * SUB_BUCKETS

/** The bucket a duration belongs to; what is longer than the last one holds goes there all the same. */
export function latencyBucket(durationMs: number): number {
  const units = Math.min(MOST, Math.max(0, durationMs * PER_MS)) | 0
  if (units < SUB_BUCKETS) return units
  const bit = 31 - Math.clz32(units)
  return (bit - 1) * SUB_BUCKETS + ((units >> (bit - SUB_BITS)) & (SUB_BUCKETS - 1))
}

/** Where a bucket begins, in milliseconds; it ends where the next one begins. */
export function latencyBound(bucket: number): number {
  if (bucket < SUB_BUCKETS) return bucket / PER_MS
  const sub = bucket % SUB_BUCKETS
  return ((SUB_BUCKETS + sub) * 2 ** (Math.floor(bucket / SUB_BUCKETS) - 1)) / PER_MS
}

/** The duration in milliseconds that this share (0 to 1) of what was counted does not exceed; null when nothing was. */
export function latencyQuantile(counts: ArrayLike<number>, share: number): number | null {
  let total = 0
  for (let bucket = 0; bucket < counts.length; bucket++) total += counts[bucket] ?? 0
  if (total === 0) return null
  let left = share * total
  for (let bucket = 0; bucket < counts.length; bucket++) {
    const count = counts[bucket] ?? 0
    if (count > 0 && left <= count) {
      const from = latencyBound(bucket)
      // Counts in a bucket are taken to be spread evenly over it.
      return from + (latencyBound(bucket + 1) - from) * Math.max(0, left / count)
    }
    left -= count
  }
  return null
}

/** As exact as the buckets are: more digits would be noise. */
export function roundMs(durationMs: number): number {
  const digits = durationMs < 10 ? 100 : durationMs < 100 ? 10 : 1
  return Math.round(durationMs * digits) / digits
}
