import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { TraceParams } from '../../../src/lib/control/index.js'
import type { TracedMessage, TraceEvent } from '../../../src/lib/core/index.js'
import { TraceClient } from '../../../src/lib/daemon/trace-client.js'
import { TraceQueue } from '../../../src/lib/daemon/trace-queue.js'
import type { Captured } from '../../../src/lib/daemon/trace-source.js'

const params = (changes: Partial<TraceParams> = {}): TraceParams => ({ names: null, last: 0, follow: true, textBytes: 0, probes: false, ...changes })
const message = (changes: Partial<TracedMessage> = {}): TracedMessage => ({
  type: 'message', time: 1, server: 'files', generation: 1, direction: 'out', kind: 'request', id: 1, method: 'ping', target: null, durationMs: null,
  bytes: 10, failed: false, code: null, summary: '', remembered: false, probe: false, ...changes,
})
const captured = { gaveUp: null } as Captured

function client(changes: Partial<TraceParams> = {}) {
  const reader = { queuedBytes: 0, got: [] as TraceEvent[], emit: (event: unknown) => void reader.got.push(event as TraceEvent) }
  return { reader, client: new TraceClient(params(changes), reader) }
}

describe('one who looks on', () => {
  it('hears of its servers, with the processes that belong to single sessions and those that replace them', () => {
    const { client: looking } = client({ names: ['files', 'db#2'] })
    expect(['files', 'files#3', 'files~2', 'db#2', 'db', 'db#3', 'file', 'files2'].filter((name) => looking.concerns(name))).toEqual(['files', 'files#3', 'files~2', 'db#2'])
    expect(client().client.concerns('anything')).toBe(true)
  })

  it('hears of probes only when it wants to', () => {
    const [without, withProbes] = [client(), client({ probes: true })]
    for (const { client: looking } of [without, withProbes]) looking.message(message({ probe: true }), captured)
    expect(without.reader.got).toEqual([])
    expect(withProbes.reader.got).toHaveLength(1)
  })
})

describe('one who reads slowly', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('loses messages and is told how many before the next one', () => {
    const { client: looking, reader } = client()
    looking.message(message({ id: 1 }), captured)
    reader.queuedBytes = 2 * 1024 * 1024
    for (let id = 2; id <= 5; id++) looking.message(message({ id }), captured)
    reader.queuedBytes = 0
    looking.message(message({ id: 6 }), captured)
    expect(reader.got.map((event) => (event.type === 'message' ? event.id : event.type === 'lost' ? `lost ${event.count}` : event.type))).toEqual([1, 'lost 4', 6])
    looking.close()
  })

  it('is told when it has caught up although nothing new comes, and loses no word of a restart', () => {
    const { client: looking, reader } = client()
    reader.queuedBytes = 2 * 1024 * 1024
    looking.message(message(), captured)
    vi.advanceTimersByTime(1000)
    expect(reader.got).toEqual([])
    reader.queuedBytes = 0
    vi.advanceTimersByTime(1000)
    expect(reader.got).toMatchObject([{ type: 'lost', count: 1 }])
    reader.queuedBytes = 2 * 1024 * 1024
    looking.message(message(), captured)
    looking.tell({ type: 'phase', time: 1, server: 'files', generation: 2, phase: 'ready', reason: 'r' })
    expect(reader.got.slice(1)).toMatchObject([{ type: 'lost', count: 1 }, { type: 'phase' }])
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('what is remembered', () => {
  it('comes whole although it comes at once, and what does not fit is told at its end', () => {
    const { client: looking, reader } = client({ follow: false, last: 16 })
    reader.queuedBytes = 5 * 1024 * 1024
    looking.message(message({ remembered: true }), captured)
    reader.queuedBytes = 7 * 1024 * 1024
    looking.message(message({ remembered: true }), captured)
    looking.finish()
    expect(reader.got.map(({ type }) => type)).toEqual(['message', 'lost'])
  })
})

describe('the queue of what was copied', () => {
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

  it('is looked at in its order, apart from whoever adds', async () => {
    const queue = new TraceQueue()
    const seen: number[] = []
    for (let index = 0; index < 100; index++) queue.add(10, () => void seen.push(index))
    expect(seen).toEqual([])
    while (seen.length < 100) await turn()
    expect(seen).toEqual(Array.from({ length: 100 }, (_, index) => index))
  })

  it('has no room for more than it may hold, and has again when it was looked at', async () => {
    const queue = new TraceQueue()
    let count = 0
    while (queue.hasRoom) queue.add(64 * 1024, () => void count++)
    const held = 8 * 1024 * 1024 / (64 * 1024)
    queue.add(1, () => void count++)
    expect(queue.hasRoom).toBe(false)
    while (count < 100) await turn()
    expect(queue.hasRoom).toBe(true)
    while (count < held / 2) await turn()
    queue.clear()
    const before = count
    await turn()
    expect(count).toBe(before)
  })

  it('gives others a turn when looking takes long', async () => {
    const queue = new TraceQueue()
    let count = 0
    const slowly = (): void => {
      const end = performance.now() + 3
      while (performance.now() < end) continue
      count++
    }
    for (let index = 0; index < 5; index++) queue.add(1, slowly)
    await turn()
    expect(count).toBeLessThan(5)
    while (count < 5) await turn()
  })
})
