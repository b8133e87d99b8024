import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DEFAULT_TRAFFIC } from '../../../src/lib/core/index.js'
import { createToolFilter } from '../../../src/lib/gateway/tool-filter.js'

const matchesGlob = (pattern: string, name: string): boolean => createToolFilter({ ...DEFAULT_TRAFFIC, allow: [pattern] }).admits(name)

describe('the tool filter', () => {
  it.each([
    ['read', 'read', true], ['read', 'reads', false], ['read*', 'read', true], ['*file', 'read_file', true], ['r*d*e', 'read_file', true],
    ['*', '', true], ['a*a', 'a', false], ['*a*b*', 'xaxbx', true], ['*a*b*', 'xbxax', false], ['a.c', 'abc', false], ['a**c', 'ac', true],
  ])('%s against %s: %s', (pattern, name, expected) => {
    expect(matchesGlob(pattern, name)).toBe(expected)
  })

  it('agrees with a regular expression on every pattern', () => {
    const letters = (max: number, ...units: string[]) => fc.string({ maxLength: max, unit: fc.constantFrom(...units) })
    fc.assert(
      fc.property(letters(8, 'a', 'b', '*'), letters(10, 'a', 'b'), (pattern, name) => {
        expect(matchesGlob(pattern, name)).toBe(new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(name))
      }),
    )
  })

  it('lets deny win over allow, and lets nothing through an empty allow', () => {
    const filter = createToolFilter({ ...DEFAULT_TRAFFIC, allow: ['a', 'b'], deny: ['b'] })
    expect(['a', 'b', 'c'].map((name) => filter.admits(name))).toEqual([true, false, false])
    expect(createToolFilter({ ...DEFAULT_TRAFFIC, allow: [] }).admits('a')).toBe(false)
    expect(createToolFilter(DEFAULT_TRAFFIC).admits('constructor')).toBe(true)
  })
})
