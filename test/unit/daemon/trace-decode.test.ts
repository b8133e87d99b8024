import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TraceCalls } from '../../../src/lib/daemon/trace-calls.js'
import { copyPieces, copyText } from '../../../src/lib/daemon/trace-copy.js'
import { decodeText } from '../../../src/lib/daemon/trace-decode.js'
import { NOTHING, toSummary } from '../../../src/lib/daemon/trace-message.js'

const whole = (value: unknown) => decodeText({ head: Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)), tail: null })
const only = (value: unknown) => {
  const [message, ...more] = whole(value)
  expect(more).toEqual([])
  return message
}

describe('a message', () => {
  it.each([
    ['a call of a tool', { jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name: 'read', arguments: { path: '/a' }, _meta: { progressToken: 1 } } }, { kind: 'request', id: 7, method: 'tools/call', target: 'read', said: '{"path":"/a"}' }],
    ['a call that answers questions', { jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name: 'read', inputResponses: { a: 1 } } }, { target: 'read', said: '{"inputResponses":{"a":1}}' }],
    ['a prompt', { jsonrpc: '2.0', id: 'x', method: 'prompts/get', params: { name: 'greet' } }, { kind: 'request', id: 'x', target: 'greet', said: '' }],
    ['a resource', { jsonrpc: '2.0', id: 1, method: 'resources/read', params: { uri: 'note://one' } }, { target: 'note://one' }],
    ['a change of a resource', { jsonrpc: '2.0', method: 'notifications/resources/updated', params: { uri: 'note://one' } }, { kind: 'notification', id: null, target: 'note://one' }],
    ['a ping', { jsonrpc: '2.0', id: 3, method: 'ping' }, { kind: 'request', method: 'ping', said: '' }],
    ['a notification', { jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: 'up' } }, { kind: 'notification', said: '{"level":"info","data":"up"}' }],
    ['what a tool says', { jsonrpc: '2.0', id: 1, result: { content: [{ type: 'text', text: 'one' }, { type: 'image', data: 'AAAA', mimeType: 'image/png' }] } }, { kind: 'result', failed: false, said: 'one {"type":"image","mimeType":"image/png","data":"…"}' }],
    ['structured content alone', { jsonrpc: '2.0', id: 1, result: { content: [], structuredContent: { a: 1 } } }, { said: '{"a":1}' }],
    ['a tool that failed', { jsonrpc: '2.0', id: 1, result: { content: [{ type: 'text', text: 'no' }], isError: true } }, { kind: 'result', failed: true, said: 'no' }],
    ['a list', { jsonrpc: '2.0', id: 1, result: { tools: [{ name: 'a' }, { name: 'b' }] } }, { said: '2 tools: a, b' }],
    ['a list of one', { jsonrpc: '2.0', id: 1, result: { resourceTemplates: [{ uriTemplate: 'a://{b}' }] } }, { said: '1 resource template: a://{b}' }],
    ['an empty result', { jsonrpc: '2.0', id: 1, result: {} }, { kind: 'result', said: '{}' }],
    ['an error', { jsonrpc: '2.0', id: 1, error: { code: -32602, message: 'bad', data: { field: 'x' } } }, { kind: 'error', failed: true, code: -32602, said: 'bad {"data":{"field":"x"}}' }],
    ['an error without an id', { jsonrpc: '2.0', id: null, error: { code: -32700, message: 'parse' } }, { kind: 'error', id: null, code: -32700 }],
    ['an object that is no message', { hello: 1 }, { kind: 'unreadable', said: '{"hello":1}' }],
    ['broken text', '{"jsonrpc":"2.0","id":1,', { kind: 'unreadable', said: '{"jsonrpc":"2.0","id":1,' }],
    ['nothing', '', { kind: 'unreadable', said: '' }],
  ])('is known: %s', (_what, value, wanted) => {
    expect(only(value)).toMatchObject(wanted)
  })

  it('of a batch is told apart', () => {
    expect(whole([{ jsonrpc: '2.0', id: 1, method: 'ping' }, 5]).map(({ kind }) => kind)).toEqual(['request', 'unreadable'])
  })

  it('that is nested without end does no harm', () => {
    const deep = `${'['.repeat(30_000)}${']'.repeat(30_000)}`
    expect(only(`{"jsonrpc":"2.0","id":1,"result":{"a":${deep}}}`)).toMatchObject({ kind: 'unreadable' })
    expect(decodeText({ head: Buffer.from(`{"id":1,"result":{"a":${deep}},"more":"`), tail: Buffer.from('"}') })).toHaveLength(1)
  })

  it('is one line and no longer than it may be', () => {
    expect(toSummary('a\n  b\tc ')).toBe('a b c')
    expect(toSummary('😀'.repeat(300))).toBe('😀'.repeat(200))
    expect(toSummary(`x${'😀'.repeat(300)}`)).toBe(`x${'😀'.repeat(199)}`)
  })
})

const text = fc.string({ maxLength: 60 })
const id = fc.oneof(fc.integer({ min: 0, max: 2 ** 40 }), fc.string({ minLength: 1, maxLength: 8 }))
const tricky = fc.constantFrom('"id":9}', '","id":9}', '"isError":false', '\\', '"', '{"method":"x"}')
const filling = fc.tuple(text, tricky, fc.nat({ max: 400 })).map(([a, b, size]) => `${a}${b}${'x'.repeat(size)}`)

describe('a message that is too long', () => {
  it('is known by its beginning and its end, wherever servers write the id', () => {
    const answer = fc.tuple(id, filling, fc.boolean()).map(([answered, said, isError]) => ({ id: answered, result: { content: [{ type: 'text', text: said }], ...(isError ? { isError } : {}) } }))
    fc.assert(fc.property(answer, fc.constantFrom('first', 'last', 'after'), fc.integer({ min: 100, max: 300 }), ({ id: answered, result }, where, limit) => {
      const message = where === 'first' ? { jsonrpc: '2.0', id: answered, result } : where === 'last' ? { result, jsonrpc: '2.0', id: answered } : { jsonrpc: '2.0', result, id: answered }
      const bytes = Buffer.from(JSON.stringify(message))
      const [decoded] = decodeText(copyText(bytes, bytes.length, limit))
      expect(decoded).toMatchObject({ kind: 'result', id: answered, failed: result.isError === true })
    }))
  })

  it('names its method and its tool', () => {
    fc.assert(fc.property(id, filling, fc.boolean(), (asked, said, isLast) => {
      const params = { name: 'write_file', arguments: { content: said.padEnd(300, 'y') } }
      const message = isLast ? { method: 'tools/call', params, jsonrpc: '2.0', id: asked } : { jsonrpc: '2.0', id: asked, method: 'tools/call', params }
      const bytes = Buffer.from(JSON.stringify(message))
      const [decoded] = decodeText(copyText(bytes, bytes.length, 120))
      expect(decoded).toMatchObject({ kind: 'request', id: asked, method: 'tools/call', target: 'write_file', isCut: true })
    }))
  })

  it('says what it can of an error', () => {
    const bytes = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 4, error: { code: -32000, message: 'm'.repeat(500) } }))
    expect(decodeText(copyText(bytes, bytes.length, 100))).toMatchObject([{ kind: 'error', id: 4, code: -32000, failed: true }])
  })

  it('of which only the beginning was ever read has no end', () => {
    expect(decodeText(copyText(Buffer.from('{"result":{"content":[{"type":"te'), 1e9, 64 * 1024))).toMatchObject([{ kind: 'result', id: null }])
  })
})

describe('a copy', () => {
  it('holds the same however the message is cut into pieces, and no line ending', () => {
    fc.assert(fc.property(fc.array(fc.oneof(fc.string({ maxLength: 40 }), fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes))), { maxLength: 8 }), fc.integer({ min: 1, max: 200 }), (pieces, limit) => {
      const bytes = Buffer.concat(pieces.map((piece) => Buffer.from(piece)))
      const { head, tail } = copyPieces([...pieces, Buffer.from('\n')], bytes.length, limit)
      expect(head.equals(bytes.subarray(0, limit))).toBe(true)
      expect(tail === null).toBe(bytes.length <= limit)
      if (tail !== null) expect(Buffer.concat([bytes, Buffer.from('\n')]).subarray(-tail.length).equals(tail)).toBe(true)
    }))
  })

  it('shares no memory with the message', () => {
    const message = Buffer.from('{"a":1}')
    const { head } = copyText(message, message.length, 100)
    message.fill(0)
    expect(head.toString()).toBe('{"a":1}')
  })
})

describe('an answer', () => {
  const ask = (id: number | string) => ({ ...NOTHING, kind: 'request' as const, id, method: 'tools/call', target: 'echo' })

  it('belongs to the request of the other direction with its id, once', () => {
    const calls = new TraceCalls()
    calls.request('out', ask(1), 1000)
    calls.request('in', { ...ask(1), method: 'roots/list', target: null }, 1002)
    expect(calls.answer('out', 1, 1003)).toEqual({ method: 'roots/list', target: null, durationMs: 1 })
    expect(calls.answer('in', 1, 1004.25)).toEqual({ method: 'tools/call', target: 'echo', durationMs: 4.3 })
    expect(calls.answer('in', 1, 1005)).toEqual({ method: null, target: null, durationMs: null })
    expect(calls.answer('in', null, 1005)).toEqual({ method: null, target: null, durationMs: null })
  })

  it('tells numbers from texts, and is known after its request was given up', () => {
    const calls = new TraceCalls()
    calls.request('out', ask(1), 0)
    expect(calls.answer('in', '1', 5).method).toBeNull()
    expect(calls.peek(1, 7)).toMatchObject({ method: 'tools/call', durationMs: 7 })
    expect(calls.answer('in', 1, 9).durationMs).toBe(9)
  })

  it('is waited for in a bounded memory', () => {
    const calls = new TraceCalls()
    for (let id = 1; id <= 5000; id++) calls.request('out', ask(id), id)
    expect(calls.answer('in', 1, 1).method).toBeNull()
    expect(calls.answer('in', 5000, 5001).durationMs).toBe(1)
  })
})
