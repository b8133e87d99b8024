import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sumSaved, type SharedServer } from '../../../src/lib/metrics/index.js'

const MIB = 1024 ** 2
const server = (name: string, parts: Partial<SharedServer> = {}): SharedServer => ({ name, isolation: 'shared', instances: 1, memoryBytes: 100 * MIB, ...parts })
const sessions = (count: number, ...servers: string[]) => Array.from({ length: count }, () => ({ servers }))

describe('what sharing saves', () => {
  it('is what each session would run of each server it can reach, less what runs', () => {
    expect(sumSaved([server('a'), server('b', { memoryBytes: 50 * MIB })], [...sessions(2, 'a', 'b'), ...sessions(1, 'a')])).toEqual({
      sessions: 3, instances: 2, memoryBytes: 150 * MIB, instancesOtherwise: 5, memoryOtherwiseBytes: 400 * MIB, savedBytes: 250 * MIB,
    })
  })

  it.each([0, 1])('is nothing with %i sessions', (count) => {
    expect(sumSaved([server('a'), server('b')], sessions(count, 'a', 'b'))).toMatchObject({ instances: 2, instancesOtherwise: 2, savedBytes: 0 })
  })

  it('counts a process for each session as it is, and nothing that does not run here', () => {
    expect(sumSaved([server('own', { isolation: 'per-session', instances: 3, memoryBytes: 300 * MIB }), server('away', { instances: 0, memoryBytes: 0 })], sessions(3, 'own', 'away', 'remote'))).toEqual({
      sessions: 3, instances: 3, memoryBytes: 300 * MIB, instancesOtherwise: 3, memoryOtherwiseBytes: 300 * MIB, savedBytes: 0,
    })
  })

  it('is never negative, and never without a second session', () => {
    const anyServer = fc.record({ name: fc.constantFrom('a', 'b', 'c'), isolation: fc.constantFrom('shared' as const, 'per-session' as const), instances: fc.nat(4), memoryBytes: fc.nat(1e9) })
    const anySession = fc.record({ servers: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd')) })
    fc.assert(fc.property(fc.uniqueArray(anyServer, { selector: ({ name }) => name }), fc.array(anySession), (servers, all) => {
      const saved = sumSaved(servers, all)
      expect(saved.savedBytes).toBeGreaterThanOrEqual(0)
      expect(saved.instancesOtherwise).toBeGreaterThanOrEqual(saved.instances)
      if (all.length < 2) expect(saved.savedBytes).toBe(0)
    }))
  })
})
