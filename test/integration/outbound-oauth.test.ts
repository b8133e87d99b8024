import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { OutboundAuthSpec, ServerSpec } from '../../src/lib/core/index.js'
import { createOutboundDesk, type OutboundDesk } from '../../src/lib/daemon/outbound.js'
import { openHttpLink, type Established, type Link, type LinkError } from '../../src/lib/mcp/index.js'
import { logIn, logOut, readLogin, tokenPath, type Login } from '../../src/lib/outbound/index.js'
import { followLogin, OAUTH_CLIENT, startOauth, type OauthKnobs, type OauthServer } from '../helpers/oauth.js'
import { specOf } from '../unit/core/spec-fixture.js'

type OauthSpec = Extract<OutboundAuthSpec, { type: 'oauth' }>
const PERSON: OauthSpec = { type: 'oauth', grant: 'authorization-code', clientId: null, clientSecret: null, scopes: [], authorizationServer: null, redirectPort: null }
const machine = (issuer: string | null): OauthSpec => ({ ...PERSON, grant: 'client-credentials', clientId: OAUTH_CLIENT.id, clientSecret: OAUTH_CLIENT.secret, authorizationServer: issuer })

let folder: string
let now: number
let desk: OutboundDesk
let lost: LinkError[]
let warnings: string[]
const servers: OauthServer[] = []
const links: Link[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mcpctl-oauth-'))
  now = Date.now()
  lost = []
  warnings = []
  desk = createOutboundDesk({ stateDirectory: folder, now: () => now, isKnown: () => true })
})
afterEach(async () => {
  for (const link of links.splice(0)) link.close()
  desk.close()
  await Promise.all(servers.splice(0).map((server) => server.close()))
  rmSync(folder, { recursive: true, force: true })
})

async function start(changes: Partial<OauthKnobs> = {}): Promise<OauthServer> {
  const server = await startOauth(changes)
  servers.push(server)
  return server
}

function enter({ url }: OauthServer, options: { spec?: OauthSpec; change?: (back: URL) => void; signal?: AbortSignal } = {}): Promise<Login> {
  const { spec = PERSON, change, signal = AbortSignal.timeout(20_000) } = options
  return logIn({ url, headers: {}, spec, path: tokenPath(folder, 'far', url), now: () => now, show: async (address) => void (await followLogin(address, change)), signal })
}

async function open({ url }: Pick<OauthServer, 'url'>, auth: OutboundAuthSpec = PERSON, name = 'far'): Promise<Link> {
  const spec: ServerSpec = { ...specOf(name), transport: 'http', launch: null, endpoint: { url, headers: {}, auth } }
  const authorizer = await desk.authorizerOf(spec, { onLoginNeeded: (error) => lost.push(error), warn: (text) => warnings.push(text) })
  if (authorizer === null) throw new Error('no authorizer')
  const link = await openHttpLink({ url, headers: {}, transport: 'http', client: { name: 'test', version: '1' }, authorizer })
  links.push(link)
  return link
}

const establish = (link: Link): Promise<Established> => link.establish({ era: 'legacy', remembered: null, now: () => now, signal: AbortSignal.timeout(20_000) })
const call = (link: Link): Promise<unknown> => link.request('tools/call', { name: 'hello' }, { timeoutMs: 20_000 })
const failure = (promise: Promise<unknown>): Promise<LinkError> => promise.then(() => { throw new Error('it went well') }, (error: unknown) => error as LinkError)

describe('a login', () => {
  test('follows the metadata, registers, proves itself with PKCE, asks for this server alone, and is kept where only its owner reads', async () => {
    const server = await start()
    const login = await enter(server)
    expect(server.registrations).toEqual([expect.objectContaining({ application_type: 'native', token_endpoint_auth_method: 'none', redirect_uris: [expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/callback$/)] })])
    expect(server.tokenRequests).toEqual([expect.objectContaining({ grant_type: 'authorization_code', resource: server.url, client_id: 'client-1', code_verifier: expect.stringMatching(/^[\w-]{43}$/) as string })])
    expect(login).toMatchObject({ issuer: server.issuer, resource: server.url, grant: { scopes: ['mcp', 'offline_access'] } })
    const path = tokenPath(folder, 'far', server.url)
    expect([statSync(path).mode & 0o777, statSync(dirname(path)).mode & 0o777, readdirSync(dirname(path)).length]).toEqual([0o600, 0o700, 1])
    const link = await open(server)
    await establish(link)
    expect(await call(link)).toMatchObject({ content: [{ text: 'hello' }] })
    expect(new Set(server.authorizations.slice(1).map(({ authorization }) => authorization))).toEqual(new Set([`Bearer ${login.grant?.access}`]))
    // The next login uses the client that was registered.
    await enter(server)
    expect(server.registrations).toHaveLength(1)
  })

  test.each<[string, Partial<OauthKnobs>, RegExp]>([
    ['of an authorization server that says it is another one', { metadataIssuer: 'https://evil.example' }, /says it is another authorization server/],
    ['whose answer names another issuer', { answerIssuer: 'https://evil.example' }, /does not come from http:\/\/127/],
    ['whose answer names none though it should', { answerIssuer: null }, /does not come from http:\/\/127/],
    ['for a token endpoint without TLS', { tokenEndpoint: 'http://tokens.example/token' }, /without TLS/],
    ['for metadata about another server', { resource: 'https://other.example/mcp' }, /about another server/],
    ['without PKCE', { pkce: false }, /PKCE/],
    ['where no client can register', { registers: false }, /register themselves/],
  ])('%s is refused, and no code or token is sent anywhere', async (_what, knobs, why) => {
    const server = await start(knobs)
    await expect(enter(server)).rejects.toThrow(why)
    expect(server.tokenRequests).toEqual([])
    expect(readLogin(tokenPath(folder, 'far', server.url))).toBeNull()
  })

  test('is not ended by an answer with another state: that is refused and waited past', async () => {
    const server = await start()
    const statuses: number[] = []
    const login = await logIn({
      url: server.url, headers: {}, spec: PERSON, path: tokenPath(folder, 'far', server.url), now: () => now, signal: AbortSignal.timeout(20_000),
      show: async (address) => {
        statuses.push((await followLogin(address, (back) => back.searchParams.set('state', 'wrong'))).status, (await followLogin(address)).status)
      },
    })
    expect(statuses).toEqual([400, 200])
    expect(login.grant).not.toBeNull()
    expect(server.tokenRequests).toHaveLength(1)
  })

  test('nobody completes ends when its time is over', async () => {
    const server = await start()
    const stop = new AbortController()
    await expect(logIn({ url: server.url, headers: {}, spec: PERSON, path: join(folder, 'x'), now: () => now, signal: stop.signal, show: () => Promise.resolve(stop.abort()) })).rejects.toThrow('nobody logged in')
  })

  test('to a server elsewhere is not asked for without TLS', async () => {
    await expect(logIn({ url: 'http://192.0.2.1/mcp', headers: {}, spec: PERSON, path: join(folder, 'x'), now: () => now, signal: AbortSignal.abort(), show: () => Promise.resolve() })).rejects.toThrow(/without TLS|was not waited for/)
  })

  test('is given back and deleted by a logout', async () => {
    const server = await start()
    const { grant } = await enter(server)
    const path = tokenPath(folder, 'far', server.url)
    const link = await open(server)
    await establish(link)
    expect(await logOut({ path, spec: PERSON })).toEqual({ wasLoggedIn: true, revoked: true })
    expect(server.revoked).toEqual([grant?.refresh, grant?.access])
    expect(readLogin(path)).toBeNull()
    expect(await logOut({ path, spec: PERSON })).toEqual({ wasLoggedIn: false, revoked: null })
    // The next connection does not go on with the token in memory.
    const asked = server.authorizations.length
    expect(await failure(establish(await open(server)))).toMatchObject({ needsLogin: true })
    expect(server.authorizations).toHaveLength(asked)
  })
})

describe('a token that is no longer good', () => {
  test('is renewed once for 20 calls at the same time, each of which is answered; the new refresh token is kept', async () => {
    const server = await start()
    const { grant } = await enter(server)
    const link = await open(server)
    await establish(link)
    server.expireAll()
    now += 60_000
    expect(await Promise.all(Array.from({ length: 20 }, () => call(link)))).toHaveLength(20)
    expect(server.tokenRequests.filter((form) => form['grant_type'] === 'refresh_token')).toEqual([expect.objectContaining({ refresh_token: grant?.refresh, resource: server.url })])
    const kept = readLogin(tokenPath(folder, 'far', server.url))?.grant
    expect(kept?.refresh).not.toBe(grant?.refresh)
    expect(server.secrets).toContain(kept?.refresh)
    // Before it runs out, without a request that is refused.
    const refusedBefore = server.authorizations.length
    now += 3_590_000
    await call(link)
    expect(server.authorizations.length).toBe(refusedBefore + 1)
    expect(server.tokenRequests).toHaveLength(3)
  })

  test.each([['outage', 'unreachable'], ['break', 'unreachable'], ['unauthorized_client', 'unauthorised']] as const)('stays where it is when the authorization server answers with %s, and is renewed after it', async (refresh, reason) => {
    const server = await start()
    await enter(server)
    const link = await open(server)
    await establish(link)
    server.expireAll()
    server.knobs.refresh = refresh
    now += 60_000
    const before = readLogin(tokenPath(folder, 'far', server.url))
    const failed = await failure(call(link))
    expect(failed).toMatchObject({ name: 'LinkError', reason, needsLogin: false })
    expect(readLogin(tokenPath(folder, 'far', server.url))).toEqual(before)
    expect(lost).toEqual([])
    server.knobs.refresh = 'rotate'
    now += 60_000
    expect(await call(link)).toMatchObject({ content: [{ text: 'hello' }] })
  })

  test('is deleted when the authorization server does not know the refresh token any more; the client is kept for the next login', async () => {
    const server = await start()
    await enter(server)
    const link = await open(server)
    await establish(link)
    server.expireAll()
    server.knobs.refresh = 'invalid_grant'
    now += 60_000
    const failed = await failure(call(link))
    expect(failed).toMatchObject({ reason: 'unauthorised', needsLogin: true, hint: 'Log in: mcpctl login far' })
    expect(failed.message).toContain('log in: mcpctl login far')
    expect(lost).toHaveLength(1)
    expect(readLogin(tokenPath(folder, 'far', server.url))).toMatchObject({ grant: null, client: { id: 'client-1' } })
    const asked = server.authorizations.length
    expect((await failure(call(link))).needsLogin).toBe(true)
    expect(server.authorizations).toHaveLength(asked)
    await enter(server)
    server.knobs.refresh = 'rotate'
    const again = await open(server)
    await establish(again)
    expect(server.registrations).toHaveLength(1)
  })

  test('of somebody who never logged in is not even asked for', async () => {
    const server = await start()
    expect(await failure(establish(await open(server)))).toMatchObject({ reason: 'unauthorised', needsLogin: true })
    expect(server.authorizations).toEqual([])
  })

  test('is not renewed again and again for a server that refuses everything', async () => {
    const server = await start()
    await enter(server)
    const link = await open(server)
    await establish(link)
    server.knobs.refuseAll = 401
    now += 60_000
    for (let attempt = 0; attempt < 3; attempt++) expect((await failure(call(link))).reason).toBe('unauthorised')
    expect(server.tokenRequests.filter((form) => form['grant_type'] === 'refresh_token')).toHaveLength(1)
  })

  test('for a scope it does not have says so, and the next login asks for that scope', async () => {
    const server = await start({ neededScope: 'admin' })
    await enter(server)
    const link = await open(server)
    await establish(link)
    const failed = await failure(call(link))
    expect(failed).toMatchObject({ reason: 'unauthorised', needsLogin: false })
    expect(failed.message).toContain('needs the scope admin')
    const login = await enter(server)
    expect(login.grant?.scopes).toContain('admin')
  })
})

describe('client credentials', () => {
  test('give a token at the first refusal, with the scope it named, and it is kept in memory only', async () => {
    const server = await start()
    const link = await open(server, machine(server.issuer))
    await establish(link)
    await Promise.all(Array.from({ length: 20 }, () => call(link)))
    expect(server.tokenRequests).toEqual([{ grant_type: 'client_credentials', resource: server.url, scope: 'mcp' }])
    expect(server.authorizations.filter(({ authorization }) => authorization === null)).toHaveLength(1)
    expect(readdirSync(folder)).toEqual([])
    link.close()
  })

  test('are sent to nobody whom only the server names', async () => {
    const server = await start()
    const failed = await failure(establish(await open(server, machine(null))))
    expect(failed.message).toContain('a client secret is sent only where the configuration says')
    expect(failed.hint).toContain(`set auth.authorizationServer to ${server.issuer}`)
    expect(server.tokenRequests).toEqual([])
  })
})

describe('a token', () => {
  test('goes to its own server only: not to another one, not after its name moved, not after a redirect', async () => {
    const [a, b] = [await start(), await start()]
    const { grant } = await enter(a)
    await establish(await open(a))
    expect(await failure(establish(await open(b)))).toMatchObject({ needsLogin: true })
    expect(await failure(establish(await open(b, PERSON, 'other')))).toMatchObject({ needsLogin: true })
    a.knobs.redirectTo = b.url
    const redirected = await failure(establish(await open(a)))
    expect(redirected.message).toContain('redirects elsewhere')
    expect(JSON.stringify([b.authorizations, b.tokenRequests])).not.toContain(grant?.access)
    expect(b.authorizations).toEqual([])
  })

  test('is in no message, warning or file but its own, whatever happens to it', async () => {
    const server = await start()
    await enter(server)
    const link = await open(server)
    await establish(link)
    const said: unknown[] = [warnings, lost]
    for (const refresh of ['outage', 'invalid_client', 'invalid_grant'] as const) {
      server.expireAll()
      server.knobs.refresh = refresh
      now += 60_000
      const error = await failure(call(link))
      said.push(error.message, error.hint, error.stack, String(error.cause))
    }
    said.push(link.lastFrames().map((frame) => JSON.stringify(frame)))
    const text = JSON.stringify(said)
    expect([...server.secrets].filter((secret) => text.includes(secret))).toEqual([])
    expect(readdirSync(folder, { recursive: true })).toHaveLength(2)
    expect(readFileSync(tokenPath(folder, 'far', server.url), 'utf8')).not.toMatch(/access-|refresh-/)
  })
})
