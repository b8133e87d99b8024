import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { acquireLock, connectControl, ensureHome, openControlServer, resolveHome, type ControlServer, type Home, type RequestHandler } from '../../src/lib/control/index.js'
import { McpctlError } from '../../src/lib/errors/index.js'

let folder: string
let home: Home
let server: ControlServer | undefined

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mcpctl-control-'))
  home = resolveHome({ MCP_HOME: folder })
  ensureHome(home)
})

afterEach(async () => {
  await server?.close()
  server = undefined
  rmSync(folder, { recursive: true, force: true })
})

async function serve(handle: RequestHandler): Promise<void> {
  server = await openControlServer(home, '9.9.9', handle)
}

async function connect() {
  const client = await connectControl(home, '1.0.0')
  if (!client) throw new Error('no daemon')
  return client
}

describe('the home', () => {
  it('is private', () => {
    for (const path of [home.run, home.pids, home.logs, home.state]) expect(statSync(path).mode & 0o777).toBe(0o700)
  })

  it('names the path and the way out when it cannot be used', () => {
    const file = join(folder, 'file')
    writeFileSync(file, '')
    expect(() => ensureHome(resolveHome({ MCP_HOME: join(file, 'home') }))).toThrow(
      expect.objectContaining({ code: 'HOME_UNUSABLE', message: expect.stringContaining(join(file, 'home')) as string, hint: expect.stringContaining('MCP_HOME') as string }) as Error,
    )
  })

  it('moves the socket where its path fits', () => {
    const deep = resolveHome({ MCP_HOME: join(folder, 'x'.repeat(120)) })
    expect(Buffer.byteLength(deep.socket)).toBeLessThanOrEqual(103)
    expect(deep.socket.startsWith(tmpdir())).toBe(true)
  })
})

describe('the lock', () => {
  it('has one holder and can be taken again after its release', async () => {
    const first = await acquireLock(home)
    expect(first).not.toBeNull()
    expect(await acquireLock(home)).toBeNull()
    first?.release()
    await expect.poll(async () => (await acquireLock(home)) !== null).toBe(true)
  })

  it('lets exactly one of many simultaneous starters win', async () => {
    const locks = await Promise.all(Array.from({ length: 20 }, () => acquireLock(home)))
    expect(locks.filter((lock) => lock !== null)).toHaveLength(1)
    for (const lock of locks) lock?.release()
  })
})

describe('the control channel', () => {
  it('is null without a daemon', async () => {
    expect(await connectControl(home, '1.0.0')).toBeNull()
  })

  it('takes over a socket file nobody listens on', async () => {
    writeFileSync(home.socket, 'stale')
    await serve(() => Promise.resolve({ names: ['a'] }))
    const client = await connect()
    expect(await client.request('start', { names: null })).toEqual({ names: ['a'] })
    client.close()
  })

  it('has a socket only its owner can use', async () => {
    await serve(() => Promise.resolve({}))
    expect(statSync(home.socket).mode & 0o777).toBe(0o600)
  })

  it('carries errors with code, hint and details', async () => {
    await serve(() => Promise.reject(new McpctlError('SERVER_UNKNOWN', 'there is no server "x"', { hint: 'h', details: { name: 'x' } })))
    const client = await connect()
    await expect(client.request('start', { names: ['x'] })).rejects.toMatchObject({ code: 'SERVER_UNKNOWN', hint: 'h', details: { name: 'x' } })
    client.close()
  })

  it('streams events and tells the handler when the client is gone', async () => {
    let gone = false
    await serve(
      (_method, _params, context) =>
        new Promise((resolve) => {
          context.emit({ type: 'closing', time: 1 })
          context.onGone(() => {
            gone = true
            resolve({})
          })
        }),
    )
    const client = await connect()
    const first = await new Promise((resolve) => void client.subscribe(resolve).catch(() => undefined))
    expect(first).toEqual({ type: 'closing', time: 1 })
    client.close()
    await expect.poll(() => gone).toBe(true)
  })

  it('rejects what is under way when the daemon goes', async () => {
    await serve(() => new Promise(() => undefined))
    const client = await connect()
    const request = client.request('snapshot', { names: null, detail: false })
    await Promise.all([expect(request).rejects.toMatchObject({ code: 'DAEMON_UNREACHABLE' }), client.hello.then(() => server?.close())])
    server = undefined
  })

  it('explains a daemon of another protocol but can still end it', async () => {
    const old = net.createServer((socket) => {
      socket.write('{"type":"hello","protocol":99,"version":"9.0.0","pid":7}\n')
      socket.on('data', (chunk) => {
        for (const match of chunk.toString().matchAll(/"id":(\d+)/g)) socket.write(`{"type":"result","id":${match[1] ?? ''},"result":{"names":[]}}\n`)
      })
    })
    await new Promise<void>((resolve) => old.listen(home.socket, resolve))
    const client = await connect()
    await expect(client.request('snapshot', { names: null, detail: false })).rejects.toMatchObject({ code: 'DAEMON_INCOMPATIBLE', hint: expect.stringContaining('mcpctl') as string })
    expect(await client.request('shutdown', {})).toEqual({ names: [] })
    client.close()
    await new Promise((resolve) => old.close(resolve))
  })

  it('survives a client that speaks nonsense', async () => {
    await serve(() => Promise.resolve({ names: [] }))
    const socket = net.connect(home.socket)
    const answer = await new Promise<string>((resolve) => {
      let text = ''
      socket.on('data', (chunk) => (text += chunk.toString()))
      socket.on('close', () => resolve(text))
      socket.write('nonsense\n')
    })
    expect(answer).toContain('"type":"error","id":0')
    const client = await connect()
    expect(await client.request('stop', { names: null })).toEqual({ names: [] })
    client.close()
  })
})
