import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createHash } from 'node:crypto'
import { FULL_GRANT, type GatewaySettings } from '../../src/lib/core/index.js'
import { EVERYTHING, openHttpFront, type HttpFront } from '../../src/lib/gateway/index.js'
import { LinkError, type JsonObject } from '../../src/lib/mcp/index.js'
import { createRig, type FakeServer } from '../unit/gateway/rig.js'
import { ask, type Answer, type Sent } from './gateway-http-support.js'

const CATALOGUE = { tools: [{ name: 'look', inputSchema: {}, annotations: { readOnlyHint: true } }, { name: 'write', inputSchema: {} }] }
const ORIGIN = 'http://page.example'

let front: HttpFront | null = null
let rig: ReturnType<typeof createRig>
afterEach(async () => {
  await front?.close()
  front = null
})

async function open(servers: Readonly<Record<string, FakeServer>>, settings: Partial<GatewaySettings> = {}): Promise<void> {
  rig = createRig(servers, settings)
  const key = (text: string, grant: object) => ({ sha256: createHash('sha256').update(text).digest('hex'), grant: { ...FULL_GRANT, ...grant }, expiresAt: null })
  front = await openHttpFront({
    gateway: rig.gateway, view: EVERYTHING, store: null, log: () => undefined,
    settings: { host: '127.0.0.1', port: 0, token: null, allowedHosts: [], allowedOrigins: [ORIGIN], sse: false, rest: true, auth: { keys: { all: key('k-all', {}), some: key('k-some', { allow: ['*__look'] }) }, jwt: [], resource: null, authorizationServers: [] } },
  })
}

const send = (path: string, { headers = {}, ...sent }: Sent = {}): Promise<Answer> => ask(`http://127.0.0.1:${String(front?.address?.port)}${path}`, { ...sent, headers: { authorization: 'Bearer k-all', ...headers } })
const get = (path: string, headers: Record<string, string> = {}): Promise<Answer> => send(path, { method: 'GET', headers })
const bodyOf = ({ text }: Answer): JsonObject => JSON.parse(text) as JsonObject
const errorOf = (answer: Answer): JsonObject => bodyOf(answer)['error'] as JsonObject

/** Calls a tool and, once it is at the server, lets something happen. */
async function call(tool: string, happens: (link: ReturnType<typeof rig.link>) => void, server = 's'): Promise<Answer> {
  const before = rig.link(server).passed.length
  const answer = send(`/tools/${server}__${tool}`, { body: {} })
  while (rig.link(server).passed.length === before) await new Promise((resolve) => setImmediate(resolve))
  happens(rig.link(server))
  return answer
}

const fails = (reason: ConstructorParameters<typeof LinkError>[0], parts: { status?: number; isUndelivered?: boolean; retryAfterMs?: number } = {}) => (link: ReturnType<typeof rig.link>): void => {
  link.passed.at(-1)?.request.receiver.failed(new LinkError(reason, 'it went wrong', parts))
}

describe('a call that comes to nothing has the status that says why, and a body that says what may have happened', () => {
  beforeEach(() => open({ s: { catalogue: CATALOGUE }, other: { catalogue: CATALOGUE, traffic: { timeoutMs: 50 } } }))

  it.each([
    ['the server ended under it', 502, { reason: 'closed', outcome: 'unknown' }, (link: ReturnType<typeof rig.link>) => { link.end() }],
    ['the server answers with HTTP 500', 502, { reason: 'unreachable', outcome: 'unknown' }, fails('unreachable', { status: 500 })],
    ['the server has too much to do', 503, { reason: 'overloaded', outcome: 'not-delivered', retryAfterMs: 2500 }, fails('overloaded', { retryAfterMs: 2500 })],
    ['the server wants other credentials', 502, { reason: 'unauthorised', outcome: 'unknown' }, fails('unauthorised', { status: 401 })],
    ['the answer cannot be used', 502, { reason: 'malformed', outcome: 'unknown' }, fails('malformed')],
  ])('%s: %i', async (_why, status, data, happens) => {
    const answer = await call('write', happens)
    expect(bodyOf(answer)).toMatchObject({ success: false, error: { code: -32603, data: { ...data, server: 's' } } })
    expect([answer.status, answer.headers['retry-after'], answer.headers['content-type']]).toEqual([status, 'retryAfterMs' in data ? '3' : undefined, 'application/json'])
  })

  it('the server gave no answer in time: 504', async () => {
    const answer = await call('write', () => undefined, 'other')
    expect(answer.status).toBe(504)
    expect(errorOf(answer)).toMatchObject({ code: -32603, data: { reason: 'timeout', outcome: 'unknown', server: 'other' } })
  })

  it('its breaker is open: 503, with the time to come again', async () => {
    for (let failed = 0; failed < 5; failed++) await call('write', fails('unreachable', { status: 500 }))
    const answer = await send('/tools/s__write', { body: {} })
    expect([answer.status, Number(answer.headers['retry-after'])]).toEqual([503, expect.any(Number)])
    expect(errorOf(answer)).toMatchObject({ data: { reason: 'breaker-open', outcome: 'not-delivered' } })
  })

  it('the server is down: 503, and it is still among the servers', async () => {
    rig.link('s').end()
    rig.change('s', { presence: 'down', up: null, reason: 'it failed too often' })
    await rig.settle()
    const answer = await send('/tools/s__write', { body: {} })
    expect(answer.status).toBe(503)
    expect(errorOf(answer)).toMatchObject({ code: -32603, data: { reason: 'down', server: 's', outcome: 'not-delivered' } })
    expect(bodyOf(await get('/servers'))).toEqual({ success: true, connected_servers: 1, total_servers: 2, servers: { s: { connected: false, status: 'down', tool_count: 0, reason: 'it failed too often' }, other: { connected: true, status: 'up', tool_count: 2 } } })
  })

  it('what the tool says itself is its answer: 200, or 400 where it does not take the arguments', async () => {
    const failed = await call('write', (link) => { link.answer(link.passed.at(-1)?.id ?? 0, { content: [{ type: 'text', text: 'no' }], isError: true }) })
    expect([failed.status, bodyOf(failed)]).toEqual([200, { success: false, isError: true, result: { content: [{ type: 'text', text: 'no' }], isError: true } }])
    const wrong = await call('write', (link) => { link.answerText(link.passed.at(-1)?.id ?? 0, '{"jsonrpc":"2.0","id":', ',"error":{"code":-32602,"message":"path is missing"}}') })
    expect([wrong.status, bodyOf(wrong)]).toEqual([400, { success: false, error: { code: -32602, message: 'path is missing' } }])
  })
})

describe('a request that goes over a limit', () => {
  it('of rate or room is answered with 429, whose limit it is, and when to come again', async () => {
    await open({ s: { catalogue: CATALOGUE, traffic: { rate: { perMinute: 1, burst: 1 } } }, t: { catalogue: CATALOGUE, traffic: { concurrency: { max: 1, queue: 0, queueTimeoutMs: 1000 } } } })
    await call('write', (link) => { link.answer(1, { content: [] }) })
    const often = await send('/tools/s__write', { body: {} })
    expect(often.status).toBe(429)
    expect(Number(often.headers['retry-after'])).toBeGreaterThan(10)
    expect(errorOf(often)).toMatchObject({ data: { reason: 'rate-limited', limit: 'server', outcome: 'not-delivered' } })
    let full: Answer | undefined
    await call('write', (link) => {
      void send('/tools/t__write', { body: {} }).then((answer) => {
        full = answer
        link.answer(1, { content: [] })
      })
    }, 't')
    expect([full?.status, full?.headers['retry-after']]).toEqual([429, '1'])
    expect(full === undefined ? null : errorOf(full)).toMatchObject({ data: { reason: 'overloaded', limit: 'server', outcome: 'not-delivered', retryAfterMs: 1000 } })
  })
})

describe('what is asked in the wrong way', () => {
  beforeEach(() => open({ s: { catalogue: CATALOGUE }, mine: { catalogue: CATALOGUE } }, { profiles: { kairos: { servers: ['mine'], tags: [] } } }))

  it('is refused with what is right', async () => {
    const statusOf = async (path: string, sent: Sent = {}): Promise<unknown[]> => {
      const { status, headers, json } = await send(path, sent)
      return [status, headers.allow ?? null, json.error?.data?.['reason'] ?? null]
    }
    for (const body of ['', '{}']) expect((await send('/tools/nothing', { body })).status, 'no body is no arguments').toBe(404)
    for (const body of ['[1]', '"x"', 'null', '{', '{"a":\u00ff']) expect(await statusOf('/tools/s__look', { body: Buffer.from(body, 'latin1') }), body).toEqual([400, null, 'arguments'])
    expect(await statusOf('/tools/s__look', { body: '{}', headers: { 'content-type': 'text/plain' } })).toEqual([415, null, 'content-type'])
    expect(await statusOf('/tools/s__look', { body: '{}', headers: { 'content-encoding': 'gzip' } })).toEqual([415, null, 'content-encoding'])
    expect(await statusOf('/tools/s__look', { headers: { 'content-length': String(65 * 1024 * 1024) } })).toEqual([413, null, 'too-long'])
    for (const method of ['GET', 'PUT', 'DELETE', 'PATCH']) expect(await statusOf('/tools/s__look', { method }), method).toEqual([405, 'POST, OPTIONS', 'method'])
    for (const path of ['/tools', '/servers', '/openapi.json', '/profiles/kairos/tools', '/tools?server=s']) expect(await statusOf(path, { body: '{}' }), path).toEqual([405, 'GET, HEAD, OPTIONS', 'method'])
    expect(await statusOf('/tools', { method: 'GET', headers: { authorization: 'Bearer wrong' } })).toEqual([401, null, 'unauthorised'])
    for (const path of ['/profiles/nobody/tools', '/tools/a/b', '/tool', '/servers/s', '/tools?server=nobody', '/tools/%ff']) expect((await get(path)).status, path).toBe(404)
  })

  it('names near tools, and none that the caller may not see', async () => {
    const near = await send('/tools/s__wriet', { body: {} })
    expect([near.status, errorOf(near)['message']]).toEqual([404, 'Unknown tool: s__wriet. Did you mean s__write?'])
    const hidden = await send('/tools/s__write', { body: {}, headers: { authorization: 'Bearer k-some' } })
    expect([hidden.status, String(errorOf(hidden)['message'])]).toEqual([404, expect.not.stringContaining('s__write?')])
    expect((bodyOf(await get('/tools', { authorization: 'Bearer k-some' }))['tools'] as { name: string }[]).map(({ name }) => name)).toEqual(['s__look', 'mine__look'])
  })

  it('is served for a profile under its own paths', async () => {
    expect((bodyOf(await get('/profiles/kairos/tools'))['tools'] as { name: string }[]).map(({ name }) => name)).toEqual(['mine__look', 'mine__write'])
    expect(bodyOf(await get('/profiles/kairos/servers'))).toMatchObject({ total_servers: 1, servers: { mine: { connected: true } } })
    expect(Object.keys(bodyOf(await get('/profiles/kairos/openapi.json'))['paths'] as object)).toEqual(expect.arrayContaining(['/profiles/kairos/tools/mine__look']))
    const answer = send('/profiles/kairos/tools/mine__write', { body: { a: [1, 'ü'] } })
    while (rig.link('mine').passed.length === 0) await new Promise((resolve) => setImmediate(resolve))
    const [passed] = rig.link('mine').of('tools/call')
    expect(JSON.parse(passed?.text ?? '')).toMatchObject({ params: { name: 'write', arguments: { a: [1, 'ü'] } } })
    rig.link('mine').answer(passed?.id ?? 0, { content: [], structuredContent: { done: true } })
    expect(bodyOf(await answer)).toEqual({ success: true, isError: false, result: { content: [], structuredContent: { done: true } } })
    expect((await send('/profiles/kairos/tools/s__write', { body: {} })).status).toBe(404)
  })
})

describe('a client of the web', () => {
  beforeEach(() => open({ s: { catalogue: CATALOGUE } }))

  it('asks with HEAD for what GET would say, without the body', async () => {
    for (const path of ['/tools', '/servers', '/openapi.json']) {
      const [full, head] = [await get(path), await send(path, { method: 'HEAD' })]
      expect([head.status, head.text, head.headers['content-length']], path).toEqual([200, '', String(Buffer.byteLength(full.text))])
    }
  })

  it('is let in from an origin that is allowed, and from no other', async () => {
    const preflight = await send('/tools/s__look', { method: 'OPTIONS', headers: { origin: ORIGIN, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization, content-type', authorization: '' } })
    expect([preflight.status, preflight.headers['access-control-allow-origin'], preflight.headers['access-control-allow-headers']]).toEqual([204, ORIGIN, 'authorization, content-type'])
    expect(preflight.headers['access-control-allow-methods']).toContain('POST')
    const listed = await get('/tools', { origin: ORIGIN })
    expect([listed.status, listed.headers['access-control-allow-origin'], listed.headers['access-control-expose-headers']]).toEqual([200, ORIGIN, expect.stringContaining('retry-after')])
    const foreign = await get('/tools', { origin: 'http://evil.example' })
    expect([foreign.status, foreign.headers['access-control-allow-origin'] ?? null]).toEqual([403, null])
  })
})
