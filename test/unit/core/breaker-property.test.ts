import fc from 'fast-check'
import { expect, test } from 'vitest'
import { admit, createBreaker, elapse, judge, nextChangeAt, renew, tryNow, type BreakerSpec, type BreakerState, type BreakerVerdict } from '../../../src/lib/core/index.js'

const spec: fc.Arbitrary<BreakerSpec> = fc.record({
  failures: fc.integer({ min: 1, max: 6 }), errorPercent: fc.option(fc.integer({ min: 1, max: 100 })), minCalls: fc.integer({ min: 1, max: 10 }), windowMs: fc.integer({ min: 1, max: 5000 }),
  recoveryMs: fc.integer({ min: 1, max: 5000 }), maxRecoveryMs: fc.integer({ min: 1, max: 60_000 }), trials: fc.integer({ min: 1, max: 4 }),
})
const failure = fc.constantFrom('dead', 'hung', 'overloaded', 'unauthorised', 'broken')
const verdict: fc.Arbitrary<BreakerVerdict> = fc.oneof(
  fc.constant<BreakerVerdict>({ type: 'answered' }), fc.constant<BreakerVerdict>({ type: 'withdrawn' }),
  fc.record({ type: fc.constant('failed' as const), failure, reason: fc.constant('it failed'), isOver: fc.boolean(), retryAfterMs: fc.option(fc.integer({ min: 0, max: 100_000 })) }),
)
/** What may happen to one server. */
const happening = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('call' as const) }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('ends' as const), which: fc.nat(), verdict }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('passes' as const), ms: fc.integer({ min: 1, max: 70_000 }) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('renewed' as const), isAnswer: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('asked' as const) }) },
)
type Happening = typeof happening extends fc.Arbitrary<infer T> ? T : never

interface Call {
  readonly epoch: number
}

/** A breaker with the calls that were let through. */
class World {
  state: BreakerState = createBreaker(0)
  now = 0
  calls: Call[] = []
  readonly #spec: BreakerSpec

  constructor(used: BreakerSpec) {
    this.#spec = used
  }

  get trials(): number {
    return this.calls.filter(({ epoch }) => this.state.phase === 'half-open' && epoch === this.state.epoch).length
  }

  take(what: Happening, random: number): void {
    switch (what.type) {
      case 'call': {
        const { state, admission } = admit(this.state, this.now, this.#spec)
        this.state = state
        if (admission !== 'shut') this.calls.push({ epoch: state.epoch })
        return
      }
      case 'ends': {
        const [call] = this.calls.splice(what.which % Math.max(1, this.calls.length), 1)
        if (call !== undefined) this.state = judge(this.state, what.verdict, { now: this.now, random, epoch: call.epoch }, this.#spec)
        return
      }
      case 'passes':
        this.now += what.ms
        this.state = elapse(this.state, this.now, this.#spec, random < 0.5)
        return
      case 'renewed':
        this.state = renew(this.state, this.now, what.isAnswer)
        return
      case 'asked':
        this.state = tryNow(this.state, this.now)
    }
  }
}

const life = fc.array(fc.tuple(happening, fc.double({ min: 0, max: 0.999, noNaN: true })), { maxLength: 120 })

test('half-open, there are never more trials under way at once than there may be, and it never forgets one', () => {
  fc.assert(fc.property(spec, life, (used, events) => {
    const world = new World(used)
    for (const [what, random] of events) {
      world.take(what, random)
      expect(world.trials).toBeLessThanOrEqual(used.trials)
      if (world.state.phase === 'half-open') expect(world.state.underWay).toBe(world.trials)
    }
  }))
})

test('an open one ends: by itself within its bound, or with the next instance', () => {
  fc.assert(fc.property(spec, life, (used, events) => {
    const world = new World(used)
    for (const [what, random] of events) world.take(what, random)
    const { state } = world
    if (state.phase !== 'open') return
    if (state.until === null) {
      expect(renew(state, world.now, true).phase).toBe('half-open')
      return
    }
    const longestMs = Math.max(used.recoveryMs, used.maxRecoveryMs, 100_000) * 1.2 + 1
    expect(state.until - state.since).toBeLessThanOrEqual(longestMs)
    expect(state.until - state.since).toBeGreaterThanOrEqual(used.recoveryMs)
    expect(elapse(state, nextChangeAt(state, used) ?? 0, used, false).phase).toBe('half-open')
  }))
})

test('answers and calls that were taken back never open it, however many', () => {
  fc.assert(fc.property(spec, fc.array(verdict.filter(({ type }) => type !== 'failed'), { maxLength: 100 }), (used, verdicts) => {
    let state: BreakerState = createBreaker(0)
    for (const [index, one] of verdicts.entries()) state = judge(state, one, { now: index * 10, random: 0, epoch: state.epoch }, used)
    expect(state).toMatchObject({ phase: 'closed', failures: 0 })
  }))
})

test('a closed one forgets its failures in a row with one answer', () => {
  fc.assert(fc.property(spec, life, (used, events) => {
    const world = new World(used)
    for (const [what, random] of events) world.take(what, random)
    if (world.state.phase !== 'closed') return
    expect(judge(world.state, { type: 'answered' }, { now: world.now, random: 0, epoch: world.state.epoch }, used)).toMatchObject({ phase: 'closed', failures: 0 })
  }))
})

test('a server that answers all its calls is open to everybody again, whatever it was through', () => {
  fc.assert(fc.property(spec, life, (used, events) => {
    const world = new World(used)
    for (const [what, random] of events) world.take(what, random)
    world.calls = []
    world.take({ type: 'renewed', isAnswer: false }, 0)
    // Trials of before that never end are what the time limit is for.
    world.take({ type: 'passes', ms: 10_000_000 }, 0)
    if (world.state.phase === 'half-open') world.take({ type: 'passes', ms: 10_000_000 }, 0)
    for (let call = 0; call < used.trials; call++) {
      world.take({ type: 'call' }, 0)
      world.take({ type: 'ends', which: 0, verdict: { type: 'answered' } }, 0)
    }
    expect(world.state.phase).toBe('closed')
  }))
})
