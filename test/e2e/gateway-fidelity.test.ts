import { createHash } from 'node:crypto'
import { once } from 'node:events'
import net from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { textOf, modern, type Json, type LineClient } from './gateway-client.js'
import { postModern } from './gateway-http.js'
import { talkative, useGateway } from './gateway-support.js'
import { logOf } from './support.js'

const rig = useGateway((gateway) => gateway.start({
  legacy: { ...talkative(gateway, 'legacy', ['--greeting']) },
  modern: talkative(gateway, 'modern', ['--era', 'modern']),
  plain: { ...talkative(gateway, 'plain'), env: {} },
}))

// As the server writes it: numbers no double holds, escapes nobody needs, members nobody knows.
const RESULT = String.raw`"content":[{"type":"hologram","beam":[1,2],"x":null},{"type":"text","text":"\u00fc\ud83d\ude00\/"}],"structuredContent":[1,{"big":12345678901234567890,"small":1e-7,"one":1.0}],"x-unknown":{"kept":true},"_meta":{"example.org/trace":"t-1","a/b":{"c":[]}}}`
const ERROR = String.raw`"error":{"code":-32000,"message":"not \"today\"","data":{"until":12345678901234567890,"list":[null,{"deep":"\u00e9"}],"x":1.50},"x-more":true}`
const TOOL = {
  title: 'Odd', inputSchema: { type: 'object', $schema: 'https://json-schema.org/draft/2020-12/schema', 'x-more': [1, { deep: null }] }, annotations: { title: 'Odd', 'x-hint': 'kept' },
  icons: [{ src: 'data:,', 'x-size': 3 }], _meta: { 'example.org/a': { b: [1.5, 'ü'] } }, 'x-unknown': { kept: true },
}

/** The line of the answer with this id, as text. */
async function answerLine(client: LineClient, request: string, id: string | number): Promise<string> {
  const answer = client.answerTo(id)
  await client.raw(`${request}\n`)
  await answer
  return client.lines.at(-1) ?? ''
}

const callText = (id: string, tool: string, args: string, meta = ''): string => `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"${tool}","arguments":${args}${meta}}}`
const MODERN_META = `,"_meta":${JSON.stringify(modern()['_meta'])}`

describe('what passes through', () => {
  test('is a result or an error as the server wrote it, between all kinds of clients and servers', async () => {
    const clients = [await rig().legacy(), rig().proxy()]
    await clients[1]?.initialize()
    const session = await rig().http()
    for (const server of ['legacy', 'modern']) {
      for (const client of clients) {
        expect(await answerLine(client, callText('"a"', `${server}__odd`, '{}'), 'a')).toContain(RESULT)
        expect(await answerLine(client, callText('"b"', `${server}__fail`, '{}'), 'b')).toContain(ERROR)
        expect(await answerLine(client, callText('"c"', `${server}__odd`, '{}', MODERN_META), 'c')).toContain(RESULT)
      }
      for (const body of [(await session.openRequest('tools/call', { name: `${server}__odd` })), (await postModern(rig().url, { id: 1, method: 'tools/call', params: modern({ name: `${server}__odd` }) }))]) {
        await body.done
        expect(body.body).toContain(RESULT)
      }
    }
    const failed = await session.openRequest('tools/call', { name: 'legacy__fail' })
    await failed.done
    expect(failed.body).toContain(ERROR)
    const translated = await postModern(rig().url, { id: 1, method: 'tools/call', params: modern({ name: 'legacy__odd' }) })
    expect(translated.messages()[0]?.result).toMatchObject({ resultType: 'complete' })
  })

  test('is a request as the client wrote it', async () => {
    const args = String.raw`{"big":12345678901234567890,"one":1.0,"u":"\u00fc\/","__proto__":{"a":1},"empty":{},"list":[ null ,{ }]}`
    const extra = String.raw`,"x-more":[1.50],"_meta":{"example.org/trace":"t","progressToken":"p"}`
    for (const [server, client] of [['legacy', await rig().legacy()], ['modern', await rig().legacy()]] as const) {
      await answerLine(client, callText('1000', `${server}__echo`, args, extra), 1000)
      const { line, message } = await rig().untilRecorded(server, ({ line: got }) => got.includes('x-more'))
      expect(line).toContain(`"arguments":${args}`)
      expect(line).toContain('"x-more":[1.50]')
      expect(message.params?.['_meta']).toMatchObject({ 'example.org/trace': 't' })
    }
  })

  test('is a definition with all its members', async () => {
    const session = await rig().http()
    for (const result of [await (await rig().legacy()).ask('tools/list'), (await session.request('tools/list')).result, (await postModern(rig().url, { id: 1, method: 'tools/list', params: modern() })).messages()[0]?.result]) {
      for (const server of ['legacy', 'modern']) expect(result?.['tools']).toContainEqual({ name: `${server}__odd`, ...TOOL })
    }
  })
})

test('ids come back exactly as they were sent, whatever they are', async () => {
  const client = await rig().legacy()
  const ids = ['0', '"0"', '-1', '9007199254740993', '123456789012345678901234567890', '""', String.raw`"a\"b"`, String.raw`"\u00fc"`, '"ü😀"', `"${'x'.repeat(2000)}"`]
  for (const id of ids) {
    for (const request of [callText(id, 'legacy__echo', '{"text":"x"}'), callText(id, 'modern__echo', '{"text":"x"}'), callText(id, 'legacy__echo', '{"text":"x"}', MODERN_META), callText(id, 'nowhere', '{}'), `{"jsonrpc":"2.0","id":${id},"method":"tools/list"}`]) {
      const count = client.lines.length
      await client.raw(`${request}\n`)
      await client.ask('ping').catch(() => undefined)
      await expect.poll(() => client.lines.length, { timeout: 20_000 }).toBe(count + 2)
      const line = client.lines.slice(count).find((each) => !each.endsWith('"result":{}}'))
      const [, echoed] = /"id":("(?:[^"\\]|\\.)*"|[^,}]+)/.exec(line ?? '') ?? []
      expect([id, typeof JSON.parse(echoed ?? 'null')]).toEqual([id, typeof JSON.parse(id)])
      // The same value: a text may be written with other escapes, a number may not become another one.
      if (id.startsWith('"')) expect(JSON.parse(echoed ?? '')).toBe(JSON.parse(id))
      else expect(echoed).toBe(id)
    }
  }
})

describe('text that is not ASCII', () => {
  const TEXT = 'aä€😀\u2028\u0000"\\é'.repeat(4)

  test('arrives whole however a server cuts it', async () => {
    const client = await rig().legacy()
    const cuts = [...Array.from({ length: 40 }, (_, index) => ({ size: 100_000, first: index + 70 })), ...[1, 2, 3, 5, 7].map((size) => ({ size, first: size }))]
    for (const server of ['legacy', 'modern']) {
      for (const cut of cuts) expect(await client.text(`${server}__pieces`, { text: TEXT, ...cut })).toBe(TEXT)
    }
    const session = await rig().http()
    expect(textOf(await session.call('legacy__pieces', { text: TEXT, size: 1 }))).toBe(TEXT)
  })

  test('arrives whole however a client cuts it', async () => {
    const [client, proxy] = [await rig().legacy(), rig().proxy()]
    await proxy.initialize()
    const write = async (to: LineClient, bytes: Buffer, size: number, first: number): Promise<void> => {
      for (let at = 0; at < bytes.length;) {
        const end = at + (at === 0 ? first : size)
        await to.raw(bytes.subarray(at, end))
        await turn()
        at = end
      }
    }
    for (const to of [client, proxy]) {
      for (const [index, { size, first }] of [...Array.from({ length: 40 }, (_, offset) => ({ size: 100_000, first: offset + 100 })), { size: 1, first: 1 }, { size: 3, first: 2 }].entries()) {
        const answer = to.answerTo(`cut-${index}`)
        await write(to, Buffer.from(`${callText(`"cut-${index}"`, 'legacy__echo', JSON.stringify({ text: TEXT }))}${index % 2 === 0 ? '\r\n\r\n' : '\n'}`), size, first)
        expect(textOf(await answer)).toBe(TEXT)
      }
    }
  })

  test('arrives whole over many chunks, at every offset', async () => {
    const [client, proxy] = [await rig().legacy(), rig().proxy()]
    await proxy.initialize()
    const session = await rig().http()
    for (let offset = 0; offset < 4; offset++) {
      const text = 'x'.repeat(offset) + '€😀ä'.repeat(60_000)
      for (const to of [client, proxy, session]) expect(textOf(await to.call('plain__echo', { text })) === text).toBe(true)
    }
  })
})

describe('a large answer', () => {
  const BYTES = 10 * 1024 * 1024
  const digest = (text: string): string => createHash('sha256').update(text).digest('hex')
  const WANTED = digest('ä'.repeat(BYTES / 2))

  test('of 10 MB arrives over lines, the proxy and HTTP of both eras', async () => {
    const [client, proxy] = [await rig().legacy(), rig().proxy()]
    await proxy.initialize()
    const session = await rig().http()
    for (const to of [client, proxy, session]) expect(digest(textOf(await to.call('plain__big', { bytes: BYTES })))).toBe(WANTED)
    const over = await postModern(rig().url, { id: 1, method: 'tools/call', params: modern({ name: 'plain__big', arguments: { bytes: BYTES } }) })
    expect(digest(textOf(over.messages()[0] ?? {}))).toBe(WANTED)
    expect(digest(textOf(await client.callModern('modern__big', { bytes: BYTES })))).toBe(WANTED)
  })

  test('keeps nobody else waiting, also while its own client does not read it', async () => {
    const [client, sameServer] = [await rig().legacy(), await rig().legacy()]
    const big = await openBig(rig().home.paths.gatewaySocket, BYTES)
    const calls = Array.from({ length: 50 }, (_, index) => [client.text('legacy__echo', { text: String(index) }), sameServer.text('plain__echo', { text: String(index) })]).flat()
    expect(new Set(await Promise.all(calls)).size).toBe(50)
    expect(big.count()).toBeLessThan(BYTES)
    expect(await big.readOn()).toBeGreaterThan(BYTES)
  })
})

/** Asks for a large answer and reads no more of it than its beginning. `readOn` counts all its bytes. */
async function openBig(path: string, bytes: number): Promise<{ count: () => number; readOn: () => Promise<number> }> {
  const socket = net.connect(path)
  let count = 0
  socket.on('data', (chunk) => {
    count += chunk.length
    if (count > bytes && chunk.at(-1) === 10) socket.destroy()
  })
  const hello: Json = { mcpctl: 1, front: 'stdio', view: { servers: null, tags: [], prefix: null, separator: null }, profile: null, resume: null }
  socket.write(`${JSON.stringify(hello)}\n${callText('1', 'plain__big', `{"bytes":${bytes}}`)}\n`)
  const closed = once(socket, 'close')
  // More than a greeting: the answer has begun.
  while (count < 10_000) await once(socket, 'data')
  socket.pause()
  return { count: () => count, readOn: () => { socket.resume(); return closed.then(() => count) } }
}

test('junk on the output of a server is no message, and is in its log', async () => {
  const noise = (await logOf(rig().home, 'legacy')).filter(({ stream }) => stream === 'out').map(({ text }) => text)
  expect(noise.slice(0, 3)).toEqual(['*** talkative ***', '{"half": ', '[1,2]'])
  expect(noise[3]).toContain('not utf-8')
})
