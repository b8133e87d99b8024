import { spawn, type ChildProcess } from 'node:child_process'
import { createServer as createHttpServer } from 'node:http'
import { createServer, type Server } from 'node:net'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { BAD_SERVER, badServer } from '../helpers/bad-server.js'
import { run, runOk, start } from '../helpers/cli.js'
import { freePort } from '../helpers/port.js'
import { alive } from '../helpers/proc.js'
import { waitFor } from '../helpers/wait.js'
import { daemonFacts, logOf, pidOf, serverOf, untilGone, untilServer, useHome } from './support.js'

const home = useHome()
const INTERVAL_MS = 500
/** What the clocks, the tick and a busy machine may add. */
const LEEWAY_MS = 400
const health = (more: Record<string, unknown> = {}): Record<string, unknown> => ({ health: { interval: `${INTERVAL_MS}ms`, ...more }, stopTimeout: '500ms' })
const bad = (mode: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({ ...badServer(mode), era: 'legacy', ...health(), ...more })

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

const call = (name: string, tool = 'pid'): ReturnType<typeof run> => run(['call', name, tool], { home: home() })
const marksOf = async (name: string): Promise<string[]> => (await logOf(home(), name)).filter(({ stream }) => stream === 'mark').map(({ text }) => text)

describe('a server that was stopped by a signal', () => {
  test('is out of rotation within two intervals, replaced, and ready again', async () => {
    home().config({ victim: bad('ok'), other: bad('ok') })
    await runOk(['start'], { home: home() })
    const [victim, other] = [await pidOf(home(), 'victim'), await pidOf(home(), 'other')]
    const stoppedAt = Date.now()
    process.kill(victim, 'SIGSTOP')
    const out = await untilServer(home(), 'victim', ({ phase }) => phase === 'unready')
    expect(out.since - stoppedAt).toBeLessThan(2 * INTERVAL_MS + LEEWAY_MS)
    expect(out.reason).toContain(`stopped by a signal (SIGSTOP); continue it with kill -CONT ${victim}`)
    const again = await untilServer(home(), 'victim', (server) => server.ready && server.generation === 2)
    expect(again.restarts).toBe(1)
    await untilGone(victim)
    expect((await runOk(['status', 'victim'], { home: home() })).stdout).toMatch(/generation 1 +stopped by a signal/)
    expect(await serverOf(home(), 'other')).toMatchObject({ pid: other, generation: 1, phase: 'ready' })
  })

  test('and continued in time is back, the same process', async () => {
    home().config({ victim: bad('ok') })
    await runOk(['start'], { home: home() })
    const pid = await pidOf(home(), 'victim')
    process.kill(pid, 'SIGSTOP')
    await untilServer(home(), 'victim', ({ phase }) => phase === 'unready')
    process.kill(pid, 'SIGCONT')
    expect(await untilServer(home(), 'victim', ({ ready }) => ready)).toMatchObject({ pid, generation: 1, restarts: 0 })
  })
})

describe('a server that does not answer', () => {
  test('any more, and rests, is out of rotation within two intervals and replaced', async () => {
    home().config({ silent: bad('stop-answering=1') })
    await runOk(['start'], { home: home() })
    expect((await call('silent')).exitCode).toBe(0)
    const lastWordAt = Date.now()
    const out = await untilServer(home(), 'silent', ({ phase }) => phase === 'unready')
    expect(out.since - lastWordAt).toBeLessThan(2 * INTERVAL_MS + LEEWAY_MS)
    expect(out.reason).toMatch(/^no answer to a probe within/)
    await untilServer(home(), 'silent', (server) => server.ready && server.generation === 2)
    expect((await runOk(['status', 'silent'], { home: home() })).stdout).toMatch(/generation 1 +no answer to 3 probes in .*; its processes used no processor time/)
  })

  test('because it reads nothing any more is replaced', async () => {
    home().config({ deaf: bad('never-reads') })
    await runOk(['start'], { home: home() })
    const pid = await pidOf(home(), 'deaf')
    await untilServer(home(), 'deaf', ({ generation }) => generation === 2)
    await untilGone(pid)
  })

  test('while it computes stays in the rotation, however long it takes', async () => {
    home().config({ busy: bad('busy=6000'), endless: bad('spin') })
    await runOk(['start'], { home: home() })
    const pids = [await pidOf(home(), 'busy'), await pidOf(home(), 'endless')]
    const endless = start(['call', 'endless', 'pid'], { home: home() })
    closing.push(() => endless.kill('SIGKILL'))
    expect((await call('busy')).stdout).toContain(String(pids[0]))
    for (const [index, name] of ['busy', 'endless'].entries()) {
      expect(await serverOf(home(), name)).toMatchObject({ phase: 'ready', generation: 1, pid: pids[index] })
      expect((await marksOf(name)).filter((text) => text.startsWith('unready'))).toEqual([])
    }
    endless.kill('SIGKILL')
  })

  test('because it waits for something while it owes an answer is given its time, and then replaced', async () => {
    home().config({ waits: bad('blocks-io=4000'), waitsLong: bad('blocks-io=600000', health({ hungAfter: '2500ms' })) })
    await runOk(['start'], { home: home() })
    const pid = await pidOf(home(), 'waits')
    const long = call('waitsLong')
    expect((await call('waits')).stdout).toContain(String(pid))
    expect(await untilServer(home(), 'waits', ({ ready }) => ready)).toMatchObject({ generation: 1, pid })
    expect((await long).exitCode).not.toBe(0)
    await untilServer(home(), 'waitsLong', (server) => server.ready && server.generation === 2)
    expect((await runOk(['status', 'waitsLong'], { home: home() })).stdout).toMatch(/generation 1 +no answer to \d+ probes in .*; silent for .* with a call under way/)
  })

  test('because it closed its stdout is replaced', async () => {
    home().config({ half: bad('half-closed') })
    await runOk(['start'], { home: home() })
    expect((await call('half')).exitCode).not.toBe(0)
    await untilServer(home(), 'half', (server) => server.ready && server.generation === 2)
  })
})

describe('a remote server', () => {
  const serve = async (port: number): Promise<ChildProcess> => {
    const child = spawn(process.execPath, [BAD_SERVER, '--mode=http'], { env: { ...process.env, PORT: String(port) }, stdio: ['ignore', 'ignore', 'pipe'] })
    closing.push(() => child.kill('SIGKILL'))
    await new Promise((resolve) => child.stderr.once('data', resolve))
    return child
  }

  test('that vanishes leaves the rotation, and is ready again soon after it came back', async () => {
    const port = await freePort()
    const first = await serve(port)
    home().config({ far: { url: `http://127.0.0.1:${port}/mcp`, ...health(), restart: { backoff: { initial: '100ms', max: '200ms' }, intensity: { restarts: 1000, window: '1m' } } } })
    await runOk(['start'], { home: home() })
    const goneAt = Date.now()
    first.kill('SIGKILL')
    const out = await untilServer(home(), 'far', ({ phase }) => phase === 'unready')
    expect(out.since - goneAt).toBeLessThan(2 * INTERVAL_MS + LEEWAY_MS)
    expect(out.reason).toMatch(/^it could not be probed: (nothing listens on|.* broke the connection)/)
    await untilServer(home(), 'far', ({ generation, ready }) => generation > 1 && !ready)
    await serve(port)
    await untilServer(home(), 'far', ({ ready }) => ready)
    expect((await call('far', 'pid')).exitCode).toBe(0)
  })

  test('that is stopped is out of rotation and replaced by a new connection', async () => {
    const port = await freePort()
    const child = await serve(port)
    home().config({ far: { url: `http://127.0.0.1:${port}/mcp`, ...health() } })
    await runOk(['start'], { home: home() })
    child.kill('SIGSTOP')
    await untilServer(home(), 'far', ({ phase }) => phase === 'unready')
    await untilServer(home(), 'far', ({ generation }) => generation === 2)
    child.kill('SIGCONT')
    await untilServer(home(), 'far', ({ ready }) => ready)
  })
})

describe('a probe of the user\'s own', () => {
  const listen = async (server: Server, port: number): Promise<void> => {
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
    closing.push(() => server.close())
  }

  test('over HTTP decides about the rotation, and its third failure about the server', async () => {
    let status = 204
    const port = await freePort()
    await listen(createHttpServer((_request, response) => void response.writeHead(status).end()), port)
    home().config({ web: bad('ok', health({ probe: { http: `http://127.0.0.1:${port}/health?key=secret` } })) })
    await runOk(['start'], { home: home() })
    const pid = await pidOf(home(), 'web')
    status = 503
    const out = await untilServer(home(), 'web', ({ phase }) => phase === 'unready')
    expect(out.reason).toBe(`its health check failed: 127.0.0.1:${port} answered GET with HTTP 503`)
    status = 302
    expect(await untilServer(home(), 'web', ({ ready }) => ready)).toMatchObject({ pid })
    status = 500
    await untilServer(home(), 'web', ({ generation }) => generation === 2)
    status = 200
    await untilServer(home(), 'web', ({ ready }) => ready)
  })

  test('by connecting waits for a helper that takes long to come up, and notices when it is gone', async () => {
    const port = await freePort()
    home().config({ db: { command: 'sleep', args: ['1000'], transport: 'none', ...health({ probe: { tcp: `127.0.0.1:${port}` } }), startTimeout: '30s' } })
    await runOk(['start', '--no-wait'], { home: home() })
    const out = await untilServer(home(), 'db', ({ phase, reason }) => phase === 'unready' && reason.includes('4 times'))
    expect(out).toMatchObject({ generation: 1, reason: expect.stringContaining(`no connection to 127.0.0.1:${port} (ECONNREFUSED)`) as string })
    const server = createServer((socket) => socket.destroy())
    await listen(server, port)
    expect(await untilServer(home(), 'db', ({ ready }) => ready)).toMatchObject({ generation: 1 })
    server.close()
    await untilServer(home(), 'db', ({ generation }) => generation === 2)
  })

  test('by a command runs where its server runs, is ended when it takes too long, and leaves nothing behind', async () => {
    const flag = join(home().base, 'flag')
    const pids = join(home().base, 'pids')
    writeFileSync(flag, '')
    const script = 'sleep 1000 & echo $! >> "$PIDS"; test "$WHO" = server && [ "$PWD" = / ] || exit 9; test -e "$FLAG" || { echo gone to sleep >&2; exec sleep 1000; }; true'
    home().config({
      tool: { ...bad('ok', health({ probe: { command: '/bin/sh', args: ['-c', script] } })), cwd: '/', env: { WHO: 'server', FLAG: flag, PIDS: pids } },
      wrong: bad('ok', health({ probe: { command: '/bin/sh', args: ['-c', 'echo no such luck; exit 3'] } })),
    })
    await runOk(['start', '--no-wait'], { home: home() })
    await untilServer(home(), 'tool', ({ ready }) => ready)
    expect((await untilServer(home(), 'wrong', ({ phase }) => phase === 'unready')).reason).toBe('its health check failed: sh exited with code 3: no such luck')
    rmSync(flag)
    expect((await untilServer(home(), 'tool', ({ phase }) => phase === 'unready')).reason).toMatch(/^its health check failed: no result within/)
    writeFileSync(flag, '')
    await untilServer(home(), 'tool', ({ ready }) => ready)
    await runOk(['stop'], { home: home() })
    const { readFileSync } = await import('node:fs')
    const left = readFileSync(pids, 'utf8').trim().split('\n').map(Number)
    expect(left.length).toBeGreaterThan(2)
    await waitFor(() => left.every((pid) => !alive(pid)))
  })
})

test('a daemon that did not run for a while holds that against no server', async () => {
  home().config({ a: bad('ok'), b: bad('ok') })
  await runOk(['start'], { home: home() })
  const pids = [await pidOf(home(), 'a'), await pidOf(home(), 'b')]
  const { pid } = daemonFacts(home())
  process.kill(pid, 'SIGSTOP')
  await new Promise((resolve) => setTimeout(resolve, 8 * INTERVAL_MS))
  process.kill(pid, 'SIGCONT')
  const log = async (): Promise<string[]> => [...(await marksOf('a')), ...(await marksOf('b'))]
  const since = Date.now()
  await waitFor(() => Date.now() - since > 4 * INTERVAL_MS)
  expect((await log()).filter((text) => text.startsWith('unready'))).toEqual([])
  expect([await pidOf(home(), 'a'), await pidOf(home(), 'b')]).toEqual(pids)
})
