import { expect, test } from 'vitest'

interface Check {
  readonly id: string
  readonly status: string
}
interface Line {
  readonly check: string
  readonly direct: string
  readonly through: string
}
type Results = Record<string, readonly Check[]>

const compare = (await import(new URL('../conformance/compare.mjs', import.meta.url).href)) as {
  readonly differences: (direct: Results, through: Results) => Line[]
  readonly judge: (found: readonly Line[], allowed: readonly Line[]) => { readonly unexpected: Line[]; readonly stale: Line[] }
}

const direct: Results = { list: [{ id: 'a', status: 'SUCCESS' }, { id: 'a', status: 'SUCCESS' }], call: [{ id: 'b', status: 'FAILURE' }] }

test('two runs differ where a check of the same scenario, name and occurrence ended differently or was made only once', () => {
  expect(compare.differences(direct, direct)).toEqual([])
  expect(compare.differences(direct, { list: [{ id: 'a', status: 'SUCCESS' }, { id: 'a', status: 'WARNING' }], read: [{ id: 'c', status: 'INFO' }] })).toEqual([
    { check: 'call:b', direct: 'FAILURE', through: 'absent' },
    { check: 'list:a#2', direct: 'SUCCESS', through: 'WARNING' },
    { check: 'read:c', direct: 'absent', through: 'INFO' },
  ])
})

test('a difference is understood only with both its outcomes, and an entry without a difference is stale', () => {
  const found = [{ check: 'list:a', direct: 'SUCCESS', through: 'FAILURE' }, { check: 'list:b', direct: 'INFO', through: 'absent' }]
  const other = { check: 'list:a', direct: 'SUCCESS', through: 'WARNING' }
  const all = { check: 'list:*', direct: 'INFO', through: 'absent' }
  expect(compare.judge(found, [])).toEqual({ unexpected: found, stale: [] })
  expect(compare.judge(found, [other, all])).toEqual({ unexpected: [found[0]], stale: [other] })
  expect(compare.judge(found, found)).toEqual({ unexpected: [], stale: [] })
})
