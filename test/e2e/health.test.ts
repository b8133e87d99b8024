import { spawn, type ChildProcess } from 'node:child_process'
import { createServer as createHttpServer } from 'node:http'
import { createServer, type Server } from 'node:net'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BAD_SERVER, badServer } from '../helpers/bad-server.js'
import { runOk } from '../helpers/cli.js'
import { freePort } from '../helpers/port.js'
import { alive } from '../helpers/proc.js'
import { waitFor } from '../helpers/wait.js'
import type { LineClient } from './gateway-client.js'
import { GatewayRig, useFreshGateway } from './gateway-support.js'
import { daemonFacts, endOf, kill, pidOf, readLog, serverOf, untilGone, untilLogged, untilServer } from './support.js'

/** For probes that a busy machine must not make late: what is to be seen is an answer, and not that there was none. */
const PATIENT = '20s'
const health = (more: Record<string, unknown> = {}): Record<string, unknown> => ({ health: { interval: '500ms', ...more }, stopTimeout: '500ms' })
const bad = (mode: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({ ...badServer(mode), era: 'legacy', ...health(), ...more })
const QUICK_RESTART = { restart: { backoff: { initial: '100ms', max: '200ms' }, intensity: { restarts: 1000, window: '1m' } } }

/** Under way besides the daemon; ended after the last test. */
const closing: (() => unknown)[] = []

async function serveMcp(port: number): Promise<ChildProcess> {
  const child = spawn(process.execPath, [BAD_SERVER, '--mode=http'], { env: { ...process.env, PORT: String(port) }, stdio: ['ignore', 'ignore', 'pipe'] })
  closing.push(() => child.kill('SIGKILL'))
  await new Promise((resolve) => child.stderr.once('data', resolve))
  return child
}

async function listen(server: Server, port: number): Promise<void> {
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  closing.push(() => server.close())
}

// One daemon for all of them: each test has servers of its own and mostly waits, so they go on at the same time.
describe.concurrent('servers that are asked whether they work', () => {
  const rig = new GatewayRig()
  const { home } = rig
  /** What the probe of the server `web` is answered; the last one again and again. */
  let webAnswers = [204]
  let client: LineClient
  let [vanishing, stopping]: ChildProcess[] = []
  let [vanishingPort, helperPort] = [0, 0]
  const [flag, pids] = [join(home.base, 'flag'), join(home.base, 'pids')]

  beforeAll(async () => {
    writeFileSync(flag, '')
    vanishingPort = await freePort()
    vanishing = await serveMcp(vanishingPort)
    const stoppingPort = await freePort()
    stopping = await serveMcp(stoppingPort)
    helperPort = await freePort()
    const webPort = await freePort()
    await listen(createHttpServer((_request, response) => void response.writeHead((webAnswers.length > 1 ? webAnswers.shift() : webAnswers[0]) ?? 0).end()), webPort)
    const script = 'sleep 1000 & echo $! >> "$PIDS"; test "$WHO" = server && [ "$PWD" = / ] || exit 9; test -e "$FLAG" || { echo gone to sleep >&2; exec sleep 1000; }; true'
    await rig.start({
      calm: bad('ok'),
      victim: bad('ok'),
      // Long enough for it to be continued before three probes have failed.
      continued: bad('ok', health({ interval: '3s' })),
      silent: bad('stop-answering=1'),
      deaf: bad('never-reads'),
      busy: bad('busy=4000'),
      endless: bad('spin'),
      waits: bad('blocks-io=3000'),
      waitsLong: bad('blocks-io=600000', health({ hungAfter: '2500ms' })),
      half: bad('half-closed'),
      vanishing: { url: `http://127.0.0.1:${vanishingPort}/mcp`, ...health({ timeout: PATIENT }), ...QUICK_RESTART },
      stopping: { url: `http://127.0.0.1:${stoppingPort}/mcp`, ...health(), ...QUICK_RESTART },
      web: bad('ok', health({ timeout: PATIENT, probe: { http: `http://127.0.0.1:${webPort}/health?key=secret` } })),
      db: { command: 'sleep', args: ['1000'], transport: 'none', ...health({ timeout: PATIENT, probe: { tcp: `127.0.0.1:${helperPort}` } }), startTimeout: '5m' },
      tool: { ...bad('ok', health({ timeout: '1s', probe: { command: '/bin/sh', args: ['-c', script] } })), cwd: '/', env: { WHO: 'server', FLAG: flag, PIDS: pids } },
      wrong: bad('ok', health({ timeout: PATIENT, probe: { command: '/bin/sh', args: ['-c', 'echo no such luck; exit 3'] } })),
    }, { gateway: { prefix: 'always' } }, ['--no-wait'])
    client = await rig.legacy()
  }, 120_000)

  afterAll(async () => {
    for (const close of closing.splice(0)) await close()
    await rig.end()
  }, 60_000)

  const untilReady = (name: string, generation = 1): ReturnType<typeof untilServer> => untilServer(home, name, (server) => server.ready && server.generation === generation)
  /** Why an instance left the rotation first, as its log tells it: a look at its state may come too late for that. */
  const firstReason = async (name: string, generation = 1): Promise<string> =>
    (await untilLogged(home, name, (line) => line.stream === 'mark' && line.generation === generation && line.text.startsWith('unready: '))).text

  test('one that was stopped by a signal is out of rotation at the first look or missed probe, replaced, and ready again', async () => {
    const { pid } = await untilReady('victim')
    kill(pid, 'SIGSTOP')
    const stop = `stopped by a signal (SIGSTOP); continue it with kill -CONT ${pid}`
    const [seen, ...more] = (await firstReason('victim')).slice('unready: '.length).split('; no answer ')
    expect(seen).toBe(stop)
    expect(more.join()).toMatch(/^(to a probe within .*)?$/)
    expect(await untilReady('victim', 2)).toMatchObject({ restarts: 1 })
    await untilGone(pid ?? 0)
    expect((await runOk(['status', 'victim'], { home })).stdout).toMatch(/generation 1 +stopped by a signal/)
    expect(await serverOf(home, 'calm')).toMatchObject({ ready: true, generation: 1, restarts: 0 })
  })

  test('one that was stopped and is continued in time is back, the same process', async () => {
    const { pid } = await untilReady('continued')
    kill(pid, 'SIGSTOP')
    await untilServer(home, 'continued', ({ phase }) => phase === 'unready')
    kill(pid, 'SIGCONT')
    expect(await untilServer(home, 'continued', ({ ready }) => ready)).toMatchObject({ pid, generation: 1, restarts: 0 })
  })

  test('one that does not answer any more, and rests, is out of rotation at the first missed probe and replaced at the third', async () => {
    await untilReady('silent')
    expect(await client.text('silent__pid')).toMatch(/^\d+$/)
    expect(await firstReason('silent')).toMatch(/^unready: no answer to a probe within/)
    await untilReady('silent', 2)
    expect((await endOf(home, 'silent', 1)).reason).toMatch(/^no answer to 3 probes in .*; its processes used no processor time/)
  })

  test('one that reads nothing any more is replaced', async () => {
    const first = Number((await untilLogged(home, 'deaf', ({ text }) => text.startsWith('started, pid '))).text.slice('started, pid '.length))
    await untilServer(home, 'deaf', ({ generation }) => generation > 1)
    await untilGone(first)
  })

  test('one that computes stays in the rotation, however long it takes', async () => {
    const [busy, endless] = [await untilReady('busy'), await untilReady('endless')]
    const call = client.call('endless__pid')
    expect(await client.text('busy__pid')).toBe(String(busy.pid))
    for (const { name, pid } of [busy, endless]) {
      expect(await serverOf(home, name)).toMatchObject({ phase: 'ready', generation: 1, pid })
      expect((await readLog(home, name)).filter(({ text }) => text.startsWith('unready'))).toEqual([])
    }
    kill(endless.pid)
    expect((await call).error).toBeDefined()
  })

  test('one that waits for something while it owes an answer is given its time, and then replaced', async () => {
    const { pid } = await untilReady('waits')
    await untilReady('waitsLong')
    const long = client.call('waitsLong__pid')
    expect(await client.text('waits__pid')).toBe(String(pid))
    expect(await untilServer(home, 'waits', ({ ready }) => ready)).toMatchObject({ generation: 1, pid })
    expect((await long).error).toBeDefined()
    await untilReady('waitsLong', 2)
    expect((await endOf(home, 'waitsLong', 1)).reason).toMatch(/^no answer to \d+ probes in .*; silent for .* with a call under way/)
  })

  test('one that closed its stdout is replaced', async () => {
    await untilReady('half')
    expect((await client.call('half__pid')).error).toBeDefined()
    await untilReady('half', 2)
  })

  test('a remote one that vanishes leaves the rotation at the first refused probe, and is ready again soon after it came back', async () => {
    const { generation } = await untilServer(home, 'vanishing', ({ ready }) => ready)
    vanishing?.kill('SIGKILL')
    expect(await firstReason('vanishing', generation)).toMatch(/^unready: it could not be probed: (nothing listens on|.* broke the connection)/)
    await untilServer(home, 'vanishing', (server) => server.generation > generation && !server.ready)
    await serveMcp(vanishingPort)
    await untilServer(home, 'vanishing', ({ ready }) => ready)
    expect(await client.text('vanishing__pid')).toMatch(/^\d+$/)
  })

  test('a remote one that is stopped is out of rotation and replaced by a new connection', async () => {
    const { generation } = await untilServer(home, 'stopping', ({ ready }) => ready)
    stopping?.kill('SIGSTOP')
    await firstReason('stopping', generation)
    await untilServer(home, 'stopping', (server) => server.generation > generation)
    stopping?.kill('SIGCONT')
    await untilServer(home, 'stopping', ({ ready }) => ready)
  })

  test('a probe of the user\'s own over HTTP decides about the rotation, and its third failure about the server', async () => {
    const { pid } = await untilReady('web')
    webAnswers = [503, 302]
    expect(await firstReason('web')).toMatch(/^unready: its health check failed: 127\.0\.0\.1:\d+ answered GET with HTTP 503$/)
    expect(await untilReady('web')).toMatchObject({ pid })
    webAnswers = [500]
    await untilServer(home, 'web', ({ generation }) => generation === 2)
    expect((await endOf(home, 'web', 1)).reason).toMatch(/^its health check failed 3 times in .*HTTP 500/)
    webAnswers = [200]
    await untilReady('web', 2)
  })

  test('a probe by connecting waits for a helper that takes long to come up, and notices when it is gone', async () => {
    const out = await untilServer(home, 'db', ({ phase, reason }) => phase === 'unready' && Number(/(\d+) times/.exec(reason)?.[1]) >= 4)
    expect(out).toMatchObject({ generation: 1, reason: expect.stringContaining(`no connection to 127.0.0.1:${helperPort} (ECONNREFUSED)`) as string })
    const server = createServer((socket) => socket.destroy())
    await listen(server, helperPort)
    await untilReady('db')
    server.close()
    await untilServer(home, 'db', ({ generation }) => generation === 2)
  })

  test('a probe by a command runs where its server runs, is ended when it takes too long, and leaves nothing behind', async () => {
    await untilServer(home, 'tool', ({ ready }) => ready)
    expect(await firstReason('wrong')).toBe('unready: its health check failed: sh exited with code 3: no such luck')
    rmSync(flag)
    expect((await untilServer(home, 'tool', ({ phase }) => phase === 'unready')).reason).toMatch(/^its health check failed.*: no result within/)
    writeFileSync(flag, '')
    await untilServer(home, 'tool', ({ ready }) => ready)
    await runOk(['stop', 'tool'], { home })
    const left = readFileSync(pids, 'utf8').trim().split('\n').map(Number)
    expect(left.length).toBeGreaterThan(2)
    await waitFor(() => left.every((pid) => !alive(pid)))
  })
})

describe('a daemon that did not run for a while', () => {
  const rig = useFreshGateway()

  test('holds that against no server', async () => {
    const { home } = rig()
    const quick = bad('ok', health({ interval: '300ms' }))
    await rig().start({ a: quick, b: quick })
    const pids = [await pidOf(home, 'a'), await pidOf(home, 'b')]
    const { pid } = daemonFacts(home)
    kill(pid, 'SIGSTOP')
    await new Promise((resolve) => setTimeout(resolve, 8 * 300))
    kill(pid, 'SIGCONT')
    // Long enough for it to be held against them.
    await new Promise((resolve) => setTimeout(resolve, 4 * 300))
    for (const name of ['a', 'b']) expect((await readLog(home, name)).filter(({ text }) => text.startsWith('unready'))).toEqual([])
    expect([await pidOf(home, 'a'), await pidOf(home, 'b')]).toEqual(pids)
  })
})
