import { afterEach, describe, expect, it, vi } from 'vitest'
import { waitFor } from '../helpers/wait.js'
import { ALL, openFake, text, type Asked, type FakeSession, type Opened } from '../unit/gateway-http/fake-gateway.js'
import { ask, call, initialize, openEvents, openRaw } from './gateway-http-support.js'

const opened: Opened[] = []

async function open(...args: Parameters<typeof openFake>): Promise<Opened & { readonly mcp: string }> {
  const fake = await openFake(...args)
  opened.push(fake)
  return { ...fake, mcp: `${fake.url}/mcp` }
}

afterEach(async () => {
  vi.useRealTimers()
  await Promise.all(opened.splice(0).map(({ front }) => front.close()))
})

/** Posts a call that the test answers; breaks the connection when told to. */
async function start(fake: { gateway: Opened['gateway']; mcp: string }, headers: Record<string, string>, id: unknown = 7): Promise<{ readonly asked: Asked; readonly break: () => void }> {
  const body = JSON.stringify(call(id, 'tools/call', { name: 'a' }))
  const lines = Object.entries({ host: 'localhost', 'content-type': 'application/json', ...headers, 'content-length': String(body.length) }).map(([name, value]) => `${name}: ${value}\r\n`)
  const raw = openRaw(Number(new URL(fake.mcp).port), `POST /mcp HTTP/1.1\r\n${lines.join('')}\r\n${body}`)
  const before = fake.gateway.asked('tools/call')
  const asked = await waitFor(() => {
    const newest = fake.gateway.asked('tools/call')
    return newest === before ? undefined : newest
  })
  return { asked, break: () => { raw.socket.destroy() } }
}

function sessionOf({ gateway }: Opened): FakeSession {
  const session = gateway.sessions.find(({ options }) => options.kind === 'any')
  if (session === undefined) throw new Error('no session')
  return session
}

describe('a session', () => {
  it('begins with initialize, gets an id nobody guesses, and is stored', async () => {
    const { mcp, store, gateway } = await open()
    const [one, two] = [await initialize(mcp), await initialize(mcp)]
    expect(one['mcp-session-id']).toMatch(/^[\x21-\x7e]{32}$/)
    expect(one['mcp-session-id']).not.toBe(two['mcp-session-id'])
    expect(gateway.sessions).toHaveLength(2)
    expect(store.sessions.get(one['mcp-session-id'] ?? '')).toMatchObject({ path: '/mcp', state: { protocolVersion: '2025-11-25' } })
  })

  it('is none when initialize is refused', async () => {
    const { mcp, gateway, store } = await open()
    const answer = await ask(mcp, { body: call(1, 'initialize', { protocolVersion: 'refuse' }) })
    expect([answer.headers['mcp-session-id'], gateway.sessions[0]?.closedWith, store.sessions.size]).toEqual([undefined, expect.any(String), 0])
  })

  it('is needed for everything else', async () => {
    const { mcp } = await open()
    const missing = await ask(mcp, { body: call(3, 'ping') })
    expect([missing.status, missing.json]).toMatchObject([400, { id: 3, error: { code: -32600, data: { reason: 'no-session' } } }])
    for (const method of ['POST', 'GET', 'DELETE']) {
      const unknown = await ask(mcp, { method, headers: { 'mcp-session-id': 'x'.repeat(32), ...(method === 'GET' ? { accept: 'text/event-stream' } : {}) }, ...(method === 'POST' ? { body: call(3, 'ping') } : {}) })
      expect([unknown.status, unknown.json.error?.data]).toEqual([404, { reason: 'unknown-session' }])
    }
  })

  it('carries requests, notifications and answers', async () => {
    const fake = await open()
    const headers = await initialize(fake.mcp)
    expect((await ask(fake.mcp, { headers, body: call('a', 'ping') })).json).toEqual({ jsonrpc: '2.0', id: 'a', result: {} })
    for (const body of [{ jsonrpc: '2.0', method: 'notifications/initialized' }, { jsonrpc: '2.0', id: 9, result: {} }]) {
      const answer = await ask(fake.mcp, { headers, body })
      expect([answer.status, answer.text, answer.headers['content-type']]).toEqual([202, '', undefined])
    }
    expect(sessionOf(fake).received.map(({ type }) => type)).toEqual(['request', 'request', 'notification', 'answer'])
  })

  it('begins anew with initialize under an id that is gone, but not under a living one', async () => {
    const { mcp } = await open()
    const headers = await initialize(mcp)
    const again = await ask(mcp, { headers, body: call(1, 'initialize', { protocolVersion: '2025-06-18' }) })
    expect([again.status, again.json.error?.data]).toEqual([400, { reason: 'initialized' }])
    const stale = await ask(mcp, { headers: { 'mcp-session-id': 'y'.repeat(32) }, body: call(1, 'initialize', { protocolVersion: '2025-06-18' }) })
    expect([stale.status, typeof stale.headers['mcp-session-id']]).toEqual([200, 'string'])
  })

  it('takes no version header, or one it knows', async () => {
    const { mcp } = await open()
    const headers = await initialize(mcp)
    const status = async (version?: string): Promise<number> => (await ask(mcp, { headers: { 'mcp-session-id': headers['mcp-session-id'] ?? '', ...(version === undefined ? {} : { 'mcp-protocol-version': version }) }, body: call(1, 'ping') })).status
    expect([await status(), await status('2025-03-26'), await status('1900-01-01'), await status('not-a-version')]).toEqual([200, 200, 400, 400])
    for (const method of ['GET', 'DELETE']) expect((await ask(mcp, { method, headers: { ...headers, accept: 'text/event-stream', 'mcp-protocol-version': 'bad' } })).status).toBe(400)
  })

  it('ends with DELETE: its streams too, and what waits is answered', async () => {
    const fake = await open()
    const headers = await initialize(fake.mcp)
    const standing = await openEvents(fake.mcp, { headers })
    const waiting = ask(fake.mcp, { headers, body: call(7, 'tools/call', { name: 'a' }) })
    await waitFor(() => fake.gateway.asked('tools/call'))
    expect((await ask(fake.mcp, { method: 'DELETE', headers })).status).toBe(200)
    await waitFor(() => standing.ended)
    expect([(await waiting).status, (await waiting).json.id]).toEqual([404, 7])
    expect([sessionOf(fake).closedWith, fake.store.sessions.size]).toEqual([expect.any(String), 0])
    expect((await ask(fake.mcp, { headers, body: call(1, 'ping') })).status).toBe(404)
  })

  it('goes on in another process', async () => {
    const first = await open()
    const headers = await initialize(first.mcp)
    await ask(first.mcp, { headers, body: call(1, 'logging/setLevel', { level: 'debug' }) })
    await first.front.close()
    const second = await open({}, { store: first.store })
    expect((await ask(second.mcp, { headers, body: call(2, 'ping') })).json.result).toEqual({})
    expect(sessionOf(second).options.resume).toMatchObject({ protocolVersion: '2025-11-25', logLevel: 'debug' })
  })

  it('is known at its own place only', async () => {
    const { mcp, url, gateway } = await open()
    gateway.servers.set('files', { ...ALL, servers: ['files'] })
    const headers = await initialize(`${url}/mcp/files`)
    expect((await ask(mcp, { headers, body: call(1, 'ping') })).status).toBe(404)
    expect((await ask(`${url}/mcp/files`, { headers, body: call(1, 'ping') })).status).toBe(200)
  })

  it('takes nothing back when a connection breaks', async () => {
    const fake = await open()
    const headers = await initialize(fake.mcp)
    const { asked, break: cut } = await start(fake, headers)
    cut()
    await ask(fake.mcp, { headers, body: call(1, 'ping') })
    asked.reply.answer([text({ jsonrpc: '2.0', id: 7, result: {} })], 200)
    expect(asked.aborted).toBeNull()
  })
})

describe('the stream of a request', () => {
  it('begins with a place to come back to, for clients that know what that is', async () => {
    for (const [version, primed] of [['2025-11-25', true], ['2025-06-18', false]] as const) {
      const fake = await open()
      const headers = await initialize(fake.mcp, version)
      const pending = openEvents(fake.mcp, { method: 'POST', headers, body: call(7, 'tools/call', { name: 'a' }) })
      const asked = await waitFor(() => fake.gateway.asked('tools/call'))
      asked.reply.send('{"jsonrpc":"2.0","method":"notifications/progress"}')
      asked.reply.answer([text({ jsonrpc: '2.0', id: 7, result: {} })], 200)
      const events = await pending
      await waitFor(() => events.ended)
      expect(events.all.map(({ data, retry, id }) => [data === '', retry !== null, id !== null])).toEqual([...(primed ? [[true, true, true]] : []), [false, false, true], [false, false, true]])
      expect(new Set(events.all.map(({ id }) => id)).size).toBe(events.all.length)
      expect(events.messages().map(({ id, method }) => id ?? method)).toEqual(['notifications/progress', 7])
    }
  })

  it('is continued where the client lost it, with the answer that came meanwhile', async () => {
    const fake = await open()
    const headers = await initialize(fake.mcp)
    const pending = openEvents(fake.mcp, { method: 'POST', headers, body: call('id-7', 'tools/call', { name: 'a' }) })
    const asked = await waitFor(() => fake.gateway.asked('tools/call'))
    asked.reply.send('{"n":1}')
    const first = await pending
    await waitFor(() => first.messages().length === 1)
    const lastId = first.all.at(-1)?.id ?? ''
    first.break()
    asked.reply.send('{"n":2}')
    await ask(fake.mcp, { headers, body: call(1, 'ping') })
    asked.reply.send('{"n":3}')
    const second = await openEvents(fake.mcp, { headers: { ...headers, 'last-event-id': lastId } })
    await waitFor(() => second.messages().length === 2)
    second.break()
    await waitFor(() => second.ended)
    asked.reply.answer([text({ jsonrpc: '2.0', id: 'id-7', result: {} })], 200)
    const third = await openEvents(fake.mcp, { headers: { ...headers, 'last-event-id': second.all.at(-1)?.id ?? '' } })
    await waitFor(() => third.ended)
    expect([second.messages(), third.messages()]).toEqual([[{ n: 2 }, { n: 3 }], [{ jsonrpc: '2.0', id: 'id-7', result: {} }]])
    const over = await ask(fake.mcp, { method: 'GET', headers: { ...headers, accept: 'text/event-stream', 'last-event-id': third.all.at(-1)?.id ?? '' } })
    expect(over.status).toBe(405)
  })

  it('that another process had says that the answer is lost', async () => {
    const first = await open()
    const headers = await initialize(first.mcp)
    const pending = openEvents(first.mcp, { method: 'POST', headers, body: call('id "7"', 'tools/call', { name: 'a' }) })
    const asked = await waitFor(() => first.gateway.asked('tools/call'))
    asked.reply.send('{"n":1}')
    const events = await pending
    await waitFor(() => events.messages().length === 1)
    const second = await open({}, { store: first.store })
    const resumed = await openEvents(second.mcp, { headers: { ...headers, 'last-event-id': events.all.at(-1)?.id ?? '' } })
    await waitFor(() => resumed.ended)
    expect(resumed.messages()).toMatchObject([{ id: 'id "7"', error: { code: -32603, data: { reason: 'stream-lost', outcome: 'unknown' } } }])
  })

  it('is not to be had under an id that is none', async () => {
    const { mcp } = await open()
    const headers = await initialize(mcp)
    for (const id of ['x', '../..', 'zzzz9-1-!!', '-1']) expect((await ask(mcp, { method: 'GET', headers: { ...headers, accept: 'text/event-stream', 'last-event-id': id } })).status).toBe(400)
  })

  it('is opened by itself when the answer takes long, and says that it lives', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    const fake = await open()
    const headers = await initialize(fake.mcp)
    const pending = openEvents(fake.mcp, { method: 'POST', headers, body: call(7, 'tools/call', { name: 'a' }) })
    const asked = await waitFor(() => fake.gateway.asked('tools/call'))
    await vi.advanceTimersByTimeAsync(45_000)
    const events = await pending
    expect(events.headers['content-type']).toBe('text/event-stream')
    await waitFor(() => events.comments.length > 0)
    asked.reply.answer([text({ jsonrpc: '2.0', id: 7, result: {} })], 200)
    await waitFor(() => events.ended)
    expect(events.messages()).toEqual([{ jsonrpc: '2.0', id: 7, result: {} }])
  })
})

describe('the standing stream', () => {
  it('carries what belongs to no request, also what came before it', async () => {
    const fake = await open()
    const headers = await initialize(fake.mcp)
    const { channel } = sessionOf(fake).options
    channel.send('{"n":1}')
    const events = await openEvents(fake.mcp, { headers })
    expect(events.headers['content-type']).toBe('text/event-stream')
    channel.send('{"n":2}')
    await waitFor(() => events.messages().length === 2)
    expect(events.messages()).toEqual([{ n: 1 }, { n: 2 }])
    events.break()
    await waitFor(() => events.ended)
    const again = await openEvents(fake.mcp, { headers: { ...headers, 'last-event-id': events.all.at(-1)?.id ?? '' } })
    channel.send('{"n":3}')
    await waitFor(() => again.messages().length > 0)
    expect(again.messages()).toEqual([{ n: 3 }])
  })

  it('may be open twice: each message goes to the newer one, the older one takes over', async () => {
    const fake = await open()
    const headers = await initialize(fake.mcp)
    const { channel } = sessionOf(fake).options
    const [older, newer] = [await openEvents(fake.mcp, { headers }), await openEvents(fake.mcp, { headers })]
    channel.send('{"n":1}')
    await waitFor(() => newer.messages().length === 1)
    newer.break()
    await waitFor(() => newer.ended)
    await ask(fake.mcp, { headers, body: call(1, 'ping') })
    await waitFor(() => {
      channel.send('{"n":2}')
      return older.messages().length > 0
    })
    expect(older.messages()[0]).toEqual({ n: 2 })
  })

  it('keeps the newest hundred messages while nobody listens', async () => {
    const fake = await open()
    const headers = await initialize(fake.mcp)
    for (let n = 1; n <= 150; n++) sessionOf(fake).options.channel.send(`{"n":${String(n)}}`)
    const events = await openEvents(fake.mcp, { headers })
    await waitFor(() => events.messages().length >= 100)
    expect([events.messages().length, events.messages()[0], events.messages().at(-1)]).toEqual([100, { n: 51 }, { n: 150 }])
  })

  it('gets the questions of requests whose connection broke, and of those that take no stream', async () => {
    const fake = await open()
    const headers = await initialize(fake.mcp)
    const standing = await openEvents(fake.mcp, { headers })
    const plain = ask(fake.mcp, { headers: { ...headers, accept: 'application/json' }, body: call(1, 'tools/call', { name: 'a' }) })
    const one = await waitFor(() => fake.gateway.asked('tools/call'))
    one.reply.send('{"jsonrpc":"2.0","id":"q1","method":"roots/list"}')
    one.reply.send('{"jsonrpc":"2.0","method":"notifications/progress"}')
    one.reply.answer([text({ jsonrpc: '2.0', id: 1, result: {} })], 200)
    expect((await plain).headers['content-type']).toBe('application/json')
    const two = await start(fake, headers, 2)
    two.break()
    await waitFor(() => {
      two.asked.reply.send('{"jsonrpc":"2.0","id":"q2","method":"roots/list"}')
      return standing.messages().some(({ id }) => id === 'q2')
    })
    expect(standing.messages()[0]).toEqual({ jsonrpc: '2.0', id: 'q1', method: 'roots/list' })
    expect(standing.messages().every(({ method }) => method === 'roots/list')).toBe(true)
  })

  it('is not for clients that take no streams', async () => {
    const { mcp } = await open()
    const headers = await initialize(mcp)
    expect((await ask(mcp, { method: 'GET', headers: { ...headers, accept: 'application/json' } })).status).toBe(406)
  })
})
