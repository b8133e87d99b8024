import { describe, expect, test } from 'vitest'
import { badServer } from '../helpers/bad-server.js'
import { run, runOk } from '../helpers/cli.js'
import { waitFor } from '../helpers/wait.js'
import type { ServerSnapshot } from '../../src/lib/core/index.js'
import { endOf, fixture, processesLeft, serverOf, untilLogged, untilServer, useHome } from './support.js'

const home = useHome()
const good = () => fixture('mcp-legacy.mjs')

describe('a start in which some servers fail', () => {
  const servers = () => ({
    one: good(),
    mute: { ...badServer('never-ready'), startTimeout: '2s' },
    two: good(),
    broken: badServer('exit-at-start', { code: 3 }),
    three: good(),
  })

  test('ends with 1 and says which, why, with their last words and what to do', async () => {
    home().config(servers())
    const { exitCode, stderr } = await run(['start'], { home: home() })
    expect(exitCode).toBe(1)
    const summary = stderr.slice(stderr.search(/^(mute|broken): /m))
    expect(summary).toMatch(/^mute: \w+: not ready within its start timeout of 2 s/m)
    expect(summary).toMatch(/^broken: \w+: (restarted: )?exited with code 3 /m)
    expect(summary).toContain('    bad-server: fatal: cannot start: the database is on fire')
    expect(summary).toMatch(/hint: .*mcpctl logs mute/)
    expect(summary).toMatch(/hint: .*mcpctl logs broken/)
    expect(summary).toMatch(/3 ready, /)
    expect(summary).not.toMatch(/^(one|two|three): /m)
  })

  test('does not keep the others from starting at once', async () => {
    home().config(servers())
    const { exitCode, stdout, elapsedMs } = await run(['start', '--json'], { home: home() })
    expect(exitCode).toBe(1)
    const document = JSON.parse(stdout) as { schemaVersion: number; ready: number; failed: number; timedOut: boolean; servers: ServerSnapshot[] }
    expect(document).toMatchObject({ schemaVersion: 1, ready: 3, failed: 2, timedOut: false })
    expect(elapsedMs).toBeGreaterThan(2000)
    const givenUpAt = (await endOf(home(), 'mute', 1)).endedAt
    for (const name of ['one', 'two', 'three']) {
      const server = document.servers.find((candidate) => candidate.name === name)
      expect(server).toMatchObject({ phase: 'ready', generation: 1 })
      // Not only after the slow one was given up.
      expect((await untilLogged(home(), name, ({ text }) => text.startsWith('started'))).time).toBeLessThan(givenUpAt)
    }
    expect(document.servers.find(({ name }) => name === 'broken')?.lastErrors.join('\n')).toContain('the database is on fire')
  })

  test('leaves those that depend on a failed one waiting and says for what', async () => {
    home().config({ base: { ...badServer('exit-at-start'), restart: 'never' }, app: { ...good(), dependsOn: ['base'] } })
    const { exitCode, stderr } = await run(['start'], { home: home() })
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(/^app: waiting: waits for base \(failed\)/m)
    expect(stderr).toMatch(/hint: .*mcpctl status base/)
    expect(await serverOf(home(), 'app')).toMatchObject({ phase: 'waiting', generation: 0, pid: null })
  })

  test('does not try a command again that does not exist, and says where it was looked for', async () => {
    home().config({ good: good(), typo: { command: 'no-such-program-here' } })
    const { exitCode, stderr } = await run(['start'], { home: home() })
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(/^typo: failed: .*no-such-program-here.*PATH/m)
    expect(await serverOf(home(), 'typo')).toMatchObject({ phase: 'failed', generation: 1, restarts: 0 })
    expect(await serverOf(home(), 'good')).toMatchObject({ phase: 'ready' })
  })

  test('a working folder that does not exist is named', async () => {
    home().config({ lost: { ...good(), cwd: 'no/such/folder' } })
    const { exitCode, stderr } = await run(['start'], { home: home() })
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(/^lost: failed: .*no\/such\/folder.* does not exist/m)
  })

  test('a timed out server that is slower than its start timeout is ended with all it started', async () => {
    home().config({ mute: { ...badServer('never-ready,setsid-grandchild,ignore-term'), startTimeout: '500ms', stopTimeout: '500ms', restart: 'never' } })
    const { exitCode } = await run(['start'], { home: home() })
    expect(exitCode).toBe(1)
    expect(await serverOf(home(), 'mute')).toMatchObject({ phase: 'failed', pid: null })
    expect(processesLeft(home()).filter((line) => !line.includes('daemon'))).toEqual([])
  })

  test('one that is mended starts when it is named again', async () => {
    home().config({ typo: { command: 'no-such-program-here' } })
    expect((await run(['start'], { home: home() })).exitCode).toBe(1)
    home().config({ typo: good() })
    await runOk(['start', 'typo'], { home: home() })
    expect(await untilServer(home(), 'typo', (server) => server.ready)).toMatchObject({ phase: 'ready', restarts: 0 })
  })

  test.each([
    ['a configuration that is wrong', { a: { comand: 'x' } }, [], 5],
    ['a name nobody has', { a: good() }, ['b'], 4],
  ])('%s leaves no daemon behind', async (_what, entries, names, exitCode) => {
    home().config(entries)
    expect((await run(['start', ...names], { home: home() })).exitCode).toBe(exitCode)
    await waitFor(() => home().leftovers().length === 0)
    expect((await run(['daemon', 'status'], { home: home() })).exitCode).toBe(3)
  })

  test('a start without any enabled server is a success that says so', async () => {
    home().config({ off: { ...good(), enabled: false } })
    const { stderr } = await runOk(['start'], { home: home() })
    expect(stderr).toContain('no server is enabled')
  })
})
