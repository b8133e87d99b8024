import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Glance } from '../../../src/lib/pump/glance.js'
import { toIdKey } from '../../../src/lib/pump/id-key.js'

function look(text: string): Pick<Glance, 'kind' | 'key' | 'method'> {
  const glance = new Glance()
  // Not at the start of the buffer, as a line in a chunk.
  const bytes = Buffer.from(`junk\n${text}\n{"id":99}`)
  glance.read(bytes, 5, 5 + Buffer.byteLength(text))
  return { kind: glance.kind, key: glance.key, method: glance.method }
}

describe('a glance at a whole line', () => {
  it.each([
    ['a request with its id in front', '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"x"}}', 'request', 7, 'tools/call'],
    ['a request as the official SDKs write it', '{"method":"tools/call","params":{"name":"x"},"jsonrpc":"2.0","id":7}', 'request', 7, 'tools/call'],
    ['a request without parameters', '{"jsonrpc":"2.0","method":"ping","id":"a"}', 'request', '"a"', 'ping'],
    ['a request that hides an id in its parameters', '{"method":"tools/call","params":{"id":3,"jsonrpc":"2.0"},"id":4}', 'request', 4, 'tools/call'],
    ['a request with its parameters first', '{"params":{"a":[{"id":1}]},"method":"x/y","id":5}', 'request', 5, 'x/y'],
    ['a request with unknown members and blanks', ' { "x" : [ "}" ] , "id" : -3 , "method" : "x" } ', 'request', -3, 'x'],
    ['a notification', '{"method":"notifications/progress","params":{"progress":1,"id":5},"jsonrpc":"2.0"}', 'notification', null, 'notifications/progress'],
    ['a notification that ends like an id', '{"jsonrpc":"2.0","method":"n","params":{"id":5}}', 'notification', null, 'n'],
    ['an answer with its id in front', '{"jsonrpc":"2.0","id":0,"result":{"method":"no"}}', 'answer', 0, ''],
    ['an answer with its id at the end', '{"result":{"content":[{"text":"\\"id\\":1}"}]},"jsonrpc":"2.0","id":12}', 'answer', 12, ''],
    ['an answer with its id last but one', '{"result":{},"id":"q","jsonrpc":"2.0"}', 'answer', '"q"', ''],
    ['an answer with its id in the middle', '{"result":{"a":"\\\\"},"id":8,"_x":{"id":9}}', 'answer', 8, ''],
    ['an error without id', '{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":""}}', 'answer', null, ''],
    ['a line of the front protocol', '{"mcpctl":1,"closing":"stopped"}', 'signal', null, ''],
    ['a list', '[{"id":1,"method":"x"}]', 'unknown', null, ''],
    ['no JSON', 'hello', 'unknown', null, ''],
    ['half an object', '{"jsonrpc":"2.0","id":', 'unknown', null, ''],
    ['nothing', '', 'unknown', null, ''],
  ])('knows %s', (_what, text, kind, key, method) => {
    expect(look(text)).toEqual({ kind, key, method })
  })

  it.each([
    ['1', 1],
    ['-1', -1],
    ['"1"', '"1"'],
    ['123456789012345', 123456789012345],
    ['12345678901234567890', '12345678901234567890'],
    ['1e3', 1000],
    ['"a\\u0041\\"b"', '"aA\\"b"'],
    ['"é"', '"é"'],
    ['""', '""'],
  ])('takes the id %s for what it is, at either end', (text, key) => {
    expect(look(`{"jsonrpc":"2.0","id":${text},"result":{}}`).key).toBe(key)
    expect(look(`{"result":{"a":1},"id":${text}}`).key).toBe(key)
  })

  it('agrees with JSON.parse on any message', () => {
    const members = fc.record(
      { id: fc.oneof(fc.integer(), fc.string(), fc.string({ unit: 'binary' })), method: fc.constantFrom('tools/call', 'ping'), params: fc.dictionary(fc.string(), fc.jsonValue()), result: fc.dictionary(fc.string(), fc.jsonValue()), jsonrpc: fc.constant('2.0'), extra: fc.jsonValue() },
      { requiredKeys: [] },
    )
    const shuffled = members.chain((message) => fc.shuffledSubarray(Object.entries(message), { minLength: Object.keys(message).length }))
    fc.assert(
      fc.property(shuffled, fc.constantFrom(undefined, 1), (entries, indent) => {
        const message = Object.fromEntries(entries) as { id?: unknown; method?: string; result?: unknown }
        // Both at once is no message of JSON-RPC.
        if (message.method !== undefined) delete message.result
        const seen = look(JSON.stringify(message, null, indent).replaceAll('\n', ' '))
        const key = toIdKey(message.id)
        if (message.result !== undefined) expect(seen.kind).toBe('answer')
        else if (message.method !== undefined) expect(seen.kind).toBe(key === null ? 'notification' : 'request')
        else expect(seen.kind).toBe('unknown')
        if (seen.kind !== 'unknown') expect(seen.key).toBe(key)
        if (seen.kind === 'request') expect(seen.method).toBe(message.method)
      }),
      { numRuns: 1000 },
    )
  })
})

describe('a glance at both ends of a long line', () => {
  const cut = (message: Record<string, unknown>, headBytes: number) => {
    const text = Buffer.from(JSON.stringify(message))
    const glance = new Glance()
    glance.readHead(text.subarray(0, headBytes))
    const head = { kind: glance.kind, key: glance.key, method: glance.method }
    glance.readTail(text.subarray(-512))
    return { head, whole: { kind: glance.kind, key: glance.key } }
  }
  const text = 'x'.repeat(5000)

  it('knows an answer whose id is at its end once the end is there', () => {
    expect(cut({ result: { text }, jsonrpc: '2.0', id: 5 }, 1024)).toEqual({ head: { kind: 'answer', key: null, method: '' }, whole: { kind: 'answer', key: 5 } })
  })

  it('knows an answer whose id is in front at once', () => {
    expect(cut({ jsonrpc: '2.0', id: 5, result: { text } }, 1024)).toEqual({ head: { kind: 'answer', key: 5, method: '' }, whole: { kind: 'answer', key: 5 } })
  })

  it('knows the method of a request from its head and its id from its end', () => {
    expect(cut({ method: 'tools/call', params: { text }, jsonrpc: '2.0', id: 'z' }, 1024)).toEqual({ head: { kind: 'unknown', key: null, method: 'tools/call' }, whole: { kind: 'request', key: '"z"' } })
  })

  it('takes what has parameters first and an id for a request', () => {
    expect(cut({ params: { text }, method: 'tools/call', id: 3 }, 1024).whole).toEqual({ kind: 'request', key: 3 })
  })

  it('knows a notification by the missing id', () => {
    expect(cut({ jsonrpc: '2.0', method: 'notifications/message', params: { text } }, 1024).whole).toEqual({ kind: 'notification', key: null })
  })
})
