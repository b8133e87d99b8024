import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { LinkError, openHttpLink, type HttpLinkOptions, type Link } from '../../src/lib/mcp/index.js'
import { cleanUp, client, establish, keep, startChild, until } from './mcp-support.js'

const conformance = fileURLToPath(new URL('../fixtures/conformance/server.mjs', import.meta.url))
const servers = new Set<Server>()
const call = { timeoutMs: 25_000 }

afterEach(async () => {
  await cleanUp()
  for (const server of servers) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  servers.clear()
})

async function open(url: string, options: Partial<HttpLinkOptions> = {}): Promise<Link> {
  return keep(await openHttpLink({ client, url, headers: {}, transport: 'http', ...options }))
}

async function startFixture(era: string): Promise<string> {
  const child = startChild(conformance, ['--http', '0', '--era', era])
  return new Promise((resolve, reject) => {
    child.stderr.on('data', (chunk: Buffer) => {
      const port = /listening (\d+)/.exec(chunk.toString())?.[1]
      if (port !== undefined) resolve(`http://127.0.0.1:${port}/mcp`)
    })
    child.once('exit', (code) => { reject(new Error(`the fixture ended with ${code}`)) })
  })
}

type Handler = (request: IncomingMessage, response: ServerResponse, seen: number) => void

interface Scripted {
  readonly url: string
  /** The GET requests so far: when, and what they named as the last event. */
  readonly gets: { readonly at: number; readonly from: string | undefined }[]
}

/** A legacy server whose event streams do what the test says; `onCall` answers `tools/call`, `onNotice` takes notifications. */
async function startScripted(onGet: Handler, onCall: Handler = (_request, response) => { response.writeHead(500).end() }, onNotice = (_method: string, take: () => void): void => { take() }): Promise<Scripted> {
  const gets: Scripted['gets'] = []
  let calls = 0
  const server = createServer((request, response) => {
    if (request.method === 'GET') {
      const from = request.headers['last-event-id']
      gets.push({ at: performance.now(), from: typeof from === 'string' ? from : undefined })
      onGet(request, response, gets.length)
      return
    }
    if (request.method !== 'POST') return void response.writeHead(200).end()
    let body = ''
    request.setEncoding('utf8').on('data', (text: string) => { body += text })
    request.on('end', () => {
      const { id, method } = JSON.parse(body) as { id?: number; method?: string }
      const send = (status: number, message?: object): void => {
        response.writeHead(status, { 'content-type': 'application/json', 'mcp-session-id': 's1' }).end(message === undefined ? undefined : JSON.stringify({ jsonrpc: '2.0', id, ...message }))
      }
      if (method === 'initialize') send(200, { result: { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'scripted', version: '1' } } })
      else if (method === 'tools/list') send(200, { result: { tools: [{ name: 'slow', inputSchema: { type: 'object' } }] } })
      else if (method === 'tools/call') onCall(request, response, ++calls)
      else if (id === undefined) onNotice(method ?? '', () => { send(202) })
      else send(200, { error: { code: -32601, message: 'Method not found' } })
    })
  })
  servers.add(server)
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`, gets }
}

const STREAM = { 'content-type': 'text/event-stream' }
const notice = (data: string): string => `data: ${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data } })}\n\n`
const none: Handler = (_request, response) => { response.writeHead(405).end() }

test('what a legacy server says without being asked is heard, and belongs to no request', async () => {
  const heard: [string, number | null][] = []
  const link = await open(await startFixture('legacy'), { onNotification: (method, _params, via) => heard.push([method, via]) })
  await establish(link)
  // The stream opens beside the handshake, so a change may come too early for it: there is another one.
  await until(async () => {
    await link.request('tools/call', { name: 'test_trigger_tool_change' }, call)
    return heard.length > 0
  })
  expect(heard[0]).toEqual(['notifications/tools/list_changed', null])
})

test('the answer to a call whose stream the server let go of is fetched from where it broke off', async () => {
  const link = await open(await startFixture('legacy'))
  await establish(link)
  expect(await link.request('tools/call', { name: 'test_reconnection' }, call)).toMatchObject({ content: [{ text: 'The stream was resumed.' }] })
})

test('a modern listen request brings notifications on its own stream', async () => {
  const heard: [string, number | null][] = []
  const link = await open(await startFixture('modern'), { onNotification: (method, _params, via) => heard.push([method, via]) })
  expect((await establish(link)).verdict.era).toBe('modern')
  const patience = new AbortController()
  const listening = link.request('subscriptions/listen', { notifications: { toolsListChanged: true } }, { ...call, signal: patience.signal })
  await until(() => heard.length === 1)
  await link.request('tools/call', { name: 'test_trigger_tool_change' }, call)
  await until(() => heard.length === 2)
  const via = heard[0]?.[1]
  expect(heard).toEqual([['notifications/subscriptions/acknowledged', via], ['notifications/tools/list_changed', via]])
  expect(via).toBeTypeOf('number')
  patience.abort()
  await expect(listening).rejects.toMatchObject({ reason: 'aborted' })
})

test('a server without a standing stream is not asked for it again', async () => {
  const { url, gets } = await startScripted(none)
  const link = await open(url)
  await establish(link)
  await until(() => gets.length === 1)
  await link.request('tools/list', undefined, call)
  expect(gets).toHaveLength(1)
  expect(link.closed).toBe(false)
})

test('a standing stream that ends is opened again after the time the server named, from its last event on', async () => {
  const heard: unknown[] = []
  const { url, gets } = await startScripted((_request, response, seen) => {
    response.writeHead(200, STREAM)
    if (seen === 1) response.end(`id: e1\nretry: 200\n${notice('one')}`)
    else response.write(`id: e2\n${notice('two')}`)
  })
  await establish(await open(url, { onNotification: (_method, params) => heard.push(params?.['data']) }))
  await until(() => heard.length === 2)
  expect(heard).toEqual(['one', 'two'])
  expect(gets.map(({ from }) => from)).toEqual([undefined, 'e1'])
  expect((gets[1]?.at ?? 0) - (gets[0]?.at ?? 0)).toBeGreaterThan(190)
})

test('a standing stream that is refused with 404 after it was open tells that the session is lost', async () => {
  const closed: string[] = []
  const { url } = await startScripted((_request, response, seen) => {
    if (seen === 1) response.writeHead(200, STREAM).end(`retry: 50\n${notice('one')}`)
    else response.writeHead(404).end()
  })
  const link = await open(url, { onClosed: (why) => closed.push(why) })
  await establish(link)
  await until(() => closed.length === 1)
  expect(closed).toEqual(['the server no longer knows the session'])
})

test('a broken response is not asked for again when the server named no event, and the caller hears so', async () => {
  const { url, gets } = await startScripted(none, (_request, response) => { response.writeHead(200, STREAM).end(notice('bye')) })
  const link = await open(url)
  await establish(link)
  await until(() => gets.length === 1)
  await expect(link.request('tools/call', { name: 'slow' }, call)).rejects.toMatchObject({ reason: 'unreachable' })
  expect(gets).toHaveLength(1)
})

test('a response is taken up as often as the server lets go of it, each time from the newest event', async () => {
  const { url, gets } = await startScripted((request, response) => {
    const from = request.headers['last-event-id']
    if (from === undefined) return void response.writeHead(405).end()
    response.writeHead(200, STREAM)
    response.end(from === 'c1' ? 'id: c2\ndata: \n\n' : notice('no id of its own'))
  }, (_request, response) => { response.writeHead(200, STREAM).end('id: c1\nretry: 50\ndata: \n\n') })
  const link = await open(url)
  await establish(link)
  const patience = new AbortController()
  const answer = link.request('tools/call', { name: 'slow' }, { ...call, signal: patience.signal })
  await until(() => gets.filter(({ from }) => from === 'c2').length >= 2)
  patience.abort()
  await expect(answer).rejects.toMatchObject({ reason: 'aborted' })
  expect(gets.map(({ from }) => from).slice(0, 3)).toEqual([undefined, 'c1', 'c2'])
})

test('a call whose broken response cannot be had any more fails, and a call given up meanwhile asks for nothing', async () => {
  const { url, gets } = await startScripted(none, (_request, response) => { response.writeHead(200, STREAM).end('id: c1\nretry: 100\ndata: \n\n') })
  const link = await open(url)
  await establish(link)
  await expect(link.request('tools/call', { name: 'slow' }, call)).rejects.toBeInstanceOf(LinkError)
  expect(gets.map(({ from }) => from)).toEqual([undefined, 'c1'])

  const patience = new AbortController()
  const given = link.request('tools/call', { name: 'slow' }, { ...call, signal: patience.signal })
  setTimeout(() => { patience.abort() }, 30)
  await expect(given).rejects.toMatchObject({ reason: 'aborted' })
  // Long enough for the retry that must not come.
  await expect(link.request('tools/call', { name: 'slow' }, call)).rejects.toBeInstanceOf(LinkError)
  expect(gets.filter(({ from }) => from === 'c1')).toHaveLength(2)
})

test('a server that takes no notifications is sent so many at most, and requests go on beside them', async () => {
  let taken = 0
  const { url } = await startScripted(none, (_request, response, seen) => { if (seen > 300) response.writeHead(200, { 'content-type': 'application/json' }).end('{"jsonrpc":"2.0","id":0,"error":{"code":1,"message":"x"}}') }, (method, take) => {
    if (method === 'notifications/cancelled') taken++
    else take()
  })
  const link = await open(url)
  await establish(link)
  const receiver = { answered: () => undefined, failed: () => undefined }
  const text = [Buffer.from('{"jsonrpc":"2.0","id":'), Buffer.from(',"method":"tools/call","params":{"name":"slow"}}')] as const
  for (let count = 0; count < 300; count++) link.takeBack(link.pass({ method: 'tools/call', params: () => ({ name: 'slow' }), before: [text[0]], after: [text[1]], receiver }), 'not wanted')
  await until(() => taken === 256)
  expect([link.counters.unsent, link.activity.inFlight]).toEqual([44, 0])
  expect(() => { for (let count = 0; count < 1024; count++) link.pass({ method: 'tools/call', params: () => ({ name: 'slow' }), before: [text[0]], after: [text[1]], receiver }) }).not.toThrow()
  expect(() => link.pass({ method: 'tools/call', params: () => ({ name: 'slow' }), before: [text[0]], after: [text[1]], receiver })).toThrow(/1024 requests to .* are under way already/)
})
