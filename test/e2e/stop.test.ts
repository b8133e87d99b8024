import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { badServer } from '../helpers/bad-server.js'
import { run, runOk } from '../helpers/cli.js'
import { alive, descendants } from '../helpers/proc.js'
import { waitFor } from '../helpers/wait.js'
import { daemonFacts, errorOf, fixture, kill, logOf, look, pidOf, serverOf, startsOf, statusOf, untilServer, useHome } from './support.js'

const home = useHome()

describe('stop', () => {
  test('ends everything every server has started, however it tried to get away, and leaves no file behind', async () => {
    const pidFile = (name: string) => join(home().base, `${name}.pid`)
    const kinds = ['grandchild', 'setsid-grandchild', 'daemonise', 'stubborn-grandchild']
    home().config(
      {
        ...Object.fromEntries(kinds.map((kind) => [kind, badServer(kind, { childPidFile: pidFile(kind) })])),
        tree: { ...fixture('proc-tree.sh'), transport: 'none' },
        shell: { command: '/bin/sh', args: ['-c', '"$0" "$1" | cat', ...[process.execPath, fixture('mcp-legacy.mjs').args[0] ?? '']] },
        forks: { command: '/bin/sh', args: ['-c', 'trap "setsid sleep 600 & exit 0" TERM; echo up; while :; do sleep 1; done'], transport: 'none' },
      },
      { defaults: { stopTimeout: '1s' } },
    )
    await runOk(['start'], { home: home() })
    const treePids = await waitFor(async () => (await logOf(home(), 'tree')).find(({ stream }) => stream === 'out')?.text.split(' ').map(Number))
    const kidPids = await waitFor(() => {
      const found = kinds.map((kind) => Number(readFileSync(pidFile(kind), 'utf8')))
      return found.every((pid) => pid > 0) ? found : null
    }, { what: 'every child to have written down its pid' })
    const { daemon, servers } = await statusOf(home())
    const pids = [...treePids, ...kidPids, ...servers.map(({ pid }) => pid ?? 0), ...descendants(daemon?.pid ?? 0), daemon?.pid ?? 0]
    expect(pids.filter((pid) => !alive(pid))).toEqual([])

    const { stderr } = await runOk(['stop'], { home: home() })
    expect(stderr).toMatch(/stopped 7 servers, daemon ended/)
    // At once: stop returns when all of it is gone.
    expect(home().leftovers()).toEqual([])
    expect(pids.filter(alive)).toEqual([])
    expect(existsSync(home().paths.socket)).toBe(false)
  })

  test('kills a server that ignores SIGTERM within its stop timeout and says so', async () => {
    // With the patience of the others it would take a minute.
    home().config({ stubborn: { ...badServer('ignore-term'), stopTimeout: '1s' }, other: fixture('mcp-legacy.mjs') }, { defaults: { stopTimeout: '60s' } })
    await runOk(['start'], { home: home() })
    const pid = await pidOf(home(), 'stubborn')
    await runOk(['stop', 'stubborn'], { home: home() })
    expect(alive(pid)).toBe(false)
    expect((await logOf(home(), 'stubborn')).some(({ text }) => text === 'killed by SIGKILL')).toBe(true)
    expect(await serverOf(home(), 'other')).toMatchObject({ ready: true })
  })

  test('gives a server the time to end by itself that its configuration allows', async () => {
    const script = 'trap "sleep 1; echo saved; exit 0" TERM; echo up; while :; do sleep 0.1; done'
    home().config({ careful: { command: '/bin/sh', args: ['-c', script], transport: 'none', stopTimeout: '10s' } })
    await runOk(['start'], { home: home() })
    await waitFor(async () => (await logOf(home(), 'careful')).some(({ text }) => text === 'up'))
    await runOk(['stop'], { home: home() })
    expect((await logOf(home(), 'careful')).map(({ text }) => text).slice(-2)).toEqual(['saved', 'exited with code 0'])
  })

  test('many servers that take their time end at the same time', async () => {
    // Each ends only at SIGTERM, which comes after 0.4 of its stop timeout.
    const names = Array.from({ length: 12 }, (_, index) => `s${index}`)
    home().config(Object.fromEntries(names.map((name) => [name, { ...badServer('ignore-eof'), stopTimeout: '1s' }])))
    await runOk(['start'], { home: home() })
    await runOk(['stop'], { home: home() })
    const journal = readFileSync(home().paths.daemonLog, 'utf8').split('\n')
    const began = names.map((name) => journal.findIndex((line) => line.includes(`"${name}: stopping"`)))
    const ended = names.map((name) => journal.findLastIndex((line) => line.includes(`"${name}: idle"`)))
    expect(Math.min(...began)).toBeGreaterThan(0)
    expect(Math.max(...began), 'all of them were told before the first one had ended').toBeLessThan(Math.min(...ended))
    expect(home().leftovers()).toEqual([])
  })

  test('takes servers down before what they depend on', async () => {
    const slow = { ...badServer('ignore-eof'), stopTimeout: '1s' }
    home().config({ db: badServer(), app: { ...slow, dependsOn: ['db'] }, web: { ...slow, dependsOn: ['app'] } })
    await runOk(['start'], { home: home() })
    await runOk(['stop', '--keep-daemon'], { home: home() })
    const ends = await Promise.all(['web', 'app', 'db'].map(async (name) => Date.parse((await logOf(home(), name)).findLast(({ stream }) => stream === 'mark')?.time ?? '')))
    expect(ends).toEqual([...ends].sort((a, b) => a - b))
    expect((await statusOf(home())).servers.map(({ phase, desired }) => [phase, desired])).toEqual(Array(3).fill(['idle', 'down']))
  })

  test('stop NAME leaves the others and the daemon alone; the server stays down', async () => {
    home().config({ a: fixture('mcp-legacy.mjs'), b: fixture('mcp-legacy.mjs') })
    await runOk(['start'], { home: home() })
    const before = await pidOf(home(), 'b')
    const { stderr } = await runOk(['stop', 'a'], { home: home() })
    expect(stderr).toMatch(/^stopped a \(/)
    expect(await serverOf(home(), 'a')).toMatchObject({ phase: 'idle', desired: 'down', pid: null, reason: 'stopped' })
    expect(await pidOf(home(), 'b')).toBe(before)
    expect(existsSync(join(home().paths.pids, 'a.pid'))).toBe(false)
    expect((await runOk(['stop', 'a'], { home: home() })).stderr).toContain('not running: a')
    await runOk(['start', 'a'], { home: home() })
    expect(await serverOf(home(), 'a')).toMatchObject({ ready: true, restarts: 0 })
  })

  test("stop 'PATTERN' stops what matches", async () => {
    const server = fixture('mcp-legacy.mjs')
    home().config({ 'git-a': server, 'git-b': server, files: server })
    await runOk(['start'], { home: home() })
    const result = await runOk(['stop', 'git*', '--json'], { home: home() })
    expect(result.json()).toMatchObject({ schemaVersion: 1, stopped: ['git-a', 'git-b'] })
    expect((await statusOf(home())).servers.map(({ phase }) => phase)).toEqual(['idle', 'idle', 'ready'])
  })

  test('an unknown name ends with 4, suggests the one meant and stops nothing', async () => {
    home().config({ files: fixture('mcp-legacy.mjs'), git: fixture('mcp-legacy.mjs') })
    await runOk(['start'], { home: home() })
    const { exitCode, stderr } = await run(['stop', 'git', 'flies'], { home: home() })
    expect(exitCode).toBe(4)
    expect(stderr).toContain('there is no server "flies"\nhint: Did you mean files?')
    expect(errorOf(await run(['stop', 'flies', '--json'], { home: home() })).code).toBe('SERVER_UNKNOWN')
    expect((await statusOf(home())).servers.every(({ ready }) => ready)).toBe(true)
  })

  test('of nothing is a success', async () => {
    const { stderr } = await runOk(['stop'], { home: home() })
    expect(stderr).toContain('nothing is running')
    expect((await runOk(['stop', '--json'], { home: home() })).json()).toEqual({ schemaVersion: 1, stopped: [], daemon: null })
    await runOk(['stop', 'anything'], { home: home() })
    await runOk(['daemon', 'stop'], { home: home() })
    expect(existsSync(home().home)).toBe(false)
  })

  test('daemon stop ends the servers and the daemon', async () => {
    home().config({ a: badServer('setsid-grandchild') })
    await runOk(['start'], { home: home() })
    const { pid } = daemonFacts(home())
    await runOk(['daemon', 'stop'], { home: home() })
    expect(home().leftovers()).toEqual([])
    expect(alive(pid)).toBe(false)
  })

  test('a server that waits for its next try is not tried again', async () => {
    home().config({ flaky: { ...badServer('exit-at-start'), era: 'legacy', restart: { backoff: { initial: '500ms', max: '500ms' }, intensity: { restarts: 100 } } } })
    expect((await run(['start'], { home: home() })).exitCode).toBe(1)
    await untilServer(home(), 'flaky', ({ phase }) => phase === 'backoff')
    await runOk(['stop', 'flaky'], { home: home() })
    const { phase, since, generation } = await serverOf(home(), 'flaky')
    expect(phase).toBe('idle')
    // Longer than the longest backoff with its jitter.
    await waitFor(() => Date.now() - since > 700)
    expect(await serverOf(home(), 'flaky')).toMatchObject({ phase: 'idle', generation })
    expect(await startsOf(home(), 'flaky')).toHaveLength(generation)
  })

  test('a server that is suspended is stopped all the same', async () => {
    home().config({ frozen: { ...badServer('ignore-eof'), stopTimeout: '1s' } })
    await runOk(['start'], { home: home() })
    const pid = await pidOf(home(), 'frozen')
    kill(pid, 'SIGSTOP')
    await runOk(['stop'], { home: home() })
    expect(alive(pid)).toBe(false)
    expect(await look(home())).toBeNull()
  })
})
