import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Span } from '../../../src/lib/telemetry/call-span.js'
import { Exporter } from '../../../src/lib/telemetry/exporter.js'
import { isRetryable, readRetryAfter, retryDelay, type SendOutcome } from '../../../src/lib/telemetry/retry.js'

const DONE: SendOutcome = { type: 'done', rejected: 0, message: null }
const LATER: SendOutcome = { type: 'later', why: 'HTTP 503', afterMs: null }
const batch = { delayMs: 1000, exportTimeoutMs: 10_000, maxQueue: 6, maxBatch: 3 }
const span = { name: 'x' } as Span

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance', 'Date'] }))
afterEach(() => void vi.useRealTimers())

/** An exporter whose collector answers with these, one after the other, then takes everything. */
function open(answers: (SendOutcome | 'never')[] = []) {
  const bodies: string[] = []
  const warnings: string[] = []
  const closed: string[] = []
  const exporter = new Exporter({
    batch, random: () => 0.5,
    encode: (spans) => String(spans.length),
    warn: (sentence) => void warnings.push(sentence),
    sender: {
      send: (body, signal) => {
        bodies.push(body)
        const answer = answers.shift() ?? DONE
        if (answer !== 'never') return Promise.resolve(answer)
        return new Promise((resolve) => signal.addEventListener('abort', () => resolve({ type: 'later', why: 'no answer in time', afterMs: null })))
      },
      close: () => void closed.push('closed'),
    },
  })
  return { exporter, bodies, warnings, closed, add: (count: number) => { for (let index = 0; index < count; index++) exporter.add(span) } }
}

describe('spans', () => {
  it('wait for their time, or for a full batch', async () => {
    const { bodies, add, exporter } = open()
    add(2)
    await vi.advanceTimersByTimeAsync(999)
    expect(bodies).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(bodies).toEqual(['2'])
    add(3)
    await vi.advanceTimersByTimeAsync(0)
    expect(bodies).toEqual(['2', '3'])
    expect(exporter.counts).toEqual({ sent: 5, dropped: 0 })
    expect(vi.getTimerCount()).toBe(0)
  })

  it('that do not fit are dropped, counted, and that is said once', async () => {
    const { exporter, bodies, warnings, add } = open(['never'])
    add(3)
    await vi.advanceTimersByTimeAsync(0)
    add(10)
    expect(exporter.counts).toEqual({ sent: 0, dropped: 4 })
    expect(warnings).toEqual([expect.stringContaining('faster than the collector takes them')])
    const closing = exporter.close(100)
    await vi.advanceTimersByTimeAsync(100)
    await closing
    expect(bodies[0]).toBe('3')
    expect(exporter.counts.sent + exporter.counts.dropped).toBe(13)
  })

  it('are sent again, later and later, while the collector says that it cannot take them now', async () => {
    const { exporter, bodies, add } = open([LATER, { ...LATER, afterMs: 4000 }])
    add(3)
    await vi.advanceTimersByTimeAsync(999)
    expect(bodies).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(bodies).toHaveLength(2)
    await vi.advanceTimersByTimeAsync(3999)
    expect(bodies).toHaveLength(2)
    await vi.advanceTimersByTimeAsync(1)
    expect(bodies).toEqual(['3', '3', '3'])
    expect(exporter.counts).toEqual({ sent: 3, dropped: 0 })
  })

  it('are given up when that goes on for too long, and those behind them have their turn', async () => {
    const { exporter, bodies, warnings, add } = open([LATER, LATER, LATER, LATER])
    add(3)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(bodies).toHaveLength(4)
    expect(exporter.counts).toEqual({ sent: 0, dropped: 3 })
    expect(warnings).toEqual(['spans are dropped: the collector cannot take them (HTTP 503)'])
    add(1)
    await vi.advanceTimersByTimeAsync(1000)
    expect(exporter.counts).toEqual({ sent: 1, dropped: 3 })
  })

  it('that are refused are not sent again', async () => {
    const { exporter, bodies, warnings, add } = open([{ type: 'refused', why: 'HTTP 401' }])
    add(3)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(bodies).toEqual(['3'])
    expect(exporter.counts).toEqual({ sent: 0, dropped: 3 })
    expect(warnings).toEqual(['spans are dropped: the collector refuses them (HTTP 401)'])
  })

  it('of which the collector left out some are counted so', async () => {
    const { exporter, warnings, add } = open([{ type: 'done', rejected: 2, message: 'too old' }, { type: 'done', rejected: 0, message: 'use https' }])
    add(3)
    await vi.advanceTimersByTimeAsync(0)
    add(3)
    await vi.advanceTimersByTimeAsync(0)
    expect(exporter.counts).toEqual({ sent: 4, dropped: 2 })
    expect(warnings).toEqual(['the collector left out spans: too old', 'the collector says: use https'])
  })

  it('that wait at the end are sent, in as many batches as it takes', async () => {
    const { exporter, bodies, add, closed } = open()
    add(2)
    await exporter.close(2000)
    expect(bodies).toEqual(['2'])
    expect(closed).toEqual(['closed'])
    exporter.add(span)
    expect(exporter.counts).toEqual({ sent: 2, dropped: 1 })
    expect(vi.getTimerCount()).toBe(0)
  })

  it('do not hold up the end when the collector is away, nor when it does not answer', async () => {
    const away = open([LATER, LATER, LATER])
    away.add(3)
    await vi.advanceTimersByTimeAsync(0)
    // One more attempt, without waiting for its time.
    await away.exporter.close(2000)
    expect(away.bodies).toHaveLength(2)
    expect(away.exporter.counts).toEqual({ sent: 0, dropped: 3 })

    const mute = open(['never', 'never'])
    mute.add(5)
    await vi.advanceTimersByTimeAsync(0)
    const started = performance.now()
    const closing = mute.exporter.close(2000)
    await vi.advanceTimersByTimeAsync(2000)
    await closing
    expect(performance.now() - started).toBe(2000)
    expect(mute.exporter.counts).toEqual({ sent: 0, dropped: 5 })
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('the way to try again', () => {
  it('is for what OTLP calls retryable', () => {
    expect([200, 400, 401, 404, 413, 429, 500, 502, 503, 504].filter(isRetryable)).toEqual([429, 502, 503, 504])
  })

  it('grows, is bounded, and never ends before the collector wants it', () => {
    expect([1, 2, 3, 10].map((attempt) => retryDelay(attempt, null, 0.5))).toEqual([1000, 2000, 4000, 30_000])
    expect([retryDelay(1, null, 0), retryDelay(1, null, 1)]).toEqual([750, 1250])
    expect(retryDelay(1, 5000, 0.5)).toBe(5000)
  })

  it('reads seconds and dates', () => {
    const now = Date.parse('2026-11-21T12:00:00Z')
    expect([readRetryAfter('3', now), readRetryAfter('Sat, 21 Nov 2026 12:00:07 GMT', now), readRetryAfter('Sat, 21 Nov 2026 11:00:00 GMT', now), readRetryAfter('soon', now), readRetryAfter(undefined, now)]).toEqual([3000, 7000, 0, null, null])
  })
})
