import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { execa } from 'execa'
import { describe, expect, onTestFinished, test } from 'vitest'
import { badServer } from '../helpers/bad-server.js'
import { run, runOk } from '../helpers/cli.js'
import { freePort } from '../helpers/port.js'
import { alive } from '../helpers/proc.js'
import { waitFor } from '../helpers/wait.js'
import { fixture, kill, pidOf, serverOf, startsOf, statusOf, untilLogged, untilServer, useHome } from './support.js'

const home = useHome()

/** A server over HTTP that somebody else runs: started by the test, outside the home. */
async function remote(...args: string[]): Promise<{ url: string; pid: number; stats(): Promise<Record<string, unknown>> }> {
  const { command, args: words } = fixture('mcp-http.mjs', ...args)
  const child = execa(command, words, { stdin: 'ignore', reject: false, buffer: false })
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await child
  })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const port = Number(await waitFor(() => /listening (\d+)/.exec(said)?.[1]))
  const origin = `http://127.0.0.1:${port}`
  return { url: `${origin}/mcp`, pid: child.pid ?? 0, stats: async () => (await (await fetch(`${origin}/stats`)).json()) as Record<string, unknown> }
}

describe('servers over HTTP', () => {
  test.each(['legacy', 'legacy-sse', 'modern', 'dual', 'discover-500', 'code-404'])('a remote %s server gets ready without a process, and stop leaves it running', async (mode) => {
    const { url, pid } = await remote('--mode', mode)
    home().config({ far: { url } })
    await runOk(['start'], { home: home() })
    const far = await serverOf(home(), 'far')
    expect(far).toMatchObject({ phase: 'ready', transport: 'http', pid: null, memoryBytes: null, era: mode === 'modern' || mode === 'dual' ? 'modern' : 'legacy' })
    expect(far.tools).toBeGreaterThanOrEqual(4)
    await runOk(['stop'], { home: home() })
    expect(alive(pid)).toBe(true)
  })

  test('a remote server of the oldest protocol is reached with transport sse', async () => {
    const { url } = await remote('--mode', 'sse')
    home().config({ far: { url: url.replace('/mcp', '/sse'), transport: 'sse' } })
    await runOk(['start'], { home: home() })
    expect(await serverOf(home(), 'far')).toMatchObject({ phase: 'ready', transport: 'sse', tools: 4 })
  })

  test('headers with a secret from the environment open a server that asks for it, and status hides it', async () => {
    const { url } = await remote('--mode', 'unauthorised')
    home().config({ far: { url, headers: { Authorization: 'Bearer ${FAR_TOKEN}' } } })
    const refused = await run(['start', '--timeout', '20s'], { home: home(), env: { FAR_TOKEN: 'wrong' } })
    expect(refused.exitCode).toBe(1)
    expect(refused.stderr).toMatch(/^far: .*401/m)
    await runOk(['restart'], { home: home(), env: { FAR_TOKEN: 'letmein' } })
    const shown = await runOk(['status', 'far'], { home: home() })
    expect(shown.stdout).not.toContain('letmein')
  })

  test('a remote server that is not there fails with the reason, is tried again and is ready when it comes', async () => {
    const port = await freePort()
    home().config({ far: { url: `http://127.0.0.1:${port}/mcp`, restart: { backoff: { initial: '100ms', max: '200ms' }, intensity: { restarts: 1000 } } } })
    const { exitCode, stderr } = await run(['start'], { home: home() })
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(new RegExp(`^far: \\w+: .*(127\\.0\\.0\\.1:${port}|refused)`, 'm'))
    await remote('--port', String(port))
    await runOk(['wait', 'far'], { home: home() })
  })

  test('a local HTTP server is started, waited for until it listens, and stopped with its process', async () => {
    const port = await freePort()
    home().config({ near: { ...fixture('mcp-http.mjs', '--boot-delay', '500'), env: { PORT: String(port) }, url: `http://127.0.0.1:${port}/mcp` } })
    await runOk(['start'], { home: home() })
    const near = await serverOf(home(), 'near')
    expect(near).toMatchObject({ phase: 'ready', transport: 'http', tools: 4, restarts: 0, generation: 1 })
    await untilLogged(home(), 'near', ({ stream, text }) => stream === 'err' && text === `listening ${port}`)
    await runOk(['stop'], { home: home() })
    expect(alive(near.pid ?? 0)).toBe(false)
  })

  test('a local HTTP server that is killed comes back on the same port', async () => {
    const port = await freePort()
    home().config({ near: { ...badServer('http'), env: { PORT: String(port) }, url: `http://127.0.0.1:${port}/mcp` } })
    await runOk(['start'], { home: home() })
    kill(await pidOf(home(), 'near'))
    expect(await untilServer(home(), 'near', (server) => server.ready && server.generation === 2)).toMatchObject({ restarts: 1 })
  })

  test('a port in use is not mistaken for the server: the error names the port and who holds it', async () => {
    const holder = createServer()
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void holder.close())
    const { port } = holder.address() as AddressInfo
    home().config({ near: { ...badServer('http'), env: { PORT: String(port) }, url: `http://127.0.0.1:${port}/mcp` } })
    const { exitCode, stderr } = await run(['start'], { home: home() })
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(new RegExp(`^near: .*port ${port} is already in use by pid ${process.pid}`, 'm'))
    expect(await startsOf(home(), 'near')).toEqual([])
  })
})

describe('processes without MCP', () => {
  test('transport none is ready as soon as it runs; what depends on it follows, and it is restarted when it dies', async () => {
    home().config({ helper: { command: '/bin/sh', args: ['-c', 'echo up; exec sleep 600'], transport: 'none' }, app: { ...fixture('mcp-legacy.mjs'), dependsOn: ['helper'] } })
    await runOk(['start'], { home: home() })
    expect(await serverOf(home(), 'helper')).toMatchObject({ phase: 'ready', transport: 'none', era: null, tools: null })
    await untilLogged(home(), 'helper', ({ stream, text }) => stream === 'out' && text === 'up')
    kill(await pidOf(home(), 'helper'))
    await untilServer(home(), 'helper', (server) => server.ready && server.generation === 2)
    const pids = (await statusOf(home())).servers.map(({ pid }) => pid ?? 0)
    await runOk(['stop'], { home: home() })
    expect(pids.filter(alive)).toEqual([])
  })
})
