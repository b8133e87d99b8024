import { expect, test } from 'vitest'
import { encodeMessage, parseMessages, readMessage } from '../../../src/lib/mcp/json-rpc.js'

const parse = (text: string | Buffer): unknown => parseMessages(Buffer.from(text as string))

test.each([
  ['a banner', 'Server started on stdio'],
  ['an empty line', ''],
  ['blanks', '  \t '],
  ['a JSON log line', '{"level":30,"msg":"ready"}'],
  ['text that only begins like JSON', '{not json}'],
  ['a number', '42'],
  ['another JSON-RPC version', '{"jsonrpc":"1.0","id":1,"result":{}}'],
  ['a response without result or error', '{"jsonrpc":"2.0","id":1}'],
  ['an empty batch', '[]'],
  ['a batch with a stranger in it', '[{"jsonrpc":"2.0","id":1,"result":{}},7]'],
  ['a truncated message', '{"jsonrpc":"2.0","id":1,"result":{'],
])('%s is no message', (_, text) => {
  expect(parse(text)).toBeNull()
})

test('bytes that are not UTF-8 are no message, even inside valid JSON', () => {
  expect(parseMessages(Buffer.concat([Buffer.from('{"jsonrpc":"2.0","id":1,"result":{"a":"'), Buffer.from([0xff]), Buffer.from('"}}')]))).toBeNull()
})

test('messages are sorted by kind, with unknown members left in place', () => {
  expect(parse(' {"jsonrpc":"2.0","id":1,"result":{"x":{"y":[1]}}}')).toEqual([{ type: 'result', id: 1, result: { x: { y: [1] } } }])
  expect(parse('{"jsonrpc":"2.0","id":"a","method":"ping"}')).toEqual([{ type: 'request', id: 'a', method: 'ping', params: undefined }])
  expect(parse('{"jsonrpc":"2.0","method":"n","params":{"z":1}}')).toEqual([{ type: 'notification', method: 'n', params: { z: 1 } }])
  expect(parse('{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"no","data":{"k":1}}}')).toEqual([{ type: 'error', id: 1, error: { code: -1, message: 'no', data: { k: 1 } } }])
})

test('a response that nulls the member that does not apply is read by the other one', () => {
  expect(parse('{"jsonrpc":"2.0","id":1,"result":{},"error":null}')).toEqual([{ type: 'result', id: 1, result: {} }])
  expect(parse('{"jsonrpc":"2.0","id":null,"result":null,"error":{"code":1,"message":"m"}}')).toEqual([{ type: 'error', id: null, error: { code: 1, message: 'm' } }])
})

test('a batch is read as its members', () => {
  expect(parse('[{"jsonrpc":"2.0","id":1,"result":{}},{"jsonrpc":"2.0","method":"n"}]')).toHaveLength(2)
})

test('a message 100 000 levels deep is read without a crash, as an error, and refused when written', () => {
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
  const [message] = parseMessages(Buffer.from(`{"jsonrpc":"2.0","id":1,"result":{"deep":${deep}}}`)) ?? []
  expect(message).toMatchObject({ type: 'error', id: 1, error: { message: 'the answer is nested too deeply' } })
  expect(parseMessages(Buffer.from(`{"jsonrpc":"2.0","method":"x","params":{"deep":${deep}}}`))).toBeNull()
  expect(() => encodeMessage({ jsonrpc: '2.0', id: 1, result: { result: JSON.parse(deep) as unknown } })).toThrow(/cannot be written as JSON/)
})

test('__proto__ in a message pollutes nothing', () => {
  const messages = parse('{"jsonrpc":"2.0","id":1,"method":"x","params":{"__proto__":{"polluted":1}},"__proto__":{"method":"y"}}')
  expect(messages).toMatchObject([{ type: 'request', method: 'x' }])
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  expect(readMessage(JSON.parse('{"jsonrpc":"2.0","__proto__":{"method":"y"},"id":1}'))).toBeNull()
})
