import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toModernResult, withId } from '../../../src/lib/gateway/answer-text.js'
import { toPassedRequest, type Hop, type Origin } from '../../../src/lib/gateway/request-text.js'

const receiver = { answered: () => undefined, failed: () => undefined }
const legacy: Origin = { era: 'legacy', capabilities: { sampling: {}, tasks: {} }, clientInfo: { name: 'c', version: '1' }, logLevel: 'warning' }
const modern: Origin = { era: 'modern', capabilities: { extensions: { 'io.modelcontextprotocol/tasks': {}, other: {} } }, clientInfo: null, logLevel: null }
const toLegacy: Hop = { era: 'legacy', protocolVersion: '2025-11-25', token: null }
const toModern: Hop = { era: 'modern', protocolVersion: '2026-07-28', token: null }

function pass(line: string, origin: Origin, hop: Hop, replaced: Record<string, unknown> = {}, added: Record<string, unknown> = {}): { text: string; params: unknown } {
  const { method, params } = JSON.parse(line) as { method: string; params?: Record<string, unknown> }
  const passed = toPassedRequest({ line: Buffer.from(line), method, params, replaced, added }, origin, hop, receiver)
  return { text: `${Buffer.concat(passed.before).toString()}7${Buffer.concat(passed.after).toString()}`, params: passed.params() }
}

describe('a request on its way to a server of the same era', () => {
  test('differs in its id alone when nothing else has to change', () => {
    const line = '{ "params": {"name":"x", "arguments":{"big":12345678901234567890, "f":1.0}}, "id":"a\\"b", "method":"tools/call", "jsonrpc":"2.0", "unknown":[1] }'
    expect(pass(line, legacy, toLegacy).text).toBe(line.replace('"a\\"b"', '7'))
  })

  test('gets the name the server uses, and every other byte stays', () => {
    const line = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":{"name":"s__x","n":1e400},"name":"s__x"}}'
    expect(pass(line, legacy, toLegacy, { name: 'x' }).text).toBe('{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"arguments":{"name":"s__x","n":1e400},"name":"x"}}')
  })

  test('carries a progress token of this hop instead of the client\'s', () => {
    const line = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{"progressToken":"t","k":1},"name":"x"}}'
    expect(JSON.parse(pass(line, legacy, { ...toLegacy, token: 5 }).text)).toEqual({ jsonrpc: '2.0', id: 7, method: 'tools/call', params: { _meta: { progressToken: 5, k: 1 }, name: 'x' } })
  })

  test('a member written twice is settled by writing the request anew, so that client and server see the same', () => {
    const line = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"s__evil","name":"s__x"}}'
    expect(JSON.parse(pass(line, legacy, toLegacy, { name: 'x' }).text)).toEqual({ jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name: 'x' } })
    expect(pass(line, legacy, toLegacy, { name: 'x' }).text).not.toContain('evil')
  })

  test.each([
    ['an id that hides behind escapes', String.raw`{"jsonrpc":"2.0","id":1,"\u0069d":99,"method":"tools/call","params":{"name":"s__x"}}`],
    ['params that hide behind escapes', String.raw`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"s__evil"},"par\u0061ms":{"name":"s__x"}}`],
    ['a name that hides behind escapes', String.raw`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"s__evil","n\u0061me":"s__x"}}`],
  ])('%s is settled in the same way', (_what, line) => {
    const { text } = pass(line, legacy, toLegacy, { name: 'x' })
    expect(JSON.parse(text)).toEqual({ jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name: 'x' } })
    expect(text).not.toMatch(/evil|99|\\u/)
  })

  test('of the modern era keeps its envelope, without the extension that is not passed on', () => {
    const line = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"traceparent":"00-1"},"name":"x"}}'
    const { params } = JSON.parse(pass(line, modern, toModern).text) as { params: { _meta: Record<string, unknown> } }
    expect(params._meta).toEqual({
      'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': { extensions: { other: {} } }, traceparent: '00-1',
    })
  })
})

describe('a request on its way into the other era', () => {
  test('gets the envelope of the modern era from what the session said', () => {
    for (const line of ['{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x"}}', '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}}']) {
      const { params } = JSON.parse(pass(line, legacy, toModern).text) as { params: { _meta: Record<string, unknown> } }
      expect(params._meta).toEqual({
        'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': { sampling: {} },
        'io.modelcontextprotocol/clientInfo': { name: 'c', version: '1' }, 'io.modelcontextprotocol/logLevel': 'warning',
      })
    }
  })

  test('loses the envelope a legacy server would not understand, and nothing else of _meta', () => {
    const line = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"traceparent":"00-1"},"name":"x"}}'
    expect(JSON.parse(pass(line, modern, toLegacy).text)).toEqual({ jsonrpc: '2.0', id: 7, method: 'tools/call', params: { _meta: { traceparent: '00-1' }, name: 'x' } })
  })

  test('is what a rewriting of the parsed message would be, for any arguments', () => {
    fc.assert(fc.property(fc.jsonValue(), fc.constantFrom(0, 1), fc.boolean(), (args, indent, metaFirst) => {
      const meta = { _meta: { progressToken: 'p', k: args } }
      const rest = { name: 's__x', arguments: args }
      const line = JSON.stringify({ jsonrpc: '2.0', id: 'q', method: 'tools/call', params: metaFirst ? { ...meta, ...rest } : { ...rest, ...meta } }, null, indent)
      const hop = { ...toModern, token: 9 }
      const { text, params } = pass(line, legacy, hop, { name: 'x' }, { requestState: 'st', inputResponses: { a: args } })
      const sent = JSON.parse(text) as { id: number; params: Record<string, unknown> }
      expect(sent.id).toBe(7)
      expect(sent.params).toEqual(JSON.parse(JSON.stringify(params)))
      expect(sent.params).toMatchObject({ name: 'x', requestState: 'st', _meta: { progressToken: 9 } })
      expect(sent.params['arguments']).toEqual(JSON.parse(JSON.stringify(args)))
    }))
  })
})

describe('an answer on its way to a client', () => {
  const read = (parts: readonly Buffer[]): unknown => JSON.parse(Buffer.concat(parts).toString())
  const at = (text: string): { text: Buffer; idStart: number; idEnd: number } => {
    const start = text.lastIndexOf('"id":') + 5
    return { text: Buffer.from(text), idStart: start, idEnd: start + 1 }
  }

  test('differs in its id alone within one era', () => {
    expect(Buffer.concat(withId(at('{"result":{"x":1.0,"n":123456789012345678901},"jsonrpc":"2.0","id":7}'), Buffer.from('"a"'))).toString()).toBe('{"result":{"x":1.0,"n":123456789012345678901},"jsonrpc":"2.0","id":"a"}')
  })

  test.each(['{"jsonrpc":"2.0","id":7,"result":RESULT}', '{"result":RESULT,"jsonrpc":"2.0","id":7}', '{"jsonrpc":"2.0","result":RESULT,"id":7}', '{"x":{"result":{}},"result" : RESULT,"id":7}'])(
    'of a legacy server says to a modern client that it is complete: %s', (shape) => {
      for (const result of ['{}', '{"content":[{"type":"text","text":"resultType"}]}', '{ "a":1 }']) {
        const text = shape.replace('RESULT', () => result)
        const start = text.indexOf('"id":7') + 5
        const parts = toModernResult({ text: Buffer.from(text), idStart: start, idEnd: start + 1 }, 'resources/read', Buffer.from('1'))
        expect(read(parts)).toMatchObject({ id: 1, result: { ...(JSON.parse(result) as object), resultType: 'complete', ttlMs: 0, cacheScope: 'private' } })
      }
    })

  test('that already says so is left alone', () => {
    const text = '{"jsonrpc":"2.0","id":7,"result":{"resultType":"complete","ttlMs":5,"cacheScope":"public"}}'
    expect(Buffer.concat(toModernResult({ text: Buffer.from(text), idStart: 22, idEnd: 23 }, 'resources/read', Buffer.from('7'))).toString()).toBe(text)
  })
})
