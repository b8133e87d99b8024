import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { badServer } from '../helpers/bad-server.js'
import { run, runOk } from '../helpers/cli.js'
import { alive } from '../helpers/proc.js'
import { waitFor } from '../helpers/wait.js'
import { fixture, followChanges, gated, kill, pidOf, readLog, serverOf, startsOf, untilGone, untilLogged, untilServer, useHome } from './support.js'

const home = useHome()
const QUICK = { initial: '50ms', max: '100ms' }

describe('a server that is killed', () => {
  test('is ready again at once: next generation, one restart, the reason told, the others untouched', async () => {
    home().config({ victim: fixture('mcp-legacy.mjs'), other: fixture('mcp-legacy.mjs') })
    await runOk(['start'], { home: home() })
    const [victim, other] = [await pidOf(home(), 'victim'), await pidOf(home(), 'other')]
    kill(victim)
    const again = await untilServer(home(), 'victim', (server) => server.ready && server.generation === 2)
    expect(again).toMatchObject({ restarts: 1, tools: 4 })
    expect(again.pid).not.toBe(victim)
    expect(readFileSync(join(home().paths.pids, 'victim.pid'), 'utf8')).toContain(String(again.pid))
    expect((await runOk(['status', 'victim'], { home: home() })).stdout).toMatch(/Last ends\n.*generation 1 +killed by SIGKILL after/)
    await untilLogged(home(), 'victim', ({ text, generation }) => text === 'killed by SIGKILL' && generation === 1)
    expect(await pidOf(home(), 'other')).toBe(other)
  })

  test('and killed again waits before the second restart', async () => {
    home().config({ victim: { ...fixture('mcp-legacy.mjs'), restart: { backoff: { initial: '1s', max: '1s' } } } })
    await runOk(['start'], { home: home() })
    const told = await followChanges(home(), 'victim')
    for (const generation of [1, 2]) kill((await untilServer(home(), 'victim', (server) => server.ready && server.generation === generation)).pid)
    await untilServer(home(), 'victim', (server) => server.ready && server.generation === 3)
    const changes = await told.end()
    const waiting = changes.find(({ phase }) => phase === 'backoff')
    expect(waiting).toMatchObject({ generation: 2, reason: expect.stringMatching(/^killed by SIGKILL after .*; restart 2 in \d/) })
    expect(waiting?.retryAt ?? 0).toBeGreaterThanOrEqual((waiting?.since ?? Infinity) + 800)
    expect(changes.find(({ generation, phase }) => generation === 3 && phase === 'starting')?.since).toBeGreaterThanOrEqual(waiting?.retryAt ?? Infinity)
  })

  test('while it waits for its next try is started at once by start NAME, with a clean record', async () => {
    home().config({ victim: { ...fixture('mcp-legacy.mjs'), restart: { backoff: { initial: '1h', max: '1h' } } } })
    await runOk(['start'], { home: home() })
    for (const generation of [1, 2]) kill((await untilServer(home(), 'victim', (server) => server.ready && server.pid !== null && server.generation === generation)).pid)
    await untilServer(home(), 'victim', ({ phase }) => phase === 'backoff')
    expect((await runOk(['status'], { home: home() })).stdout).toMatch(/victim +backoff .*\n\nvictim: killed by SIGKILL/)
    await runOk(['start', 'victim'], { home: home() })
    expect(await serverOf(home(), 'victim')).toMatchObject({ ready: true, generation: 3, restarts: 0 })
  })

  test('has its children ended before its successor starts', async () => {
    const file = join(home().base, 'witness')
    home().config({ parent: { ...fixture('e2e-witness.mjs', file), restart: { backoff: QUICK }, stopTimeout: '500ms' } })
    await runOk(['start'], { home: home() })
    const children: number[] = []
    for (const generation of [1, 2]) {
      const { pid } = await untilServer(home(), 'parent', (server) => server.ready && server.pid !== null && server.generation === generation)
      children.push(Number(readFileSync(`${file}.pid`, 'utf8')))
      kill(pid)
    }
    await untilServer(home(), 'parent', (server) => server.ready && server.generation === 3)
    expect(readFileSync(file, 'utf8')).toBe('first\ngone\ngone\n')
    expect(children.filter(alive)).toEqual([])
    await waitFor(async () => (await readLog(home(), 'parent')).filter(({ text }) => /^ended \d+ process(es)? it left behind$/.test(text)).length === 2)
  })

  test('while it starts is started again, and the start waits for that', async () => {
    const gate = join(home().base, 'gate')
    home().config({ slow: gated(fixture('mcp-dual.mjs'), gate) })
    const starting = runOk(['start'], { home: home() })
    kill(await waitFor(() => pidOf(home(), 'slow'), { timeoutMs: 20_000 }))
    await untilServer(home(), 'slow', ({ generation, pid }) => generation === 2 && pid !== null)
    writeFileSync(gate, '')
    await starting
    expect(await serverOf(home(), 'slow')).toMatchObject({ ready: true, generation: 2, restarts: 1 })
  })

  test('once it is half dead, its stdout closed, is replaced', async () => {
    home().config({ mute: { ...fixture('e2e-mute.mjs'), stopTimeout: '500ms' } })
    await runOk(['start'], { home: home() })
    const { pid } = await untilServer(home(), 'mute', (server) => server.ready && server.generation === 1)
    kill(pid, 'SIGUSR2')
    await untilServer(home(), 'mute', (server) => server.ready && server.generation === 2)
    await untilGone(pid ?? 0)
    await runOk(['stop'], { home: home() })
  })
})

describe('a server that cannot stay up', () => {
  test('from its first moment on is given up with the reason, and start NAME tries again', async () => {
    home().config({ broken: { ...badServer('exit-at-start', { code: 7 }), era: 'legacy', restart: { backoff: QUICK, intensity: { restarts: 3, window: '1m' } } } })
    expect((await run(['start'], { home: home() })).exitCode).toBe(1)
    const waited = await run(['wait', 'broken'], { home: home() })
    expect(waited.exitCode).toBe(1)
    expect(waited.stderr).toMatch(/broken: failed: crash loop: 3 restarts within 1m; last: exited with code 7/)
    expect(await serverOf(home(), 'broken')).toMatchObject({ phase: 'failed', generation: 4, restarts: 3, pid: null })
    const again = await run(['start', 'broken'], { home: home() })
    expect(again.exitCode).toBe(1)
    await run(['wait', 'broken'], { home: home() })
    expect(await serverOf(home(), 'broken')).toMatchObject({ phase: 'failed', generation: 8, restarts: 3 })
    expect(await startsOf(home(), 'broken')).toHaveLength(8)
  })

  test('although it gets ready each time is recognised all the same', async () => {
    home().config({ dies: { ...fixture('mcp-legacy.mjs'), restart: { backoff: QUICK, intensity: { restarts: 3, window: '1m' } } } })
    await runOk(['start'], { home: home() })
    for (const generation of [1, 2, 3, 4]) kill((await untilServer(home(), 'dies', (server) => server.ready && server.generation === generation)).pid)
    const failed = await untilServer(home(), 'dies', ({ phase }) => phase === 'failed')
    expect(failed).toMatchObject({ generation: 4, restarts: 3 })
    expect(failed.reason).toMatch(/^crash loop: 3 restarts within 1m; last: killed by SIGKILL after/)
    expect((await run(['status', 'dies'], { home: home() })).stdout).toMatch(/Try +mcpctl why dies/)
  })
})

describe('the restart policy', () => {
  const ends = (code: number, restart: string) => ({ ...badServer('exit-after=500', { code }), era: 'legacy', restart: { policy: restart, backoff: QUICK } })

  test('decides what follows a clean end and a crash', async () => {
    home().config({ cleanDefault: ends(0, 'on-failure'), cleanAlways: ends(0, 'always'), crashNever: ends(1, 'never'), cleanNever: ends(0, 'never') })
    await run(['start'], { home: home() })
    const cleanDefault = await untilServer(home(), 'cleanDefault', ({ phase }) => phase === 'exited')
    expect(cleanDefault).toMatchObject({ generation: 1, restarts: 0 })
    expect(cleanDefault.reason).toMatch(/^exited with code 0 after .*; restart policy is on-failure$/)
    expect((await untilServer(home(), 'cleanAlways', (server) => server.generation >= 2)).restarts).toBeGreaterThanOrEqual(1)
    expect(await untilServer(home(), 'crashNever', ({ phase }) => phase === 'failed')).toMatchObject({ generation: 1, restarts: 0 })
    expect(await untilServer(home(), 'cleanNever', ({ phase }) => phase === 'exited')).toMatchObject({ generation: 1, restarts: 0 })
    expect((await run(['status', 'cleanDefault'], { home: home() })).exitCode).toBe(3)
  })

  test('is switched off for all by the environment', async () => {
    home().config({ crash: { ...badServer('exit-after=500'), era: 'legacy' } })
    await run(['start'], { home: home(), env: { MCP_AUTO_RESTART: 'false' } })
    expect((await untilServer(home(), 'crash', ({ phase }) => phase === 'failed')).reason).toContain('restart policy is never')
  })
})
