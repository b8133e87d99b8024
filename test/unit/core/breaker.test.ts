import { expect, test } from 'vitest'
import { admissionOf, admit, createBreaker, DEFAULT_BREAKER, elapse, judge, nextChangeAt, renew, toBreakerSnapshot, tryNow, type BreakerSpec, type BreakerState, type BreakerVerdict } from '../../../src/lib/core/index.js'

const SPEC: BreakerSpec = { ...DEFAULT_BREAKER, failures: 3, errorPercent: null, trials: 2 }
const HTTP_500: BreakerVerdict = { type: 'failed', failure: 'broken', reason: 'HTTP 500' }
const ENDED: BreakerVerdict = { type: 'failed', failure: 'dead', reason: 'it exited', isOver: true }
const OK: BreakerVerdict = { type: 'answered' }

function after(state: BreakerState, verdicts: readonly BreakerVerdict[], { now = 0, random = 0, spec = SPEC } = {}): BreakerState {
  return verdicts.reduce((before, verdict) => judge(before, verdict, { now, random, epoch: before.epoch }, spec), state)
}

function opened(verdict: BreakerVerdict = HTTP_500): BreakerState {
  return after(createBreaker(0), [verdict, verdict, verdict])
}

/** Lets one call through and says how it ended. */
function tried(state: BreakerState, verdict: BreakerVerdict, now = 0): BreakerState {
  const { state: admitted, admission } = admit(state, now, SPEC)
  expect(admission).toBe('trial')
  return after(admitted, [verdict], { now })
}

test('opens after so many failures in a row, says why, and wants the instance replaced', () => {
  expect(after(createBreaker(0), [HTTP_500, HTTP_500]).phase).toBe('closed')
  expect(opened()).toMatchObject({ phase: 'open', failures: 3, opened: 1, reason: '3 calls in a row failed, last: HTTP 500', until: 1000, suspicion: 'broken' })
})

test('forgets failures with the first answer', () => {
  expect(after(createBreaker(0), [HTTP_500, HTTP_500, OK, HTTP_500, HTTP_500])).toMatchObject({ phase: 'closed', failures: 2 })
})

test('opens at an error rate over a window, when there were enough calls, without suspecting what works for others', () => {
  const spec = { ...SPEC, failures: 100, errorPercent: 50, minCalls: 10 }
  const mixed = [OK, HTTP_500, OK, HTTP_500, OK, HTTP_500, OK, HTTP_500, OK]
  const before = after(createBreaker(0), mixed, { spec })
  expect(before.phase).toBe('closed')
  expect(after(before, [HTTP_500], { spec })).toMatchObject({ phase: 'open', reason: '5 of 10 calls within 30s failed, last: HTTP 500', suspicion: null })
  expect(after(before, [HTTP_500], { spec, now: 60_000 }), 'those of the window before the last one are out of sight').toMatchObject({ phase: 'closed' })
})

test('counts a call a server was too slow for, while it answered others, in the error rate only', () => {
  const slow: BreakerVerdict = { type: 'failed', failure: 'overloaded', isSlow: true, reason: 'did not answer within 1000 ms' }
  const spec = { ...SPEC, errorPercent: 50, minCalls: 10 }
  const few = after(createBreaker(0), [OK, OK, OK, OK, slow, slow, slow, slow, slow], { spec })
  expect(few).toMatchObject({ phase: 'closed', failures: 0 })
  expect(after(few, [slow], { spec })).toMatchObject({ phase: 'open', suspicion: null })
  expect(after(few, [HTTP_500, slow, HTTP_500, HTTP_500], { spec: { ...spec, minCalls: 100 } })).toMatchObject({ phase: 'open', suspicion: 'broken' })
})

test.each([
  ['hung', 'hung'], ['broken', 'broken'], ['dead', 'dead'], ['overloaded', null], ['unauthorised', null],
] as const)('a server whose calls fail as %s is suspected: %s', (failure, suspicion) => {
  expect(opened({ type: 'failed', failure, reason: '' })).toMatchObject({ phase: 'open', suspicion })
})

test('opens at once when the server ended under a call, until another instance was proven ready', () => {
  const open = after(createBreaker(0), [ENDED])
  expect(open).toMatchObject({ phase: 'open', until: null, suspicion: null, reason: 'it exited' })
  expect(nextChangeAt(open, SPEC)).toBeNull()
  const back = renew(open, 400, false)
  expect(back).toMatchObject({ phase: 'half-open', isNew: true })
  expect(tried(tried(back, OK), OK)).toMatchObject({ phase: 'closed', failures: 0, opened: 1, why: '2 trials went well' })
})

test('is tried when its recovery time is over, which doubles with each trial that fails, up to a bound', () => {
  let state = opened()
  let now = 0
  const times: number[] = []
  for (let trial = 0; trial < 9; trial++) {
    const until = nextChangeAt(state, SPEC) ?? 0
    expect(admit(state, until - 1, SPEC).admission).toBe('shut')
    times.push(until - now)
    now = until
    state = tried(state, HTTP_500, now)
  }
  expect(times).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000])
  expect(state).toMatchObject({ reason: 'tried again, and failed: HTTP 500', opened: 10, failures: 12 })
})

test('adds a part of the recovery time by chance, and never goes below what the server asked for', () => {
  const shed: BreakerVerdict = { type: 'failed', failure: 'overloaded', reason: 'HTTP 429', retryAfterMs: 7000 }
  expect(toBreakerSnapshot(after(createBreaker(0), [HTTP_500, HTTP_500, HTTP_500], { random: 0.5 })).retryAt).toBe(1100)
  expect(toBreakerSnapshot(opened(shed)).retryAt).toBe(7000)
  expect(toBreakerSnapshot(opened({ ...shed, retryAfterMs: 10 })).retryAt).toBe(1000)
  expect(toBreakerSnapshot(opened({ ...shed, retryAfterMs: 1e12 })).retryAt, 'not for ever').toBe(3_600_000)
})

test('lets no more than its trials through, gives the place of one that was taken back to another, and closes when all went well', () => {
  let state = tryNow(opened(), 10)
  state = admit(admit(state, 10, SPEC).state, 10, SPEC).state
  expect(admissionOf(state, SPEC)).toBe('shut')
  state = after(state, [{ type: 'withdrawn' }])
  expect(admissionOf(state, SPEC)).toBe('trial')
  state = after(state, [OK])
  expect(admissionOf(state, SPEC), 'one more is needed').toBe('trial')
  expect(tried(state, OK).phase).toBe('closed')
})

test('a call let through in an earlier phase tells nothing of this one', () => {
  const closed = createBreaker(0)
  const open = opened()
  expect(judge(open, HTTP_500, { now: 5, random: 0, epoch: closed.epoch }, SPEC)).toBe(open)
  const halfOpen = tryNow(open, 10)
  expect(judge(halfOpen, OK, { now: 10, random: 0, epoch: closed.epoch }, SPEC)).toBe(halfOpen)
})

test('an instance that came because the one before was suspected waits for the recovery time; any other is tried at once', () => {
  const open = opened()
  expect(renew(open, 100, true)).toBe(open)
  expect(renew(open, 100, false)).toMatchObject({ phase: 'half-open', isNew: true })
})

test('with nobody calling, it is half-open when its time is over and closed when its server was up long enough', () => {
  const halfOpen = elapse(opened(), 1000, SPEC, false)
  expect(halfOpen).toMatchObject({ phase: 'half-open', why: 'its recovery time is over' })
  expect(elapse(halfOpen, 60_999, SPEC, true).phase).toBe('half-open')
  expect(elapse(halfOpen, 61_000, SPEC, false).phase).toBe('half-open')
  expect(elapse(halfOpen, 61_000, SPEC, true)).toMatchObject({ phase: 'closed', why: 'it is up, and nothing failed for 1m' })
  const back = renew(after(createBreaker(0), [ENDED]), 100, false)
  expect(elapse(back, 1100, SPEC, true).phase, 'a server that died and was started anew is trusted sooner').toBe('closed')
})

test('says in a bounded number of words why it opened', () => {
  expect(opened({ ...HTTP_500, reason: 'x'.repeat(10_000) }).reason.length).toBe(300)
})
