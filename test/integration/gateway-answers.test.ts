import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PassThrough } from 'node:stream'
import { afterEach, describe, expect, test } from 'vitest'
import { openHttpLink, openStdioLink, type JsonObject, type Link, type LinkError } from '../../src/lib/mcp/index.js'
import { waitFor } from '../helpers/wait.js'

const client = { name: 'test', version: '1' }
const links: Link[] = []
const servers: Server[] = []

afterEach(() => {
  for (const link of links.splice(0)) link.close()
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

const CAPABILITIES = { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 's', version: '1' } }
const resultOf = (method: string, tools: string): string | null => (method === 'initialize' ? JSON.stringify(CAPABILITIES) : method === 'tools/list' ? `{"tools":${tools}}` : null)

interface Opened {
  readonly link: Link
  readonly output: PassThrough
  readonly asked: JsonObject[]
  readonly heard: unknown[]
}

/** A link to a server that this test plays itself; it introduces itself and lists `tools`. */
function open(tools = '[]'): Opened {
  const [input, output] = [new PassThrough(), new PassThrough()]
  const asked: JsonObject[] = []
  const heard: unknown[] = []
  input.on('data', (chunk: Buffer) => {
    for (const line of chunk.toString().split('\n').filter((text) => text !== '')) {
      const message = JSON.parse(line) as JsonObject
      asked.push(message)
      const result = resultOf(String(message['method']), tools)
      if (result !== null) output.write(`{"jsonrpc":"2.0","id":${String(message['id'])},"result":${result}}\n`)
    }
  })
  const link = openStdioLink({
    client, input, output, onNoise: () => undefined,
    onNotification: (_method, params) => { heard.push(JSON.stringify(params)) },
    onRequest: () => Promise.resolve({}),
  })
  links.push(link)
  return { link, output, asked, heard }
}

const establish = (link: Link) => link.establish({ era: 'legacy', remembered: null, now: Date.now, signal: AbortSignal.timeout(25_000) })

/** Passes a request on; what came of it, in the end. */
function pass(link: Link): { id: number; outcome: () => { text: string } | { error: LinkError } | undefined } {
  let outcome: { text: string } | { error: LinkError } | undefined
  const id = link.pass({
    method: 'tools/call', params: () => undefined, before: [Buffer.from('{"jsonrpc":"2.0","id":')], after: [Buffer.from(',"method":"tools/call"}')],
    receiver: { answered: (text) => { outcome = { text: text.toString() } }, failed: (error) => { outcome = { error } } },
  })
  return { id, outcome: () => outcome }
}

describe('a server that ends in the middle of an answer', () => {
  test.each(['{"jsonrpc":"2.0","id":ID,"result":{"content":[{"type":"te', '{"jsonrpc":"2.0","id":ID,"result":{"content":[]}', '{"jsonrpc":"2.0","id":ID,"result":{"a":"}'])('has not answered: %s', async (text) => {
    const { link, output } = open()
    await establish(link)
    const { id, outcome } = pass(link)
    output.end(text.replace('ID', String(id)))
    expect(await waitFor(outcome)).toMatchObject({ error: { reason: 'closed' } })
  })

  test('has answered when only the line break is missing', async () => {
    const { link, output } = open()
    await establish(link)
    const { id, outcome } = pass(link)
    const text = `{"jsonrpc":"2.0","id":${String(id)},"result":{"n":1e400}}`
    output.end(text)
    expect(await waitFor(outcome)).toEqual({ text })
  })
})

test('an answer that something else was printed into is not taken for one', async () => {
  const { link, output } = open()
  await establish(link)
  const { id, outcome } = pass(link)
  output.write(`{"jsonrpc":"2.0","id":${String(id)},"result":{"content":[{"te\nwarning: low on memory\n`)
  output.write(`{"jsonrpc":"2.0","id":${String(id)},"result":{"again":true}}\n`)
  expect(await waitFor(outcome)).toMatchObject({ text: `{"jsonrpc":"2.0","id":${String(id)},"result":{"again":true}}` })
})

test('an answer to a request that was taken back goes nowhere, and is noticed', async () => {
  const { link, output } = open()
  await establish(link)
  const { id, outcome } = pass(link)
  let late = 0
  link.takeBack(id, 'nobody waits', () => { late++ })
  for (let time = 0; time < 2; time++) output.write(`{"jsonrpc":"2.0","id":${String(id)},"result":{}}\n`)
  await waitFor(() => (link.counters.unknownAnswers === 2 ? true : undefined))
  expect([late, outcome()]).toEqual([1, undefined])
})

const deep = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`

describe('a server whose messages are nested without end', () => {
  test('cannot be listed', async () => {
    const { link } = open(`[{"name":"x","inputSchema":{"default":${deep(20_000)}}}]`)
    await expect(establish(link)).rejects.toThrow(/nested/)
  })

  test('is not heard', async () => {
    const { link, output, heard } = open()
    await establish(link)
    output.write(`{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","data":${deep(20_000)}}}\n`)
    output.write('{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","data":1}}\n')
    await waitFor(() => (heard.length > 0 ? heard : undefined))
    expect(heard).toEqual(['{"level":"error","data":1}'])
    expect(link.counters.noise).toBe(1)
  })

  test('has its answers passed on all the same', async () => {
    const { link, output } = open()
    await establish(link)
    const { id, outcome } = pass(link)
    const text = `{"jsonrpc":"2.0","id":${String(id)},"result":{"x":${deep(20_000)}}}`
    output.write(`${text}\n`)
    expect(await waitFor(outcome)).toEqual({ text })
  })
})

test.each([['a body', 'application/json'], ['an event', 'text/event-stream']])('an answer written in many lines in %s is passed on in one', async (_what, type) => {
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => { body += chunk.toString() })
    request.on('end', () => {
      if (request.method !== 'POST' || body === '') return void response.writeHead(405).end()
      const { id, method } = JSON.parse(body) as { id?: number; method: string }
      if (id === undefined) return void response.writeHead(202).end()
      const text = JSON.stringify({ jsonrpc: '2.0', id, result: JSON.parse(resultOf(method, '[]') ?? '{"text":"a b"}') as unknown }, null, 2)
      response.writeHead(200, { 'content-type': type })
      response.end(type === 'application/json' ? text.replaceAll('\n', '\r\n') : `${text.split('\n').map((line) => `data: ${line}`).join('\n')}\n\n`)
    })
  })
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const link = await openHttpLink({ client, url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/mcp`, headers: {}, transport: 'http' })
  links.push(link)
  await establish(link)
  const { id, outcome } = pass(link)
  const found = await waitFor(outcome)
  expect('text' in found && found.text).not.toMatch(/[\r\n]/)
  expect('text' in found && JSON.parse(found.text)).toEqual({ jsonrpc: '2.0', id, result: { text: 'a b' } })
})
