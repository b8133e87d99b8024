import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { badServer } from '../helpers/bad-server.js'
import { run, runOk, start } from '../helpers/cli.js'
import { waitFor } from '../helpers/wait.js'
import { daemonFacts, errorOf, fixture, gated, kill, look, pidOf, untilServer, useHome } from './support.js'

const home = useHome()

interface EventDocument {
  readonly schemaVersion: number
  readonly type: string
  readonly time: number
  readonly previous?: string | null
  readonly server?: { readonly name: string; readonly phase: string; readonly generation: number; readonly reason: string }
}

/** `events ARGS`, and what it has said so far. */
function listen(args: readonly string[]): { child: ReturnType<typeof start>; text: () => string } {
  const child = start(['events', ...args], { home: home(), deadlineMs: 120_000 })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
  return { child, text: () => text }
}

const documents = (text: string) => text.trim().split('\n').map((line) => JSON.parse(line) as EventDocument)

describe('events', () => {
  test('tell each change of phase with its reason, as documents or for people, until Ctrl-C or the end of the daemon', async () => {
    home().config({ a: fixture('mcp-legacy.mjs'), signal: { ...fixture('mcp-legacy.mjs'), restart: 'always' } })
    await runOk(['start'], { home: home() })
    const [json, people, interrupted] = [listen(['--json']), listen(['signal']), listen([])]
    // They listen as soon as they have shown what this brings about.
    await waitFor(async () => {
      await runOk(['restart', 'signal'], { home: home() })
      return [json, people, interrupted].every(({ text }) => text() !== '')
    }, { timeoutMs: 60_000, what: 'all to listen' })
    interrupted.child.kill('SIGINT')
    const { exitCode: status, stderr: nothing } = await interrupted.child
    expect([0, 130]).toContain(status)
    expect(nothing).toBe('')
    kill(await pidOf(home(), 'a'))
    await untilServer(home(), 'a', (server) => server.ready && server.generation === 2)
    await runOk(['stop'], { home: home() })

    expect(await json.child).toMatchObject({ exitCode: 0, stderr: '' })
    const all = documents(json.text())
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

    const { exitCode, stderr } = await people.child
    expect(exitCode).toBe(0)
    expect(stderr).toContain('the daemon ended')
    const lines = people.text().trim().split('\n')
    for (const line of lines) expect(line).toMatch(/^\d{4}-\d\d-\d\dT\S+Z {2}signal {2}\w+ {2}#\d+ {2}\S/)
    expect(lines.at(-1)).toMatch(/ signal {2}idle {2}#\d+ {2}stopped$/)
  }, 120_000)

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
  test('returns when the named servers are ready, or all that should run when none is named; ends with 7 when its time is up, with 1 when one has failed', async () => {
    const gate = join(home().base, 'gate')
    home().config({ slow: gated(fixture('mcp-dual.mjs'), gate), quick: fixture('mcp-legacy.mjs'), never: { ...badServer('never-ready'), enabled: false }, broken: { ...badServer('exit-at-start'), restart: 'never', enabled: false } })
    await runOk(['start', '--no-wait'], { home: home() })
    await runOk(['wait', 'quick'], { home: home() })
    const late = await run(['wait', '--timeout', '300ms'], { home: home() })
    expect(late.exitCode).toBe(7)
    expect(late.stderr).toMatch(/error: not ready within 300ms: slow is starting /)
    expect(errorOf(await run(['wait', 'slow', '--timeout', '300ms', '--json'], { home: home() }))).toMatchObject({ code: 'TIMEOUT', details: { servers: ['slow'] } })

    writeFileSync(gate, '')
    const { stderr } = await runOk(['wait'], { home: home() })
    expect(stderr).toMatch(/^2 ready \(/)
    const result = await runOk(['wait', '--json'], { home: home() })
    expect(result.json()).toMatchObject({ schemaVersion: 1, servers: [{ name: 'slow', ready: true }, { name: 'quick', ready: true }] })

    await runOk(['start', 'broken', '--no-wait'], { home: home() })
    const failed = await run(['wait', 'broken'], { home: home() })
    expect(failed.exitCode).toBe(1)
    expect(failed.stderr).toMatch(/^broken: failed: exited with code 1/)
  }, 90_000)

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
    await waitFor(() => connections() === 0, { what: 'the daemon to be alone' })
    const waiting = run(['wait', 'mute'], { home: home() })
    await untilHeard()
    kill(daemonFacts(home()).pid)
    expect((await waiting).exitCode).toBe(6)
    await waitFor(() => home().leftovers().every((line) => line.startsWith('file')))
  })
})

const SOCKETS = '/proc/net/unix'

/** How many are connected to the daemon and accepted; where nothing tells, none. */
function connections(): number {
  const isAccepted = (line: string): boolean => line.endsWith(` ${home().paths.socket}`) && line.split(/\s+/)[5] === '03'
  return existsSync(SOCKETS) ? readFileSync(SOCKETS, 'utf8').split('\n').filter(isAccepted).length : 0
}

/** Waits until the only command there is is connected to the daemon, and greeted: whoever asks after it is answered after it. */
async function untilHeard(): Promise<void> {
  // Where nothing tells, by another question, asked later.
  if (!existsSync(SOCKETS)) return void (await run(['wait', 'mute', '--timeout', '2s'], { home: home() }))
  await waitFor(() => connections() > 0, { what: 'the command to be connected' })
  await look(home())
}
