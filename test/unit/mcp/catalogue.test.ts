import { expect, test } from 'vitest'
import { listsFor, takePage, takePageError, toCatalogue, type ListProgress } from '../../../src/lib/mcp/catalogue.js'

function tools(): ListProgress {
  const [list] = listsFor({ tools: {} })
  if (list === undefined) throw new Error('no list')
  return list
}

test('the lists to read follow the capabilities', () => {
  const methods = (capabilities: Record<string, unknown> | null): string[] => listsFor(capabilities).map((list) => list.method)
  expect(methods({})).toEqual([])
  expect(methods({ tools: {}, logging: {} })).toEqual(['tools/list'])
  expect(methods({ resources: { subscribe: true } })).toEqual(['resources/list', 'resources/templates/list'])
  expect(methods({ tools: null, prompts: false })).toEqual([])
  expect(methods(null)).toEqual(['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list'])
})

test('pages are joined in order and entries stay as they came', () => {
  const first = takePage(tools(), { tools: [{ name: 'a', x: 1 }], nextCursor: 'c' })
  expect(first).toMatchObject({ type: 'more', cursor: 'c' })
  const second = takePage(first.type === 'more' ? first.progress : tools(), { tools: [{ name: 'b' }] })
  expect(second).toMatchObject({ type: 'end', warning: null })
  expect(second.type === 'end' ? toCatalogue([second.progress]).tools : []).toEqual([{ name: 'a', x: 1 }, { name: 'b' }])
})

test.each([null, '', 7, undefined])('a next cursor of %j ends the list', (nextCursor) => {
  expect(takePage(tools(), { tools: [], nextCursor }).type).toBe('end')
})

test('a cursor that comes again ends the list with a warning', () => {
  let list = tools()
  for (const nextCursor of ['a', 'b']) {
    const page = takePage(list, { tools: [1], nextCursor })
    if (page.type === 'more') list = page.progress
  }
  expect(takePage(list, { tools: [1], nextCursor: 'a' })).toMatchObject({ type: 'end', warning: expect.stringContaining('repeats its cursor after page 3') as string })
})

test('a list that never ends is cut off with a warning', () => {
  let list = tools()
  for (let page = 1; page <= 2000; page++) {
    const outcome = takePage(list, { tools: [page], nextCursor: String(page) })
    if (outcome.type !== 'more') {
      expect(outcome).toMatchObject({ type: 'end', warning: expect.stringContaining('1000 pages') as string })
      return
    }
    list = outcome.progress
  }
  expect.unreachable('the list was read for ever')
})

test('a list that is not implemented is empty, any other error and any other shape is unusable', () => {
  expect(takePageError(tools(), { code: -32601, message: '' })).toMatchObject({ type: 'end', warning: null })
  expect(takePageError(tools(), { code: -32603, message: 'db down' })).toEqual({ type: 'unusable', why: 'it answered tools/list with error -32603 (db down)' })
  expect(takePage(tools(), { prompts: [] })).toMatchObject({ type: 'unusable' })
  expect(takePage(tools(), [])).toMatchObject({ type: 'unusable' })
})
