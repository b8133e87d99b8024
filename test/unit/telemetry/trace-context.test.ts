import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decideSampling } from '../../../src/lib/telemetry/sampler.js'
import { IdSource } from '../../../src/lib/telemetry/span-id.js'
import { formatTraceparent, parseTraceparent } from '../../../src/lib/telemetry/trace-context.js'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN = '00f067aa0ba902b7'

describe('a traceparent', () => {
  it.each([
    [`00-${TRACE}-${SPAN}-01`, true],
    [`00-${TRACE}-${SPAN}-00`, false],
    [`00-${TRACE}-${SPAN}-03`, true],
    [`cc-${TRACE}-${SPAN}-01-what-the-future-brings`, true],
  ])('%s is read', (text, sampled) => {
    expect(parseTraceparent(text, 'a=b')).toEqual({ traceId: TRACE, spanId: SPAN, sampled, tracestate: 'a=b' })
  })

  it.each([
    null, '', 'x', `00-${TRACE}-${SPAN}`, `ff-${TRACE}-${SPAN}-01`, `00-${TRACE}-${SPAN}-01-more`, `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`, `00-${TRACE}-${'0'.repeat(16)}-01`, `00-${TRACE}-${SPAN}-1`, ` 00-${TRACE}-${SPAN}-01`, `00-${TRACE}-${SPAN}-01\n`,
  ])('%j is none', (text) => {
    expect(parseTraceparent(text, null)).toBeNull()
  })

  it('is written as it is read', () => {
    for (const sampled of [true, false]) {
      const context = { traceId: TRACE, spanId: SPAN, sampled, tracestate: null }
      expect(parseTraceparent(formatTraceparent(context), '')).toEqual(context)
    }
  })
})

describe('ids', () => {
  it('are random, of the right length and valid in a traceparent', () => {
    const ids = new IdSource()
    const traces = Array.from({ length: 1000 }, () => ids.traceId())
    const spans = Array.from({ length: 1000 }, () => ids.spanId())
    expect(new Set([...traces, ...spans]).size).toBe(2000)
    for (const [index, traceId] of traces.entries()) expect(parseTraceparent(`00-${traceId}-${spans[index] ?? ''}-01`, null)).not.toBeNull()
  })
})

describe('sampling', () => {
  const ids = new IdSource()
  const parent = (sampled: boolean) => ({ traceId: TRACE, spanId: SPAN, sampled, tracestate: null })

  it('takes all, none or about the share that is wanted', () => {
    const traces = Array.from({ length: 4000 }, () => ids.traceId())
    const taken = (ratio: number): number => traces.filter((id) => decideSampling({ ratio, followsParent: true }, id, null)).length
    expect(taken(1)).toBe(4000)
    expect(taken(0)).toBe(0)
    expect(taken(0.25)).toBeGreaterThan(800)
    expect(taken(0.25)).toBeLessThan(1200)
  })

  it('at a higher ratio takes whatever it takes at a lower one', () => {
    const ratio = fc.double({ min: 0, max: 1, noNaN: true })
    fc.assert(fc.property(ratio, ratio, fc.uint8Array({ minLength: 16, maxLength: 16 }), (a, b, bytes) => {
      const id = Buffer.from(bytes).toString('hex')
      const decide = (of: number): boolean => decideSampling({ ratio: of, followsParent: false }, id, null)
      expect(!decide(Math.min(a, b)) || decide(Math.max(a, b))).toBe(true)
    }))
  })

  it("follows the caller's decision where it is told to", () => {
    expect(decideSampling({ ratio: 0, followsParent: true }, TRACE, parent(true))).toBe(true)
    expect(decideSampling({ ratio: 1, followsParent: true }, TRACE, parent(false))).toBe(false)
    expect(decideSampling({ ratio: 0, followsParent: false }, TRACE, parent(true))).toBe(false)
    expect(decideSampling({ ratio: 1, followsParent: false }, TRACE, parent(false))).toBe(true)
  })
})
