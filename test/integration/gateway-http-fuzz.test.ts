import { once } from 'node:events'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { waitFor } from '../helpers/wait.js'
import { openFake, text, type Opened } from '../unit/gateway-http/fake-gateway.js'
import { ask, call, initialize, modern, openRaw, type Raw } from './gateway-http-support.js'

let fake: Opened
const raws: Raw[] = []

beforeEach(async () => { fake = await openFake() })
afterEach(async () => {
  for (const { socket } of raws.splice(0)) socket.destroy()
  await fake.front.close()
})

function raw(content: string): Raw {
  const opened = openRaw(fake.port, content)
  raws.push(opened)
  return opened
}

function post(body: string, headers: Record<string, string> = {}): string {
  const lines = Object.entries({ host: 'localhost', 'content-type': 'application/json', ...headers, 'content-length': String(Buffer.byteLength(body)) })
  return `POST /mcp HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`
}

/** The front answers others as if nothing had happened. */
async function expectAlive(): Promise<void> {
  expect((await ask(`${fake.url}/mcp`, modern(1, 'ping'))).status).toBe(200)
}

it('answers what is no HTTP with an error, and closes', async () => {
  const cases: [string, number][] = [
    ['hello\r\n\r\n', 400],
    ['\0\x01\x02\x03\x04\x05\r\n\r\n', 400],
    ['POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n', 400],
    ['POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n', 400],
    ['POST /mcp HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 415],
    ['POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 400],
    ['POST /mcp HTTP/1.1\r\n\r\n', 400],
    [`POST /mcp HTTP/1.1\r\nHost: localhost\r\nX: ${'a'.repeat(70_000)}\r\n\r\n`, 431],
    ['GET /mcp HTTP/1.0\r\n\r\n', 403],
    ['POST http://evil.example/mcp HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 0\r\n\r\n', 403],
    ['GET //evil/mcp HTTP/1.1\r\nHost: localhost\r\n\r\n', 404],
    ['GET * HTTP/1.1\r\nHost: localhost\r\n\r\n', 404],
    ['GET http: HTTP/1.1\r\nHost: localhost\r\n\r\n', 400],
  ]
  for (const [content, status] of cases) {
    const { text: received } = raw(content)
    await waitFor(() => received().startsWith('HTTP/1.1 '), { what: `an answer to ${content.slice(0, 60)}` })
    expect([content.slice(0, 80), received().slice(9, 12)]).toEqual([content.slice(0, 80), String(status)])
  }
  await expectAlive()
})

it('does not write into an answer that is under way when rubbish follows the request', async () => {
  const { body } = modern(1, 'tools/call', { name: 'a' })
  const opened = raw(`${post(JSON.stringify(body), { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'a' })}`)
  const asked = await waitFor(() => fake.gateway.asked('tools/call'))
  asked.reply.send('{"n":1}')
  await waitFor(() => opened.text().includes('"n":1'))
  opened.socket.write('rubbish\r\n\r\n')
  await waitFor(() => opened.isClosed())
  expect(opened.text()).not.toContain('HTTP/1.1 400')
  await waitFor(() => asked.aborted)
  await expectAlive()
})

it('answers requests on one connection in their order, however the later ones hurry', async () => {
  const headers = await initialize(`${fake.url}/mcp`)
  const opened = raw([post(JSON.stringify(call(1, 'tools/call', { name: 'a' })), headers), post(JSON.stringify(call(2, 'ping')), headers), post('{', headers), post(JSON.stringify(call(4, 'ping')), headers)].join(''))
  const asked = await waitFor(() => fake.gateway.asked('tools/call'))
  asked.reply.answer([text({ jsonrpc: '2.0', id: 1, result: {} })], 200)
  await waitFor(() => opened.text().includes('"id":4'))
  expect([...opened.text().matchAll(/"id":(\d|null)/g)].map((match) => match[1])).toEqual(['1', '2', 'null', '4'])
})

it('takes back modern requests that wait behind another when their connection ends', async () => {
  const { body } = modern(1, 'tools/call', { name: 'a' })
  const one = post(JSON.stringify(body), { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'a' })
  const opened = raw(one.repeat(20))
  await waitFor(() => fake.gateway.sessions[0]?.asked.length === 20)
  opened.socket.destroy()
  await waitFor(() => fake.gateway.sessions[0]?.asked.every(({ aborted }) => aborted !== null))
})

it('survives uploads that stop in the middle, or come byte by byte', async () => {
  const whole = post(JSON.stringify(modern('\u00e4\u{1f600}', 'ping').body), { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'ping' })
  for (let n = 0; n < 20; n++) {
    const opened = raw('')
    await once(opened.socket, 'connect')
    opened.socket.write(Buffer.from(whole).subarray(0, Math.floor((whole.length * n) / 20)))
    if (n % 2 === 0) opened.socket.destroy()
    else opened.socket.resetAndDestroy()
  }
  const slow = raw('')
  slow.socket.setNoDelay(true)
  for (const byte of Buffer.from(whole)) {
    slow.socket.write(Buffer.of(byte))
    await new Promise((resolve) => setImmediate(resolve))
  }
  await waitFor(() => slow.text().includes('"result":{}'))
  expect(slow.text()).toContain('HTTP/1.1 200')
  await expectAlive()
})

it('holds nothing of a long upload that is given up', async () => {
  const opened = raw('')
  await once(opened.socket, 'connect')
  opened.socket.write(`POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${String(60 * 1024 * 1024)}\r\n\r\n`)
  opened.socket.write(Buffer.alloc(8 * 1024 * 1024, 0x20))
  await waitFor(() => opened.socket.writableLength === 0)
  opened.socket.destroy()
  await expectAlive()
  expect(fake.gateway.sessions.flatMap(({ received }) => received)).toHaveLength(1)
})

it('answers a hundred clients at once, each with its own', async () => {
  const headers = await initialize(`${fake.url}/mcp`)
  const pending = Array.from({ length: 100 }, (_, n) => (n % 2 === 0 ? ask(`${fake.url}/mcp`, modern(n, 'tools/call', { name: 'a', n })) : ask(`${fake.url}/mcp`, { headers, body: call(n, 'tools/call', { name: 'a', n }) })))
  const all = await waitFor(() => {
    const asked = fake.gateway.sessions.flatMap((session) => session.asked)
    return asked.length === 100 ? asked : undefined
  })
  for (const { message, reply } of all.reverse()) {
    if (Number(message.id) % 3 === 0) reply.send('{"jsonrpc":"2.0","method":"notifications/progress"}')
    reply.answer([text({ jsonrpc: '2.0', id: message.id, result: { n: message.params?.['n'] } })], 200)
  }
  for (const [n, answer] of (await Promise.all(pending)).entries()) expect([answer.status, answer.json.id, answer.json.result]).toEqual([200, n, { n }])
})

it('survives random headers and bodies', async () => {
  const pick = random(20261121)
  const names = ['mcp-session-id', 'mcp-protocol-version', 'mcp-method', 'mcp-name', 'last-event-id', 'accept', 'content-type', 'origin', 'authorization', 'transfer-encoding', 'expect', 'connection', 'upgrade']
  const values = ['', 'a', '2026-07-28', '2025-11-25', 'initialize', '=?base64?YQ==?=', '=?base64?=', 'x'.repeat(5000), 'chunked', '100-continue', 'close', 'websocket', 'application/json', 'text/event-stream', 'http://localhost', '\u00ff\u0080', ',', '0-0', '../../..']
  const methods = ['GET', 'POST', 'DELETE', 'OPTIONS', 'HEAD', 'PUT', 'TRACE', 'CONNECT']
  const bodies = ['', '{', '{}', '[]', '{"jsonrpc":"2.0","id":1,"method":"ping"}', '{"jsonrpc":"2.0","method":"x"}', '{"jsonrpc":"2.0","id":1,"result":{}}', '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":5}}}']
  const opened = Array.from({ length: 300 }, () => {
    const body = bodies[pick(bodies.length)] ?? ''
    const headers = Array.from({ length: pick(5) }, () => `${names[pick(names.length)] ?? ''}: ${values[pick(values.length)] ?? ''}\r\n`).join('')
    return raw(`${methods[pick(methods.length)] ?? ''} /mcp HTTP/1.1\r\nHost: localhost\r\n${headers}Content-Length: ${String(body.length)}\r\n\r\n${body}`)
  })
  await waitFor(() => opened.every((each) => each.text() !== '' || each.isClosed()), { what: 'an answer to everything' })
  const statuses = new Set(opened.map((each) => each.text().slice(9, 12)))
  expect([...statuses].filter((status) => status.startsWith('5'))).toEqual([])
  await expectAlive()
})

/** Park and Miller: the same numbers every time. */
function random(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state * 48271) % 2147483647
    return state % below
  }
}
