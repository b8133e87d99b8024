import { rmSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import type { PassThrough } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Home } from '../../src/lib/control/index.js'
import { openFrontSocket, type FrontSocket } from '../../src/lib/daemon/front-socket.js'
import { McpctlError } from '../../src/lib/errors/index.js'
import { runPump, type PumpOptions } from '../../src/lib/pump/index.js'
import { waitFor } from '../helpers/wait.js'
import { createClient, createFakeGateway, createPipe, createRunHome, resultOf, type FakeGateway, type LineClient } from './gateway-line-support.js'

/** The way to a daemon's socket, which can be cut as the death of the daemon cuts it: in the middle of a word, without a farewell. */
class Wire {
  readonly #ends = new Set<net.Socket>()
  #server: net.Server | undefined
  readonly #path: string
  readonly #goal: string
  /** Only so many bytes of the daemon's reach the client; then the wire is cut. */
  bytesLeft = Infinity

  constructor(path: string, goal: string) {
    this.#path = path
    this.#goal = goal
  }

  async mend(): Promise<void> {
    rmSync(this.#path, { force: true })
    this.bytesLeft = Infinity
    this.#server = net.createServer((near) => this.#join(near))
    await new Promise<void>((resolve) => this.#server?.listen(this.#path, resolve))
  }

  cut(): void {
    this.#server?.close()
    for (const end of this.#ends) end.destroy()
    this.#ends.clear()
  }

  #join(near: net.Socket): void {
    const far = net.connect(this.#goal)
    for (const end of [near, far]) {
      this.#ends.add(end)
      end.on('error', () => undefined)
    }
    near.pipe(far)
    near.once('close', () => far.destroy())
    far.once('close', () => near.destroy())
    far.on('data', (chunk) => {
      near.write(chunk.subarray(0, this.bytesLeft))
      this.bytesLeft -= chunk.length
      if (this.bytesLeft <= 0) near.end(() => this.cut())
    })
  }
}

const INITIALIZE = { protocolVersion: '2025-11-25', capabilities: { roots: {} }, clientInfo: { name: 'tester', version: '1' } }

describe('the pump', () => {
  let home: Home
  let remove: () => void
  let gateway: FakeGateway
  let front: FrontSocket
  let wire: Wire
  let input: PassThrough
  let output: PassThrough
  let client: LineClient
  let abort: AbortController
  let revived: number
  let revive: () => Promise<void>
  let running: Promise<void>
  let isOver: boolean
  const said: string[] = []

  const openDaemon = async (): Promise<void> => {
    front = await openFrontSocket({ home, gateway, http: null, log: () => undefined, names: () => ({ servers: ['files', 'git'], profiles: [] }) })
  }
  const start = (options: Partial<PumpOptions> = {}): Promise<void> => {
    ;[input, output] = [createPipe(), createPipe()]
    client = createClient(input, output)
    isOver = false
    running = runPump({
      address: join(home.run, 'wire.sock'),
      hello: { view: { servers: null, tags: [], prefix: null, separator: null }, profile: null },
      input,
      output,
      revive: async () => {
        revived++
        await revive()
      },
      debug: (text) => said.push(text),
      signal: abort.signal,
      ...options,
    })
    running.finally(() => (isOver = true)).catch(() => undefined)
    return running
  }
  const call = (id: number | string, name: string) => client.send({ jsonrpc: '2.0', id, method: 'tools/call', params: { name } })

  beforeEach(async () => {
    ;({ home, remove } = createRunHome())
    gateway = createFakeGateway()
    abort = new AbortController()
    revived = 0
    said.length = 0
    wire = new Wire(join(home.run, 'wire.sock'), home.gatewaySocket)
    revive = () => wire.mend()
    await openDaemon()
    await wire.mend()
  })

  afterEach(async () => {
    abort.abort()
    wire.cut()
    await running.catch(() => undefined)
    await front.close()
    remove()
  })

  it('passes everything on both ways, whatever ids look like', async () => {
    void start()
    for (const id of [0, '0', 'a "quoted" é', -5, 4_503_599_627_370_496]) expect(await client.ask(id, 'tools/list', { id })).toMatchObject({ id, result: { params: { id } } })
    client.send('no JSON\n')
    expect(await client.next()).toMatchObject({ error: { code: -32700 } })
    gateway.last().channel.send('{"jsonrpc":"2.0","method":"notifications/message","params":{"data":"ü"}}')
    expect(await client.next()).toMatchObject({ params: { data: 'ü' } })
    expect(revived).toBe(0)
  })

  it('passes large messages on both ways', async () => {
    void start()
    gateway.resultBytes = 20 * 1024 * 1024
    const answer = await client.ask(1, 'tools/call', { name: 'x', text: 'é'.repeat(5 * 1024 * 1024) })
    const result = answer['result'] as { text: string; params: { text: string } }
    expect(result.text).toHaveLength(gateway.resultBytes)
    expect(result.params.text === 'é'.repeat(5 * 1024 * 1024)).toBe(true)
  })

  it('does not read from a daemon whose client does not read', async () => {
    void start()
    await client.ask(1, 'ping')
    output.pause()
    output.removeAllListeners('data')
    const { channel } = gateway.last()
    const text = JSON.stringify({ jsonrpc: '2.0', method: 'n', params: 'x'.repeat(100_000) })
    for (let sent = 0; sent < 100; sent++) channel.send(text)
    await waitFor(() => output.writableLength > 200_000)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(output.writableLength).toBeLessThan(1_000_000)
    let bytes = 0
    output.on('data', (chunk: Buffer) => (bytes += chunk.length))
    output.resume()
    await waitFor(() => bytes === 100 * (text.length + 1))
  })

  it('brings a daemon up when there is none', async () => {
    wire.cut()
    void start()
    expect(await client.ask(1, 'ping')).toHaveProperty('result')
    expect(revived).toBe(1)
  })

  it('fails when none can be brought up', async () => {
    wire.cut()
    revive = () => Promise.reject(new McpctlError('CONFIG_NOT_FOUND', 'no configuration found'))
    await expect(start()).rejects.toMatchObject({ code: 'CONFIG_NOT_FOUND' })
  })

  it('fails with what the daemon says of a server it does not know, even after it was given the configuration', async () => {
    await expect(start({ hello: { view: { servers: ['fils'], tags: [], prefix: null, separator: null }, profile: null } })).rejects.toMatchObject({ code: 'SERVER_UNKNOWN', hint: 'Did you mean files?' })
    expect(revived).toBe(1)
  })

  it('answers a lost call, repeats everything else, and the client sees nothing of it but one answer each', async () => {
    void start()
    await client.ask(1, 'initialize', INITIALIZE)
    client.send({ jsonrpc: '2.0', method: 'notifications/initialized' })
    await client.ask(2, 'logging/setLevel', { level: 'warning' })
    await client.ask(3, 'resources/subscribe', { uri: 'a://1' })
    await client.ask(4, 'resources/subscribe', { uri: 'a://2' })
    await client.ask(5, 'resources/unsubscribe', { uri: 'a://1' })
    call('lost', 'hang')
    client.send({ jsonrpc: '2.0', id: 'again', method: 'tools/list', params: { cursor: 'hang' } })
    await waitFor(() => gateway.last().hanging.length === 2)
    wire.cut()
    expect(await client.next((message) => message['id'] === 'lost')).toMatchObject({ error: { code: -32603, data: { reason: 'daemon-lost', outcome: 'unknown' } } })
    await waitFor(() => gateway.sessions.length === 2)
    expect(gateway.last().options.resume).toEqual({ ...INITIALIZE, logLevel: 'warning', subscriptions: ['a://2'], clientInfo: INITIALIZE.clientInfo })
    await waitFor(() => gateway.last().hanging.length === 1)
    gateway.last().hanging[0]?.reply.answer(resultOf('again', { tools: [] }), 200)
    await client.next((message) => message['id'] === 'again')
    expect(await client.ask(6, 'ping')).toHaveProperty('result')
    // The lists it was promised news of, and nothing else.
    expect(client.messages.map((message) => message['method'])).toEqual(['notifications/tools/list_changed', 'notifications/resources/list_changed'])
    expect(gateway.last().received.map((message) => ('method' in message ? message.method : message.type))).toEqual(['tools/list', 'ping'])
    expect(revived).toBe(1)
  })

  it('repeats initialize when the daemon is lost before it was answered', async () => {
    void start()
    await client.ask('x', 'ping')
    client.send({ jsonrpc: '2.0', id: 1, method: 'initialize', params: { ...INITIALIZE, name: 'hang' } })
    await waitFor(() => gateway.last().hanging.length === 1)
    wire.cut()
    await waitFor(() => gateway.sessions.length === 2 && gateway.last().hanging.length === 1)
    expect(gateway.last().options.resume).toBeUndefined()
    expect(client.messages).toEqual([])
  })

  it('opens the subscriptions of a modern client again, and tells it nothing else', async () => {
    void start()
    client.send({ jsonrpc: '2.0', id: 's', method: 'subscriptions/listen', params: { toolsListChanged: true } })
    await waitFor(() => gateway.sessions[0]?.hanging.length === 1)
    wire.cut()
    await waitFor(() => gateway.sessions[1]?.hanging.length === 1)
    expect(gateway.last().hanging[0]?.id).toBe('s')
    expect(client.messages).toEqual([])
  })

  it('does not answer or repeat what the client took back', async () => {
    void start()
    call(1, 'hang')
    client.send({ jsonrpc: '2.0', id: '2', method: 'tools/list', params: { cursor: 'hang' } })
    for (const requestId of [1, '2']) client.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId } })
    await waitFor(() => gateway.sessions[0]?.received.length === 4)
    wire.cut()
    await client.ask(3, 'ping')
    expect(client.messages).toEqual([])
    expect(gateway.last().received).toHaveLength(1)
  })

  it('takes back the questions of a lost daemon, and keeps their late answers to itself', async () => {
    void start()
    await client.ask(1, 'ping')
    gateway.last().channel.send('{"jsonrpc":"2.0","id":"q1","method":"elicitation/create","params":{}}')
    gateway.last().channel.send('{"jsonrpc":"2.0","id":"q2","method":"elicitation/create","params":{}}')
    await waitFor(() => client.messages.length === 2)
    client.send({ jsonrpc: '2.0', id: 'q2', result: {} })
    await waitFor(() => gateway.last().received.length === 2)
    client.messages.length = 0
    wire.cut()
    expect(await client.next()).toMatchObject({ method: 'notifications/cancelled', params: { requestId: 'q1' } })
    client.send({ jsonrpc: '2.0', id: 'q1', result: {} })
    await client.ask(2, 'ping')
    expect(gateway.last().received).toHaveLength(1)
  })

  it('ends an answer that was cut and answers its request', async () => {
    void start()
    await client.ask(1, 'ping')
    gateway.resultBytes = 1024 * 1024
    wire.bytesLeft = 300_000
    // Not framed: half of it is no message.
    let text = ''
    output.removeAllListeners('data')
    output.on('data', (chunk: Buffer) => (text += chunk.toString()))
    call(2, 'x')
    await waitFor(() => text.endsWith('\n'))
    await waitFor(() => text.split('\n').length >= 3)
    const [cut = '', failure = ''] = text.split('\n')
    expect(cut.length).toBeGreaterThan(100_000)
    expect(JSON.parse(failure)).toMatchObject({ id: 2, error: { data: { reason: 'daemon-lost', outcome: 'unknown' } } })
  })

  it('says that a long call was not carried out when the daemon is lost before its end', async () => {
    void start()
    await client.ask(1, 'ping')
    input.write(`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"x","text":"${'y'.repeat(200_000)}`)
    await waitFor(() => input.readableLength === 0)
    wire.cut()
    await waitFor(() => said.includes('the daemon was lost'))
    input.write('"}}\n')
    expect(await client.next()).toMatchObject({ id: 2, error: { data: { outcome: 'not-sent' } } })
    expect(await client.ask(3, 'ping')).toHaveProperty('result')
  })

  it('lets requests wait while there is no daemon', async () => {
    void start()
    await client.ask(1, 'ping')
    let allow: () => void = () => undefined
    revive = async () => {
      await new Promise<void>((resolve) => (allow = resolve))
      await wire.mend()
    }
    wire.cut()
    await waitFor(() => revived === 1)
    for (let id = 2; id < 20; id++) call(id, 'x')
    client.send({ jsonrpc: '2.0', method: 'notifications/roots/list_changed' })
    await new Promise((resolve) => setImmediate(resolve))
    expect(client.messages).toEqual([])
    allow()
    await waitFor(() => client.messages.length === 18)
    expect(client.messages.map((message) => message['id'])).toEqual(Array.from({ length: 18 }, (_, index) => index + 2))
    expect(client.messages.every((message) => 'result' in message)).toBe(true)
  })

  it('lets only so many wait', async () => {
    void start()
    await client.ask(1, 'ping')
    revive = () => new Promise(() => undefined)
    wire.cut()
    await waitFor(() => revived === 1)
    for (let id = 2; id < 1010; id++) call(id, 'x')
    await waitFor(() => client.messages.length === 8)
    expect(client.messages[0]).toMatchObject({ id: 1002, error: { data: { reason: 'daemon-lost', outcome: 'not-sent' } } })
  })

  it('tries again when the first attempts to bring a daemon back fail', async () => {
    void start()
    await client.ask(1, 'ping')
    revive = () => (revived < 3 ? Promise.reject(new Error('not yet')) : wire.mend())
    wire.cut()
    expect(await client.ask(2, 'ping')).toHaveProperty('result')
    expect(revived).toBe(3)
    expect(said.filter((line) => line === 'no daemon: not yet')).toHaveLength(2)
  })

  it('answers with a clear error after a stop on purpose, starts nothing, and goes on when there is a daemon again', async () => {
    void start()
    await client.ask(1, 'initialize', INITIALIZE)
    call(2, 'hang')
    client.send({ jsonrpc: '2.0', id: 3, method: 'subscriptions/listen' })
    await waitFor(() => gateway.last().hanging.length === 2)
    await front.close()
    expect(await client.next()).toMatchObject({ id: 2, error: { code: -32603, message: expect.stringMatching(/^mcpctl was stopped; run mcpctl start/) as string, data: { reason: 'stopped', outcome: 'unknown' } } })
    for (let id = 4; id < 8; id++) expect(await client.ask(id, 'tools/list')).toMatchObject({ error: { data: { reason: 'stopped', outcome: 'not-sent' } } })
    expect(revived).toBe(0)
    expect(isOver).toBe(false)
    await openDaemon()
    await waitFor(async () => 'result' in (await client.ask('again', 'ping')), { pollMs: 50 })
    expect(gateway.last().options.resume).toMatchObject({ protocolVersion: '2025-11-25' })
    expect(gateway.last().hanging.map(({ id }) => id)).toEqual([3])
    expect(client.messages.map((message) => message['method'])).toEqual(['notifications/tools/list_changed', 'notifications/resources/list_changed'])
    expect(revived).toBe(0)
  })

  it('ends with its client, at once when nothing is under way', async () => {
    void start()
    await client.ask(1, 'ping')
    // Its patience with the last answers is never over: it would not end if it had to be.
    vi.useFakeTimers({ toFake: ['setTimeout'] })
    input.end()
    await running.finally(() => vi.useRealTimers())
    await waitFor(() => gateway.last().closed !== null)
  })

  it('still brings the answers to its last requests, also to one without a line break', async () => {
    void start()
    input.end('{"jsonrpc":"2.0","id":1,"method":"ping"}\n{"jsonrpc":"2.0","id":2,"method":"ping"}')
    await running
    await waitFor(() => client.messages.length === 2)
  })

  it('does not wait for ever for the last answers', async () => {
    void start()
    call(1, 'hang')
    input.end()
    await running
    expect(client.messages).toEqual([])
  })

  it('ends at once when it is told to', async () => {
    void start()
    call(1, 'hang')
    await waitFor(() => gateway.last().hanging.length === 1)
    abort.abort()
    await running
  })
})
