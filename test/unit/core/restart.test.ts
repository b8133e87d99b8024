import { describe, expect, it } from 'vitest'
import { decideRestart, NO_HISTORY, type InstanceEnd, type RestartHistory } from '../../../src/lib/core/index.js'
import { specOf } from './spec-fixture.js'

const spec = specOf('a').restart

function endAt(endedAt: number, changes: Partial<InstanceEnd> = {}): InstanceEnd {
  return { generation: 1, cause: 'exit', reason: 'exited with code 1', code: 1, signal: null, startedAt: endedAt - 10, readyAt: null, endedAt, ...changes }
}

/** Runs a server that lives `lifeMs` each time until the policy gives up or `untilMs` is over; returns its start times. */
function startsOf(lifeMs: number, untilMs: number, random: number, history: RestartHistory = NO_HISTORY): { starts: number[]; gaveUp: boolean } {
  const starts = [0]
  let now = 0
  while (now < untilMs) {
    now += lifeMs
    const verdict = decideRestart(spec, history, endAt(now, { startedAt: now - lifeMs, readyAt: now - lifeMs }), random)
    history = verdict.history
    if (verdict.type !== 'restart') return { starts, gaveUp: true }
    now += verdict.delayMs
    if (now < untilMs) starts.push(now)
  }
  return { starts, gaveUp: false }
}

describe('decideRestart', () => {
  it('restarts a stable server at once and backs off while it keeps failing', () => {
    let history = NO_HISTORY
    const delays: number[] = []
    for (let at = 1000; delays.length < 5; at += 10_000) {
      const verdict = decideRestart(spec, history, endAt(at), 0.5)
      if (verdict.type !== 'restart') throw new Error(verdict.reason)
      history = verdict.history
      delays.push(verdict.delayMs)
    }
    expect(delays).toEqual([0, 500, 1000, 2000, 4000])
  })

  it('waits the longest time after an instance that was not let in, the first time too', () => {
    const verdict = decideRestart(spec, NO_HISTORY, endAt(1000, { cause: 'unauthorised' }), 0.5)
    expect(verdict).toMatchObject({ type: 'restart', delayMs: spec.backoffMaxMs })
  })

  it('keeps the jitter within a fifth of the delay and the delay under its cap', () => {
    const history = { ...NO_HISTORY, streak: 30 }
    const low = decideRestart(spec, history, endAt(1), 0)
    const high = decideRestart(spec, history, endAt(1), 0.999999)
    expect(low).toMatchObject({ type: 'restart', delayMs: 48_000 })
    expect(high).toMatchObject({ type: 'restart', delayMs: 72_000 })
  })

  it.each([0, 0.5, 0.99])('recognises a server that dies 1.5 s after each start (chance %d)', (random) => {
    const { starts, gaveUp } = startsOf(1500, 60_000, random)
    expect(starts.filter((at) => at < 30_000).length).toBeLessThanOrEqual(6)
    expect(gaveUp).toBe(true)
  })

  it('recognises a server that ran 25 s and then dies at once for ever', () => {
    const first = decideRestart(spec, NO_HISTORY, endAt(25_000, { startedAt: 0, readyAt: 100 }), 0)
    const { starts, gaveUp } = startsOf(1, 30_000, 0, first.history)
    expect(starts.length).toBeLessThanOrEqual(6)
    expect(gaveUp).toBe(true)
  })

  it('recognises a loop too slow for its window', () => {
    const { gaveUp, starts } = startsOf(45_000, 3_600_000, 0.5)
    expect(gaveUp).toBe(true)
    expect(starts.length).toBe(11)
  })

  it('forgets a row of failures after a stable time', () => {
    const history = { ...NO_HISTORY, streak: 4, lastDelayMs: 4000 }
    expect(decideRestart(spec, history, endAt(100_000, { readyAt: 60_000 }), 0.5)).toMatchObject({ type: 'restart', delayMs: 0 })
    expect(decideRestart(spec, history, endAt(100_000, { readyAt: 95_000 }), 0.5)).toMatchObject({ type: 'restart', delayMs: 4000 })
  })

  it('leaves a clean exit alone under on-failure and restarts it under always', () => {
    const clean = endAt(1000, { code: 0, reason: 'exited with code 0' })
    expect(decideRestart(spec, NO_HISTORY, clean, 0).type).toBe('stay-exited')
    expect(decideRestart({ ...spec, policy: 'always' }, NO_HISTORY, clean, 0).type).toBe('restart')
    expect(decideRestart({ ...spec, policy: 'never' }, NO_HISTORY, clean, 0).type).toBe('stay-exited')
    expect(decideRestart({ ...spec, policy: 'never' }, NO_HISTORY, endAt(1000), 0).type).toBe('give-up')
  })

  it('keeps a bounded record of ends', () => {
    let history = NO_HISTORY
    for (let at = 0; at < 50; at++) history = decideRestart({ ...spec, maxRestarts: 1000 }, history, endAt(at * 100_000), 0.5).history
    expect(history.ends.length).toBe(10)
    expect(history.restartedAt.length).toBeLessThanOrEqual(10)
  })
})
