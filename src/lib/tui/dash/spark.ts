import type { History } from '../../core/index.js'

type Values = readonly (number | null)[]

export interface SparkShape {
  readonly cells: number
  /** Samples drawn as one bar. */
  readonly perCell: number
  /** From low to high, one sign each. */
  readonly bars: string
}

export interface Scale {
  /** The smallest difference between bottom and top: noise is no drama. */
  readonly range: number
  /** The bottom is zero; otherwise the values float in the middle of their range. */
  readonly fromZero: boolean
}

/**
 * The newest past as bars, oldest first. The bounds of the bars are multiples of `perCell` samples since 1970, so that a
 * new sample changes the last bar only, and all move on together. A gap is a blank.
 */
export function spark(history: Pick<History, 'intervalMs' | 'endedAt'>, values: Values, shape: SparkShape, scale: Scale): string {
  const buckets = toBuckets(history, values, shape)
  const known = buckets.filter((value) => value !== null)
  if (known.length === 0) return ' '.repeat(shape.cells)
  const { low, high } = bounds(known, scale)
  const top = shape.bars.length - 1
  return buckets.map((value) => (value === null ? ' ' : (shape.bars[Math.min(top, Math.max(0, Math.round(((value - low) / (high - low)) * top)))] ?? ' '))).join('')
}

function bounds(known: readonly number[], { range, fromZero }: Scale): { low: number; high: number } {
  const most = Math.max(...known)
  if (fromZero) return { low: 0, high: Math.max(most, range) }
  const least = Math.min(...known)
  const spread = Math.max(most - least, range, most * 0.2)
  const low = Math.max(0, (most + least - spread) / 2)
  return { low, high: low + spread }
}

/** The largest value of each bar: a peak must not vanish in a mean. */
function toBuckets({ intervalMs, endedAt }: Pick<History, 'intervalMs' | 'endedAt'>, values: Values, { cells, perCell }: SparkShape): (number | null)[] {
  const newest = Math.round(endedAt / intervalMs)
  const inLast = (newest % perCell) + 1
  const buckets: (number | null)[] = []
  for (let end = values.length, size = inLast; buckets.length < cells; end -= size, size = perCell) {
    const part = end > 0 ? values.slice(Math.max(0, end - size), end).filter((value) => value !== null) : []
    buckets.unshift(part.length === 0 ? null : Math.max(...part))
  }
  return buckets
}
