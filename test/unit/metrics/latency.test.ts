import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { LATENCY_BUCKETS, latencyBound, latencyBucket, latencyQuantile } from '../../../src/lib/metrics/latency.js'

const HOUR_MS = 3_600_000

describe('a duration', () => {
  it('is in the bucket that begins at or before it and ends after it', () => {
    fc.assert(fc.property(fc.double({ min: 0, max: HOUR_MS, noNaN: true }), (durationMs) => {
      const bucket = latencyBucket(durationMs)
      expect(bucket).toBeLessThan(LATENCY_BUCKETS)
      expect(latencyBound(bucket)).toBeLessThanOrEqual(durationMs)
      expect(latencyBound(bucket + 1)).toBeGreaterThan(durationMs)
    }))
  })

  it('is told apart from one a quarter longer, from a quarter of a millisecond on', () => {
    fc.assert(fc.property(fc.double({ min: 0.25, max: HOUR_MS, noNaN: true }), (durationMs) => {
      expect(latencyBucket(durationMs * 1.26)).toBeGreaterThan(latencyBucket(durationMs))
    }))
  })

  test.each([[-1, 0], [0, 0], [Number.MAX_VALUE, LATENCY_BUCKETS - 1], [Infinity, LATENCY_BUCKETS - 1]])('out of range finds a bucket: %d', (durationMs, bucket) => {
    expect(latencyBucket(durationMs)).toBe(bucket)
  })
})

describe('a quantile', () => {
  it('is null of nothing', () => {
    expect(latencyQuantile(new Uint32Array(LATENCY_BUCKETS), 0.5)).toBeNull()
  })

  it('is off by an eighth at most', () => {
    const durations = fc.array(fc.double({ min: 0.25, max: 600_000, noNaN: true }), { minLength: 1, maxLength: 200 })
    fc.assert(fc.property(durations, fc.constantFrom(0.5, 0.95, 0.99), (all, share) => {
      const counts = new Uint32Array(LATENCY_BUCKETS)
      for (const durationMs of all) counts[latencyBucket(durationMs)] = (counts[latencyBucket(durationMs)] ?? 0) + 1
      const exact = [...all].sort((a, b) => a - b)[Math.ceil(share * all.length) - 1] ?? 0
      const found = latencyQuantile(counts, share) ?? 0
      expect(Math.abs(found - exact) / exact).toBeLessThanOrEqual(0.25 + 1e-9)
    }))
  })
})
