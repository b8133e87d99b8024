import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseChallenge } from '../../../src/lib/outbound/challenge.js'

test.each([
  ['Bearer', { error: null, scopes: [], resourceMetadata: null }],
  ['Bearer resource_metadata="https://a.example/meta", scope="read write"', { error: null, scopes: ['read', 'write'], resourceMetadata: 'https://a.example/meta' }],
  ['bearer error=insufficient_scope, scope=admin', { error: 'insufficient_scope', scopes: ['admin'], resourceMetadata: null }],
  ['Basic realm="Bearer x", Bearer realm="m", error="invalid_token", error_description="it \\"ran\\" out, sorry"', { error: 'invalid_token', scopes: [], resourceMetadata: null }],
  ['Bearer realm="first", scope="one", scope="two"', { error: null, scopes: ['one'], resourceMetadata: null }],
  ['Bearer scope="mcp", DPoP algs="ES256", error="other"', { error: null, scopes: ['mcp'], resourceMetadata: null }],
])('%s is understood', (header, challenge) => {
  expect(parseChallenge(header)).toEqual(challenge)
})

test('no header, another scheme and a header without end are no challenge', () => {
  expect([null, '', 'Basic realm="a"', 'Bearerish a=b', `Bearer ${'a=b, '.repeat(10_000)}`].map(parseChallenge)).toEqual([null, null, null, null, null])
})

test('nothing a server writes breaks the reading', () => {
  fc.assert(fc.property(fc.string({ maxLength: 300 }), (text) => {
    expect(parseChallenge(`Bearer ${text}`)).not.toBeUndefined()
  }))
})
