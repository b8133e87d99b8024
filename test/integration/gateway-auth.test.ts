import { createHmac, generateKeyPairSync, sign, createHash, type KeyObject } from 'node:crypto'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FULL_GRANT, type AuthSettings, type GrantSpec, type JwtSpec, type KeySpec } from '../../src/lib/core/index.js'
import type { RefusedRequest } from '../../src/lib/gateway/index.js'
import { waitFor } from '../helpers/wait.js'
import { ALL, openFake, type Opened } from '../unit/gateway-http/fake-gateway.js'
import { ask, call, initialize, modern, openEvents, openRaw, type Answer } from './gateway-http-support.js'

const SECRET = 'an HMAC secret of some length, as long as a digest'
const TOKEN = 'the-token-of-the-gateway'
const ISSUER = 'https://issuer.example'
const AUDIENCE = 'https://mcp.example/mcp'
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const otherRsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const nextEc = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const PEM = rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString()
const grant = (over: Partial<GrantSpec>): GrantSpec => ({ ...FULL_GRANT, ...over })
const key = (text: string, over: Partial<KeySpec> = {}): KeySpec => ({ sha256: createHash('sha256').update(text).digest('hex'), grant: FULL_GRANT, expiresAt: null, ...over })
const jwt = (over: Partial<JwtSpec>): JwtSpec => ({ algorithms: ['HS256'], secret: null, publicKey: null, jwksUrl: null, issuer: ISSUER, audiences: [AUDIENCE], scopes: [], leewayMs: 0, grant: FULL_GRANT, ...over })

const START = Math.floor(Date.now() / 1000)
let skewMs = 0
const CLAIMS = { iss: ISSUER, aud: AUDIENCE, sub: 'alice', iat: START, exp: START + 3600, scope: 'mcp:use' }
const b64 = (value: unknown): string => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

function token(claims: Record<string, unknown> = {}, { header = {}, secret = SECRET, signer }: { header?: Record<string, unknown>; secret?: string; signer?: KeyObject } = {}): string {
  const text = `${b64({ alg: signer === undefined ? 'HS256' : signer.asymmetricKeyType === 'ec' ? 'ES256' : 'RS256', typ: 'JWT', ...header })}.${b64({ ...CLAIMS, ...claims })}`
  const made = signer === undefined ? createHmac('sha256', secret).update(text).digest() : sign('sha256', Buffer.from(text), signer.asymmetricKeyType === 'ec' ? { key: signer, dsaEncoding: 'ieee-p1363' } : signer)
  return `${text}.${made.toString('base64url')}`
}

let issuer: Server
let answerKeys: RequestListener
let asked = 0
const jwk = (key: KeyObject, kid: string): Record<string, unknown> => ({ ...key.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' })
let fake: Opened
const refused: RefusedRequest[] = []
const homeKeys: Record<string, KeySpec>[] = [{ gone: key('gone-key') }]

function serveKeys(...keys: Record<string, unknown>[]): void {
  answerKeys = (_req, res) => { res.end(JSON.stringify({ keys })) }
}

const post = (bearer: string | null, headers: Record<string, string> = {}, path = '/mcp', url = fake.url): Promise<Answer> =>
  ask(`${url}${path}`, modern(1, 'ping', {}, { ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }), ...headers }))

beforeAll(async () => {
  serveKeys(jwk(ec.publicKey, 'k1'))
  issuer = createServer((req, res) => { asked++; answerKeys(req, res) })
  await new Promise<void>((resolve) => { issuer.listen(0, '127.0.0.1', resolve) })
  const jwksUrl = `http://127.0.0.1:${String((issuer.address() as AddressInfo).port)}/jwks`
  const auth: AuthSettings = {
    keys: { ci: key('ci-key', { grant: grant({ servers: ['files'] }) }), old: key('old-key', { expiresAt: Date.now() - 1 }), kairos: key('kairos-key', { grant: grant({ profile: 'kairos' }) }), a: key('a-key'), b: key('b-key') },
    jwt: [
      jwt({ secret: SECRET, scopes: ['mcp:use'] }), jwt({ algorithms: ['RS256', 'HS256'], publicKey: PEM, issuer: 'https://rsa.example' }),
      jwt({ algorithms: ['ES256'], jwksUrl, issuer: 'https://jwks.example' }),
    ],
    resource: AUDIENCE, authorizationServers: [ISSUER],
  }
  fake = await openFake({ token: TOKEN, auth, sse: true }, {
    keys: { current: () => homeKeys.at(-1) ?? {}, isSure: true }, now: () => Date.now() + skewMs, onRefused: (each) => { refused.push(each) },
    monitor: { metrics: () => Promise.resolve({ status: 200, contentType: 'text/plain', body: [Buffer.from('figures')] }), health: () => Promise.resolve({ status: 200, contentType: 'text/plain', body: [Buffer.from('fine')] }) },
  })
  fake.gateway.servers.set('files', { ...ALL, servers: ['files'] }).set('db', { ...ALL, servers: ['db'] })
  fake.gateway.profiles.set('kairos', { ...ALL, servers: ['files'] }).set('other', ALL)
  // Wrong credentials of one address are bounded; here they are what is tested.
  for (const good of [TOKEN, 'ci-key', 'kairos-key', 'a-key', 'b-key', 'gone-key', token()]) expect((await post(good)).status).toBe(200)
})
afterAll(async () => {
  await fake.front.close()
  issuer.closeAllConnections()
  await new Promise((resolve) => issuer.close(resolve))
})

/** The bound on failures is another matter: each case comes a while after the one before. */
async function refusedPost(...args: Parameters<typeof post>): Promise<Answer> {
  skewMs += 3_000
  return post(...args)
}

describe('what lets a client in', () => {
  it.each([
    ['the token', TOKEN, 'token'], ['a key', 'a-key', 'key:a'], ['HS256', token(), 'jwt:alice@https://issuer.example'],
    ['RS256', token({ iss: 'https://rsa.example' }, { signer: rsa.privateKey }), 'jwt:alice@https://rsa.example'],
    ['ES256 of a JWKS', token({ iss: 'https://jwks.example' }, { signer: ec.privateKey, header: { kid: 'k1' } }), 'jwt:alice@https://jwks.example'],
    ['one of several audiences', token({ aud: ['x', AUDIENCE] }), 'jwt:alice@https://issuer.example'], ['scp in place of scope', token({ scope: undefined, scp: ['mcp:use'], sub: 'bob' }), 'jwt:bob@https://issuer.example'],
  ])('%s', async (_name, bearer, id) => {
    expect((await post(bearer)).status).toBe(200)
    expect(fake.gateway.sessions.some(({ options }) => options.access?.id === id)).toBe(true)
  })
})

const now = START
const [head = '', body = '', signature = ''] = token().split('.')
type Case = readonly [what: string, bearer: string | null, headers?: Record<string, string>, status?: number]
const CASES: readonly Case[] = [
  ['nothing', null],
  ['an empty bearer', ''],
  ['a wrong key', 'mcpctl_wrong'],
  ['a key with more behind it', 'ci-key2'],
  ['a key in another case', 'CI-KEY'],
  ['an expired key', 'old-key'],
  ['alg none', `${b64({ alg: 'none' })}.${b64(CLAIMS)}.`],
  ['alg None with a signature', token({}, { header: { alg: 'None' } })],
  ['a signature that was taken off', `${head}.${body}.`],
  ['another secret', token({}, { secret: 'another' })],
  ['an algorithm that is not listed', token({}, { header: { alg: 'HS512' } })],
  ['the public key used as an HMAC secret', token({ iss: 'https://rsa.example' }, { secret: PEM })],
  ['another RSA key', token({ iss: 'https://rsa.example' }, { signer: otherRsa.privateKey })],
  ['claims that were changed', `${head}.${b64({ ...CLAIMS, sub: 'root' })}.${signature}`],
  ['an expired token', token({ exp: now - 1 })],
  ['no exp', token({ exp: undefined })],
  ['an exp that is a text', token({ exp: 'tomorrow' })],
  ['not before', token({ nbf: now + 7200 })],
  ['issued in the future', token({ iat: now + 7200 })],
  ['another audience', token({ aud: 'https://other.example' })],
  ['no audience', token({ aud: undefined })],
  ['another issuer', token({ iss: 'https://evil.example' })],
  ['no issuer', token({ iss: undefined })],
  ['the key of one issuer with the name of another', token({ iss: 'https://jwks.example' }, { signer: rsa.privateKey })],
  ['nobody', token({ sub: undefined })],
  ['a subject that is no text', token({ sub: 7 })],
  ['a critical header nobody knows', token({}, { header: { crit: ['x'], x: 1 } })],
  ['a key it brings along', token({ iss: 'https://jwks.example' }, { signer: nextEc.privateKey, header: { kid: 'k1', jwk: nextEc.publicKey.export({ format: 'jwk' }) } })],
  ['a key it says where to get', token({ iss: 'https://jwks.example' }, { signer: nextEc.privateKey, header: { kid: 'k9', jku: 'http://127.0.0.1:1/jwks' } })],
  ['malformed base64', `${head}.%%%.${signature}`],
  ['base64 that is no JSON', `${b64('{')}.${b64('{')}.${signature}`],
  ['two parts', `${head}.${body}`],
  ['four parts', `${token()}.x`],
  ['a token of 9 KB', token({ pad: 'x'.repeat(9000) })],
  ['Basic', null, { authorization: `Basic ${b64(`:${TOKEN}`)}` }],
  ['the token without its scheme', null, { authorization: TOKEN }],
  ['a token in X-API-Key only', null, { 'x-api-key': token() }],
  ['a right X-API-Key with a wrong bearer', 'some-other-key', { 'x-api-key': 'a-key' }, 400],
  ['a wrong X-API-Key with a right bearer', 'a-key', { 'x-api-key': 'wrong' }, 400],
  ['too few scopes', token({ scope: 'other' }), {}, 403],
  ['another host', TOKEN, { host: 'evil.example' }, 403],
  ['a host behind a user', TOKEN, { host: '127.0.0.1@evil.example' }, 403],
  ['another origin', TOKEN, { origin: 'https://evil.example' }, 403],
  ['the origin null', TOKEN, { origin: 'null' }, 403],
]

describe('a request is turned away that comes with', () => {
  it.each(CASES.map(([what, bearer, headers = {}, status = 401]) => ({ what, bearer, headers, status })))('$what', async ({ bearer, headers, status }) => {
    const sessions = fake.gateway.sessions.length
    refused.length = 0
    const answer = await refusedPost(bearer, headers)
    expect(answer.status, answer.text).toBe(status)
    expect(fake.gateway.sessions).toHaveLength(sessions)
    expect(refused).toEqual([expect.objectContaining({ status, path: '/mcp', caller: null })])
    if (status === 401) expect(answer.headers['www-authenticate']).toMatch(/^Bearer .*resource_metadata="https:\/\/mcp\.example\/\.well-known\/oauth-protected-resource\/mcp"/)
    for (const secret of [SECRET, TOKEN, 'a-key', bearer]) if (secret !== null && secret.length > 4) expect(answer.text + JSON.stringify(answer.headers) + JSON.stringify([refused, fake.logged])).not.toContain(secret)
  })

  it('a key that was taken back', async () => {
    expect((await post('gone-key')).status).toBe(200)
    homeKeys.push({})
    expect((await refusedPost('gone-key')).status).toBe(401)
  })

  it('a token that was verified before and has expired since', async () => {
    const brief = token({ exp: Math.floor((Date.now() + skewMs) / 1000) + 60 })
    expect((await post(brief)).status).toBe(200)
    skewMs += 61_000
    expect((await post(brief)).status).toBe(401)
  })
})

describe('an answer says how to get in', () => {
  it('names the scope that is missing', async () => {
    const { headers, json } = await refusedPost(token({ scope: 'other' }))
    expect(headers['www-authenticate']).toContain('error="insufficient_scope"')
    expect(headers['www-authenticate']).toContain('scope="mcp:use"')
    expect(json.error?.data).toEqual({ reason: 'scope' })
  })

  it.each(['', '/mcp', '/mcp/files', '/profiles/kairos/mcp'])('with metadata everybody may read, for "%s"', async (place) => {
    const { status, json } = await ask(`${fake.url}/.well-known/oauth-protected-resource${place}`, { method: 'GET' })
    expect([status, json]).toEqual([200, { resource: AUDIENCE, authorization_servers: [ISSUER], scopes_supported: ['mcp:use'], bearer_methods_supported: ['header'], resource_name: 'mcpctl' }])
  })

  it('and nothing else', async () => {
    for (const path of ['/.well-known/oauth-protected-resource/metrics', '/.well-known/oauth-authorization-server', '/.well-known/oauth-protected-resource/../mcp']) {
      expect((await ask(`${fake.url}${path}`, { method: 'GET' })).status, path).toBe(401)
      skewMs += 3_000
    }
    expect((await ask(`${fake.url}/.well-known/oauth-protected-resource`, { method: 'GET', headers: { host: 'evil.example' } })).status).toBe(403)
  })
})

describe('every path', () => {
  it.each(['/mcp', '/mcp/', '/MCP', '//mcp', '/./mcp', '/x/../mcp', '/%6dcp', '/mcp/files', '/mcp%2ffiles', '/mcp/%2e%2e/metrics', '/profiles/kairos/mcp', '/sse', '/messages?sessionId=x', '/metrics', '/health', '/health/files', '/tools', '/servers', '/openapi.json', '/nothing', '/mcp?access_token=the-token-of-the-gateway', '/?key=a-key'])('%s is closed to those who show nothing, and OPTIONS tells nothing of it', async (path) => {
    for (const method of ['GET', 'POST', 'DELETE', 'HEAD']) expect((await ask(`${fake.url}${path}`, { method })).status, method).toBe(401)
    const options = await ask(`${fake.url}${path}`, { method: 'OPTIONS' })
    expect([options.status, options.text, options.headers['www-authenticate']]).toEqual([204, '', undefined])
  })
})

/** What a bare connection gets for these bytes. */
async function raw(text: string): Promise<string> {
  const connection = openRaw(fake.port, text)
  await waitFor(() => connection.isClosed() || /\r\n\r\n/.test(connection.text()))
  connection.socket.destroy()
  return connection.text()
}

describe('headers that two could read differently', () => {
  const line = 'POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nAccept: application/json\r\nContent-Length: 2\r\n'
  it.each([
    ['two Authorization headers', `${line}Authorization: Bearer wrong\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n{}`],
    ['the right Authorization first', `${line}Authorization: Bearer ${TOKEN}\r\nauthorization: Bearer wrong\r\n\r\n{}`],
    ['two keys', `${line}X-API-Key: a-key\r\nX-Api-Key: wrong\r\n\r\n{}`],
    ['a space before the colon', `${line}Authorization : Bearer ${TOKEN}\r\n\r\n{}`],
    ['a header that is folded', `${line}Authorization: Bearer\r\n ${TOKEN}x\r\n\r\n{}`],
    ['Transfer-Encoding with Content-Length', `${line}Transfer-Encoding: chunked\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n0\r\n\r\n`],
    ['two lengths', `${line}Content-Length: 3\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n{}`],
    ['a line break inside', `${line}X-A: b\nAuthorization: Bearer wrong\r\n\r\n{}`],
    ['an absolute form that names another host', `POST http://evil.example/mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n`],
    ['a null byte', `${line}Authorization: Bearer ${TOKEN}\0\r\n\r\n{}`],
  ])('are refused: %s', async (_name, text) => {
    skewMs += 3_000
    expect(await raw(text)).toMatch(/^HTTP\/1\.1 (?:400|401|403) |^$/)
  })
})

describe('a caller', () => {
  it('has his sessions for himself: to others they do not exist', async () => {
    const as = (bearer: string): Record<string, string> => ({ authorization: `Bearer ${bearer}` })
    const opened = await ask(`${fake.url}/mcp`, { headers: as('a-key'), body: call(0, 'initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } }) })
    const session = { 'mcp-session-id': String(opened.headers['mcp-session-id']), 'mcp-protocol-version': '2025-11-25' }
    expect((await ask(`${fake.url}/mcp`, { headers: { ...session, ...as('a-key') }, body: call(1, 'ping') })).status).toBe(200)
    for (const bearer of ['b-key', TOKEN, token()]) {
      for (const method of ['POST', 'GET', 'DELETE']) {
        const answer = await ask(`${fake.url}/mcp`, { method, headers: { accept: 'application/json, text/event-stream', ...session, ...as(bearer), 'last-event-id': 'abcd0-1' }, ...(method === 'POST' ? { body: call(1, 'ping') } : {}) })
        expect([method, answer.status, answer.json.error?.data?.['reason']]).toEqual([method, 404, 'unknown-session'])
      }
    }
    expect([...fake.store.sessions.values()].at(-1)).toMatchObject({ caller: 'key:a' })
    expect(JSON.stringify([...fake.store.sessions.values()])).not.toContain('a-key')
    await expect(initialize(`${fake.url}/mcp`)).rejects.toThrow('401')
  })

  it('has his SSE stream for himself', async () => {
    const stream = await openEvents(`${fake.url}/sse`, { headers: { authorization: 'Bearer a-key' } })
    await waitFor(() => stream.all.length > 0)
    const place = `${fake.url}${stream.all[0]?.data ?? ''}`
    expect((await ask(place, { headers: { authorization: 'Bearer b-key' }, body: call(1, 'ping') })).status).toBe(404)
    expect((await ask(place, { headers: { authorization: 'Bearer a-key' }, body: call(1, 'ping') })).status).toBe(202)
    stream.break()
  })

  it('sees what he was granted, and is told of nothing else', async () => {
    const statusAt = async (bearer: string, path: string): Promise<number> => (await post(bearer, {}, path)).status
    expect(await Promise.all(['/mcp', '/mcp/files', '/mcp/db', '/mcp/nobody'].map((path) => statusAt('ci-key', path)))).toEqual([200, 200, 404, 404])
    expect(await Promise.all(['/mcp', '/profiles/kairos/mcp', '/profiles/other/mcp', '/mcp/files'].map((path) => statusAt('kairos-key', path)))).toEqual([200, 200, 404, 404])
    expect(fake.gateway.sessions.find(({ options }) => options.access?.id === 'key:ci')?.options.view.only).toEqual({ servers: ['files'], allow: null, deny: [], manage: false })
    for (const [bearer, status] of [['ci-key', 403], ['a-key', 200]] as const) expect((await ask(`${fake.url}/metrics`, { method: 'GET', headers: { authorization: `Bearer ${bearer}` } })).status).toBe(status)
  })

  it('gets his requests on one connection answered in order while a token is verified', async () => {
    const fresh = token({ jti: 'fresh' })
    const one = (id: number, bearer: string): string => {
      const text = JSON.stringify(modern(id, 'ping').body)
      return `POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\nContent-Type: application/json\r\nMCP-Protocol-Version: 2026-07-28\r\nMcp-Method: ping\r\nAuthorization: Bearer ${bearer}\r\nContent-Length: ${String(text.length)}\r\n\r\n${text}`
    }
    const connection = openRaw(fake.port, one(1, fresh) + one(2, TOKEN) + one(3, 'a-key'))
    await waitFor(() => connection.text().split('HTTP/1.1 200').length === 4)
    expect([...connection.text().matchAll(/"id":(\d)/g)].map(([, id]) => id)).toEqual(['1', '2', '3'])
    connection.socket.destroy()
  })
})

describe('the keys of an issuer', () => {
  const fromIssuer = (signer: KeyObject, kid: string, jti = kid): string => token({ iss: 'https://jwks.example', jti }, { signer, header: { kid } })

  it('are asked for again when a token names one that is new, and not for every token', async () => {
    serveKeys(jwk(nextEc.publicKey, 'k2'))
    skewMs += 31_000
    asked = 0
    expect((await post(fromIssuer(nextEc.privateKey, 'k2'))).status).toBe(200)
    expect((await post(fromIssuer(ec.privateKey, 'k1', 'after rotation'))).status).toBe(401)
    expect((await post(fromIssuer(ec.privateKey, 'k7'))).status).toBe(401)
    expect(asked).toBe(1)
  })

  it.each([
    ['answers with an error', (_req, res) => { res.statusCode = 500; res.end() }],
    ['sends them without end', (_req, res) => { res.write(`{"keys":["${'x'.repeat(600 * 1024)}`) }],
    ['sends something else', (_req, res) => { res.end('[]') }],
    ['sends somewhere else', (_req, res) => { res.writeHead(302, { location: 'http://169.254.169.254/' }); res.end() }],
  ] as readonly (readonly [string, RequestListener])[])('go on to be used for a while when the issuer %s, then nobody is let in by them', async (_name, listener) => {
    answerKeys = listener
    skewMs += 11 * 60_000
    expect((await post(token({ iss: 'https://jwks.example', jti: String(skewMs), exp: START + 10_000_000 }, { signer: nextEc.privateKey, header: { kid: 'k2' } }))).status).toBe(200)
    skewMs += 25 * 3_600_000
    const late = await post(token({ iss: 'https://jwks.example', jti: String(skewMs), exp: START + 10_000_000 }, { signer: nextEc.privateKey, header: { kid: 'k2' } }))
    expect([late.status, late.json.error?.data?.['reason'], late.headers['retry-after']]).toEqual([503, 'issuer-keys', '30'])
    serveKeys(jwk(nextEc.publicKey, 'k2'))
    skewMs += 31_000
    expect((await post(token({ iss: 'https://jwks.example', jti: String(skewMs), exp: START + 10_000_000 }, { signer: nextEc.privateKey, header: { kid: 'k2' } }))).status).toBe(200)
  })
})
