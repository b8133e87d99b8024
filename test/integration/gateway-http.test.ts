import { createServer, connect, type Server, type Socket } from 'node:net'
import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { openHttpFront, type HttpFrontOptions } from '../../src/lib/gateway/http/index.js'
import { freePort } from '../helpers/port.js'
import { waitFor } from '../helpers/wait.js'
import { ALL, FakeGateway, openFake, text, type Opened } from '../unit/gateway-http/fake-gateway.js'
import { ask, call, destroyAgents, initialize, modern, newAgent, openEvents, openRaw } from './gateway-http-support.js'

const opened: Opened[] = []
const servers: Server[] = []

async function open(...args: Parameters<typeof openFake>): Promise<Opened> {
  const fake = await openFake(...args)
  opened.push(fake)
  return fake
}

afterEach(async () => {
  destroyAgents()
  await Promise.all(opened.splice(0).map(({ front }) => front.close()))
  for (const server of servers.splice(0)) server.close()
})

describe('a modern request', () => {
  it('is answered with one JSON body', async () => {
    const { url } = await open()
    const answer = await ask(`${url}/mcp`, modern('a"b', 'ping'))
    expect([answer.status, answer.headers['content-type'], answer.json]).toEqual([200, 'application/json', { jsonrpc: '2.0', id: 'a"b', result: {} }])
    expect(answer.headers['mcp-session-id']).toBeUndefined()
    expect(answer.headers.date).toBeUndefined()
  })

  it('that goes over a limit is refused with 429, and told when to ask again in whole seconds', async () => {
    const { url, gateway } = await open()
    const session = await initialize(`${url}/mcp`)
    const cases = [modern(1, 'slow'), { headers: { ...modern(1, 'slow').headers, accept: 'text/event-stream' }, body: modern(1, 'slow').body }, { headers: session, body: call(1, 'slow') }]
    for (const [index, sent] of cases.entries()) {
      const asked = ask(`${url}/mcp`, sent)
      await waitFor(() => gateway.sessions.flatMap((each) => each.asked).length === index + 1)
      gateway.sessions.flatMap((each) => each.asked).at(index === 2 ? 0 : -1)?.reply.answer([Buffer.from('{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"no"}}')], 429, 1200)
      const answer = await asked
      expect([answer.status, answer.headers['retry-after'], answer.headers['content-type'], answer.json.error?.code]).toEqual([429, '2', 'application/json', -32603])
    }
  })

  it('shares one session with all others at its place', async () => {
    const { url, gateway } = await open()
    gateway.servers.set('files', { ...ALL, servers: ['files'] })
    await Promise.all([1, 2, 3].map((id) => ask(`${url}/mcp`, modern(id, 'ping'))))
    await ask(`${url}/mcp/files`, modern(4, 'ping'))
    expect(gateway.sessions.map(({ options }) => [options.kind, options.view.servers])).toEqual([['modern', null], ['modern', ['files']]])
  })

  it('gets the status that goes with its answer', async () => {
    const { url } = await open()
    const answer = await ask(`${url}/mcp`, modern(7, 'unknown'))
    expect([answer.status, answer.json.id, answer.json.error?.code]).toEqual([404, 7, -32601])
  })

  it('becomes a stream with the first thing said before the answer', async () => {
    const { url, gateway } = await open()
    const pending = openEvents(`${url}/mcp`, { method: 'POST', ...modern(1, 'tools/call', { name: 'slow' }) })
    const asked = await waitFor(() => gateway.asked('tools/call'))
    asked.reply.send('{"jsonrpc":"2.0","method":"notifications/progress"}')
    const events = await pending
    expect([events.status, events.headers['content-type'], events.headers['x-accel-buffering'], events.headers['content-length']]).toEqual([200, 'text/event-stream', 'no', undefined])
    await waitFor(() => events.all.length === 1)
    asked.reply.answer([Buffer.from('{"jsonrpc":"2.0",\n"id":'), Buffer.from('1,"result":{}}')], 200)
    await waitFor(() => events.ended)
    expect(events.messages()).toEqual([{ jsonrpc: '2.0', method: 'notifications/progress' }, { jsonrpc: '2.0', id: 1, result: {} }])
    expect(events.all.every(({ id }) => id === null)).toBe(true)
  })

  it('is a stream from the start for a client that takes nothing else', async () => {
    const { url } = await open()
    const { headers, body } = modern(1, 'ping')
    const events = await openEvents(`${url}/mcp`, { method: 'POST', headers: { ...headers, accept: 'text/event-stream' }, body })
    await waitFor(() => events.ended)
    expect(events.messages()).toEqual([{ jsonrpc: '2.0', id: 1, result: {} }])
  })

  it('is taken back when its client disconnects', async () => {
    const { url, gateway } = await open()
    const controller = new AbortController()
    const { headers, body } = modern(1, 'tools/call', { name: 'slow' })
    const pending = fetch(`${url}/mcp`, { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(body), signal: controller.signal }).catch(() => null)
    const asked = await waitFor(() => gateway.asked('tools/call'))
    expect(asked.aborted).toBeNull()
    controller.abort()
    await waitFor(() => asked.aborted)
    await pending
    expect(asked.aborted).toBe('the client disconnected')
    asked.reply.answer([text({ late: true })], 200)
    asked.reply.send('{}')
  })

  it('is taken back when its client closes the stream', async () => {
    const { url, gateway } = await open()
    const pending = openEvents(`${url}/mcp`, { method: 'POST', ...modern(1, 'subscriptions/listen') })
    const asked = await waitFor(() => gateway.asked('subscriptions/listen'))
    asked.reply.send('{"ack":1}')
    const events = await pending
    events.break()
    await waitFor(() => asked.aborted)
  })

  it.each([
    ['with another version in the header', { 'mcp-protocol-version': 'v2' }, -32020],
    ['with another method in the header', { 'mcp-method': 'PING' }, -32020],
  ])('is refused %s', async (_what, headers, code) => {
    const { url, gateway } = await open()
    const answer = await ask(`${url}/mcp`, modern(5, 'ping', {}, headers))
    expect([answer.status, answer.json.id, answer.json.error?.code]).toEqual([400, 5, code])
    expect(gateway.sessions.flatMap(({ received }) => received)).toEqual([])
  })

  it('is refused without the version header, known by its body', async () => {
    const { url } = await open()
    const answer = await ask(`${url}/mcp`, { headers: { 'mcp-method': 'ping' }, body: modern(5, 'ping').body })
    expect([answer.status, answer.json.id, answer.json.error?.code]).toEqual([400, 5, -32020])
  })

  it('is refused when a header does not repeat the argument it stands for', async () => {
    const { url, gateway } = await open()
    await ask(`${url}/mcp`, modern(1, 'ping'))
    gateway.sessions[0]?.headers.set('deploy', new Map([['region', ['region']]]))
    const params = { name: 'deploy', arguments: { region: 'eu' } }
    expect((await ask(`${url}/mcp`, modern(2, 'tools/call', params))).json.error?.code).toBe(-32020)
    const pending = ask(`${url}/mcp`, modern(3, 'tools/call', params, { 'Mcp-Param-Region': 'eu' }))
    const asked = await waitFor(() => gateway.asked('tools/call'))
    asked.reply.answer([text({ ok: true })], 200)
    expect((await pending).status).toBe(200)
  })

  it('hears of versions that are not spoken, whatever else it carries', async () => {
    const { url } = await open()
    for (const headers of [{ 'mcp-protocol-version': 'v999' }, { 'mcp-protocol-version': 'v999', 'mcp-session-id': 'x' }]) {
      const answer = await ask(`${url}/mcp`, { headers, body: call(3, 'server/discover') })
      expect([answer.status, answer.json]).toMatchObject([400, { id: 3, error: { code: -32022, data: { supported: ['2026-07-28'], requested: 'v999' } } }])
    }
  })

  it('leaves a body without a version to the session', async () => {
    const { url, gateway } = await open()
    await ask(`${url}/mcp`, { headers: { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'ping' }, body: call(3, 'ping') })
    expect(gateway.sessions[0]?.received).toHaveLength(1)
  })

  it('has no sessions to get or delete', async () => {
    const { url } = await open()
    for (const method of ['GET', 'DELETE']) for (const own of [{}, { 'mcp-protocol-version': '2026-07-28', 'mcp-session-id': 'x' }]) {
      const answer = await ask(`${url}/mcp`, { method, headers: { accept: 'text/event-stream', ...own } })
      expect([answer.status, answer.headers.allow]).toEqual([405, 'POST'])
    }
  })

  it('has notifications that are accepted and answers that are not', async () => {
    const { url, gateway } = await open()
    const headers = { 'mcp-protocol-version': '2026-07-28' }
    const accepted = await ask(`${url}/mcp`, { headers, body: { jsonrpc: '2.0', method: 'notifications/x' } })
    expect([accepted.status, accepted.text]).toEqual([202, ''])
    expect(gateway.sessions[0]?.received[0]).toMatchObject({ type: 'notification', method: 'notifications/x' })
    const refused = await ask(`${url}/mcp`, { headers, body: { jsonrpc: '2.0', id: 1, result: {} } })
    expect([refused.status, refused.json.error?.code]).toEqual([400, -32600])
  })
})

describe('what comes in', () => {
  it('is refused when it is no message', async () => {
    const { url } = await open()
    for (const [body, code] of [['{', -32700], ['[]', -32600], ['null', -32600], ['', -32700], [Buffer.from([0x22, 0xff, 0x22]), -32700]] as const) {
      const answer = await ask(`${url}/mcp`, { body })
      expect([answer.status, answer.json.id, answer.json.error?.code]).toEqual([400, null, code])
    }
  })

  it('is refused from other hosts and origins, and the log says so once', async () => {
    const { url, logged, gateway } = await open()
    for (const headers of [{ host: 'evil.example' }, { origin: 'http://evil.example' }]) {
      for (let n = 0; n < 3; n++) {
        const answer = await ask(`${url}/mcp`, { ...modern(1, 'ping', {}, headers) })
        expect([answer.status, answer.json.error?.code, answer.headers['access-control-allow-origin']]).toEqual([403, -32600, undefined])
      }
    }
    expect(logged).toHaveLength(2)
    expect(gateway.sessions).toEqual([])
  })

  it('needs the token when there is one, everywhere', async () => {
    const { url, logged } = await open({ token: 'tok-en-1' })
    for (const path of ['/mcp', '/nowhere']) {
      const answer = await ask(`${url}${path}`, modern(1, 'ping', {}, { authorization: 'Bearer tok-en-2' }))
      expect([answer.status, answer.headers['www-authenticate']]).toEqual([401, 'Bearer error="invalid_token"'])
    }
    expect((await ask(`${url}/mcp`, modern(1, 'ping'))).headers['www-authenticate']).toBe('Bearer')
    expect((await ask(`${url}/mcp`, modern(1, 'ping', {}, { authorization: 'Bearer tok-en-1' }))).status).toBe(200)
    expect(logged.join()).not.toContain('tok-en')
  })

  it('has to be JSON, as it is, and to take an answer we can give', async () => {
    const { url } = await open()
    const { body } = modern(1, 'ping')
    const status = async (headers: Record<string, string>): Promise<number> => (await ask(`${url}/mcp`, { ...modern(1, 'ping', {}, headers), body })).status
    expect(await status({ 'content-type': 'text/plain' })).toBe(415)
    expect(await status({ 'content-encoding': 'gzip' })).toBe(415)
    expect(await status({ accept: 'text/html' })).toBe(406)
    expect(await status({ accept: '*/*' })).toBe(200)
    expect(await status({ 'content-type': 'application/json; charset=utf-8' })).toBe(200)
  })

  it('has its place', async () => {
    const { url, gateway } = await open()
    gateway.servers.set('a b', { ...ALL, servers: ['a b'] })
    gateway.profiles.set('work', { ...ALL, tags: ['work'] })
    for (const path of ['/', '/mcp/', '/mcp/nobody', '/mcp/a%20b/x', '/mcp/%zz', '/profiles/nobody/mcp', '/profiles/mcp', '/profiles//mcp', '/sse', '/messages', '/MCP']) {
      const answer = await ask(`${url}${path}`, modern(1, 'ping'))
      expect([path, answer.status, answer.json.error?.code]).toEqual([path, 404, -32600])
    }
    for (const path of ['/mcp?x=1', '/mcp/a%20b', '/profiles/work/mcp']) expect((await ask(`${url}${path}`, modern(1, 'ping'))).status).toBe(200)
    // Nobody who is not known may manage servers.
    const only = { servers: null, allow: null, deny: [], manage: false }
    expect(gateway.sessions.map(({ options }) => options.view)).toEqual([ALL, { ...ALL, servers: ['a b'] }, { ...ALL, tags: ['work'] }].map((view) => ({ ...view, only })))
  })

  it('has its methods', async () => {
    const { url } = await open()
    for (const method of ['PUT', 'PATCH', 'HEAD']) {
      const answer = await ask(`${url}/mcp`, { method })
      expect([answer.status, answer.headers.allow]).toEqual([405, 'GET, POST, DELETE, OPTIONS'])
    }
  })

  it('may come from a web page of an allowed origin', async () => {
    const { url } = await open({ allowedOrigins: ['https://app.example'], token: 'x' })
    const preflight = await ask(`${url}/mcp`, { method: 'OPTIONS', headers: { origin: 'https://app.example', 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type,mcp-param-region' } })
    expect([preflight.status, preflight.headers['access-control-allow-origin'], preflight.headers['access-control-allow-headers']]).toEqual([204, 'https://app.example', 'content-type,mcp-param-region'])
    const answer = await ask(`${url}/mcp`, modern(1, 'ping', {}, { origin: 'https://app.example', authorization: 'Bearer x' }))
    expect([answer.status, answer.headers['access-control-allow-origin'], answer.headers['access-control-expose-headers']]).toEqual([200, 'https://app.example', expect.stringContaining('mcp-session-id')])
  })

  it('may be as long as 64 MiB, and no longer', async () => {
    const { url, gateway } = await open()
    const { headers } = modern(1, 'ping')
    const long = (bytes: number): Buffer => Buffer.concat([Buffer.from('{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"},"x":"'), Buffer.alloc(bytes - 200, 0x61), Buffer.from('"}}')])
    expect((await ask(`${url}/mcp`, { headers, body: long(40 * 1024 * 1024) })).status).toBe(200)
    const tooLong = await ask(`${url}/mcp`, { headers, body: long(65 * 1024 * 1024) })
    expect([tooLong.status, tooLong.json.error?.code, tooLong.headers.connection]).toEqual([413, -32600, 'close'])
    const chunked = await ask(`${url}/mcp`, { headers: { ...headers, 'transfer-encoding': 'chunked' }, body: long(65 * 1024 * 1024) })
    expect(chunked.status).toBe(413)
    expect(gateway.sessions.flatMap(({ received }) => received)).toHaveLength(1)
  })

  it('leaves the connection usable when it is refused', async () => {
    const { url } = await open()
    const agent = newAgent()
    const sockets = new Set<number | undefined>()
    for (const headers of [{ host: 'evil.example' }, {}, { 'content-type': 'x/y' }, {}]) {
      await ask(`${url}/mcp`, { ...modern(1, 'ping', {}, headers), agent })
      await waitFor(() => Object.values(agent.freeSockets)[0]?.[0])
      sockets.add((Object.values(agent.freeSockets)[0]?.[0] as Socket).localPort)
    }
    expect(sockets.size).toBe(1)
  })

  it('that brings out a defect fails alone', async () => {
    const { url } = await open()
    const answer = await ask(`${url}/mcp`, modern(1, 'defect'))
    expect([answer.status, answer.json.error?.data]).toEqual([500, { reason: 'defect' }])
    expect((await ask(`${url}/mcp`, modern(1, 'ping'))).status).toBe(200)
  })
})

describe('an answer', () => {
  it('may be long, in parts', async () => {
    const { url, gateway } = await open()
    const pending = ask(`${url}/mcp`, modern(1, 'tools/call', { name: 'x' }))
    const asked = await waitFor(() => gateway.asked('tools/call'))
    const part = Buffer.alloc(10 * 1024 * 1024, 0x61)
    asked.reply.answer([Buffer.from('{"result":{"a":"'), part, Buffer.from('","b":"'), part, Buffer.from('"}}')], 200)
    const answer = await pending
    expect([answer.headers['content-length'], (answer.json.result?.['b'] as string).length]).toEqual([String(answer.text.length), part.length])
  })

  it('that nobody reads is given up when too much waits', async () => {
    const { url, gateway } = await open()
    const pending = openEvents(`${url}/mcp`, { method: 'POST', ...modern(1, 'subscriptions/listen') })
    const asked = await waitFor(() => gateway.asked('subscriptions/listen'))
    asked.reply.send('{}')
    const events = await pending
    events.pause()
    const large = JSON.stringify('a'.repeat(8 * 1024 * 1024))
    let sent = 0
    while (asked.aborted === null && sent < 100) {
      asked.reply.send(large)
      sent++
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(asked.aborted).toBe('the client disconnected')
    expect(sent).toBeLessThan(30)
    events.break()
  })
})

describe('a private connection', () => {
  async function openPrivate(fake: Opened, view: typeof ALL, ahead = ''): Promise<number> {
    const server = createServer((socket) => {
      if (ahead !== '') socket.unshift(Buffer.from(ahead))
      fake.front.accept(socket, view)
    })
    servers.push(server)
    const port = await freePort()
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return port
  }

  it('needs no token, and sees its own view', async () => {
    const fake = await open({ token: 'x', port: null })
    expect(fake.front.address).toBeNull()
    const port = await openPrivate(fake, { ...ALL, servers: ['a'], prefix: 'none' })
    expect((await ask(`http://127.0.0.1:${String(port)}/mcp`, modern(1, 'ping'))).status).toBe(200)
    expect(fake.gateway.sessions[0]?.options.view).toEqual({ ...ALL, servers: ['a'], prefix: 'none' })
    expect((await ask(`http://127.0.0.1:${String(port)}/mcp`, modern(1, 'ping', {}, { host: 'evil.example' }))).status).toBe(403)
  })

  it('sees no more at other paths than it was given', async () => {
    const fake = await open({ port: null })
    for (const name of ['a', 'b']) fake.gateway.servers.set(name, { ...ALL, servers: [name] })
    fake.gateway.profiles.set('p', ALL)
    const port = await openPrivate(fake, { ...ALL, servers: ['a'] })
    const status = async (path: string): Promise<number> => (await ask(`http://127.0.0.1:${String(port)}${path}`, modern(1, 'ping'))).status
    expect([await status('/mcp/a'), await status('/mcp/b'), await status('/profiles/p/mcp')]).toEqual([200, 404, 404])
  })

  it('has sessions that are its view\'s alone', async () => {
    const fake = await open()
    const port = await openPrivate(fake, { ...ALL, servers: ['a'] })
    const same = await openPrivate(fake, { ...ALL, servers: ['a'] })
    const headers = await initialize(`http://127.0.0.1:${String(port)}/mcp`)
    const status = async (url: string): Promise<number> => (await ask(url, { headers, body: call(1, 'ping') })).status
    expect([await status(`${fake.url}/mcp`), await status(`http://127.0.0.1:${String(same)}/mcp`)]).toEqual([404, 200])
  })

  it('may have been read from before', async () => {
    const fake = await open({ port: null })
    const body = JSON.stringify(call(1, 'initialize', { protocolVersion: '2025-11-25' }))
    const port = await openPrivate(fake, ALL, `POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${String(body.length)}\r\n\r\n${body.slice(0, 20)}`)
    const raw = openRaw(port, body.slice(20))
    await waitFor(() => raw.text().includes('"protocolVersion":"2025-11-25"'))
    raw.socket.destroy()
  })

  it('that opened before the end is closed by it, one after it at once', async () => {
    const fake = await open({ port: null })
    const port = await openPrivate(fake, ALL)
    const raw = openRaw(port)
    await once(raw.socket, 'connect')
    await ask(`http://127.0.0.1:${String(port)}/mcp`, modern(1, 'ping'))
    await fake.front.close()
    await waitFor(() => raw.isClosed())
    const late = connect(port, '127.0.0.1')
    late.on('error', () => undefined)
    await once(late, 'close')
  })
})

describe('opening the front', () => {
  const settings: HttpFrontOptions['settings'] = { host: '127.0.0.1', port: 0, token: null, allowedHosts: [], allowedOrigins: [], sse: false }
  const openWith = (own: Partial<typeof settings>): Promise<unknown> => openHttpFront({ gateway: new FakeGateway(), view: ALL, store: null, log: () => undefined, settings: { ...settings, ...own } })

  it('names the port that is taken, and how to find who has it', async () => {
    const { port } = await open()
    await expect(openWith({ port })).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining(`127.0.0.1:${String(port)}`) as string, hint: expect.stringContaining(String(port)) as string, details: { port, reason: 'EADDRINUSE' } })
  })

  it('refuses to let other machines in without a token', async () => {
    for (const host of ['0.0.0.0', '::', '192.168.1.2', 'example.com']) await expect(openWith({ host })).rejects.toMatchObject({ code: 'CONFIG_INVALID', hint: expect.stringContaining('gateway.token') as string })
  })

  it('says when the host is no address of this machine', async () => {
    await expect(openWith({ host: '203.0.113.7', token: 'x' })).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining('203.0.113.7') as string })
  })
})

describe('closing the front', () => {
  it('answers what is open, closes sessions and connections, keeps the store', async () => {
    const fake = await open()
    const headers = await initialize(`${fake.url}/mcp`)
    const agent = newAgent()
    await ask(`${fake.url}/mcp`, { ...modern(0, 'ping'), agent })
    const standing = await openEvents(`${fake.url}/mcp`, { headers })
    const waiting = ask(`${fake.url}/mcp`, modern(1, 'tools/call', { name: 'a' }))
    const legacy = ask(`${fake.url}/mcp`, { headers, body: call(2, 'tools/call', { name: 'b' }) })
    await waitFor(() => fake.gateway.sessions.flatMap(({ asked }) => asked).length === 2)
    await fake.front.close()
    expect([(await waiting).status, (await waiting).json]).toMatchObject([503, { id: 1, error: { data: { reason: 'stopped' } } }])
    expect([(await legacy).status, (await legacy).json]).toMatchObject([503, { id: 2, error: { data: { reason: 'stopped' } } }])
    await waitFor(() => standing.ended)
    expect(fake.gateway.sessions.map(({ closedWith }) => closedWith !== null)).toEqual([true, true])
    expect(fake.store.sessions.size).toBe(1)
    await expect(ask(`${fake.url}/mcp`, modern(1, 'ping'))).rejects.toThrow()
    await fake.front.close()
  })

  it('does not wait for clients that do not read', async () => {
    const fake = await open()
    const pending = openEvents(`${fake.url}/mcp`, { method: 'POST', ...modern(1, 'subscriptions/listen') })
    const asked = await waitFor(() => fake.gateway.asked('subscriptions/listen'))
    asked.reply.send('{}')
    const events = await pending
    events.pause()
    asked.reply.send(JSON.stringify('a'.repeat(16 * 1024 * 1024)))
    await fake.front.close()
    events.break()
  })
})
