import { expect, test } from 'vitest'
import { encodeHeaderValue, protocolHeaders } from '../../../src/lib/mcp/http-headers.js'
import { readToolHeaders } from '../../../src/lib/mcp/tool-headers.js'
import { toLinkError, toRefusal } from '../../../src/lib/mcp/http-failure.js'
import { request } from '../../../src/lib/mcp/json-rpc.js'
import { modernParams } from '../../../src/lib/mcp/wire-message.js'

const client = { name: 'test', version: '1' }
const none = new Map<string, never[]>()

test.each([
  ['us-west1', 'us-west1'],
  ['two words', 'two words'],
  ['', ''],
  ['Hello, 世界', '=?base64?SGVsbG8sIOS4lueVjA==?='],
  [' padded ', '=?base64?IHBhZGRlZCA=?='],
  ['line1\nline2', '=?base64?bGluZTEKbGluZTI=?='],
  ['=?base64?literal?=', '=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?='],
])('the header value of %j is %j', (value, encoded) => {
  expect(encodeHeaderValue(value)).toBe(encoded)
})

test('a modern request names version, method and what it is about', () => {
  const message = request(1, 'resources/read', modernParams({ uri: 'note://ä' }, '2026-07-28', client))
  expect(protocolHeaders(message, null, null, none)).toEqual({ 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'resources/read', 'mcp-name': encodeHeaderValue('note://ä') })
})

test('a legacy request names version and session, and initialize neither', () => {
  const speaks = { era: 'legacy' as const, protocolVersion: '2025-06-18' }
  expect(protocolHeaders(request(1, 'tools/list', undefined), speaks, 's', none)).toEqual({ 'mcp-protocol-version': '2025-06-18', 'mcp-session-id': 's' })
  expect(protocolHeaders(request(1, 'initialize', {}), null, null, none)).toEqual({})
})

test('marked arguments are mirrored, others and nulls are not', () => {
  const schema = {
    type: 'object',
    properties: {
      region: { type: 'string', 'x-mcp-header': 'Region' }, count: { type: 'integer', 'x-mcp-header': 'Count' }, gone: { 'x-mcp-header': 'Gone' },
      nested: { type: 'object', properties: { deep: { 'x-mcp-header': 'Deep' } } }, bad: { 'x-mcp-header': 'a b\r\n' }, again: { 'x-mcp-header': 'region' }, plain: {},
    },
  }
  const tools = readToolHeaders([{ name: 't', inputSchema: schema }, { name: 'u', inputSchema: {} }, 'junk', { name: 'v' }])
  expect([...tools.keys()]).toEqual(['t'])
  const call = { name: 't', arguments: { region: 'ü', count: 7, gone: null, nested: { deep: true }, bad: 'x', again: 'y', plain: 'z' } }
  const headers = protocolHeaders(request(1, 'tools/call', modernParams(call, '2026-07-28', client)), null, null, tools)
  expect(Object.entries(headers).filter(([name]) => name.startsWith('mcp-param-'))).toEqual([['mcp-param-region', encodeHeaderValue('ü')], ['mcp-param-count', '7'], ['mcp-param-deep', 'true']])
})

test.each([
  ['ENOTFOUND', /host name of https:\/\/h is not known/],
  ['ECONNREFUSED', /nothing listens on https:\/\/h/],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', /self-signed/],
  ['CERT_HAS_EXPIRED', /expired/],
  ['HPE_INVALID_CONSTANT', /does not answer in HTTP/],
  ['ESOMETHING', /failed \(ESOMETHING\)/],
])('a network error with code %s becomes a sentence', (code, sentence) => {
  const error = toLinkError(Object.assign(new Error('Authorization: Bearer secret'), { code }), 'https://h')
  expect(error.reason).toBe('unreachable')
  expect(error.message).toMatch(sentence)
  expect(`${error.message} ${error.hint ?? ''}`).not.toContain('secret')
})

test.each([
  [401, 'unauthorised'], [403, 'unauthorised'], [301, 'rejected'], [404, 'rejected'], [405, 'rejected'], [429, 'unreachable'], [502, 'unreachable'],
])('HTTP %i is %s', (status, reason) => {
  expect(toRefusal(status, Buffer.from('<html>'), { host: 'http://h', authorised: false })).toMatchObject({ reason, error: null })
})

test('a JSON-RPC error in a failing answer is kept', () => {
  const body = Buffer.from('{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"Server not initialized"}}')
  expect(toRefusal(400, body, { host: 'http://h', authorised: true })).toMatchObject({ error: { code: -32000 }, why: 'http://h answered with HTTP 400 and error -32000 (Server not initialized)' })
})
