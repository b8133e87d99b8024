import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FULL_BUCKET, takeToken, waitForToken, type RateSpec } from '../../../src/lib/core/index.js'

/** How many of the calls at these moments get a token. */
function allowed(moments: readonly number[], spec: RateSpec): number {
  let fullAt = FULL_BUCKET
  let count = 0
  for (const now of moments) {
    if (waitForToken(fullAt, now, spec) > 0) continue
    fullAt = takeToken(fullAt, now, spec)
    count++
  }
  return count
}

describe('a bucket of tokens', () => {
  test('lets through 1,000 of 5,000 calls a second within 5 %, whatever the burst', () => {
    for (const burst of [1, 10, 400]) {
      const moments = Array.from({ length: 50_000 }, (_, index) => 1_000_000 + index / 5)
      const count = allowed(moments, { perMinute: 60_000, burst })
      expect(count).toBeGreaterThan(9_500)
      expect(count).toBeLessThan(10_500)
    }
  })

  test('gives the whole burst at once and then one after the other', () => {
    const spec = { perMinute: 60, burst: 7 }
    expect(allowed(Array.from({ length: 20 }, () => 5_000), spec)).toBe(7)
    let fullAt = FULL_BUCKET
    for (let call = 0; call < 7; call++) fullAt = takeToken(fullAt, 5_000, spec)
    expect(waitForToken(fullAt, 5_000, spec)).toBeCloseTo(1000)
    expect(waitForToken(fullAt, 5_600, spec)).toBeCloseTo(400)
    expect(waitForToken(fullAt, 6_000, spec)).toBe(0)
  })

  test('never gives more than its burst and what came in meanwhile, and never keeps back what is due', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 100_000 }), fc.integer({ min: 1, max: 50 }), fc.array(fc.double({ min: 0, max: 500, noNaN: true }), { minLength: 1, maxLength: 200 }), (perMinute, burst, gaps) => {
      const spec = { perMinute, burst }
      let now = 1_000_000
      let fullAt = FULL_BUCKET
      let count = 0
      const since = now
      for (const gap of gaps) {
        now += gap
        const waitMs = waitForToken(fullAt, now, spec)
        // Whoever comes back when told to is let in.
        if (waitMs > 0) expect(waitForToken(fullAt, now + waitMs + 0.01, spec)).toBe(0)
        else {
          fullAt = takeToken(fullAt, now, spec)
          count++
        }
        expect(count).toBeLessThanOrEqual(burst + ((now - since) * perMinute) / 60_000 + 0.01)
      }
    }))
  })

  test('that was emptied under a strict limit is no burden under a loose one', () => {
    let fullAt = FULL_BUCKET
    for (let call = 0; call < 5; call++) fullAt = takeToken(fullAt, 1000, { perMinute: 1, burst: 5 })
    expect(waitForToken(fullAt, 1000, { perMinute: 6000, burst: 10 })).toBeLessThanOrEqual(10)
  })
})
