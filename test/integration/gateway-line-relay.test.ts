import http from 'node:http'
import net from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Home } from '../../src/lib/control/index.js'
import { openFrontSocket, type FrontSocket } from '../../src/lib/daemon/front-socket.js'
import { openRelay, type Relay, type RelayOptions } from '../../src/lib/pump/index.js'
import { freePort } from '../helpers/port.js'
import { waitFor } from '../helpers/wait.js'
import { createFakeGateway, createRunHome } from './gateway-line-support.js'

describe('the relay to the HTTP front', () => {
  let home: Home
  let remove: () => void
  let front: FrontSocket
  let relay: Relay | undefined
  let web: http.Server

  const open = async (options: Partial<RelayOptions> = {}): Promise<Relay> => {
    relay = await openRelay({
      address: home.gatewaySocket,
      hello: { view: { servers: ['git'], tags: [], prefix: null, separator: null }, profile: null },
      host: '127.0.0.1',
      port: null,
      revive: () => Promise.reject(new Error('there is a daemon')),
      debug: () => undefined,
      ...options,
    })
    return relay
  }
  const openDaemon = async (): Promise<void> => {
    front = await openFrontSocket({ home, gateway: createFakeGateway(), http: { accept: (socket) => void web.emit('connection', socket) }, log: () => undefined, names: () => ({ servers: ['git'], profiles: [] }) })
  }
  const post = (port: number, body: string | Buffer, agent?: http.Agent): Promise<{ status: number | undefined; body: string }> =>
    new Promise((resolve, reject) => {
      const request = http.request({ host: '127.0.0.1', port, method: 'POST', path: '/mcp', ...(agent ? { agent } : {}) }, (response) => {
        text(response).then((answer) => resolve({ status: response.statusCode, body: answer }), reject)
      })
      request.once('error', reject)
      request.end(body)
    })

  beforeEach(async () => {
    ;({ home, remove } = createRunHome())
    web = http.createServer((request, response) => void text(request).then((body) => response.end(body.toUpperCase())))
    await openDaemon()
  })

  afterEach(async () => {
    await relay?.close()
    relay = undefined
    await front.close()
    remove()
  })

  it('brings a client that reads slowly all of an answer whose connection is closed behind it', async () => {
    const { port } = await open()
    web.removeAllListeners('request')
    const bytes = 8 * 1024 * 1024
    web.on('request', (_request, response: http.ServerResponse) => void response.writeHead(200, { connection: 'close', 'content-length': bytes }).end(Buffer.alloc(bytes, 'x')))
    const client = net.connect(port, '127.0.0.1')
    client.write('POST /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n')
    let received = 0
    const closed = new Promise((resolve) => web.once('connection', (socket: net.Socket) => socket.once('close', resolve)))
    client.on('data', (chunk: Buffer) => {
      received += chunk.length
      // The daemon is through with it long before the client is.
      if (received > bytes / 2 || client.isPaused()) return
      client.pause()
      setTimeout(() => client.resume(), 2)
    })
    await new Promise((resolve) => client.once('close', resolve))
    await closed
    expect(received).toBeGreaterThan(bytes)
  })

  it('lets go of the daemon when the client left before the daemon let it in', async () => {
    const { port } = await open()
    let opened = 0
    let closed = 0
    web.on('connection', (socket: net.Socket) => {
      opened++
      socket.once('close', () => closed++)
    })
    for (let round = 0; round < 20; round++) {
      const client = net.connect(port, '127.0.0.1')
      client.once('connect', () => client.resetAndDestroy())
      await new Promise((resolve) => client.once('close', resolve))
    }
    // One more that stays shows that the others have had their turn.
    await post(port, 'last', new http.Agent())
    await waitFor(() => (opened > 1 && opened === closed ? true : undefined), { timeoutMs: 20_000, what: 'all connections to end' })
  })

  it('passes requests and answers on, several on one connection and large ones', async () => {
    const { port } = await open()
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
    for (const body of ['one', 'two', 'x'.repeat(3_000_000)]) expect((await post(port, body, agent)).body === body.toUpperCase()).toBe(true)
    agent.destroy()
  })

  it('serves many at once', async () => {
    const { port } = await open()
    const bodies = Array.from({ length: 50 }, (_, index) => `body ${index}`)
    expect((await Promise.all(bodies.map((body) => post(port, body)))).map(({ body }) => body)).toEqual(bodies.map((body) => body.toUpperCase()))
  })

  it('brings a daemon up before it listens, and refuses what the daemon refuses', async () => {
    await front.close()
    let revived = 0
    await open({
      revive: async () => {
        revived++
        await openDaemon()
      },
    })
    expect(revived).toBe(1)
    await relay?.close()
    await expect(open({ hello: { view: { servers: ['gti'], tags: [], prefix: null, separator: null }, profile: null }, revive: () => Promise.resolve() })).rejects.toMatchObject({ code: 'SERVER_UNKNOWN', hint: 'Did you mean git?' })
  })

  it('takes the port it is given, or says that it cannot', async () => {
    const port = await freePort()
    expect((await open({ port })).port).toBe(port)
    await expect(openRelay({ address: home.gatewaySocket, hello: { view: { servers: null, tags: [], prefix: null, separator: null }, profile: null }, host: '127.0.0.1', port, revive: () => Promise.resolve(), debug: () => undefined })).rejects.toMatchObject({ code: 'USAGE', message: `cannot listen on 127.0.0.1 port ${port}: another program listens there` })
  })

  it('answers with 503 and the way out when mcpctl was stopped, and goes on when it is back', async () => {
    const { port } = await open()
    await front.close()
    const refused = await post(port, 'a')
    expect(refused.status).toBe(503)
    expect(JSON.parse(refused.body)).toMatchObject({ error: { message: 'mcpctl was stopped. Run mcpctl start.', data: { reason: 'stopped' } } })
    await openDaemon()
    expect((await post(port, 'a')).body).toBe('A')
  })

  it('is not disturbed by connections that break', async () => {
    const { port } = await open()
    for (let count = 0; count < 20; count++) {
      const socket = net.connect(port, '127.0.0.1')
      socket.on('error', () => undefined)
      socket.write('POST /mcp HTTP/1.1\r\n')
      if (count % 2 === 0) socket.destroy()
      else socket.once('connect', () => socket.resetAndDestroy())
    }
    expect((await post(port, 'a')).body).toBe('A')
  })
})
