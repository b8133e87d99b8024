import { describe, expect, it } from 'vitest'
import { MAX_TOOLS, ToolBook } from '../../../src/lib/metrics/tool-book.js'
import { Traffic } from '../../../src/lib/metrics/traffic.js'
import type { Outcome } from '../../../src/lib/metrics/index.js'

const T0 = 1_800_000_000_000
const MINUTE_MS = 60_000

function add(traffic: Traffic, now: number, outcome: Outcome = 'ok', durationMs = 100): void {
  traffic.began(now)
  traffic.ended(now + durationMs, 10, { outcome, durationMs, bytesOut: outcome === 'cancelled' ? 0 : 20 })
}

describe('traffic', () => {
  it('knows nothing before the first call', () => {
    expect(new Traffic().figures(T0)).toEqual({
      calls: 0, errors: 0, cancelled: 0, inFlight: 0, bytesIn: 0, bytesOut: 0, callsPerSecond: 0, errorPercent: null, meanMs: null, p50Ms: null, p95Ms: null, p99Ms: null, lastCallAt: null,
    })
  })

  it('counts every call once, by how it ended', () => {
    const traffic = new Traffic()
    for (const outcome of ['ok', 'ok', 'failed', 'error', 'lost', 'cancelled'] as const) add(traffic, T0, outcome)
    traffic.began(T0 + 500)
    const figures = traffic.figures(T0 + 1000)
    expect(figures).toMatchObject({ calls: 6, errors: 3, cancelled: 1, inFlight: 1, bytesIn: 60, bytesOut: 100, errorPercent: 60, lastCallAt: T0 + 500 })
    expect(traffic.view().outcomes).toEqual({ ok: 2, failed: 1, error: 1, lost: 1, cancelled: 1 })
  })

  it('leaves what was taken back out of durations and errors', () => {
    const traffic = new Traffic()
    add(traffic, T0, 'cancelled', 60_000)
    expect(traffic.figures(T0 + MINUTE_MS)).toMatchObject({ calls: 1, cancelled: 1, errorPercent: null, p95Ms: null })
    expect(traffic.view().latency).toMatchObject({ count: 0, sumSeconds: 0 })
  })

  it('shows durations as they were when all were alike', () => {
    const traffic = new Traffic()
    for (let call = 0; call < 10; call++) add(traffic, T0 + call, 'ok', 4.17)
    expect(traffic.figures(T0 + 100)).toMatchObject({ meanMs: 4.17, p50Ms: 4.17, p95Ms: 4.17, p99Ms: 4.17 })
  })

  it('tells the slow ones from the rest', () => {
    const traffic = new Traffic()
    for (let call = 0; call < 90; call++) add(traffic, T0, 'ok', 10)
    for (let call = 0; call < 10; call++) add(traffic, T0, 'ok', 1000)
    const { p50Ms, p95Ms, p99Ms, meanMs } = traffic.figures(T0 + 2000)
    expect(p50Ms).toBeGreaterThanOrEqual(10)
    expect(p50Ms).toBeLessThan(12)
    expect(p95Ms).toBeGreaterThan(850)
    expect(p99Ms).toBeLessThanOrEqual(1000)
    expect(meanMs).toBe(109)
  })

  it('forgets in its figures what is older than five minutes, and in its counts nothing', () => {
    const traffic = new Traffic()
    add(traffic, T0, 'error', 5000)
    for (let minute = 1; minute <= 4; minute++) add(traffic, T0 + minute * MINUTE_MS)
    expect(traffic.figures(T0 + 4 * MINUTE_MS).errorPercent).toBe(20)
    const later = T0 + 5 * MINUTE_MS + 10_000
    expect(traffic.figures(later)).toMatchObject({ calls: 5, errors: 1, errorPercent: 0, p99Ms: 100 })
    expect(traffic.recentCalls(later)).toBe(4)
    expect(traffic.figures(T0 + 60 * MINUTE_MS)).toMatchObject({ calls: 5, errorPercent: null, p95Ms: null, callsPerSecond: 0 })
    expect(traffic.view().latency.count).toBe(5)
  })

  it('knows the pace of the last minute', () => {
    const traffic = new Traffic()
    for (let at = 0; at < 2 * MINUTE_MS; at += 500) add(traffic, T0 + at, 'ok', 1)
    expect(traffic.figures(T0 + 2 * MINUTE_MS).callsPerSecond).toBeCloseTo(2, 0)
    expect(traffic.figures(T0 + 2.5 * MINUTE_MS).callsPerSecond).toBeCloseTo(1, 0)
    expect(traffic.figures(T0 + 3.2 * MINUTE_MS).callsPerSecond).toBe(0)
  })

  it('keeps a histogram whose counts never fall, and that ends with all of them', () => {
    const traffic = new Traffic()
    for (const durationMs of [0.5, 1, 1.1, 7, 700, 10_000_000]) add(traffic, T0, 'ok', durationMs)
    const { boundsSeconds, cumulative, count, sumSeconds } = traffic.view().latency
    expect(cumulative).toEqual([...cumulative].sort((a, b) => a - b))
    expect(cumulative.length).toBe(boundsSeconds.length)
    expect([cumulative[boundsSeconds.indexOf(0.001)], cumulative[boundsSeconds.indexOf(0.01)], cumulative.at(-1), count]).toEqual([2, 4, 5, 6])
    expect(sumSeconds).toBeCloseTo(10_000.7096, 4)
  })
})

describe('the figures of tools', () => {
  const add = (tools: ToolBook, method: string, target: string | null): void => {
    tools.began(T0, method, target)
    tools.ended(T0, { method, target, bytesIn: 1 }, { outcome: 'ok', durationMs: 1, bytesOut: 1 })
  }

  it('are kept by kind and name, a resource\'s never under its URI', () => {
    const tools = new ToolBook()
    add(tools, 'tools/call', 'x')
    add(tools, 'prompts/get', 'x')
    add(tools, 'resources/read', 'https://user:secret@host/')
    add(tools, 'resources/read', 'note://two')
    add(tools, 'completion/complete', null)
    add(tools, 'tools/call', null)
    expect(tools.figures(T0).map(({ kind, name, calls }) => [kind, name, calls])).toEqual([
      ['tool', 'x', 1], ['tool', '(other)', 1], ['prompt', 'x', 1], ['resource', 'resources/read', 2], ['other', 'completion/complete', 1],
    ])
  })

  it('are told in the order of first calls, whatever the kind: who shows the first hundred never loses one again', () => {
    const tools = new ToolBook()
    add(tools, 'tools/call', 'a')
    add(tools, 'prompts/get', 'p')
    add(tools, 'tools/call', 'b')
    expect(tools.views().map(({ name }) => name)).toEqual(['a', 'p', 'b'])
  })

  it('are bounded: whoever makes up names has them counted together', () => {
    const tools = new ToolBook()
    for (let number = 0; number < MAX_TOOLS + 300; number++) add(tools, 'tools/call', `t${number}`)
    add(tools, 'tools/call', 't0')
    const figures = tools.figures(T0)
    expect(figures).toHaveLength(MAX_TOOLS + 1)
    expect(figures[0]).toMatchObject({ name: 't0', calls: 2 })
    expect(figures.at(-1)).toMatchObject({ name: '(other)', calls: 300, inFlight: 0 })
    expect(tools.views().at(-1)).toMatchObject({ name: '(other)', count: 300 })
  })
})
