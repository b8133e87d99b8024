import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { balance, latencyAt, NO_MEMORY, noteLatency, type BalanceMember, type BalanceMemory, type Strategy } from '../../../src/lib/core/index.js'

const STRATEGIES: readonly Strategy[] = ['priority', 'round-robin', 'least-pending', 'weighted', 'random', 'latency']

function member(name: string, parts: Partial<BalanceMember> = {}): BalanceMember {
  return { name, priority: 1, weight: 1, state: 'ready', pending: 0, latencyMs: null, ...parts }
}

/** A generator that gives the same numbers every time (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Who is chosen first, so many times, when nothing else changes. */
function count(members: readonly BalanceMember[], strategy: Strategy, times: number): Record<string, number> {
  const next = numbers(7)
  let memory: BalanceMemory = NO_MEMORY
  const counts: Record<string, number> = {}
  for (let i = 0; i < times; i++) {
    const result = balance(members, { strategy, random: next(), mayTry: true, memory })
    memory = result.memory
    const [first = ''] = result.order
    counts[first] = (counts[first] ?? 0) + 1
  }
  return counts
}

const anyMember = fc.record({
  priority: fc.integer({ min: 0, max: 3 }), weight: fc.double({ min: 0.1, max: 20, noNaN: true }), state: fc.constantFrom('ready' as const, 'trial' as const, 'unavailable' as const),
  pending: fc.nat(50), latencyMs: fc.option(fc.double({ min: 0, max: 5000, noNaN: true })),
})
const anyMembers = fc.array(anyMember, { maxLength: 8 }).map((list) => list.map((parts, index) => ({ name: `m${index}`, ...parts })))
const anyRandom = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

describe('an order of members, whatever the strategy', () => {
  test('holds everybody that takes calls once, nobody else, and no lower level before a higher one', () => {
    fc.assert(fc.property(fc.array(anyMembers, { minLength: 1, maxLength: 6 }), fc.constantFrom(...STRATEGIES), fc.boolean(), anyRandom, (rounds, strategy, mayTry, random) => {
      let memory: BalanceMemory = NO_MEMORY
      for (const members of rounds) {
        const result = balance(members, { strategy, random, mayTry, memory })
        memory = result.memory
        expect([...result.order].sort()).toEqual(members.filter(({ state }) => state !== 'unavailable').map(({ name }) => name).sort())
        const ranks = result.order.map((name) => {
          const found = members.find((one) => one.name === name)
          return (found?.state === 'trial' && !mayTry ? 1000 : 0) + (found?.priority ?? 0)
        })
        expect(ranks).toEqual([...ranks].sort((a, b) => a - b))
      }
    }))
  })

  test('begins with a member on trial only for a call that may be used for that, as long as another one is well', () => {
    const members = [member('main', { state: 'trial' }), member('backup', { priority: 2 })]
    expect(balance(members, { strategy: 'priority', random: 0, mayTry: true, memory: NO_MEMORY }).order).toEqual(['main', 'backup'])
    expect(balance(members, { strategy: 'priority', random: 0, mayTry: false, memory: NO_MEMORY }).order).toEqual(['backup', 'main'])
    expect(balance([member('main', { state: 'trial' })], { strategy: 'priority', random: 0, mayTry: false, memory: NO_MEMORY }).order).toEqual(['main'])
  })
})

describe('calls are shared out', () => {
  test('in turn, so that no two members of a level differ by more than one call', () => {
    fc.assert(fc.property(fc.integer({ min: 2, max: 8 }), fc.integer({ min: 1, max: 200 }), (size, times) => {
      const counts = count(Array.from({ length: size }, (_, index) => member(`m${index}`)), 'round-robin', times)
      const all = Array.from({ length: size }, (_, index) => counts[`m${index}`] ?? 0)
      expect(Math.max(...all) - Math.min(...all)).toBeLessThanOrEqual(1)
    }))
  })

  test('by weight within one call of what each is owed at any time', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 2, maxLength: 6 }), fc.integer({ min: 1, max: 500 }), (weights, times) => {
      const counts = count(weights.map((weight, index) => member(`m${index}`, { weight })), 'weighted', times)
      const total = weights.reduce((sum, weight) => sum + weight, 0)
      // Smooth weighted round-robin keeps each within its number of members of its share.
      for (const [index, weight] of weights.entries()) expect(Math.abs((counts[`m${index}`] ?? 0) - (times * weight) / total)).toBeLessThanOrEqual(weights.length)
    }))
  })

  test('by weight within two percent over 10,000 calls', () => {
    const counts = count([member('a', { weight: 5 }), member('b', { weight: 3 }), member('c', { weight: 2 })], 'weighted', 10_000)
    expect(counts).toEqual({ a: 5000, b: 3000, c: 2000 })
  })

  test('at random, about equally', () => {
    const counts = count([member('a'), member('b'), member('c'), member('d')], 'random', 10_000)
    for (const name of ['a', 'b', 'c', 'd']) expect(Math.abs((counts[name] ?? 0) / 2500 - 1)).toBeLessThan(0.1)
  })

  test('to the one with the least to do, and in turn among equals', () => {
    const order = (members: readonly BalanceMember[]) => balance(members, { strategy: 'least-pending', random: 0, mayTry: true, memory: NO_MEMORY }).order[0]
    expect(order([member('a', { pending: 3 }), member('b', { pending: 1 }), member('c', { pending: 2 })])).toBe('b')
    expect(count([member('a'), member('b'), member('c')], 'least-pending', 300)).toEqual({ a: 100, b: 100, c: 100 })
    // However long the memory, one more call to do outweighs it.
    const memory: BalanceMemory = { turn: 1e9, usedAt: { a: 1e9, b: 1 }, credit: {} }
    expect(balance([member('a', { pending: 0 }), member('b', { pending: 1 })], { strategy: 'least-pending', random: 0, mayTry: true, memory }).order[0]).toBe('a')
  })

  test('by latency: the slowest of three gets none while the others are idle, and a busy fast one shares with an idle slow one', () => {
    const counts = count([member('fast', { latencyMs: 10 }), member('middle', { latencyMs: 20 }), member('slow', { latencyMs: 200 })], 'latency', 3000)
    expect(counts['slow'] ?? 0).toBe(0)
    expect((counts['fast'] ?? 0) / 3000).toBeGreaterThan(0.6)
    expect(count([member('fast', { latencyMs: 10, pending: 30 }), member('slow', { latencyMs: 200 })], 'latency', 10)).toEqual({ slow: 10 })
  })

  test('by latency to one nobody knows, but not a second call before it answered', () => {
    expect(count([member('known', { latencyMs: 1 }), member('new')], 'latency', 5)).toEqual({ new: 5 })
    expect(count([member('known', { latencyMs: 1, pending: 50 }), member('new', { pending: 1 })], 'latency', 5)).toEqual({ known: 5 })
  })
})

describe('the latency of a server', () => {
  test('rises at once and falls bit by bit', () => {
    const slow = noteLatency({ ms: 10, at: 0 }, 500, 100)
    expect(slow.ms).toBe(500)
    const later = noteLatency(slow, 10, 200)
    expect(later.ms).toBeGreaterThan(490)
    expect(noteLatency(later, 10, 60_000).ms).toBeLessThan(12)
  })

  test('is forgotten while nobody asks it, so that it is tried again', () => {
    expect(latencyAt({ ms: 500, at: 0 }, 60_000)).toBeLessThan(2)
    expect(latencyAt(null, 5)).toBeNull()
  })
})
