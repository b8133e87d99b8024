import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mergeCatalogues, type Member } from '../../../src/lib/gateway/merge.js'
import type { Naming } from '../../../src/lib/gateway/name.js'
import { ALWAYS, member } from './merge-fixture.js'

/** Few words, so that names meet; odd and long ones, so that they have to change. */
const word = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom('a', 'b', 'a__b', 'a_b', 'a b', 'a.b', 'ä', 'read') },
  { weight: 1, arbitrary: fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' }) },
  { weight: 2, arbitrary: fc.string({ minLength: 50, maxLength: 90, unit: fc.constantFrom('a', '_', ' ') }) },
)
const members: fc.Arbitrary<Member[]> = fc
  .uniqueArray(word, { maxLength: 6 })
  .chain((servers) => fc.tuple(...servers.map((server) => fc.record({ tools: fc.array(word, { maxLength: 8 }), prompts: fc.array(word, { maxLength: 4 }) }).map((parts) => member(server, parts)))))
const naming: fc.Arbitrary<Naming> = fc.record({
  prefix: fc.constantFrom('always', 'on-collision', 'none'),
  separator: fc.constantFrom('__', '_', '.', '-', '/', ''),
  maxNameLength: fc.integer({ min: 16, max: 128 }),
})

const ownTools = ({ server, catalogue }: Member): string[] => [...new Set(catalogue.tools.map((tool) => JSON.stringify([server, (tool as { name: string }).name])))]

describe('a merged catalogue', () => {
  it('has one legal name within the budget for each tool, and each name leads to one tool', () => {
    fc.assert(
      fc.property(members, naming, (list, how) => {
        const merged = mergeCatalogues(list, how)
        const names = merged.tools.map((tool) => String(tool['name']))
        expect(new Set(names).size).toBe(names.length)
        expect([...merged.toolRoutes.keys()]).toEqual(names)
        for (const name of [...names, ...merged.promptRoutes.keys()]) expect(name).toMatch(new RegExp(`^[A-Za-z0-9_.-]{1,${how.maxNameLength}}$`))
        const reached = [...merged.toolRoutes.values()].map((route) => JSON.stringify([route.server, route.name]))
        expect(new Set(reached).size).toBe(reached.length)
        const all = list.flatMap(ownTools)
        if (how.prefix === 'none') expect(all).toEqual(expect.arrayContaining(reached))
        else expect(reached.sort()).toEqual(all.sort())
      }),
    )
  })

  it('hides a tool without prefixes only behind one of the same name', () => {
    fc.assert(
      fc.property(members, (list) => {
        const merged = mergeCatalogues(list, { ...ALWAYS, prefix: 'none' })
        const shown = new Set([...merged.toolRoutes.values()].map((route) => route.name))
        for (const tool of list.flatMap(ownTools)) expect(shown).toContain((JSON.parse(tool) as string[])[1])
      }),
    )
  })

  it('is the same every time, whatever happened to be merged before', () => {
    fc.assert(
      fc.property(members, members, naming, (list, other, how) => {
        const before = mergeCatalogues(list, how)
        mergeCatalogues(other, how)
        const again = mergeCatalogues(structuredClone(list), how)
        expect(again.tools).toEqual(before.tools)
        expect(again.warnings).toEqual(before.warnings)
        expect([...again.promptRoutes]).toEqual([...before.promptRoutes])
      }),
    )
  })

  it('keeps the order of its servers and of their tools', () => {
    fc.assert(
      fc.property(members, naming, (list, how) => {
        const places = [...mergeCatalogues(list, how).toolRoutes.values()].map((route) => list.flatMap(ownTools).indexOf(JSON.stringify([route.server, route.name])))
        expect(places).toEqual([...places].sort((a, b) => a - b))
      }),
    )
  })

  it('names a tool that nothing else could be taken for as if its server were alone', () => {
    const plain = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,8}$/), { maxLength: 6 })
    const plainMembers = plain.chain((servers) => fc.tuple(...servers.map((server) => fc.uniqueArray(fc.stringMatching(/^[a-z]{1,100}$/), { maxLength: 6 }).map((tools) => member(server, { tools })))))
    fc.assert(
      fc.property(plainMembers, (list) => {
        const together = mergeCatalogues(list, ALWAYS).tools
        expect(together).toEqual(list.flatMap((one) => mergeCatalogues([one], ALWAYS).tools))
      }),
    )
  })
})
