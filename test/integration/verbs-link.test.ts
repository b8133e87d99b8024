import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { resolveHome, type Home } from '../../src/lib/control/index.js'
import { explainFailure, openServerLink, type ServerLink } from '../../src/lib/verbs/tools-link.js'

let folder: string
let home: Home
let server: net.Server | null
let open: ServerLink | null

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mcpctl-link-'))
  home = resolveHome({ MCP_HOME: folder })
  mkdirSync(dirname(home.gatewaySocket), { recursive: true })
  server = null
  open = null
})

afterEach(async () => {
  open?.close()
  if (server !== null) await new Promise((resolve) => server?.close(resolve))
  rmSync(folder, { recursive: true, force: true })
})

/** A gateway socket that answers each line of a client: the greeting comes as line 0. */
async function listen(onLine: (socket: net.Socket, line: Record<string, unknown>, index: number) => void): Promise<void> {
  server = net.createServer((socket) => {
    let index = 0
    socket.on('error', () => undefined)
    createInterface({ input: socket }).on('line', (line) => onLine(socket, JSON.parse(line) as Record<string, unknown>, index++))
  })
  await new Promise<void>((resolve) => server?.listen(home.gatewaySocket, resolve))
}

const connect = async (): Promise<ServerLink> => (open = await openServerLink({ home, server: 'files', era: 'legacy', signal: new AbortController().signal }))

const READY = '{"mcpctl":1,"ready":true}\n'

describe('the link to one server through the gateway', () => {
  it('asks for that server under its own names, and reads on from behind the greeting, however it is cut', async () => {
    const hellos: unknown[] = []
    await listen((socket, line, index) => {
      if (index === 0) {
        hellos.push(line)
        socket.write(READY.slice(0, 9))
        setImmediate(() => socket.write(`${READY.slice(9)}{"jsonrpc":"2.0","method":"notifications/early"}\n`))
        return
      }
      const { id, method } = line
      if (method === 'initialize') socket.write(`${JSON.stringify({ jsonrpc: '2.0', id, result: { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'x', version: '1' } } })}\n`)
      else if (method === 'tools/list') socket.write(`${JSON.stringify({ jsonrpc: '2.0', id, result: { tools: [{ name: 'read' }] } })}\n`)
      else if (method === 'tools/call') socket.write(`${JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32603, message: 'server "files": too slow', data: { reason: 'timeout', outcome: 'unknown' } } })}\n`)
    })
    const heard: string[] = []
    open = await openServerLink({ home, server: 'files', era: 'legacy', signal: new AbortController().signal, onNotification: (method) => heard.push(method) })
    expect(hellos).toEqual([{ mcpctl: 1, front: 'stdio', view: { servers: ['files'], tags: [], prefix: 'none', separator: null }, profile: null, resume: null }])
    expect(open.established.catalogue.tools).toEqual([{ name: 'read' }])
    expect(heard).toEqual(['notifications/early'])
    const error: unknown = await open.link.request('tools/call', { name: 'read' }, { timeoutMs: 25_000 }).catch((reason: unknown) => explainFailure(reason, 'files'))
    expect(error).toMatchObject({ code: 'TIMEOUT', message: 'server "files": too slow', details: { rpcCode: -32603, data: { outcome: 'unknown' } } })
  })

  it('passes on why the gateway refuses', async () => {
    await listen((socket) => socket.end('{"mcpctl":1,"error":{"code":"SERVER_UNKNOWN","message":"there is no server \\"files\\"","hint":"Did you mean file?","details":{"name":"files"}}}\n'))
    await expect(connect()).rejects.toMatchObject({ code: 'SERVER_UNKNOWN', message: 'there is no server "files"', hint: 'Did you mean file?' })
  })

  it('says so when the daemon is just ending', async () => {
    await listen((socket) => socket.end('{"mcpctl":1,"closing":"stopped"}\n'))
    await expect(connect()).rejects.toMatchObject({ code: 'NOT_RUNNING', hint: 'Run mcpctl start.' })
  })

  it.each([
    ['something else answers', (socket: net.Socket) => void socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['an endless line comes', (socket: net.Socket) => void socket.write('x'.repeat(100_000))],
    ['it ends during the handshake', (socket: net.Socket) => void socket.end(READY)],
  ])('is unreachable when %s', async (_what, answer) => {
    await listen((socket, _line, index) => void (index === 0 && answer(socket)))
    await expect(connect()).rejects.toMatchObject({ code: 'DAEMON_UNREACHABLE' })
  })

  it('is not there when who listened leaves without a word', async () => {
    await listen((socket) => socket.end())
    await expect(connect()).rejects.toMatchObject({ code: 'NOT_RUNNING' })
  })

  it('is not there when nobody listens', async () => {
    await expect(connect()).rejects.toMatchObject({ code: 'NOT_RUNNING', details: { socket: home.gatewaySocket } })
  })
})
