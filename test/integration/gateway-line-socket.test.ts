import { once } from 'node:events'
import { existsSync, statSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { resolveHome, writeFrontHello, type FrontHello, type Home } from '../../src/lib/control/index.js'
import { openFrontSocket, type FrontSocket, type FrontSocketOptions } from '../../src/lib/daemon/front-socket.js'
import { waitFor } from '../helpers/wait.js'
import { createClient, createFakeGateway, createRunHome, type FakeGateway, type LineClient } from './gateway-line-support.js'

const EVERYONE = { servers: null, tags: [], prefix: null, separator: null }
const HELLO: FrontHello = { front: 'stdio', view: EVERYONE, profile: null, resume: null }

describe('the socket for clients', () => {
  let home: Home
  let remove: () => void
  let gateway: FakeGateway
  let front: FrontSocket
  let logged: string[]
  let views: unknown[]
  let web: http.Server
  const sockets: net.Socket[] = []

  const open = async (more: Partial<FrontSocketOptions> = {}): Promise<void> => {
    front = await openFrontSocket({
      home,
      gateway,
      http: {
        accept: (socket, view) => {
          views.push(view)
          web.emit('connection', socket)
        },
      },
      log: (_level, message) => logged.push(message),
      names: () => ({ servers: ['files', 'git'], profiles: ['work'] }),
      ...more,
    })
  }
  const connect = async (): Promise<{ socket: net.Socket; client: LineClient }> => {
    const socket = net.connect(home.gatewaySocket)
    socket.on('error', () => undefined)
    sockets.push(socket)
    await once(socket, 'connect')
    return { socket, client: createClient(socket, socket) }
  }
  const greet = async (hello: Partial<FrontHello>, after = '') => {
    const both = await connect()
    both.socket.write(writeFrontHello({ ...HELLO, ...hello }) + after)
    return both
  }

  beforeEach(() => {
    ;({ home, remove } = createRunHome())
    gateway = createFakeGateway()
    logged = []
    views = []
    web = http.createServer((request, response) => response.end(`path ${request.url}`))
  })

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy()
    await front.close()
    remove()
  })

  it('is for this user alone and replaces what an earlier daemon left', async () => {
    writeFileSync(home.gatewaySocket, '')
    await open()
    expect(statSync(home.gatewaySocket).mode & 0o777).toBe(0o600)
    const { client } = await greet({})
    expect(await client.next()).toEqual({ mcpctl: 1, ready: true })
  })

  it('serves MCP after the greeting, also what came together with it', async () => {
    await open()
    const { client } = await greet({ view: { ...EVERYONE, servers: ['git'], prefix: 'none', separator: '-' } }, '{"jsonrpc":"2.0","id":1,"method":"ping"}\n{"jsonrpc":"2.0","id":2,')
    expect(await client.next()).toEqual({ mcpctl: 1, ready: true })
    expect(await client.next()).toMatchObject({ id: 1, result: {} })
    client.send('"method":"ping"}\n')
    expect(await client.next()).toMatchObject({ id: 2, result: {} })
    expect(gateway.last().options).toMatchObject({ kind: 'any', view: { servers: ['git'], prefix: 'none', separator: '-' } })
    expect(gateway.last().options.resume).toBeUndefined()
  })

  it('takes a greeting that comes in pieces', async () => {
    await open()
    const { socket, client } = await connect()
    for (const letter of writeFrontHello(HELLO)) {
      socket.write(letter)
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(await client.next()).toEqual({ mcpctl: 1, ready: true })
  })

  it('hands an earlier session on', async () => {
    await open()
    const resume = { protocolVersion: '2025-11-25', capabilities: { roots: {} }, clientInfo: { name: 'c', version: '1' }, logLevel: 'info', subscriptions: ['a://b'] }
    const { client } = await greet({ resume })
    await client.next()
    expect(gateway.last().options.resume).toEqual(resume)
  })

  it('takes the servers of a profile, and the names as this client wants them', async () => {
    await open()
    const { client } = await greet({ profile: 'work', view: { ...EVERYONE, separator: '.' } })
    await client.next()
    expect(gateway.last().options.view).toEqual({ servers: ['git'], tags: [], prefix: 'none', separator: '.' })
  })

  it('hands HTTP connections on with all their bytes', async () => {
    await open()
    const socket = net.connect(home.gatewaySocket)
    sockets.push(socket)
    let text = ''
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()))
    socket.write(`${writeFrontHello({ ...HELLO, front: 'http', view: { ...EVERYONE, servers: ['files'] } })}GET /one HTTP/1.1\r\nHost: x\r\n\r\n`)
    await waitFor(() => text.includes('path /one'))
    socket.write('GET /two HTTP/1.1\r\nHost: x\r\n\r\n')
    await waitFor(() => text.includes('path /two'))
    expect(text.startsWith('{"mcpctl":1,"ready":true}\nHTTP/1.1 200')).toBe(true)
    expect(views).toEqual([{ ...EVERYONE, servers: ['files'] }])
  })

  it.each([
    ['an unknown server', { view: { ...EVERYONE, servers: ['git', 'fils'] } }, { code: 'SERVER_UNKNOWN', message: 'there is no server "fils"', hint: 'Did you mean files?' }],
    ['an unknown profile', { profile: 'wrok' }, { code: 'SERVER_UNKNOWN', message: 'there is no profile "wrok"', hint: 'Did you mean work?' }],
  ])('refuses %s with near names', async (_what, hello, error) => {
    await open()
    const { socket, client } = await greet(hello)
    expect(await client.next()).toMatchObject({ mcpctl: 1, error })
    await waitFor(() => socket.readableEnded)
    expect(gateway.sessions).toEqual([])
    expect(logged).toHaveLength(1)
  })

  it.each([
    ['no JSON', 'GET / HTTP/1.1\n'],
    ['a list', '[]\n'],
    ['another version', '{"mcpctl":2,"front":"stdio"}\n'],
    ['an unknown front', '{"mcpctl":1,"front":"telnet","view":{}}\n'],
    ['servers that are no names', '{"mcpctl":1,"front":"stdio","view":{"servers":[1]}}\n'],
    ['a separator that cannot stand in a name', '{"mcpctl":1,"front":"stdio","view":{"separator":"/"}}\n'],
    ['a session that is none', '{"mcpctl":1,"front":"stdio","view":{},"resume":{"protocolVersion":5}}\n'],
    ['something endless', 'x'.repeat(2 * 1024 * 1024)],
  ])('refuses a greeting that is %s', async (_what, text) => {
    await open()
    const { socket, client } = await connect()
    socket.write(text)
    const refusal = await client.next()
    expect(refusal).toMatchObject({ mcpctl: 1, error: { message: expect.any(String) as string } })
    await waitFor(() => socket.readableEnded)
  })

  it('is not disturbed by clients that leave without a word', async () => {
    await open()
    for (let count = 0; count < 20; count++) {
      const { socket } = await connect()
      if (count % 2 === 0) socket.write('{"mcpctl":1,')
      socket.destroy()
    }
    const { client } = await greet({})
    expect(await client.next()).toEqual({ mcpctl: 1, ready: true })
  })

  it('lets nobody in before there is a configuration', async () => {
    let settle: () => void = () => undefined
    await open({ configured: new Promise<void>((resolve) => (settle = resolve)) })
    const { client } = await greet({}, '{"jsonrpc":"2.0","id":1,"method":"ping"}\n')
    const { socket: impatient } = await greet({})
    impatient.destroy()
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(client.messages).toEqual([])
    settle()
    expect(await client.next()).toEqual({ mcpctl: 1, ready: true })
    expect(await client.next()).toMatchObject({ id: 1 })
  })

  it('says that mcpctl was stopped, ends every connection and leaves no file', async () => {
    await open()
    const { socket, client } = await greet({})
    await client.next()
    const { socket: silent } = await connect()
    await front.close()
    await waitFor(() => socket.readableEnded && silent.destroyed)
    expect(client.messages).toEqual([{ mcpctl: 1, closing: 'stopped' }])
    expect(gateway.last().closed).not.toBeNull()
    expect(existsSync(home.gatewaySocket)).toBe(false)
  })
})

describe("the gateway socket's place", () => {
  it('is beside the control socket, also where the home has a long name', () => {
    for (const root of ['/tmp/short', `/tmp/${'long'.repeat(30)}`]) {
      const { socket, gatewaySocket } = resolveHome({ MCP_HOME: root })
      expect(gatewaySocket).toBe(socket.replace('control.sock', 'gateway.sock'))
      expect(gatewaySocket).not.toBe(socket)
      expect(Buffer.byteLength(gatewaySocket)).toBeLessThanOrEqual(103)
    }
  })
})
