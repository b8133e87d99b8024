import { mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { connectControl, ensureHome, openControlServer, PROTOCOL, readApplyParams, resolveHome } from '../../src/lib/control/index.js'
import { McpctlError } from '../../src/lib/errors/index.js'
import { specOf } from '../unit/core/spec-fixture.js'

/*
 * The words on the wire, exactly as they are. Append only: a line that has to change here means a new PROTOCOL number.
 */
const FROM_CLIENT = [
  '{"type":"hello","protocol":1,"version":"1.2.3"}',
  '{"type":"request","id":1,"method":"start","params":{"names":["a"]}}',
  '{"type":"request","id":2,"method":"snapshot","params":{"names":null,"detail":false}}',
  '{"type":"request","id":3,"method":"shutdown","params":{}}',
]
const FROM_DAEMON = [
  `{"type":"hello","protocol":1,"version":"4.5.6","pid":${process.pid}}`,
  '{"type":"event","id":1,"event":{"type":"closing","time":1}}',
  '{"type":"result","id":1,"result":{"names":["a"]}}',
  '{"type":"error","id":2,"error":{"code":"SERVER_UNKNOWN","message":"m","hint":"h","details":{"name":"x"}}}',
]

function collect(lines: string[], socket: net.Socket): void {
  let rest = ''
  socket.on('data', (chunk) => {
    const parts = (rest + chunk.toString()).split('\n')
    rest = parts.pop() ?? ''
    lines.push(...parts)
  })
}

async function withHome<T>(use: (home: ReturnType<typeof resolveHome>) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'mcpctl-wire-'))
  try {
    const home = resolveHome({ MCP_HOME: folder })
    ensureHome(home)
    return await use(home)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

it('speaks protocol 1', () => {
  expect(PROTOCOL).toBe(1)
})

it('sends what a daemon of this protocol expects', async () => {
  await withHome(async (home) => {
    const lines: string[] = []
    const daemon = net.createServer((socket) => {
      socket.write(`${FROM_DAEMON[0] ?? ''}\n`)
      collect(lines, socket)
    })
    await new Promise<void>((resolve) => daemon.listen(home.socket, resolve))
    const client = await connectControl(home, '1.2.3')
    if (!client) throw new Error('no daemon')
    const requests: Promise<unknown>[] = [client.request('start', { names: ['a'] }), client.request('snapshot', { names: null, detail: false }), client.request('shutdown', {})]
    await expect.poll(() => lines).toEqual(FROM_CLIENT)
    client.close()
    await Promise.allSettled(requests)
    await new Promise((resolve) => daemon.close(resolve))
  })
})

it('answers what a client of this protocol expects', async () => {
  await withHome(async (home) => {
    const server = await openControlServer(home, '4.5.6', (method, _params, context) => {
      if (method !== 'start') throw new McpctlError('SERVER_UNKNOWN', 'm', { hint: 'h', details: { name: 'x' } })
      context.emit({ type: 'closing', time: 1 })
      return Promise.resolve({ names: ['a'] })
    })
    const lines: string[] = []
    const socket = net.connect(home.socket)
    collect(lines, socket)
    for (const line of FROM_CLIENT.slice(0, 3)) socket.write(`${line}\n`)
    // Answers come as they are ready, in any order.
    await expect.poll(() => [...lines].sort()).toEqual([...FROM_DAEMON].sort())
    socket.destroy()
    await server.close()
  })
})

it('reads back every field of a spec and names the one it refuses', () => {
  const spec = specOf('a', {
    transport: 'http',
    endpoint: { url: 'http://127.0.0.1:1/mcp', headers: { a: 'b' } },
    limits: { memoryBytes: 1, cpuPercent: 2, pids: 3 },
    launch: { command: 'c', args: ['d'], cwd: '/e', env: { F: 'g' }, ownEnv: ['F'], shown: ['c', 'd'] },
    dependsOn: ['b'],
    tags: ['t'],
  })
  const params = { source: '/s', settings: { maxConcurrentStarts: 2 }, servers: [spec] }
  expect(readApplyParams(JSON.parse(JSON.stringify(params)))).toEqual(params)
  expect(() => readApplyParams({ ...params, servers: [{ ...spec, era: 'new' }] })).toThrow(/servers\[0\]\.era must be one of auto, legacy, modern/)
})
