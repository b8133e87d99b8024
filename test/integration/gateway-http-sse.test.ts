import { afterEach, describe, expect, it } from 'vitest'
import { waitFor } from '../helpers/wait.js'
import { ALL, openFake, text, type Opened } from '../unit/gateway-http/fake-gateway.js'
import { ask, call, openEvents, type Events } from './gateway-http-support.js'

const opened: Opened[] = []

async function open(sse = true): Promise<Opened> {
  const fake = await openFake({ sse })
  opened.push(fake)
  return fake
}

afterEach(async () => { await Promise.all(opened.splice(0).map(({ front }) => front.close())) })

async function connect({ url }: Opened, path = '/sse'): Promise<{ readonly events: Events; readonly post: string }> {
  const events = await openEvents(`${url}${path}`)
  await waitFor(() => events.all.length > 0)
  expect(events.all[0]).toMatchObject({ event: 'endpoint', data: expect.stringMatching(/^\/messages\?sessionId=[\w-]{32}$/) as string })
  return { events, post: `${url}${events.all[0]?.data ?? ''}` }
}

describe('HTTP+SSE (2024-11-05)', () => {
  it('answers on the stream what was posted to its endpoint', async () => {
    const fake = await open()
    const { events, post } = await connect(fake)
    const accepted = await ask(post, { body: call(1, 'initialize', { protocolVersion: '2024-11-05' }) })
    expect([accepted.status, accepted.text]).toEqual([202, ''])
    await waitFor(() => events.all.length === 2)
    await ask(post, { body: call(2, 'tools/call', { name: 'a' }) })
    const asked = await waitFor(() => fake.gateway.asked('tools/call'))
    asked.reply.send('{"n":1}')
    asked.reply.answer([text({ jsonrpc: '2.0', id: 2, result: {} })], 200)
    fake.gateway.sessions[0]?.options.channel.send('{"n":2}')
    await waitFor(() => events.all.length === 5)
    expect(events.all.slice(1).map(({ event, data }) => [event, JSON.parse(data) as unknown])).toEqual([
      ['message', { jsonrpc: '2.0', id: 1, result: { protocolVersion: '2024-11-05' } }], ['message', { n: 1 }], ['message', { jsonrpc: '2.0', id: 2, result: {} }], ['message', { n: 2 }],
    ])
  })

  it('keeps clients apart, and ends a session with its stream', async () => {
    const fake = await open()
    fake.gateway.servers.set('files', { ...ALL, servers: ['files'] })
    const [one, two] = [await connect(fake), await connect(fake, '/sse/files')]
    await ask(two.post, { body: call(1, 'ping') })
    await waitFor(() => two.events.all.length === 2)
    expect([one.events.all.length, fake.gateway.sessions.map(({ options }) => options.view.servers)]).toEqual([1, [null, ['files']]])
    one.events.break()
    await waitFor(() => fake.gateway.sessions[0]?.closedWith)
    expect((await ask(one.post, { body: call(2, 'ping') })).status).toBe(404)
    expect((await ask(two.post, { body: call(2, 'ping') })).status).toBe(202)
  })

  it('refuses what it cannot read, and places that are not there', async () => {
    const fake = await open()
    const { post, events } = await connect(fake)
    expect([(await ask(post, { body: '{' })).status, events.all.length]).toEqual([400, 1])
    for (const path of ['/messages', '/messages?sessionId=x', '/sse/nobody']) expect((await ask(`${fake.url}${path}`, { body: call(1, 'ping') })).status).toBe(404)
    const posted = await ask(`${fake.url}/sse`, { body: call(1, 'initialize') })
    expect([posted.status, posted.headers.allow]).toEqual([405, 'GET, OPTIONS'])
  })

  it('is not there unless it is switched on', async () => {
    const { url } = await open(false)
    expect((await ask(`${url}/sse`, { method: 'GET' })).status).toBe(404)
  })

  it('ends with the front', async () => {
    const fake = await open()
    const { events } = await connect(fake)
    await fake.front.close()
    await waitFor(() => events.ended)
    expect(fake.gateway.sessions[0]?.closedWith).not.toBeNull()
  })
})
