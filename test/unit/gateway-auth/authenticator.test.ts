import { createHash } from 'node:crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import { FULL_GRANT, type AuthSettings, type KeySpec } from '../../../src/lib/core/index.js'
import { createAuthenticator, type Authenticator, type Verdict } from '../../../src/lib/gateway/auth/index.js'

const NONE: AuthSettings = { keys: {}, jwt: [], resource: null, authorizationServers: [] }
const key = (text: string, over: Partial<KeySpec> = {}): KeySpec => ({ sha256: createHash('sha256').update(text).digest('hex'), grant: FULL_GRANT, expiresAt: null, ...over })
let now = 0

interface Setup {
  readonly token?: string | null
  readonly keys?: AuthSettings['keys']
  readonly home?: Record<string, KeySpec>
  readonly isExposed?: boolean
}

function make({ token = null, keys = {}, home, isExposed = false }: Setup): Authenticator {
  return createAuthenticator({ auth: { ...NONE, keys }, token, keys: home === undefined ? null : { current: () => home, isSure: true }, isExposed, now: () => now })
}

function show(authenticator: Authenticator, shown: { authorization?: string; apiKey?: string; address?: string }): Verdict {
  const verdict = authenticator.identify({ authorization: shown.authorization, apiKey: shown.apiKey, isTwice: false, address: shown.address ?? '10.0.0.1' })
  if (verdict instanceof Promise) throw new Error('nothing of this has to be waited for')
  return verdict
}

beforeEach(() => { now = 1_000_000 })

describe('with nothing configured', () => {
  it('everybody is anonymous, whatever he shows', () => {
    const open = make({})
    expect(open.isOpen).toBe(true)
    expect(show(open, { authorization: 'Bearer whatever' }).access).toMatchObject({ id: 'anonymous', kind: 'anonymous' })
  })

  it('nobody comes in when keys could not be read', () => {
    const unsure = createAuthenticator({ auth: NONE, token: null, keys: { current: () => ({}), isSure: false }, isExposed: false, now: () => now })
    expect(unsure.isOpen).toBe(false)
    expect(show(unsure, {}).denial).toMatchObject({ status: 401 })
  })

  it('nobody comes in where other machines can reach the address', () => {
    const exposed = make({ isExposed: true, home: {} })
    expect(exposed.isOpen).toBe(false)
    expect(show(exposed, {}).denial).toMatchObject({ status: 401 })
  })
})

describe('the token of the gateway', () => {
  it.each(['Bearer s3cret-token', 'bearer s3cret-token', 'Bearer  s3cret-token '])('is taken when it is right: "%s"', (authorization) => {
    expect(show(make({ token: 's3cret-token' }), { authorization }).access).toMatchObject({ id: 'token', kind: 'token', grant: { manage: true } })
  })

  it.each([undefined, '', 'Bearer', 'Bearer ', 'Bearer s3cret-toke', 'Bearer s3cret-tokeN', 'Bearer s3cret-token2', 'Basic s3cret-token', 's3cret-token'])('is refused when it is "%s"', (authorization) => {
    const { denial } = show(make({ token: 's3cret-token' }), authorization === undefined ? {} : { authorization })
    expect(denial).toMatchObject({ status: 401, error: authorization === undefined ? null : 'invalid_token' })
    expect(JSON.stringify(denial)).not.toContain('s3cret')
  })
})

describe('a key', () => {
  it('is taken from either header, with its own grant and name', () => {
    const grant = { ...FULL_GRANT, servers: ['files'] }
    const authenticator = make({ keys: { ci: key('k1', { grant }) } })
    expect(show(authenticator, { apiKey: 'k1' }).access).toEqual({ id: 'key:ci', kind: 'key', grant })
    expect(show(authenticator, { authorization: 'Bearer k1' }).access?.id).toBe('key:ci')
    expect(show(authenticator, { authorization: 'Bearer k1', apiKey: 'k1' }).access?.id).toBe('key:ci')
  })

  it('of the home comes and goes while the gateway is open', () => {
    let home: Record<string, KeySpec> = {}
    const authenticator = createAuthenticator({ auth: { ...NONE, keys: { ci: key('k1') } }, token: null, keys: { current: () => home, isSure: true }, isExposed: false, now: () => now })
    expect(show(authenticator, { apiKey: 'k2' }).denial?.status).toBe(401)
    home = { laptop: key('k2'), ci: key('k3') }
    const access = show(authenticator, { apiKey: 'k2' }).access
    expect(access?.id).toBe('key:laptop')
    expect(show(authenticator, { apiKey: 'k3' }).access?.id).toBe('key:ci@home')
    expect(access && authenticator.stillHolds(access)).toBe(true)
    home = { ci: key('k3') }
    expect(access && authenticator.stillHolds(access)).toBe(false)
    expect(show(authenticator, { apiKey: 'k2' }).denial?.status).toBe(401)
  })

  it('of the home is another one when it was made anew under its name, and not disturbed when others come and go', () => {
    const grant = { ...FULL_GRANT, servers: ['files'] }
    let home: Record<string, KeySpec> = { ci: key('k1', { grant }) }
    const authenticator = createAuthenticator({ auth: NONE, token: null, keys: { current: () => home, isSure: true }, isExposed: false, now: () => now })
    const { access } = show(authenticator, { apiKey: 'k1' })
    if (access === undefined) throw new Error('it is let in')
    home = { ci: key('k1', { grant: { ...grant } }), laptop: key('k2') }
    expect(show(authenticator, { apiKey: 'k1' }).access).toBe(access)
    expect(authenticator.stillHolds(access)).toBe(true)
    home = { ci: key('k9', { grant }) }
    expect(authenticator.stillHolds(access)).toBe(false)
    home = { ci: key('k1', { grant: FULL_GRANT }) }
    expect(authenticator.stillHolds(access)).toBe(false)
  })

  it('is refused from the moment at which it expires', () => {
    const authenticator = make({ keys: { ci: key('k1', { expiresAt: now + 1 }) } })
    const { access } = show(authenticator, { apiKey: 'k1' })
    now++
    expect(show(authenticator, { apiKey: 'k1' }).denial).toMatchObject({ status: 401, message: 'the key has expired' })
    expect(access && authenticator.stillHolds(access)).toBe(false)
  })
})

describe('too many wrong credentials', () => {
  it('from one address are not looked at for a while, right ones neither unless they were right before', () => {
    const authenticator = make({ keys: { old: key('k1'), fresh: key('k2') } })
    expect(show(authenticator, { apiKey: 'k1' }).access).toBeDefined()
    for (let guess = 0; guess < 20; guess++) expect(show(authenticator, { apiKey: `guess ${String(guess)}` }).denial?.status).toBe(401)
    expect(show(authenticator, { apiKey: 'guess' }).denial).toMatchObject({ status: 429, reason: 'too-many-failures', retryAfterMs: 3000 })
    expect(show(authenticator, { apiKey: 'k2' }).denial?.status).toBe(429)
    expect(show(authenticator, { apiKey: 'k1' }).access?.id).toBe('key:old')
    expect(show(authenticator, { apiKey: 'k2', address: '10.0.0.2' }).access?.id).toBe('key:fresh')
    now += 3000
    expect(show(authenticator, { apiKey: 'k2' }).access?.id).toBe('key:fresh')
  })

  it('do not come from somebody who shows none', () => {
    const authenticator = make({ keys: { old: key('k1') } })
    for (let count = 0; count < 50; count++) expect(show(authenticator, {}).denial?.status).toBe(401)
    expect(show(authenticator, { apiKey: 'k1' }).access).toBeDefined()
  })

  it('are counted for a whole network of IPv6', () => {
    const authenticator = make({ keys: { old: key('k1') } })
    for (let guess = 0; guess < 20; guess++) show(authenticator, { apiKey: 'x', address: `2001:db8:1:2::${guess.toString(16)}` })
    expect(show(authenticator, { apiKey: 'k1', address: '2001:db8:1:2:ffff::1' }).denial?.status).toBe(429)
    expect(show(authenticator, { apiKey: 'k1', address: '2001:db8:1:3::1' }).access).toBeDefined()
  })

  it('are remembered for a bounded number of addresses', () => {
    const authenticator = make({ keys: { old: key('k1') } })
    for (let guess = 0; guess < 20; guess++) show(authenticator, { apiKey: 'x', address: '10.1.1.1' })
    expect(show(authenticator, { apiKey: 'k1', address: '10.1.1.1' }).denial?.status).toBe(429)
    for (let host = 0; host < 4096; host++) show(authenticator, { apiKey: 'x', address: `10.9.${String(host >> 8)}.${String(host & 255)}` })
    expect(show(authenticator, { apiKey: 'k1', address: '10.1.1.1' }).access).toBeDefined()
  })
})
