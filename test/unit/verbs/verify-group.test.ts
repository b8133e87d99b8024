import { describe, expect, it } from 'vitest'
import type { MembershipSpec, ServerSnapshot } from '../../../src/lib/core/index.js'
import { compareTools, groupsOf, takersOf } from '../../../src/lib/verbs/verify-group-facts.js'
import { chooseHarmless } from '../../../src/lib/verbs/verify-request.js'
import { callsFor, judgeShares, type Sharing } from '../../../src/lib/verbs/verify-shares.js'
import { serverOf } from './snapshot-fixture.js'

const member = (name: string, parts: Partial<ServerSnapshot> = {}, place: Partial<MembershipSpec> = {}): ServerSnapshot =>
  serverOf(name, { group: 'g', membership: { group: 'g', strategy: 'priority', sticky: 'none', priority: 1, weight: 1, ...place }, ...parts })
const breaker = (state: 'open' | 'half-open' | 'closed'): Pick<ServerSnapshot, 'breaker'> => ({ breaker: { state, since: 0, failures: 5, opened: 1, retryAt: null, reason: '' } })
const namesOf = (servers: readonly ServerSnapshot[]): string[] => servers.map(({ name }) => name)

describe('the groups of a daemon', () => {
  it('are those of two and more, the preferred member first, without what belongs to one session or profile', () => {
    const groups = groupsOf([
      member('backup', {}, { priority: 2 }), member('main'), member('main#1'), member('main~2'), member('main@kairos'), serverOf('alone'),
      ...['r@1', 'r@2', 'r@1@kairos'].map((name) => member(name, {}, { group: 'r', strategy: 'least-pending' })), member('single', {}, { group: 'other' }),
    ])
    expect(groups.map(({ name, strategy, members }) => [name, strategy, namesOf(members)])).toEqual([['g', 'priority', ['main', 'backup']], ['r', 'least-pending', ['r@1', 'r@2']]])
  })

  it('give a call to the best level that takes calls, and to those on trial only where there is nobody else', () => {
    const takers = (...members: ServerSnapshot[]): string[] => namesOf(takersOf(members, false))
    expect(takers(member('a'), member('b'), member('c', {}, { priority: 2 }))).toEqual(['a', 'b'])
    expect(takers(member('a', { ready: false }), member('b', breaker('open')), member('c', {}, { priority: 2 }))).toEqual(['c'])
    expect(takers(member('a', breaker('half-open')), member('c', breaker('closed'), { priority: 2 }))).toEqual(['c'])
    expect(takers(member('a', breaker('half-open')), member('c', { ready: false }, { priority: 2 }))).toEqual(['a'])
    expect(takers(member('a', { ready: false }))).toEqual([])
    // A call that may be repeated shows whether one on trial is well again.
    expect(namesOf(takersOf([member('a', breaker('half-open')), member('c', {}, { priority: 2 })], true))).toEqual(['a'])
  })

  it('are compared by what their members list', () => {
    const look = { name: 'look', description: 'Looks.', inputSchema: { type: 'object', properties: {} } }
    const lists = new Map([
      ['main', [look, { name: 'more' }, { name: 'same', inputSchema: { a: 1, b: 2 } }]],
      ['backup', [{ ...look, description: 'Looks twice.' }, { name: 'same', inputSchema: { b: 2, a: 1 } }]],
      ['third', [{ ...look, inputSchema: {} }, { name: 'more' }, { name: 'same', inputSchema: { a: 1, b: 2 } }]],
    ])
    expect(compareTools(lists)).toEqual({ shared: 2, lacking: ['more (backup)'], schemas: ['look (inputSchema: third)'], words: ['look (description: backup)'] })
  })
})

describe('a harmless request', () => {
  const read = (name: string, more: object = {}): object => ({ name, inputSchema: {}, annotations: { readOnlyHint: true, ...more } })
  const catalogue = (tools: object[], resources: object[] = []) => ({ tools, prompts: [], resources, resourceTemplates: [] })

  it('is a read-only tool without required arguments that all members list, one that stays at home if there is one', () => {
    const all = catalogue([{ name: 'write', inputSchema: {} }, { ...read('needy'), inputSchema: { required: ['a'] } }, read('wide'), read('home', { openWorldHint: false }), read('mine', { openWorldHint: false })], [{ uri: 'note://1' }])
    expect(chooseHarmless([all, catalogue([read('wide'), read('home')])])).toEqual(['home', 'wide'].map((name) => ({ method: 'tools/call', what: name, params: { name, arguments: {} } })))
    expect(chooseHarmless([all, catalogue([read('wide')])]).map(({ what }) => what)).toEqual(['wide'])
  })

  it('is a resource where there is no such tool, and nothing where there is neither', () => {
    const listing = catalogue([{ name: 'write', inputSchema: {} }], [{ uri: 'note://1' }, { uri: 'note://2' }])
    expect(chooseHarmless([listing, catalogue([], [{ uri: 'note://2' }])])).toEqual([{ method: 'resources/read', what: 'note://2', params: { uri: 'note://2' } }])
    expect(chooseHarmless([listing, catalogue([])])).toEqual([])
    expect(chooseHarmless([])).toEqual([])
    expect(chooseHarmless([catalogue('abcde'.split('').map((name) => read(name)))]).map(({ what }) => what)).toEqual(['a', 'b', 'c'])
  })
})

describe('how calls were shared out', () => {
  const taker = (name: string, weight = 1) => ({ name, weight })
  const judge = (strategy: Sharing['strategy'], shares: Record<string, number>, more: Partial<Sharing> = {}): string | null =>
    judgeShares({ strategy, takers: [taker('a', 3), taker('b')], shares: new Map(Object.entries(shares)), isBusy: false, ...more })

  it('is right when it is what the strategy wants', () => {
    expect(judge('priority', { a: 12 })).toBeNull()
    expect(judge('round-robin', { a: 6, b: 6 })).toBeNull()
    expect(judge('least-pending', { a: 7, b: 5 })).toBeNull()
    expect(judge('weighted', { a: 9, b: 3 })).toBeNull()
    expect(judge('random', { a: 4, b: 20 })).toBeNull()
    expect(judge('latency', { a: 12, b: 0 })).toBeNull()
  })

  it('is wrong when it is not, in words', () => {
    expect(judge('priority', { a: 11, b: 1 })).toBe('a should have had all 12')
    expect(judge('round-robin', { a: 12, b: 0 })).toBe('a should have had 6 of 12, b should have had 6 of 12')
    expect(judge('weighted', { a: 6, b: 6 })).toBe('a should have had 9 of 12, b should have had 3 of 12')
    expect(judge('random', { a: 24, b: 0 })).toBe('b had none of 24')
    expect(judge('latency', { a: 6, c: 6 })).toBe('c had calls although a, b take them')
  })

  it('is not judged by the number where others had calls meanwhile, but nobody is left out', () => {
    expect(judge('round-robin', { a: 10, b: 2 }, { isBusy: true })).toBeNull()
    expect(judge('round-robin', { a: 12, b: 0 }, { isBusy: true })).toBe('b should have had 6 of 12')
  })

  it('takes enough calls to be seen, and no more than can be borne', () => {
    expect([callsFor('priority', [taker('a')]), callsFor('weighted', [taker('a', 7), taker('b', 3)]), callsFor('random', [taker('a'), taker('b'), taker('c')]), callsFor('weighted', [taker('a', 1000), taker('b', 0.5)])]).toEqual([12, 20, 36, 60])
  })
})
