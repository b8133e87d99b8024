import { readFileSync } from 'node:fs'
import http from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { run } from '../helpers/cli.js'
import { freePort } from '../helpers/port.js'
import { waitFor } from '../helpers/wait.js'
import { LEGACY, textOf, type Json } from './gateway-client.js'
import { talkative, useGateway } from './gateway-support.js'
import { serverOf } from './support.js'

/** How a stub answers everything (its path), or one call (`how` in the arguments). */
type Mood = '401' | '403' | '404' | '500' | 'html' | 'junk' | 'reset' | 'hang' | 'good'
const moods: Record<string, Mood> = { m401: '401', m404: '404', m500: '500', mhtml: 'html', mjunk: 'junk', moody: 'good' }

function misbehave(mood: Mood, response: http.ServerResponse): void {
  switch (mood) {
    case '401': return void response.writeHead(401, { 'www-authenticate': 'Bearer', 'content-type': 'text/plain' }).end('who are you')
    case '403': case '404': case '500': return void response.writeHead(Number(mood), { 'content-type': 'text/plain' }).end('no')
    case 'html': return void response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Welcome</title>')
    case 'junk': return void response.writeHead(200, { 'content-type': 'application/json' }).end('{"jsonrpc":"2.0",')
    case 'reset': return void response.destroy()
    case 'hang': case 'good': return
  }
}

/** Legacy servers at several paths of one port, each in its mood. */
const upstream = http.createServer((request, response) => {
  let text = ''
  request.on('data', (chunk: Buffer) => (text += chunk.toString()))
  request.on('end', () => {
    const mood = moods[(request.url ?? '').slice(1)] ?? '404'
    if (mood !== 'good') return misbehave(mood, response)
    if (request.method !== 'POST') return void response.writeHead(405).end()
    const { id, method, params } = JSON.parse(text) as { id?: number; method: string; params?: Json }
    if (id === undefined) return void response.writeHead(202).end()
    const args = (params?.['arguments'] ?? {}) as { how?: Mood; text?: string }
    if (args.how !== undefined && args.how !== 'good') return misbehave(args.how, response)
    const results: Record<string, Json> = {
      initialize: { protocolVersion: LEGACY, capabilities: { tools: {} }, serverInfo: { name: 'moody', version: '1' } },
      'tools/list': { tools: [{ name: 'say', inputSchema: { type: 'object' } }] },
      'tools/call': { content: [{ type: 'text', text: args.text ?? '' }] },
    }
    const answer = Object.hasOwn(results, method) ? { result: results[method] } : { error: { code: -32601, message: 'no' } }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ jsonrpc: '2.0', id, ...answer }))
  })
})

let port = 0
beforeAll(() => new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', () => {
  port = (upstream.address() as { port: number }).port
  resolve()
})))
afterAll(() => new Promise((resolve) => {
  upstream.close(resolve)
  upstream.closeAllConnections()
}))

const rig = useGateway(async (gateway) => {
  const refused = await freePort()
  const restart = { policy: 'always', backoff: { initial: '100ms', max: '200ms' }, intensity: { restarts: 1000, window: '1m' } }
  const servers = {
    good: talkative(gateway, 'good'),
    ...Object.fromEntries(Object.keys(moods).map((name) => [name, { url: `http://127.0.0.1:${port}/${name}`, era: 'legacy', restart }])),
    refused: { url: `http://127.0.0.1:${refused}/mcp`, restart },
  }
  await gateway.start(servers, { gateway: { listWait: '60s', startWait: '700ms' } }, ['--no-wait'])
  for (const name of ['good', 'moody']) await waitFor(async () => (await serverOf(gateway.home, name)).phase === 'ready')
})

const BROKEN: [string, RegExp][] = [
  ['m401', /401/], ['m404', /404/], ['m500', /500/], ['mhtml', /HTTP 200 without an answer .*text\/html/], ['mjunk', /HTTP 200 without an answer/], ['refused', /nothing listens on/],
]

describe('a server that cannot be used', () => {
  test('is not waited for; who calls it is told why, with the way out, and the others work', async () => {
    const client = rig().proxy()
    await client.initialize()
    // Sooner than a list may wait.
    const list = await client.ask('tools/list')
    expect((list['tools'] as Json[]).map(({ name }) => name)).toEqual(expect.arrayContaining(['good__echo', 'moody__say']))
    const failures = Promise.all(BROKEN.map(async ([name, reason]) => [name, reason, await client.call(`${name}__say`, { text: 'x' })] as const))
    expect(await Promise.all(Array.from({ length: 50 }, (_, index) => client.text('good__echo', { text: String(index) })))).toEqual(Array.from({ length: 50 }, (_, index) => String(index)))
    for (const [name, reason, answer] of await failures) {
      expect(answer.error).toMatchObject({ code: -32603, data: { server: name, outcome: 'not-delivered' } })
      expect(answer.error?.message).toContain(`"${name}"`)
      expect(answer.error?.message).toMatch(reason)
    }
    expect(client.stderr()).toBe('')
    for (const line of client.lines) expect(JSON.parse(line)).toMatchObject({ jsonrpc: '2.0' })
  })

  test('is in the log and the status with its reason', async () => {
    const { stdout } = await run(['status'], { home: rig().home })
    for (const [name, reason] of BROKEN) {
      await waitFor(() => reason.test(readFileSync(join(rig().home.paths.logs, `${name}.log`), 'utf8')), { what: `the log of ${name} to say ${reason.source}` })
      expect((await serverOf(rig().home, name)).phase).not.toBe('ready')
      expect(stdout).toContain(name)
    }
  })

  test('is there for everybody as soon as it can be used', async () => {
    const client = await rig().legacy()
    await client.tools()
    moods['m500'] = 'good'
    await client.until(({ method }) => method === 'notifications/tools/list_changed')
    expect(await client.tools()).toContain('m500__say')
    expect(await client.text('m500__say', { text: 'well' })).toBe('well')
  })
})

describe('a server that fails in the middle of its work', () => {
  test.each([
    ['500', /500/], ['403', /403/], ['html', /HTTP 200 without an answer .*text\/html/], ['junk', /HTTP 200 without an answer/], ['reset', /.+/],
  ] as [Mood, RegExp][])('by %s fails that call alone, with a reason', async (how, reason) => {
    const [client, other] = [await rig().legacy(), await rig().legacy()]
    const [answer, ...texts] = await Promise.all([client.call('moody__say', { how }), ...Array.from({ length: 10 }, (_, index) => other.text('moody__say', { text: String(index) })), client.text('good__echo', { text: 'good' })])
    expect(answer.error).toMatchObject({ code: -32603, data: { server: 'moody', outcome: 'unknown' } })
    expect(answer.error?.message).toMatch(reason)
    expect(texts).toEqual([...Array.from({ length: 10 }, (_, index) => String(index)), 'good'])
    expect(textOf(await client.call('moody__say', { text: 'again' }))).toBe('again')
  })
})
