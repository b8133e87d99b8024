import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findAnswerId } from '../../../src/lib/mcp/scan.js'

const slot = { start: 0, end: 0 }

function idIn(text: string): string | null {
  const bytes = Buffer.from(text)
  return findAnswerId(bytes, slot) ? bytes.toString('latin1', slot.start, slot.end) : null
}

describe('the id of an answer', () => {
  test.each([
    ['first, as hand-written servers put it', '{"jsonrpc":"2.0","id":17,"result":{}}'],
    ['last, as both SDKs put it', '{"result":{"content":[]},"jsonrpc":"2.0","id":17}'],
    ['last, after the version', '{"jsonrpc":"2.0","result":{"a":"}"},"id":17}'],
    ['of an error', '{"jsonrpc":"2.0","id":17,"error":{"code":1,"message":"x"}}'],
    ['of an error at the end', '{"error":{"code":1,"message":"x"},"jsonrpc":"2.0","id":17} '],
    ['in the middle, with blanks', ' { "result" : {"id":3} , "id" : 17 , "jsonrpc" : "2.0" } '],
    ['at the very front', '{"id":17,"jsonrpc":"2.0","result":{"text":"\\"id\\":4}"}}'],
  ])('is found where it stands %s', (_where, text) => {
    expect(idIn(text)).toBe('17')
  })

  test.each([
    ['a request with its id at the end', '{"method":"sampling/createMessage","params":{"result":1},"jsonrpc":"2.0","id":17}'],
    ['a request with its id at the front', '{"jsonrpc":"2.0","id":17,"method":"ping"}'],
    ['a request that carries a result as well', '{"result":{},"method":"x","jsonrpc":"2.0","id":17,"extra":1}'],
    ['a notification', '{"jsonrpc":"2.0","method":"notifications/progress","params":{"id":17}}'],
    ['an id of text', '{"jsonrpc":"2.0","id":"17","result":{}}'],
    ['a fractional id', '{"jsonrpc":"2.0","id":1.5,"result":{}}'],
    ['an id inside the result only', '{"jsonrpc":"2.0","result":{"id":17}}'],
    ['a banner', 'listening on port 17'],
    ['half a message', '{"jsonrpc":"2.0","id":17,"resu'],
  ])('is not seen in %s', (_what, text) => {
    expect(idIn(text)).toBeNull()
  })

  test('is found in any valid answer, in any order of members and with any blanks', () => {
    fc.assert(fc.property(fc.jsonValue(), fc.nat(), fc.shuffledSubarray(['jsonrpc', 'id', 'result', 'extra'], { minLength: 4 }), fc.constantFrom(0, 1, 2), (result, id, order, indent) => {
      const members: Record<string, unknown> = { jsonrpc: '2.0', id, result, extra: { id: 99, result: '}' } }
      expect(idIn(JSON.stringify(Object.fromEntries(order.map((key) => [key, members[key]])), null, indent))).toBe(String(id))
    }))
  })
})
