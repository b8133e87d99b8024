import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { LEGACY, modern, textOf, type LineClient, type Message } from './gateway-client.js'
import { exchange } from './gateway-http.js'
import { talkative, useGateway } from './gateway-support.js'
import { daemonFacts } from './support.js'

const rig = useGateway((gateway) => gateway.start({
  legacy: talkative(gateway, 'legacy'),
  modern: talkative(gateway, 'modern', ['--era', 'modern']),
}))

/** What is no message, and the answer it gets: a code, and the id where there is one to be seen. */
const BAD: [string, string | Buffer, number, string | number | null][] = [
  ['no JSON', '{"jsonrpc":"2.0","id":1,"method":', -32700, null],
  ['text', 'hello', -32700, null],
  ['a byte that is no UTF-8', Buffer.from('{"jsonrpc":"2.0","id":1,"method":"ping","x":"\xff"}', 'latin1'), -32700, null],
  ['a batch', '[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","id":2,"method":"ping"}]', -32600, null],
  ['an empty batch', '[]', -32600, null],
  ['a number', '42', -32600, null],
  ['null', 'null', -32600, null],
  ['an empty object', '{}', -32600, null],
  ['another version of JSON-RPC', '{"jsonrpc":"1.0","id":"v","method":"ping"}', -32600, 'v'],
  ['no version of JSON-RPC', '{"id":5,"method":"ping"}', -32600, 5],
  ['a method that is none', '{"jsonrpc":"2.0","id":"m","method":7}', -32600, 'm'],
  ['params that are a list', '{"jsonrpc":"2.0","id":"p","method":"ping","params":[1]}', -32600, 'p'],
  ['an id of null', '{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600, null],
  ['half an id', '{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600, null],
  ['an object for an id', '{"jsonrpc":"2.0","id":{"a":1},"method":"ping"}', -32600, null],
  ['a call without a name', '{"jsonrpc":"2.0","id":"n","method":"tools/call","params":{}}', -32602, 'n'],
  ['a call of a number', '{"jsonrpc":"2.0","id":"n","method":"tools/call","params":{"name":7}}', -32602, 'n'],
  ['a call without params', '{"jsonrpc":"2.0","id":"n","method":"tools/call"}', -32602, 'n'],
  ['a resource without a URI', '{"jsonrpc":"2.0","id":"r","method":"resources/read","params":{"uri":[]}}', -32602, 'r'],
  ['a completion of nothing', '{"jsonrpc":"2.0","id":"c","method":"completion/complete","params":{"ref":{"type":"ref/other"}}}', -32602, 'c'],
]

/** The next answer with this id. */
async function sendBad(client: LineClient, bytes: string | Buffer, id: string | number | null): Promise<Message> {
  const answer = client.answerTo(id)
  await client.raw(Buffer.concat([Buffer.from(bytes), Buffer.from('\n')]))
  return answer
}

describe('what is no message', () => {
  test('is answered so, reaches no server, and disturbs nobody', async () => {
    const proxy = rig().proxy()
    await proxy.initialize()
    const clients = [await rig().legacy(), proxy]
    const other = await rig().legacy()
    // Probes come whenever it is their time.
    const heard = (): number[] => ['legacy', 'modern'].map((name) => rig().record(name).filter(({ message }) => message.method !== 'ping' && message.method !== 'server/discover').length)
    const before = heard()
    const { pid } = daemonFacts(rig().home)
    for (const client of clients) {
      for (const [what, bytes, code, id] of BAD) {
        const { error } = await sendBad(client, bytes, id)
        expect([what, error?.code, typeof error?.message]).toEqual([what, code, 'string'])
      }
      // Neither of these can be answered.
      for (const line of ['{"jsonrpc":"2.0","id":"nobody-asked","result":{}}', '{"jsonrpc":"2.0","id":9,"error":{"code":1,"message":"x"}}', '{"jsonrpc":"2.0","method":"notifications/unknown"}', '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":{}}}', '']) await client.raw(`${line}\n`)
      await client.ask('ping')
      expect(client.heard).toEqual([])
    }
    expect(heard()).toEqual(before)
    for (const client of [...clients, other]) expect(await client.text('modern__echo', { text: 'fine' })).toBe('fine')
    expect(other.heard).toEqual([])
    expect(daemonFacts(rig().home).pid).toBe(pid)
    expect(proxy.stderr()).toBe('')
    for (const line of proxy.lines) expect(JSON.parse(line)).toMatchObject({ jsonrpc: '2.0' })
  })

  test('is an error over HTTP as well, with the status that goes with it', async () => {
    const session = await rig().http()
    for (const [what, bytes, code] of BAD.filter(([, , each]) => each !== -32602)) {
      const response = await exchange(rig().url, { body: bytes, headers: session.headers })
      expect([what, response.status, response.messages()[0]?.error?.code]).toEqual([what, 400, code])
    }
    const unknown = await exchange(rig().url, { body: { jsonrpc: '2.0', id: 1, method: 'ping' }, headers: { ...session.headers, 'mcp-protocol-version': '1999-01-01' } })
    expect(unknown.status).toBe(400)
    expect((await exchange(rig().url, { body: { jsonrpc: '2.0', id: 1, method: 'ping' }, headers: { ...session.headers, 'mcp-session-id': 'x'.repeat(32) } })).status).toBe(404)
    expect((await exchange(rig().url, { body: { jsonrpc: '2.0', id: 1, method: 'ping' } })).status).toBe(400)
    expect((await exchange(rig().url, { body: { jsonrpc: '2.0', id: 1, method: 'ping' }, headers: { ...session.headers, 'content-type': 'text/plain' } })).status).toBe(415)
    expect(textOf(await session.call('legacy__echo', { text: 'still' }))).toBe('still')
  })
})

test('a version nobody knows gets the newest there is; an introduction without anything is one, too', async () => {
  const client = await rig().socket()
  expect(await client.initialize({}, '1999-01-01')).toMatchObject({ protocolVersion: LEGACY })
  expect((await client.request('initialize')).result).toMatchObject({ protocolVersion: LEGACY })
  expect(await client.text('legacy__echo', { text: 'x' })).toBe('x')
})

test('an id that is under way already is refused, and the first request has its answer', async () => {
  const client = await rig().legacy()
  for (const id of ['twice', 2, '2']) {
    const first = client.answerTo(id)
    const until = join(rig().home.base, `until-${JSON.stringify(id)}`)
    client.send({ id, method: 'tools/call', params: { name: 'legacy__slow', arguments: { until } } })
    client.send({ id, method: 'tools/call', params: { name: 'legacy__echo', arguments: { text: 'second' } } })
    expect((await first).error).toMatchObject({ code: -32600, message: expect.stringContaining('under way already') })
    writeFileSync(until, '')
    expect(textOf(await client.answerTo(id))).toMatch(/^slow/)
  }
  expect(rig().record('legacy').filter(({ line }) => line.includes('"second"'))).toEqual([])
})

test('a message that is too long is refused by its id, and the connection goes on', async () => {
  const [client, other] = [await rig().legacy(), await rig().legacy()]
  const calling = Promise.all(Array.from({ length: 200 }, (_, index) => other.text('modern__echo', { text: String(index) })))
  const refused = client.answerTo('long', 20_000)
  const filler = Buffer.alloc(1024 * 1024, 'x')
  await client.raw('{"jsonrpc":"2.0","id":"long","method":"tools/call","params":{"name":"legacy__echo","arguments":{"text":"')
  for (let count = 0; count < 65; count++) await client.raw(filler)
  await client.raw('"}}}\n')
  expect((await refused).error).toMatchObject({ code: -32600, data: { reason: 'too-long' } })
  expect(await client.text('legacy__echo', { text: 'on' })).toBe('on')
  expect(await calling).toEqual(Array.from({ length: 200 }, (_, index) => String(index)))
  const over = await exchange(rig().url, { body: '{}', headers: { 'content-length': String(65 * 1024 * 1024), expect: '100-continue' } }).catch(() => null)
  expect(over?.status).toBe(413)
})

test('a message that is nested deep, or has odd keys, is passed on or refused, and nothing more happens', async () => {
  const client = await rig().legacy()
  const { pid } = daemonFacts(rig().home)
  for (const name of ['legacy__echo', 'modern__echo', 'nobody__echo']) {
    for (const args of [`{"text":"x","deep":${'['.repeat(20_000)}${']'.repeat(20_000)}}`, '{"text":"x","__proto__":1,"constructor":{"prototype":1}}', '{"text":"x","text":"x"}', String.raw`{"te\u0078t":"x"}`]) {
      const answer = await sendBad(client, `{"jsonrpc":"2.0","id":"d","method":"tools/call","params":{"name":"${name}","arguments":${args}}}`, 'd')
      if (name === 'nobody__echo') expect(answer.error).toMatchObject({ code: -32602 })
      else expect(textOf(answer)).toBe('x')
    }
  }
  const twice = await sendBad(client, '{"jsonrpc":"2.0","id":"d","method":"tools/call","params":{"name":"legacy__pid","name":"legacy__echo","arguments":{"text":"last"}}}', 'd')
  expect(textOf(twice)).toBe('last')
  expect((await client.request('tools/call', modern({ name: '__proto__' }))).error).toMatchObject({ code: -32602 })
  expect((await client.call('constructor')).error).toMatchObject({ code: -32602 })
  expect(daemonFacts(rig().home).pid).toBe(pid)
})
