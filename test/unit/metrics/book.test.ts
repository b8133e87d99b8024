import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FiguresBook, HISTORY_INTERVAL_MS, HISTORY_LENGTH, OUTCOMES, type Outcome } from '../../../src/lib/metrics/index.js'
import { HistoryRing } from '../../../src/lib/metrics/history-ring.js'

const T0 = 1_800_000_000_000
const STEP_MS = HISTORY_INTERVAL_MS
const POINT = { cpuPercent: 12.34, memoryBytes: 123_456_789, callsPerSecond: 0.126, errorPercent: 3.14, p95Ms: 7.777 }

function call(book: FiguresBook, server: string, at: number, outcome: Outcome = 'ok', durationMs = 10): void {
  const made = { server, method: 'tools/call', target: 't', startedAt: at, bytesIn: 1 }
  book.began(made)
  book.ended(made, { outcome, durationMs, bytesOut: 2 })
}

describe('the recent past', () => {
  it('is empty at first, then grows at its end', () => {
    const ring = new HistoryRing()
    expect(ring.read()).toMatchObject({ intervalMs: STEP_MS, cpuPercent: [], memoryBytes: [] })
    ring.push(T0, POINT)
    ring.push(T0 + STEP_MS, { ...POINT, cpuPercent: 1 })
    expect(ring.read()).toMatchObject({ endedAt: T0 + STEP_MS, cpuPercent: [12.3, 1], callsPerSecond: [0.13, 0.13], errorPercent: [3.1, 3.1], p95Ms: [7.78, 7.78] })
    // A float of 32 bits holds some 7 digits.
    expect(Math.abs((ring.read().memoryBytes[0] ?? 0) - POINT.memoryBytes)).toBeLessThan(16)
  })

  it('has a gap where nothing was known, never a zero', () => {
    const ring = new HistoryRing()
    ring.push(T0, POINT)
    ring.push(T0 + 3 * STEP_MS + 200, { ...POINT, memoryBytes: null })
    expect(ring.read().cpuPercent).toEqual([12.3, null, null, 12.3])
    expect(ring.read().memoryBytes).toMatchObject([expect.any(Number), null, null, null])
  })

  it('holds the newest steps only, each at its place, whatever the pauses between', () => {
    fc.assert(fc.property(fc.array(fc.record({ pause: fc.integer({ min: 1, max: 150 }), value: fc.integer({ min: 0, max: 1000 }) }), { minLength: 1, maxLength: 200 }), (steps) => {
      const ring = new HistoryRing()
      const expected: (number | null)[] = []
      let at = T0
      for (const [index, { pause, value }] of steps.entries()) {
        if (index > 0) for (let gap = 1; gap < pause; gap++) expected.push(null)
        at += pause * STEP_MS
        expected.push(value)
        ring.push(at, { ...POINT, cpuPercent: value })
      }
      const kept = expected.slice(-HISTORY_LENGTH)
      const first = kept.findIndex((value) => value !== null)
      expect(ring.read().cpuPercent).toEqual(kept.slice(first))
    }))
  })
})

describe('a book of figures', () => {
  it('counts for each server and for all, tool by tool', () => {
    const book = new FiguresBook()
    call(book, 'a', T0)
    call(book, 'a', T0, 'failed')
    call(book, 'b', T0, 'cancelled')
    expect(book.traffic('a', T0 + 20)).toMatchObject({ calls: 2, errors: 1 })
    expect(book.traffic('b', T0 + 20)).toMatchObject({ calls: 1, cancelled: 1 })
    expect(book.traffic(null, T0 + 20)).toMatchObject({ calls: 3, errors: 1, cancelled: 1, errorPercent: 50 })
    expect(book.traffic('nobody', T0)).toMatchObject({ calls: 0, lastCallAt: null })
    expect(book.tools('a', T0 + 20)).toMatchObject([{ name: 't', kind: 'tool', calls: 2, errors: 1 }])
    expect([...book.views()].map(([name, { outcomes, tools }]) => [name, outcomes.ok, tools.length])).toEqual([['a', 1, 1], ['b', 0, 1]])
  })

  it('has the same sums in every place, whatever is called', () => {
    const one = fc.record({ server: fc.constantFrom('a', 'b', 'c'), outcome: fc.constantFrom(...OUTCOMES), durationMs: fc.double({ min: 0, max: 1e6, noNaN: true }), at: fc.nat(1_000_000) })
    fc.assert(fc.property(fc.array(one, { maxLength: 100 }), (calls) => {
      const book = new FiguresBook()
      for (const { server, outcome, durationMs, at } of calls) call(book, server, T0 + at, outcome, durationMs)
      const names = ['a', 'b', 'c']
      const later = T0 + 3_000_000
      for (const field of ['calls', 'errors', 'cancelled', 'inFlight', 'bytesIn', 'bytesOut'] as const) {
        expect(names.reduce((sum, name) => sum + book.traffic(name, later)[field], 0)).toBe(book.traffic(null, later)[field])
        for (const name of names) expect(book.tools(name, later).reduce((sum, tool) => sum + tool[field], 0)).toBe(book.traffic(name, later)[field])
      }
      for (const { outcomes, latency } of book.views().values()) expect(latency.count).toBe(OUTCOMES.reduce((sum, outcome) => sum + (outcome === 'cancelled' ? 0 : outcomes[outcome]), 0))
    }))
  })

  it('writes what happened in a step into its history', () => {
    const book = new FiguresBook()
    const used = { cpuPercent: 5, memoryBytes: 1024 }
    book.beginStep(T0)
    book.closeStep(T0, new Map([['a', used], ['b', null]]))
    for (let number = 0; number < 5; number++) call(book, 'a', T0 + number, number === 0 ? 'error' : 'ok', 20)
    book.closeStep(T0 + STEP_MS, new Map([['a', used], ['b', null]]))
    book.closeStep(T0 + 2 * STEP_MS, new Map([['a', used], ['b', null]]))
    expect(book.history('a')).toMatchObject({ cpuPercent: [5, 5, 5], memoryBytes: [1024, 1024, 1024], callsPerSecond: [null, 0.5, 0], errorPercent: [null, 20, null] })
    expect(book.history('a').p95Ms).toMatchObject([null, expect.closeTo(20, -1), null])
    expect(book.history('b')).toMatchObject({ cpuPercent: [null, null], callsPerSecond: [0, 0] })
    expect(book.history(null)).toMatchObject({ cpuPercent: [5, 5, 5], callsPerSecond: [null, 0.5, 0] })
  })

  it('does not stretch a step over a time in which nobody looked', () => {
    const book = new FiguresBook()
    book.closeStep(T0, new Map([['a', null]]))
    call(book, 'a', T0 + 1000)
    const later = T0 + 20 * STEP_MS
    book.beginStep(later)
    book.closeStep(later, new Map([['a', null]]))
    book.closeStep(later + STEP_MS, new Map([['a', null]]))
    expect(book.history('a').callsPerSecond).toEqual([0])
    expect(book.traffic('a', later).calls).toBe(1)
  })

  it('forgets a server that is gone, but not before its calls are over', () => {
    const book = new FiguresBook()
    const open = { server: 'a', method: 'tools/call', target: 't', startedAt: T0, bytesIn: 1 }
    book.began(open)
    call(book, 'b', T0)
    book.closeStep(T0 + STEP_MS, new Map())
    expect([book.traffic('a', T0).inFlight, book.traffic('b', T0).calls]).toEqual([1, 0])
    book.ended(open, { outcome: 'ok', durationMs: 5, bytesOut: 1 })
    expect(book.traffic('a', T0)).toMatchObject({ calls: 1, inFlight: 0 })
    book.closeStep(T0 + 2 * STEP_MS, new Map())
    expect(book.traffic('a', T0).calls).toBe(0)
    expect(book.traffic(null, T0)).toMatchObject({ calls: 2, inFlight: 0 })
  })
})

describe('a request that its server never saw', () => {
  it('counts, but says nothing of how the server is: answered with what was kept, or refused for coming too often', () => {
    const book = new FiguresBook()
    const ends = [{ outcome: 'ok', isCached: true, durationMs: 0.01 }, { outcome: 'lost', code: 'rate-limited', durationMs: 0.01 }, { outcome: 'ok', durationMs: 100 }] as const
    for (const end of ends) {
      const made = { server: 's', method: 'tools/call', target: 't', startedAt: T0, bytesIn: 1 }
      book.began(made)
      book.ended(made, { bytesOut: 1, code: null, ...end })
    }
    const figures = book.traffic('s', T0 + 1000)
    expect(figures).toMatchObject({ calls: 3, errorPercent: 0 })
    expect(figures.p50Ms).toBeGreaterThan(50)
    const latency = book.views().get('s')?.latency
    expect([latency?.count, latency?.cumulative.at(-1)]).toEqual([1, 1])
  })
})
