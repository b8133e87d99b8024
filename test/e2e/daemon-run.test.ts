import { describe, expect, test } from 'vitest'
import { badServer } from '../helpers/bad-server.js'
import { run, runOk, start } from '../helpers/cli.js'
import { waitFor } from '../helpers/wait.js'
import { daemonFacts, errorOf, fixture, kill, look, pidOf, processesLeft, statusOf, useHome } from './support.js'

const home = useHome()

/** A daemon in the foreground, its servers ready. In an object, because the running command is itself a promise of its end. */
async function foreground(): Promise<{ child: ReturnType<typeof start> }> {
  const child = start(['daemon', 'run'], { home: home(), deadlineMs: 60_000 })
  await waitFor(async () => {
    const snapshot = await look(home())
    return snapshot !== null && snapshot.servers.length > 0 && snapshot.servers.every(({ ready, enabled }) => ready || !enabled)
  }, { timeoutMs: 25_000, what: 'the daemon and its servers to be ready' })
  return { child }
}

describe('daemon run', () => {
  test('starts every enabled server and stops all of them at SIGTERM, not at SIGHUP, with exit status 0', async () => {
    home().config({ a: fixture('mcp-legacy.mjs'), b: badServer('setsid-grandchild'), off: { ...badServer(), enabled: false } })
    const { child: daemon } = await foreground()
    const server = await pidOf(home(), 'a')
    // Not this one.
    daemon.kill('SIGHUP')
    const { servers, daemon: facts } = await statusOf(home())
    expect(facts?.pid).toBe(daemon.pid)
    expect(servers.map(({ name, phase }) => [name, phase])).toEqual([['a', 'ready'], ['b', 'ready'], ['off', 'idle']])
    expect(await pidOf(home(), 'a')).toBe(server)
    daemon.kill('SIGTERM')
    const { exitCode, stdout, stderr } = await daemon
    expect(exitCode).toBe(0)
    expect(home().leftovers()).toEqual([])
    expect(stdout).toBe('')
    const lines = stderr.trim().split('\n').map((line) => JSON.parse(line) as { level: string; message: string; time: string })
    expect(lines.map(({ message }) => message)).toEqual(expect.arrayContaining(['daemon started', 'a: ready', 'SIGTERM: stopping everything', 'daemon ended']))
    expect(lines.every(({ level, time }) => level === 'info' && !Number.isNaN(Date.parse(time)))).toBe(true)
  })

  test('stops everything at Ctrl-C too', async () => {
    home().config({ a: badServer('setsid-grandchild') })
    const { child: daemon } = await foreground()
    daemon.kill('SIGINT')
    const { exitCode } = await daemon
    expect([0, 130]).toContain(exitCode)
    expect(home().leftovers()).toEqual([])
  })

  test('serves the other commands as a background daemon does, lets no second one start, and ends with 0 when it is stopped', async () => {
    home().config({ a: fixture('mcp-legacy.mjs'), b: { ...fixture('mcp-legacy.mjs'), enabled: false } })
    const { child: daemon } = await foreground()
    const second = await run(['daemon', 'run', '--json'], { home: home() })
    expect(second.exitCode).toBe(6)
    expect(errorOf(second).code).toBe('DAEMON_START_FAILED')
    await runOk(['start', 'b'], { home: home() })
    await runOk(['restart', 'a'], { home: home() })
    expect(await look(home())).toMatchObject({ daemon: { pid: daemon.pid }, servers: [{ ready: true }, { ready: true }] })
    await runOk(['stop'], { home: home() })
    expect((await daemon).exitCode).toBe(0)
    expect(home().leftovers()).toEqual([])
  })

  test('is refused while a daemon runs in the background', async () => {
    home().config({ a: fixture('mcp-legacy.mjs') })
    await runOk(['start'], { home: home() })
    const { pid } = daemonFacts(home())
    const second = await run(['daemon', 'run'], { home: home() })
    expect(second.exitCode).toBe(6)
    expect(second.stderr).toContain(`a daemon already runs for ${home().home}`)
    expect(second.stderr).toMatch(/^hint: .*mcpctl stop/m)
    expect((await look(home()))?.daemon.pid).toBe(pid)
  })

  test('with a configuration that is wrong ends with 5 and starts nothing', async () => {
    home().write('mcp.config.json', '{ "servers": { "a": { "comand": "node" } } }')
    const { exitCode, stderr } = await run(['daemon', 'run'], { home: home() })
    expect(exitCode).toBe(5)
    expect(stderr).toContain('Did you mean "command"?')
    expect(home().leftovers()).toEqual([])
  })

  test('killed with -9 takes its servers along', async () => {
    home().config({ a: { ...badServer('ignore-eof,setsid-grandchild'), stopTimeout: '500ms' } })
    const { child: daemon } = await foreground()
    kill(daemon.pid)
    await daemon
    await waitFor(() => processesLeft(home()).length === 0)
    // What is left are files, which the next start takes over.
    await runOk(['start'], { home: home() })
  })
})
