import { describe, expect, test } from 'vitest'
import { badServer } from '../helpers/bad-server.js'
import { run, runOk, start } from '../helpers/cli.js'
import { waitFor } from '../helpers/wait.js'
import { daemonFacts, errorOf, fixture, kill, pidOf, untilServer, useHome } from './support.js'

const home = useHome()

interface EventDocument {
  readonly schemaVersion: number
  readonly type: string
  readonly time: number
  readonly previous?: string | null
  readonly server?: { readonly name: string; readonly phase: string; readonly generation: number; readonly reason: string }
}

/** Runs `events ARGS` until the daemon ends; the command listens as soon as it has shown what `trigger` brings about. */
async function listen(args: readonly string[], trigger: () => Promise<unknown>) {
  const child = start(['events', ...args], { home: home(), deadlineMs: 60_000 })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
  await waitFor(async () => {
    await trigger()
    return text !== ''
  })
  return { child, text: () => text }
}

const documents = (text: string) => text.trim().split('\n').map((line) => JSON.parse(line) as EventDocument)

describe('events', () => {
  test('--json is one document a line for each change of phase, with its reason, and ends with the daemon', async () => {
    home().config({ a: fixture('mcp-legacy.mjs'), signal: { ...fixture('mcp-legacy.mjs'), restart: 'always' } })
    await runOk(['start'], { home: home() })
    const { child, text } = await listen(['--json'], () => runOk(['restart', 'signal'], { home: home() }))
    kill(await pidOf(home(), 'a'))
    await untilServer(home(), 'a', (server) => server.ready && server.generation === 2)
    await runOk(['stop'], { home: home() })
    const { exitCode, stderr } = await child
    expect(exitCode).toBe(0)
    expect(stderr).toBe('')
    const all = documents(text())
    expect(all.every(({ schemaVersion, time }) => schemaVersion === 1 && time > 1e12)).toBe(true)
    expect(all.map(({ time }) => time)).toEqual(all.map(({ time }) => time).sort((x, y) => x - y))
    const ofA = all.filter(({ server }) => server?.name === 'a').map(({ previous, server }) => [previous, server?.phase, server?.generation])
    expect(ofA).toEqual([
      ['ready', 'stopping', 1],
      ['stopping', 'starting', 2],
      ['starting', 'ready', 2],
      ['ready', 'stopping', 2],
      ['stopping', 'idle', 2],
    ])
    expect(all.find(({ server }) => server?.name === 'a' && server.phase === 'starting')?.server?.reason).toMatch(/^restarted: killed by SIGKILL after /)
    expect(all.filter(({ type }) => type === 'closing')).toHaveLength(1)
  })

  test('for people has time, name, phase, generation and reason, of the named servers only', async () => {
    home().config({ a: fixture('mcp-legacy.mjs'), b: fixture('mcp-legacy.mjs') })
    await runOk(['start'], { home: home() })
    const { child, text } = await listen(['a'], () => runOk(['restart'], { home: home() }))
    await runOk(['stop'], { home: home() })
    const { exitCode, stderr } = await child
    expect(exitCode).toBe(0)
    expect(stderr).toContain('the daemon ended')
    const lines = text().trim().split('\n')
    for (const line of lines) expect(line).toMatch(/^\d{4}-\d\d-\d\dT\S+Z {2}a {2}\w+ {2}#\d+ {2}\S/)
    expect(lines.at(-1)).toMatch(/ a {2}idle {2}#\d+ {2}stopped$/)
  })

  test('end with 130 or 0 at Ctrl-C, without a word', async () => {
    home().config({ a: fixture('mcp-legacy.mjs') })
    await runOk(['start'], { home: home() })
    const { child } = await listen([], () => runOk(['restart'], { home: home() }))
    child.kill('SIGINT')
    const { exitCode, stderr } = await child
    expect([0, 130]).toContain(exitCode)
    expect(stderr).toBe('')
  })

  test('without a daemon end with 3, of an unknown server with 4', async () => {
    const { exitCode, stderr } = await run(['events'], { home: home() })
    expect(exitCode).toBe(3)
    expect(stderr).toContain('hint: mcpctl start')
    home().config({ alpha: fixture('mcp-legacy.mjs') })
    await runOk(['start'], { home: home() })
    const unknown = await run(['events', 'alhpa', '--json'], { home: home() })
    expect(unknown.exitCode).toBe(4)
    expect(errorOf(unknown)).toMatchObject({ code: 'SERVER_UNKNOWN', details: { suggestions: ['alpha'] } })
  })
})

describe('wait', () => {
  test('returns when the named servers are ready, and waits for all that should run when none is named', async () => {
    home().config({ slow: fixture('mcp-dual.mjs', '--delay', '1500'), quick: fixture('mcp-legacy.mjs'), never: { ...badServer('never-ready'), enabled: false } })
    await runOk(['start', '--no-wait'], { home: home() })
    await runOk(['wait', 'quick'], { home: home() })
    const { stderr } = await runOk(['wait'], { home: home() })
    expect(stderr).toMatch(/^2 ready \(/)
    const result = await runOk(['wait', '--json'], { home: home() })
    expect(result.json()).toMatchObject({ schemaVersion: 1, servers: [{ name: 'slow', ready: true }, { name: 'quick', ready: true }] })
  })

  test('ends with 7 when the time is up and says what the servers are doing', async () => {
    home().config({ mute: badServer('never-ready') })
    await runOk(['start', '--no-wait'], { home: home() })
    const { exitCode, stderr } = await run(['wait', '--timeout', '300ms'], { home: home() })
    expect(exitCode).toBe(7)
    expect(stderr).toMatch(/error: not ready within 300ms: mute is starting /)
    expect(errorOf(await run(['wait', 'mute', '--timeout', '300ms', '--json'], { home: home() }))).toMatchObject({ code: 'TIMEOUT', details: { servers: ['mute'] } })
  })

  test('ends with 1 when a server has failed for good', async () => {
    home().config({ broken: { ...badServer('exit-at-start'), restart: 'never' } })
    await runOk(['start', '--no-wait'], { home: home() })
    const { exitCode, stderr } = await run(['wait', 'broken'], { home: home() })
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(/^broken: failed: exited with code 1/)
  })

  test('--for stopped returns when the server is down, also when that takes the daemon along', async () => {
    home().config({ a: { ...badServer('ignore-eof'), stopTimeout: '1s' }, b: { ...badServer('ignore-eof'), stopTimeout: '1s' } })
    await runOk(['start'], { home: home() })
    const running = await run(['wait', 'a', '--for', 'stopped', '--timeout', '300ms'], { home: home() })
    expect(running.exitCode).toBe(7)
    const waiting = runOk(['wait', 'a', '--for', 'stopped'], { home: home() })
    await runOk(['stop', 'a'], { home: home() })
    await waiting
    const last = runOk(['wait', '--for', 'stopped'], { home: home() })
    await runOk(['stop'], { home: home() })
    await last
    await runOk(['wait', '--for', 'stopped'], { home: home() })
  })

  test('without a daemon ends with 3, when the daemon goes away while it waits with 6', async () => {
    expect((await run(['wait'], { home: home() })).exitCode).toBe(3)
    home().config({ mute: badServer('never-ready') })
    await runOk(['start', '--no-wait'], { home: home() })
    const waiting = run(['wait', 'mute'], { home: home() })
    // Its question is only certain to have arrived when the answer to another one, asked later, is there.
    await run(['wait', 'mute', '--timeout', '500ms'], { home: home() })
    kill(daemonFacts(home()).pid)
    expect((await waiting).exitCode).toBe(6)
    await waitFor(() => home().leftovers().every((line) => line.startsWith('file')))
  })
})
