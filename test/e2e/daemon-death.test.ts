import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { badServer } from '../helpers/bad-server.js'
import { run, runOk } from '../helpers/cli.js'
import { alive, children, lookUp } from '../helpers/proc.js'
import { waitFor } from '../helpers/wait.js'
import { daemonFacts, fixture, kill, look, pidOf, processesLeft, startsOf, statusOf, untilGone, useHome } from './support.js'

const home = useHome()

/** Servers that stay when their input ends, in every way a process can have children. */
const CLINGING = {
  plain: badServer('ignore-eof'),
  stubborn: badServer('ignore-term,stubborn-grandchild'),
  session: badServer('ignore-eof,setsid-grandchild'),
  daemonised: badServer('ignore-eof,daemonise'),
  tree: { ...fixture('proc-tree.sh'), transport: 'none' },
}

const QUICK_STOP = { defaults: { stopTimeout: '500ms' } }

function nothingLeft(): Promise<unknown> {
  return waitFor(() => processesLeft(home()).length === 0, { timeoutMs: 25_000, pollMs: 50, what: 'every process of this home to be gone' })
}

/** The watchdog as it is now: the only child of the daemon that carries no mark of a server. */
function watchdogOf(daemon: number): number | undefined {
  return children(daemon).find((pid) => lookUp(pid)?.commandLine.includes('mcpctl watchdog'))
}

describe('kill -9 of the daemon', { timeout: 90_000 }, () => {
  test('takes every process along, and the next start works', async () => {
    home().config(CLINGING, QUICK_STOP)
    await runOk(['start'], { home: home() })
    const servers = (await look(home()))?.servers ?? []
    expect(servers).toHaveLength(5)
    kill(daemonFacts(home()).pid)
    await nothingLeft()
    expect(servers.flatMap(({ pid }) => (pid !== null && alive(pid) ? [pid] : []))).toEqual([])
    const status = await run(['status'], { home: home() })
    expect(status).toMatchObject({ exitCode: 3 })
    expect((await runOk(['stop'], { home: home() })).stderr).toContain('nothing is running')
    await runOk(['start'], { home: home() })
    expect((await look(home()))?.servers.every(({ ready, generation }) => ready && generation === 1)).toBe(true)
  })

  test('in the middle of a start takes every process along, and that start ends with a true answer', async () => {
    const servers = (mode: string): Record<string, unknown> => Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`s${index}`, badServer(`${mode},ignore-eof,setsid-grandchild`)]))
    home().config(servers('never-ready'), QUICK_STOP)
    const starting = run(['start'], { home: home() })
    await waitFor(async () => (await look(home()))?.servers.some(({ pid }) => pid !== null), { timeoutMs: 20_000 })
    kill(daemonFacts(home()).pid)
    await nothingLeft()
    const { exitCode, stderr } = await starting
    expect(exitCode).toBe(6)
    expect(stderr).toContain('the daemon ended while servers were being started')
    home().config(servers('ok'), QUICK_STOP)
    await runOk(['start'], { home: home() })
  })

  test('together with its watchdog leaves survivors, which the next start ends before it starts anything', async () => {
    home().config(CLINGING, QUICK_STOP)
    await runOk(['start'], { home: home() })
    const servers = (await look(home()))?.servers ?? []
    const { pid } = daemonFacts(home())
    const watchdog = watchdogOf(pid) ?? 0
    // Stopped first, so that neither can do anything about the death of the other.
    kill(pid, 'SIGSTOP')
    kill(watchdog)
    kill(pid)
    await untilGone(pid)
    const survivors = servers.flatMap((server) => (server.pid !== null && alive(server.pid) ? [server.pid] : []))
    expect(survivors.length).toBeGreaterThanOrEqual(4)
    await runOk(['start'], { home: home() })
    expect(survivors.filter(alive)).toEqual([])
    expect((await look(home()))?.servers.every(({ ready }) => ready)).toBe(true)
  })

  test('is cleaned up after by stop, even when the watchdog was killed too', async () => {
    home().config(CLINGING, QUICK_STOP)
    await runOk(['start'], { home: home() })
    const { pid } = daemonFacts(home())
    const watchdog = watchdogOf(pid) ?? 0
    kill(pid, 'SIGSTOP')
    kill(watchdog)
    kill(pid)
    await untilGone(pid)
    expect(processesLeft(home())).not.toEqual([])
    await runOk(['stop'], { home: home() })
    expect(home().leftovers()).toEqual([])
  })

  test('a foreign process that wears the number of an old PID file is not touched', async () => {
    home().config({ a: fixture('mcp-legacy.mjs') })
    await runOk(['start'], { home: home() })
    const [name = ''] = readdirSync(home().paths.pids)
    kill(daemonFacts(home()).pid)
    await nothingLeft()
    writeFileSync(join(home().paths.pids, name), `${process.pid}\n`)
    await runOk(['start'], { home: home() })
    expect(alive(process.pid)).toBe(true)
  })
})

describe('the watchdog', { timeout: 90_000 }, () => {
  test('is replaced when it is killed, and the new one knows all servers', async () => {
    home().config(CLINGING, QUICK_STOP)
    await runOk(['start'], { home: home() })
    const { pid } = daemonFacts(home())
    const first = await waitFor(() => watchdogOf(pid))
    kill(first)
    await waitFor(() => {
      const now = watchdogOf(pid)
      return now !== undefined && now !== first
    })
    // It has read the list as soon as a server that starts now is on it.
    await runOk(['restart', 'plain'], { home: home() })
    kill(pid)
    await nothingLeft()
  })

  test('touches nothing after an orderly end', async () => {
    home().config({ a: fixture('mcp-legacy.mjs') })
    await runOk(['start'], { home: home() })
    const watchdog = watchdogOf(daemonFacts(home()).pid) ?? 0
    await runOk(['stop'], { home: home() })
    await untilGone(watchdog)
  })
})

test('what an earlier daemon left lying about does not keep the next one from working', async () => {
  const { run: sockets, pids, state, logs, socket, daemonFile } = home().paths
  for (const folder of [sockets, pids, state, logs]) mkdirSync(folder, { recursive: true, mode: 0o700 })
  // Plain files where sockets should be, a PID file of a process that is gone, one that is none, broken memories, and a log that is no log.
  for (const path of [socket, home().paths.gatewaySocket]) writeFileSync(path, 'stale')
  writeFileSync(daemonFile, '{"pid":')
  writeFileSync(join(pids, 'a.pid'), '{"pid":4194300}\n')
  writeFileSync(join(pids, 'b.pid'), Buffer.from([0xff, 0x00, 0x0a]))
  for (const name of ['eras.json', 'catalogue.json']) writeFileSync(join(state, name), '[1,')
  writeFileSync(join(logs, 'a.log'), Buffer.from([0xff, 0xfe, 0x00]))
  home().config({ a: fixture('mcp-legacy.mjs'), b: fixture('mcp-legacy.mjs') })
  await runOk(['start'], { home: home() })
  expect((await look(home()))?.servers).toMatchObject([{ name: 'a', ready: true, restarts: 0 }, { name: 'b', ready: true, restarts: 0 }])
  expect(await startsOf(home(), 'a')).toHaveLength(1)
})

describe('signals to the background daemon', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('%s stops everything in order, and SIGHUP does not', async (signal) => {
    home().config({ a: fixture('mcp-legacy.mjs'), b: badServer('setsid-grandchild') })
    await runOk(['start'], { home: home() })
    const server = await pidOf(home(), 'a')
    const { pid } = daemonFacts(home())
    kill(pid, 'SIGHUP')
    expect((await statusOf(home())).daemon?.pid).toBe(pid)
    expect(await pidOf(home(), 'a')).toBe(server)
    kill(pid, signal)
    await untilGone(pid)
    expect(home().leftovers()).toEqual([])
  })
})
