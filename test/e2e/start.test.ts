import { join } from 'node:path'
import { mkdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { badServer } from '../helpers/bad-server.js'
import { run, runOk, start } from '../helpers/cli.js'
import { alive } from '../helpers/proc.js'
import { waitFor } from '../helpers/wait.js'
import { behindGate, fixture, kill, logOf, look, pidOf, serverOf, startsOf, statusOf, untilServer, useHome } from './support.js'

const home = useHome()

describe('start', () => {
  test('starts all enabled servers at the same time and returns when each is proven ready', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f']
    const { entry, open } = behindGate(home(), 'all')
    home().config(Object.fromEntries(names.map((name) => [name, entry])))
    const starting = runOk(['start'], { home: home() })
    // None of them is ready before all of them run.
    await waitFor(async () => (await look(home()))?.servers.filter(({ phase, pid }) => phase === 'starting' && pid !== null).length === names.length)
    open()
    const { stderr, stdout } = await starting
    expect(stdout).toBe('')
    expect(stderr).toMatch(/6 ready \(\d/)
    const { servers } = await statusOf(home())
    expect(servers.map(({ name, phase, ready, tools }) => ({ name, phase, ready, tools }))).toEqual(names.map((name) => ({ name, phase: 'ready', ready: true, tools: 4 })))
  })

  test('tells each change on a line of its own while it goes on', async () => {
    home().config({ a: fixture('mcp-legacy.mjs'), b: fixture('mcp-modern.mjs') })
    const { stderr } = await runOk(['start'], { home: home() })
    for (const name of ['a', 'b']) {
      expect(stderr).toMatch(new RegExp(`^\\S ${name}  starting +\\d`, 'm'))
      expect(stderr).toMatch(new RegExp(`^\\S ${name}  ready +\\d.*4 tools$`, 'm'))
    }
  })

  test('a server that runs and answers nothing is not ready', async () => {
    home().config({ mute: badServer('never-ready') })
    await runOk(['start', '--no-wait'], { home: home() })
    const mute = await untilServer(home(), 'mute', (server) => server.pid !== null)
    expect(mute).toMatchObject({ phase: 'starting', ready: false, desired: 'up', tools: null, era: null })
    expect(alive(mute.pid ?? 0)).toBe(true)
    expect((await run(['status', 'mute'], { home: home() })).exitCode).toBe(3)
  })

  test('a server that has answered the handshake is not ready before its lists are read', async () => {
    home().config({ slow: fixture('mcp-legacy.mjs', '--slow-lists', '3000') })
    await runOk(['start', '--no-wait'], { home: home() })
    const reading = await untilServer(home(), 'slow', (server) => server.progress?.includes('list') === true)
    expect(reading).toMatchObject({ phase: 'starting', ready: false })
    await runOk(['wait', 'slow'], { home: home() })
    expect(await serverOf(home(), 'slow')).toMatchObject({ phase: 'ready', tools: 4 })
  })

  test('a second start changes nothing: same processes, same generation, exit 0', async () => {
    home().config({ a: fixture('mcp-legacy.mjs'), b: fixture('mcp-dual.mjs') })
    await runOk(['start'], { home: home() })
    const before = await statusOf(home())
    const again = await runOk(['start'], { home: home() })
    expect(again.stderr).toContain('2 ready')
    const after = await statusOf(home())
    const facts = ({ daemon, servers }: typeof before) => [daemon?.pid, ...servers.map(({ name, pid, generation, restarts }) => [name, pid, generation, restarts])]
    expect(facts(after)).toEqual(facts(before))
    expect(await startsOf(home(), 'a')).toHaveLength(1)
  })

  test('start NAME starts that server and what it depends on, in that order, and nothing else', async () => {
    home().config({
      app: { ...fixture('mcp-legacy.mjs'), dependsOn: ['db'] },
      db: { ...fixture('mcp-dual.mjs', '--delay', '300'), dependsOn: ['disk'] },
      disk: fixture('mcp-legacy.mjs'),
      other: fixture('mcp-legacy.mjs'),
    })
    await runOk(['start', 'app'], { home: home() })
    const { servers } = await statusOf(home())
    expect(servers.map(({ name, phase }) => [name, phase])).toEqual([['app', 'ready'], ['db', 'ready'], ['disk', 'ready'], ['other', 'idle']])
    const startedAt = async (name: string) => Date.parse((await logOf(home(), name)).find((line) => line.text.startsWith('started'))?.time ?? '')
    expect(await startedAt('db')).toBeGreaterThanOrEqual((await serverOf(home(), 'disk')).since)
    expect(await startedAt('app')).toBeGreaterThanOrEqual((await serverOf(home(), 'db')).since)
  })

  test('leaves disabled servers alone until they are named', async () => {
    home().config({ on: fixture('mcp-legacy.mjs'), off: { ...fixture('mcp-legacy.mjs'), enabled: false } })
    await runOk(['start'], { home: home() })
    expect(await serverOf(home(), 'off')).toMatchObject({ phase: 'idle', enabled: false, pid: null })
    expect((await runOk(['status'], { home: home() })).stdout).toMatch(/off +disabled/)
    await runOk(['start', 'off'], { home: home() })
    expect(await serverOf(home(), 'off')).toMatchObject({ phase: 'ready' })
  })

  test('--no-wait returns before the servers are ready, which they become all the same', async () => {
    const { entry, open } = behindGate(home(), 'slow')
    home().config({ slow: entry })
    const { stderr } = await runOk(['start', '--no-wait'], { home: home() })
    expect(stderr).toContain('starting 1 server')
    expect(await serverOf(home(), 'slow')).toMatchObject({ phase: 'starting', ready: false })
    open()
    await runOk(['wait'], { home: home() })
    expect(await serverOf(home(), 'slow')).toMatchObject({ ready: true, generation: 1 })
  })

  test('--timeout ends the waiting with 7 and lets the servers go on', async () => {
    const { entry, open } = behindGate(home(), 'slow')
    home().config({ good: fixture('mcp-legacy.mjs'), slow: entry })
    await runOk(['start', 'good'], { home: home() })
    const { exitCode, stderr } = await run(['start', '--timeout', '500ms'], { home: home() })
    expect(exitCode).toBe(7)
    expect(stderr).toMatch(/^slow: starting: /m)
    expect(stderr).toContain('1 ready, 1 starting')
    open()
    await runOk(['wait', 'slow'], { home: home() })
    expect(await startsOf(home(), 'slow')).toHaveLength(1)
  })

  test('an interrupted start ends with 130 and what it started goes on', async () => {
    const { entry, open } = behindGate(home(), 'slow')
    home().config({ slow: entry })
    const command = start(['start'], { home: home() })
    await waitFor(async () => (await look(home()))?.servers[0]?.pid)
    command.kill('SIGINT')
    const { exitCode, stderr } = await command
    expect(exitCode).toBe(130)
    expect(stderr).toContain('interrupted')
    open()
    await runOk(['wait', 'slow'], { home: home() })
    expect(await serverOf(home(), 'slow')).toMatchObject({ ready: true, generation: 1 })
  })

  test('finds the configuration from a folder below the project', async () => {
    home().config({ a: { command: process.execPath, args: [fixture('mcp-legacy.mjs').args[0]], cwd: 'work' } })
    mkdirSync(join(home().project, 'work'))
    mkdirSync(join(home().project, 'src/deep'), { recursive: true })
    await runOk(['start'], { home: home(), cwd: join(home().project, 'src/deep') })
    expect(await serverOf(home(), 'a')).toMatchObject({ ready: true, source: join(home().project, 'mcp.config.json') })
  })

  test('with parallel startup switched off, each server waits for the one before', async () => {
    const names = ['a', 'b', 'c']
    home().config(Object.fromEntries(names.map((name) => [name, fixture('mcp-legacy.mjs')])))
    await runOk(['start'], { home: home(), env: { MCP_PARALLEL_STARTUP: 'false' } })
    const spans = await Promise.all(
      names.map(async (name) => ({ startedAt: Date.parse((await logOf(home(), name))[0]?.time ?? ''), readyAt: (await serverOf(home(), name)).since })),
    )
    spans.sort((x, y) => x.startedAt - y.startedAt)
    for (const [index, span] of spans.slice(1).entries()) expect(span.startedAt).toBeGreaterThanOrEqual(spans[index]?.readyAt ?? Infinity)
  })

  test('the daemon has a session of its own, so that no terminal takes it along', async () => {
    home().config({ a: fixture('mcp-legacy.mjs') })
    await runOk(['start'], { home: home() })
    const { daemon } = await statusOf(home())
    const { lookUp } = await import('../helpers/proc.js')
    const entry = lookUp(daemon?.pid ?? 0)
    expect(entry).toMatchObject({ groupId: daemon?.pid, sessionId: daemon?.pid })
    kill(daemon?.pid, 'SIGHUP')
    expect(await pidOf(home(), 'a')).toBeGreaterThan(0)
  })
})
