import { describe, expect, test } from 'vitest'
import { badServer } from '../helpers/bad-server.js'
import { run, runOk, type CliResult } from '../helpers/cli.js'
import { alive, processesCarrying } from '../helpers/proc.js'
import { waitFor } from '../helpers/wait.js'
import { behindGate, daemonFacts, fixture, look, serverOf, startsOf, statusOf, untilServer, useHome } from './support.js'

const home = useHome()

/** Living daemons of this home. */
function daemons(): number[] {
  return processesCarrying(home().home).filter(({ commandLine }) => commandLine.endsWith('daemon/main.js')).map(({ pid }) => pid)
}

const statuses = (results: readonly CliResult[]) => results.map(({ exitCode, stderr }) => (exitCode === 0 ? 0 : `${exitCode}: ${stderr}`))

describe('commands at the same time', () => {
  test('ten starts on a cold home make one daemon, and all ten succeed', async () => {
    home().config({ a: fixture('mcp-legacy.mjs'), b: fixture('mcp-dual.mjs') })
    const results = await Promise.all(Array.from({ length: 10 }, () => run(['start'], { home: home(), deadlineMs: 60_000 })))
    expect(statuses(results)).toEqual(Array(10).fill(0))
    for (const { stderr } of results) expect(stderr).toMatch(/2 ready/)
    expect(daemons()).toEqual([daemonFacts(home()).pid])
    for (const name of ['a', 'b']) expect(await startsOf(home(), name)).toHaveLength(1)
    // Losers have left no half-started watchdogs or other helpers.
    await runOk(['stop'], { home: home() })
    expect(home().leftovers()).toEqual([])
  }, 70_000)

  test('stop during start: stop leaves nothing, start does not claim to have succeeded', async () => {
    const { entry } = behindGate(home(), 'all')
    home().config(Object.fromEntries(Array.from({ length: 5 }, (_, index) => [`s${index}`, entry])))
    const starting = run(['start'], { home: home() })
    await waitFor(async () => (await look(home()))?.servers.some(({ pid }) => pid !== null))
    const stopped = await runOk(['stop'], { home: home() })
    expect(stopped.stderr).toMatch(/daemon ended/)
    expect(home().leftovers().filter((line) => !line.includes('bin/run.js'))).toEqual([])
    const { exitCode, stderr } = await starting
    // It hears of the end of the last server or of the end of the daemon first.
    expect([1, 6]).toContain(exitCode)
    expect(stderr).toMatch(exitCode === 1 ? /^s0: idle: stopped/m : /the daemon ended while servers were being started/)
    expect(stderr).not.toMatch(/\d ready \(/)
  })

  test('stop NAME during start: start ends with 1 and names the stopped one', async () => {
    home().config({ slow: behindGate(home(), 'slow').entry, quick: fixture('mcp-legacy.mjs') })
    const starting = run(['start'], { home: home() })
    await waitFor(async () => (await serverOf(home(), 'slow')).pid)
    await runOk(['stop', 'slow'], { home: home() })
    const { exitCode, stderr } = await starting
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(/^slow: idle: stopped/m)
    expect(stderr).toContain('1 ready, 1 idle')
    expect(await serverOf(home(), 'slow')).toMatchObject({ phase: 'idle', pid: null })
  })

  test('restart during restart: both end well, with one instance of each server', async () => {
    home().config({ a: { ...badServer('ignore-eof'), stopTimeout: '5s' }, b: fixture('mcp-dual.mjs', '--delay', '300') })
    await runOk(['start'], { home: home() })
    const before = (await statusOf(home())).servers.map(({ pid }) => pid ?? 0)
    const first = run(['restart'], { home: home() })
    await untilServer(home(), 'a', ({ phase }) => phase === 'stopping')
    const results = await Promise.all([first, run(['restart'], { home: home() }), run(['restart', 'a'], { home: home() })])
    expect(statuses(results)).toEqual([0, 0, 0])
    const { servers } = await statusOf(home())
    expect(servers.every(({ ready, restarts }) => ready && restarts === 0)).toBe(true)
    expect(before.filter(alive)).toEqual([])
    for (const { name, pid } of servers) {
      const living = (await startsOf(home(), name)).filter(alive)
      expect(living).toEqual([pid])
    }
  })

  test('start during stop: stop says that all went down, start brings it up again with a new daemon', async () => {
    home().config({ slow: { ...badServer('ignore-eof'), stopTimeout: '10s' } })
    await runOk(['start'], { home: home() })
    const { pid } = daemonFacts(home())
    const old = (await serverOf(home(), 'slow')).pid ?? 0
    const stopping = run(['stop'], { home: home() })
    await untilServer(home(), 'slow', ({ phase }) => phase === 'stopping')
    const [stopped, started] = await Promise.all([stopping, run(['start'], { home: home() })])
    expect(statuses([stopped, started])).toEqual([0, 0])
    const { daemon, servers } = await statusOf(home())
    expect(daemon?.pid).not.toBe(pid)
    expect(servers).toMatchObject([{ name: 'slow', ready: true }])
    expect(alive(old)).toBe(false)
    expect(daemons()).toEqual([daemon?.pid])
  })

  test('start NAME during stop NAME: start wins and stop admits it', async () => {
    home().config({ slow: { ...badServer('ignore-eof'), stopTimeout: '10s' } })
    await runOk(['start'], { home: home() })
    const stopping = run(['stop', 'slow'], { home: home() })
    await untilServer(home(), 'slow', ({ phase }) => phase === 'stopping')
    const started = await run(['start', 'slow'], { home: home() })
    expect(statuses([started])).toEqual([0])
    const stopped = await stopping
    expect(stopped.exitCode).toBe(1)
    expect(stopped.stderr).toContain('slow was started again while it stopped')
    expect(await serverOf(home(), 'slow')).toMatchObject({ ready: true, generation: 2 })
  })

  test('ten stops: all succeed', async () => {
    home().config({ slow: { ...badServer('ignore-eof'), stopTimeout: '1s' } })
    await runOk(['start'], { home: home() })
    const results = await Promise.all(Array.from({ length: 10 }, () => run(['stop'], { home: home(), deadlineMs: 60_000 })))
    expect(statuses(results)).toEqual(Array(10).fill(0))
    expect(home().leftovers()).toEqual([])
  }, 70_000)

  test('after a storm of commands one start brings everything up, once', async () => {
    const names = ['a', 'b', 'c']
    home().config(Object.fromEntries(names.map((name) => [name, fixture('mcp-legacy.mjs')])))
    const storm = ['start', 'stop', 'start a', 'restart', 'stop b', 'start', 'stop', 'restart c', 'status', 'start b', 'stop --keep-daemon', 'start']
    const results = await Promise.all(storm.map((words) => run(words.split(' '), { home: home(), deadlineMs: 60_000 })))
    // Which of them win is open; that none of them reports a defect is not.
    for (const { stderr } of results) expect(stderr).not.toMatch(/defect|INTERNAL|\n {4}at /)
    await runOk(['start'], { home: home() })
    const { daemon, servers } = await statusOf(home())
    expect(daemons()).toEqual([daemon?.pid])
    for (const { name, pid, ready } of servers) {
      expect(ready).toBe(true)
      expect((await startsOf(home(), name)).filter(alive)).toEqual([pid])
    }
  }, 70_000)
})
