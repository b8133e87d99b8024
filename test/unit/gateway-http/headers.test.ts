import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkContent, readAccept } from '../../../src/lib/gateway/http/accept.js'
import { decodeHeaderValue } from '../../../src/lib/gateway/http/header-value.js'
import { checkHeaders } from '../../../src/lib/gateway/http/modern-headers.js'
import { encodeHeaderValue } from '../../../src/lib/mcp/http-headers.js'
import type { ClientMessage } from '../../../src/lib/gateway/index.js'

const VERSION = '2026-07-28'
const NO_HEADERS = (): ReadonlyMap<string, readonly string[]> => new Map()

function message(method: string, params: Record<string, unknown> = {}, version: string | null = VERSION): Extract<ClientMessage, { type: 'request' }> {
  const meta = version === null ? {} : { _meta: { 'io.modelcontextprotocol/protocolVersion': version } }
  return { type: 'request', line: Buffer.alloc(0), id: 1, method, params: { ...params, ...meta } }
}

const base = { 'mcp-protocol-version': VERSION }

describe('header values', () => {
  it('are read back whatever a client had to encode', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (given) => {
      const text = Buffer.from(given).toString()
      expect(decodeHeaderValue(encodeHeaderValue(text))).toBe(text)
    }))
  })

  it('are taken as they are without the whole wrapping', () => {
    for (const plain of ['SGVsbG8=', '=?base64?SGVsbG8=', 'SGVsbG8=?=', '=?base64?=', '=?BASE64?SGVsbG8=?=']) expect(decodeHeaderValue(plain)).toBe(plain)
    expect(decodeHeaderValue('  padded\t')).toBe('padded')
    expect(decodeHeaderValue('=?base64??=')).toBe('')
  })

  it.each(['=?base64?SGVsbG8?=', '=?base64?SGVs!!!bG8=?=', '=?base64?/w==?=', '=?base64?SGVsbG8=SGVsbG8=?=', 'caf\u00e9', 'a\u0001b'])('are refused when they are %j', (value) => {
    expect(decodeHeaderValue(value)).toBeNull()
  })
})

describe('the headers of a modern request', () => {
  const code = (...args: Parameters<typeof checkHeaders>): number | undefined => checkHeaders(...args)?.code

  it('may say what the body says', () => {
    expect(checkHeaders(message('tools/list'), { ...base, 'mcp-method': 'tools/list' }, NO_HEADERS)).toBeNull()
    expect(checkHeaders(message('tools/call', { name: 'a' }), { ...base, 'mcp-method': 'tools/call', 'mcp-name': ' a ' }, NO_HEADERS)).toBeNull()
    expect(checkHeaders(message('prompts/get', { name: 'gr\u00fc\u00dfe' }), { ...base, 'mcp-method': 'prompts/get', 'mcp-name': encodeHeaderValue('gr\u00fc\u00dfe') }, NO_HEADERS)).toBeNull()
    expect(checkHeaders(message('resources/read', { uri: 'file:///a' }), { ...base, 'mcp-method': 'resources/read', 'mcp-name': 'file:///a' }, NO_HEADERS)).toBeNull()
  })

  it('must name the version of the body', () => {
    expect(code(message('tools/list'), { 'mcp-method': 'tools/list' }, NO_HEADERS)).toBe(-32020)
    expect(code(message('tools/list', {}, 'v999'), { ...base, 'mcp-method': 'tools/list' }, NO_HEADERS)).toBe(-32020)
    expect(code(message('tools/list', {}, '2026-07-28'), { 'mcp-protocol-version': 'v999', 'mcp-method': 'tools/list' }, NO_HEADERS)).toBe(-32020)
  })

  it('leave a body without a version to the session', () => {
    expect(checkHeaders(message('tools/list', {}, null), { ...base, 'mcp-method': 'tools/list' }, NO_HEADERS)).toBeNull()
  })

  it('must name a version that is spoken', () => {
    const refusal = checkHeaders(message('tools/list', {}, 'v999.0.0'), { 'mcp-protocol-version': 'v999.0.0', 'mcp-method': 'tools/list' }, NO_HEADERS)
    expect(refusal).toMatchObject({ status: 400, code: -32022, data: { supported: ['2026-07-28'], requested: 'v999.0.0' } })
  })

  it.each([
    ['no method', {}],
    ['another method', { 'mcp-method': 'prompts/list' }],
    ['the method in capitals', { 'mcp-method': 'TOOLS/CALL', 'mcp-name': 'a' }],
    ['no name', { 'mcp-method': 'tools/call' }],
    ['another name', { 'mcp-method': 'tools/call', 'mcp-name': 'b' }],
    ['a name that cannot be read', { 'mcp-method': 'tools/call', 'mcp-name': '=?base64?YQ?=' }],
  ])('are refused with %s', (_what, headers) => {
    expect(checkHeaders(message('tools/call', { name: 'a' }), { ...base, ...headers }, NO_HEADERS)).toMatchObject({ status: 400, code: -32020 })
  })
})

describe('headers for the arguments of a tool', () => {
  const wanted = (): ReadonlyMap<string, readonly string[]> => new Map([['region', ['region']], ['depth', ['where', 'depth']], ['dry', ['dry']]])
  const check = (args: unknown, headers: Record<string, string>): number | undefined =>
    checkHeaders(message('tools/call', { name: 'a', arguments: args }), { ...base, 'mcp-method': 'tools/call', 'mcp-name': 'a', ...headers }, wanted)?.code

  it('may repeat them', () => {
    expect(check({ region: 'eu', where: { depth: 42 }, dry: false }, { 'mcp-param-region': 'eu', 'mcp-param-depth': '42', 'mcp-param-dry': 'false' })).toBeUndefined()
    expect(check({ region: 'Z\u00fcrich' }, { 'mcp-param-region': encodeHeaderValue('Z\u00fcrich') })).toBeUndefined()
    expect(check({ where: { depth: 42 } }, { 'mcp-param-depth': '42.0' })).toBeUndefined()
    expect(check({ region: '' }, { 'mcp-param-region': '' })).toBeUndefined()
  })

  it('are not wanted for arguments that are missing or null', () => {
    expect(check({ region: null }, {})).toBeUndefined()
    expect(check(undefined, {})).toBeUndefined()
    expect(check({ where: 'nowhere' }, {})).toBeUndefined()
  })

  it.each([
    ['one is missing', { region: 'eu' }, {}],
    ['one says something else', { region: 'eu' }, { 'mcp-param-region': 'us' }],
    ['one is for an argument that is not there', {}, { 'mcp-param-region': 'eu' }],
    ['one says the text of null', { region: null }, { 'mcp-param-region': 'null' }],
    ['a number is another', { where: { depth: 42 } }, { 'mcp-param-depth': '42.5' }],
    ['a number is in another notation', { where: { depth: 16 } }, { 'mcp-param-depth': '0x10' }],
    ['Base64 is broken', { region: 'eu' }, { 'mcp-param-region': '=?base64?ZXU?=' }],
    ['an inherited member is meant', { where: {} }, { 'mcp-param-depth': '1' }],
  ])('are refused when %s', (_what, args, headers) => {
    expect(check(args, headers as Record<string, string>)).toBe(-32020)
  })
})

describe('what a client accepts', () => {
  it.each([
    [undefined, true, true],
    ['*/*', true, true],
    ['application/json, text/event-stream', true, true],
    ['text/event-stream, application/json', true, true],
    ['Application/JSON;q=0.9 , text/event-stream; q=1', true, true],
    ['application/json', true, false],
    ['text/event-stream', false, true],
    ['text/html', false, false],
  ])('is read from %j', (header, json, stream) => {
    expect(readAccept(header)).toEqual({ json, stream })
  })
})

describe('the kind of a body', () => {
  it('may be JSON in UTF-8', () => {
    for (const type of ['application/json', 'application/json; charset=utf-8', 'Application/JSON;charset="UTF8"']) expect(checkContent(type, undefined)).toBeNull()
    expect(checkContent('application/json', 'identity')).toBeNull()
  })

  it.each([[undefined, undefined], ['text/plain', undefined], ['application/jsonp', undefined], ['application/json; charset=latin1', undefined], ['application/json', 'gzip']])('is refused when it is %s, encoded %s', (type, encoding) => {
    expect(checkContent(type, encoding)?.status).toBe(415)
  })
})
