import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createHealthMemory, judgeHealth, type HealthFacts, type HealthSpec } from '../../../src/lib/core/index.js'

const INTERVAL_MS = 2000
const SPEC: HealthSpec = { intervalMs: INTERVAL_MS, timeoutMs: INTERVAL_MS, hungAfterMs: 30_000, probe: { type: 'mcp' } }

/** What one interval of a server's life looks like from outside. */
const interval = fc.record({
  answers: fc.boolean(),
  speaks: fc.boolean(),
  /** Milliseconds of processor time of each of two processes. */
  cpu: fc.tuple(fc.integer({ min: 0, max: 2000 }), fc.integer({ min: 0, max: 2000 })),
  state: fc.constantFrom('R', 'S', 'D', 'T', 't'),
  calls: fc.integer({ min: 0, max: 3 }),
  unread: fc.constantFrom(0, 0, 0, 5000),
})
type Interval = typeof interval extends fc.Arbitrary<infer T> ? T : never

/** Judges a life interval by interval, as the prober does: an early look where nothing was seen before, one at the timeout. */
function judge(life: readonly Interval[]): string[] {
  let memory = createHealthMemory(0)
  let [now, heardAt] = [0, 0]
  const used: [number, number] = [0, 0]
  return life.map(({ answers, speaks, cpu, state, calls, unread }) => {
    const sentAt = now
    const facts = (): Omit<HealthFacts, 'probe'> => ({
      heardAt, throttled: false, callsInFlight: calls, unreadBytes: unread,
      processes: used.map((cpuMs, index) => ({ pid: 10 + index, state, cpuMs })),
    })
    let verdict = ''
    if (memory.look === null && !answers && !speaks) {
      const early = judgeHealth(memory, { ...facts(), probe: { type: 'waiting', sentAt } }, sentAt + 250, SPEC)
      memory = early.memory
      verdict = early.verdict
    }
    now += INTERVAL_MS
    used[0] += cpu[0]
    used[1] += cpu[1]
    if (speaks || answers) heardAt = now - 10
    const late = judgeHealth(memory, { ...facts(), probe: answers ? { type: 'answered' } : { type: 'unanswered', sentAt } }, now, SPEC)
    memory = late.memory
    return verdict === 'not-ready' && late.verdict === 'busy' ? verdict : late.verdict
  })
}

test('a server is never hung in an interval in which it worked, or spoke and read', () => {
  fc.assert(fc.property(fc.array(interval, { maxLength: 60 }), (life) => {
    for (const [index, verdict] of judge(life).entries()) {
      const { answers, speaks, cpu, state, unread } = life[index] as Interval
      const worked = state !== 'T' && Math.max(...cpu) >= 40
      if (answers || (speaks && unread === 0) || worked) expect(verdict).not.toBe('hung')
    }
  }))
})

test('a server that is stopped leaves the rotation within two intervals and is hung within three, whatever it did before', () => {
  fc.assert(fc.property(fc.array(interval, { maxLength: 40 }), fc.integer({ min: 0, max: 3 }), (life, calls) => {
    const stopped: Interval = { answers: false, speaks: false, cpu: [0, 0], state: 'T', calls, unread: 0 }
    const verdicts = judge([...life, stopped, stopped, stopped]).slice(life.length)
    expect(['not-ready', 'hung']).toContain(verdicts[0])
    expect(['not-ready', 'hung']).toContain(verdicts[1])
    expect(verdicts[2]).toBe('hung')
  }))
})

test('a server that goes silent without working leaves within two intervals', () => {
  fc.assert(fc.property(fc.array(interval, { maxLength: 40 }), fc.integer({ min: 0, max: 3 }), (life, calls) => {
    const silent: Interval = { answers: false, speaks: false, cpu: [0, 0], state: 'S', calls, unread: 0 }
    const verdicts = judge([...life, silent, silent, silent]).slice(life.length)
    expect(['not-ready', 'hung']).toContain(verdicts[1])
    if (calls === 0) expect(verdicts.includes('hung') || verdicts[0] === 'busy').toBe(true)
  }))
})

test('a server that answers is fine, whatever was held against it', () => {
  fc.assert(fc.property(fc.array(interval, { maxLength: 40 }), (life) => {
    const verdicts = judge([...life, { answers: true, speaks: false, cpu: [0, 0], state: 'T', calls: 3, unread: 5000 }])
    expect(verdicts.at(-1)).toBe('fine')
  }))
})
