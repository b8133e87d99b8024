import { createHash, createHmac } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { FULL_GRANT, type GrantSpec, type KeySpec } from '../../src/lib/core/index.js'
import { waitFor } from '../helpers/wait.js'
import { openFake, type Opened } from '../unit/gateway-http/fake-gateway.js'
import { ask, call, initialize, modern, openEvents } from './gateway-http-support.js'

const SECRET = 'an HMAC secret of some length, as long as a digest'
const SWEEP_MS = 100
let fake: Opened
let now = 0
afterEach(async () => { await fake.front.close() })

const key = (text: string, grant: GrantSpec = FULL_GRANT): KeySpec => ({ sha256: createHash('sha256').update(text).digest('hex'), grant, expiresAt: null })
const as = (bearer: string): Record<string, string> => ({ authorization: `Bearer ${bearer}` })

function token(exp: number, sub = 'alice'): string {
  const b64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const text = `${b64({ alg: 'HS256' })}.${b64({ sub, exp })}`
  return `${text}.${createHmac('sha256', SECRET).update(text).digest('base64url')}`
}

async function openHome(keys: { current: Record<string, KeySpec> }): Promise<void> {
  fake = await openFake({ sse: true }, { sweepMs: SWEEP_MS, keys: { current: () => keys.current, isSure: true } })
}

const introduce = (headers: Record<string, string>) =>
  ask(`${fake.url}/mcp`, { headers, body: call(0, 'initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } }) })

describe('what is open for a caller', () => {
  it('who came in unknown ends when keys are asked for from now on', async () => {
    const keys = { current: {} as Record<string, KeySpec> }
    await openHome(keys)
    const session = await initialize(`${fake.url}/mcp`)
    const stream = await openEvents(`${fake.url}/mcp`, { headers: session })
    const sse = await openEvents(`${fake.url}/sse`)
    keys.current = { first: key('k1') }
    await waitFor(() => stream.ended && sse.ended)
    expect(fake.gateway.sessions.map(({ closedWith }) => closedWith)).toEqual(['its caller is not let in any more', 'its caller is not let in any more'])
  })

  it('ends when his key was replaced, and not when somebody else\'s came', async () => {
    const keys = { current: { ci: key('k1') } as Record<string, KeySpec> }
    await openHome(keys)
    const opened = await introduce(as('k1'))
    const stream = await openEvents(`${fake.url}/mcp`, { headers: { ...as('k1'), 'mcp-session-id': String(opened.headers['mcp-session-id']) } })
    await ask(`${fake.url}/mcp`, modern(1, 'ping', {}, as('k1')))
    keys.current = { ci: key('k1'), other: key('k2') }
    expect((await ask(`${fake.url}/mcp`, modern(2, 'ping', {}, as('k1')))).status).toBe(200)
    expect(fake.gateway.sessions).toHaveLength(2)
    const working = ask(`${fake.url}/mcp`, modern(3, 'work', {}, as('k1')))
    await waitFor(() => fake.gateway.asked('work') !== undefined)
    keys.current = { ci: key('k3') }
    await waitFor(() => stream.ended)
    expect((await working).json.error).toMatchObject({ data: { reason: 'closed', outcome: 'unknown' } })
    await waitFor(() => fake.gateway.sessions.every(({ closedWith }) => closedWith !== null))
  })

  it('ends when his key has another rate, so that nothing goes on with the old one', async () => {
    const keys = { current: { ci: key('k1') } as Record<string, KeySpec> }
    await openHome(keys)
    const session = { ...as('k1'), 'mcp-session-id': String((await introduce(as('k1'))).headers['mcp-session-id']) }
    const sse = await openEvents(`${fake.url}/sse`, { headers: as('k1') })
    await waitFor(() => sse.all.length > 0)
    keys.current = { ci: key('k1', { ...FULL_GRANT, rate: { perMinute: 1, burst: 1 } }) }
    await ask(`${fake.url}${sse.all[0]?.data ?? ''}`, { headers: as('k1'), body: call(1, 'ping') })
    await waitFor(async () => (await ask(`${fake.url}/mcp`, { headers: session, body: call(1, 'ping') })).status === 404)
    await waitFor(() => sse.ended)
  })

  it('goes on when the configuration has other keys, except for those that are gone', async () => {
    const none = { jwt: [], resource: null, authorizationServers: [] }
    fake = await openFake({ auth: { ...none, keys: { a: key('ka'), b: key('kb') } } }, { sweepMs: SWEEP_MS })
    const open = async (bearer: string) => {
      const session = { ...as(bearer), 'mcp-session-id': String((await introduce(as(bearer))).headers['mcp-session-id']), 'mcp-protocol-version': '2025-11-25' }
      return { session, stream: await openEvents(`${fake.url}/mcp`, { headers: session }) }
    }
    const [a, b] = [await open('ka'), await open('kb')]
    const called = ask(`${fake.url}/mcp`, { headers: a.session, body: call(1, 'wait') })
    await waitFor(() => fake.gateway.asked('wait') !== undefined)
    fake.front.takeKeys({ a: key('ka'), c: key('kc') })
    for (const [bearer, status] of [['ka', 200], ['kb', 401], ['kc', 200]] as const) expect((await ask(`${fake.url}/mcp`, modern(1, 'ping', {}, as(bearer)))).status).toBe(status)
    await waitFor(() => b.stream.ended)
    fake.gateway.asked('wait')?.reply.answer([Buffer.from('{"jsonrpc":"2.0","id":1,"result":{}}')], 200)
    expect([(await called).status, a.stream.ended]).toEqual([200, false])
    a.stream.break()
  })

  it('is listened to anew when his key shows something else', async () => {
    const keys = { current: { ci: key('k1') } as Record<string, KeySpec> }
    await openHome(keys)
    const listening = ask(`${fake.url}/mcp`, modern(1, 'subscriptions/listen', {}, { ...as('k1'), accept: 'text/event-stream' }))
    await waitFor(() => fake.gateway.asked('subscriptions/listen') !== undefined)
    keys.current = { ci: key('k1', { ...FULL_GRANT, servers: ['files'] }) }
    expect((await ask(`${fake.url}/mcp`, modern(2, 'ping', {}, as('k1')))).status).toBe(200)
    const [before, after] = fake.gateway.sessions
    expect([before?.finished, before?.closedWith, after?.options.view.only?.servers]).toEqual([1, null, ['files']])
    // Once nobody listens there any more it is closed.
    fake.gateway.asked('subscriptions/listen')?.reply.answer([Buffer.from('{"jsonrpc":"2.0","id":1,"result":{}}')], 200)
    expect((await listening).status).toBe(200)
    expect(before?.closedWith).not.toBeNull()
  })
})

describe('when a web token expires', () => {
  const auth = { keys: {}, jwt: [{ algorithms: ['HS256'] as const, secret: SECRET, publicKey: null, jwksUrl: null, issuer: null, audiences: [], scopes: [], leewayMs: 0, grant: FULL_GRANT }], resource: null, authorizationServers: [] }

  it('streams end, calls go on, and another token goes on with the session', async () => {
    const start = Math.floor(Date.now() / 1000)
    now = Date.now()
    fake = await openFake({ auth, sse: true }, { sweepMs: SWEEP_MS, now: () => now })
    const [first, second] = [token(start + 100), token(start + 1000)]
    const opened = await introduce(as(first))
    const session = { 'mcp-session-id': String(opened.headers['mcp-session-id']), 'mcp-protocol-version': '2025-11-25' }
    const stream = await openEvents(`${fake.url}/mcp`, { headers: { ...session, ...as(first) } })
    const sse = await openEvents(`${fake.url}/sse`, { headers: as(first) })
    const called = ask(`${fake.url}/mcp`, { headers: { ...session, ...as(first) }, body: call(1, 'wait') })
    const asked = ask(`${fake.url}/mcp`, modern(2, 'work', {}, as(first)))
    await waitFor(() => fake.gateway.asked('wait') !== undefined && fake.gateway.asked('work') !== undefined)
    await ask(`${fake.url}/mcp`, modern(3, 'ping', {}, as(token(start + 100, 'bob'))))
    now += 200_000
    await waitFor(() => stream.ended && sse.ended)
    expect(fake.gateway.sessions.find(({ asked: [each] }) => each?.message.method === 'work')?.finished).toBeGreaterThan(0)
    for (const method of ['wait', 'work']) fake.gateway.asked(method)?.reply.answer([Buffer.from('{"jsonrpc":"2.0","id":1,"result":{}}')], 200)
    expect([(await called).status, (await asked).status]).toEqual([200, 200])
    expect((await ask(`${fake.url}/mcp`, { headers: { ...session, ...as(first) }, body: call(3, 'ping') })).status).toBe(401)
    expect((await ask(`${fake.url}/mcp`, { headers: { ...session, ...as(second) }, body: call(3, 'ping') })).status).toBe(200)
    const again = await openEvents(`${fake.url}/mcp`, { headers: { ...session, ...as(second) } })
    // Somebody else's that has expired shows how often it was looked.
    const bob = fake.gateway.sessions.find(({ options }) => options.access?.id.startsWith('jwt:bob') === true)
    const looks = bob?.finished ?? 0
    await waitFor(() => (bob?.finished ?? 0) > looks + 1)
    expect([again.status, again.ended]).toEqual([200, false])
    now += 10_000_000
    await waitFor(() => again.ended)
  })
})
