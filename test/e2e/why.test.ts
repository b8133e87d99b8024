import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { badServer } from '../helpers/bad-server.js'
import { run, runOk } from '../helpers/cli.js'
import type { TestHome } from '../helpers/home.js'
import { waitFor } from '../helpers/wait.js'
import { errorOf, fixture, kill, look, pidOf, untilServer, useHome } from './support.js'

const home = useHome()
const QUICK = { initial: '50ms', max: '100ms' }

interface WhyDocument {
  readonly daemon: { readonly pid: number } | null
  readonly servers: readonly {
    readonly name: string
    readonly server: { readonly phase: string } | null
    readonly story: { readonly now: string; readonly last: string | null; readonly doing: string | null; readonly lastErrors: readonly string[]; readonly next: readonly { readonly what: string }[] }
    readonly dossiers: readonly Record<string, unknown>[]
    readonly damaged: readonly { readonly file: string; readonly why: string }[]
  }[]
}

const folder = (of: TestHome, name: string): string => join(of.paths.state, 'crashes', name)

async function whyOf(name: string, ...flags: string[]): Promise<WhyDocument['servers'][number]> {
  const [server] = ((await runOk(['why', name, '--json', ...flags], { home: home() })).json() as unknown as WhyDocument).servers
  if (server === undefined) throw new Error(`nothing about ${name}`)
  return server
}

/** The text on one line: where it is broken depends on how long times and paths are. */
function flat(text: string): string {
  return text.replaceAll(/\s+/g, ' ')
}

function untilDossiers(name: string, count: number): Promise<unknown> {
  return waitFor(() => existsSync(folder(home(), name)) && readdirSync(folder(home(), name)).filter((file) => file.endsWith('.json')).length >= count, { what: `${count} dossiers of ${name}` })
}

describe('why', () => {
  test('has nothing to say about a server that is well', async () => {
    home().config({ fine: fixture('mcp-legacy.mjs') })
    await runOk(['start'], { home: home() })
    const { stdout, stderr } = await runOk(['why', 'fine'], { home: home() })
    expect(stderr).toBe('')
    expect(stdout).toMatch(/^. fine\n {2}Now +It has been ready for \S+, and nothing is wrong\./)
    expect(stdout).toContain('mcpctl logs -f fine')
    expect(stdout).not.toContain('Last end')
    expect(await whyOf('fine')).toMatchObject({ name: 'fine', server: { phase: 'ready' }, dossiers: [], damaged: [] })
    // A stop that was asked for leaves no dossier.
    await runOk(['restart', 'fine'], { home: home() })
    expect((await whyOf('fine')).story.last).toMatch(/It was ended because a restart was asked for\.$/)
    expect(existsSync(folder(home(), 'fine'))).toBe(false)
  })

  test('tells of a crash in the middle of a call: cause, call, last words, restarts, without any secret', async () => {
    const secret = 'canary-5e1f-secret'
    home().config({ dies: { ...badServer('crash-after-calls=1', { code: 7, env: { API_KEY: secret } }), era: 'legacy', restart: { backoff: QUICK } } })
    await runOk(['start'], { home: home() })
    await run(['call', 'dies', 'echo', `text=${secret} Bearer abcdef0123`], { home: home() })
    await run(['call', 'dies', 'echo', `text=${secret}`], { home: home() })
    await untilDossiers('dies', 1)
    await untilServer(home(), 'dies', (server) => server.ready && server.generation >= 2)
    const { stdout } = await runOk(['why', 'dies'], { home: home() })
    expect(flat(stdout)).toMatch(/Last end \S+ ago \(generation \d+\): It exited by itself with code 7, \S+ after its start\./)
    expect(flat(stdout)).toMatch(/Doing .*The last message to it was tools\/call echo, \S+ before its end\./)
    expect(flat(stdout)).toMatch(/Restarts Restarted (once|\d+ times) since it was last started by hand\./)
    expect(stdout).toContain('bad-server: fatal:')
    expect(stdout).toMatch(/Try +mcpctl logs dies --since \d{4}-/)
    const { dossiers } = await whyOf('dies', '--all')
    expect(dossiers[0]).toMatchObject({ schemaVersion: 1, server: 'dies', cause: 'exit', code: 7, signal: null, pid: expect.any(Number), source: join(home().project, 'mcp.config.json') })
    const files = readdirSync(folder(home(), 'dies'))
    for (const file of files) {
      const text = readFileSync(join(folder(home(), 'dies'), file), 'utf8')
      expect(text).not.toContain(secret)
      expect(text).not.toContain('abcdef0123')
      expect(statSync(join(folder(home(), 'dies'), file)).mode & 0o777).toBe(0o600)
    }
    expect(statSync(folder(home(), 'dies')).mode & 0o777).toBe(0o700)
  })

  test('tells who killed a server, and goes on to do so without the daemon', async () => {
    home().config({ victim: fixture('mcp-legacy.mjs') })
    await runOk(['start'], { home: home() })
    kill(await pidOf(home(), 'victim'))
    await untilDossiers('victim', 1)
    await untilServer(home(), 'victim', (server) => server.ready && server.generation === 2)
    expect(flat((await runOk(['why', 'victim'], { home: home() })).stdout)).toMatch(/It was ended by SIGKILL, \S+ after its start\. mcpctl did not send that signal: another program/)
    await runOk(['stop'], { home: home() })
    expect(await look(home())).toBeNull()
    const { stdout } = await runOk(['why', 'victim'], { home: home() })
    expect(flat(stdout)).toMatch(/^victim Now The daemon is not running, and so this server is not either\. Last end .*It was ended by SIGKILL/)
    expect(flat(stdout)).toContain('Without the daemon it is not started again.')
    expect(stdout).toContain('mcpctl start victim')
    expect(await whyOf('victim')).toMatchObject({ server: null, dossiers: [{ cause: 'exit', signal: 'SIGKILL', generation: 1 }] })
  })

  test('tells of a start that failed, whatever kept it from starting', async () => {
    home().config({
      broken: { ...badServer('exit-at-start', { code: 9 }), era: 'legacy', restart: 'never' },
      missing: { command: 'no-such-program-anywhere' },
      silent: { ...badServer('never-ready'), era: 'legacy', restart: 'never', startTimeout: '1s', stopTimeout: '300ms' },
    })
    await run(['start'], { home: home() })
    for (const name of ['broken', 'missing', 'silent']) await untilDossiers(name, 1)
    const { stdout } = await runOk(['why', 'broken', 'missing', 'silent'], { home: home() })
    const [broken = '', missing = '', silent = ''] = stdout.split('\n\n').map(flat)
    expect(broken).toMatch(/It does not run and was given up \S+ ago: exited with code 9 .*It exited by itself with code 9, \S+ after its start and before it was ready\./)
    expect(broken).toContain('Its restart policy is never.')
    expect(broken).toContain('the database is on fire')
    expect(broken).toContain('mcpctl start broken when the cause is mended')
    expect(missing).toMatch(/It could not be started: .*no-such-program-anywhere/)
    expect(missing).toContain(`check command and args, or url, in ${join(home().project, 'mcp.config.json')}`)
    expect(silent).toMatch(/It was ended because it was not ready within its start timeout of 1 s\./)
    expect(silent).toMatch(/The last message to it was initialize, \S+ before its end\. It never answered anything\./)
    expect(silent).toContain('raise startTimeout in')
  })

  test('keeps ten ends of a server that cannot stay up, and lists them with --all', async () => {
    home().config({ loop: { command: '/bin/sh', args: ['-c', 'exit 3'], era: 'legacy', restart: { backoff: { initial: '10ms', max: '10ms' }, intensity: { restarts: 13, window: '1m' } } } })
    await run(['start'], { home: home() })
    await untilServer(home(), 'loop', ({ phase, generation }) => phase === 'failed' && generation === 14)
    await waitFor(() => readdirSync(folder(home(), 'loop')).some((file) => file.endsWith('-g14.json')))
    const generations = (await whyOf('loop', '--all')).dossiers.map((dossier) => dossier['generation'])
    expect(generations).toEqual([14, 13, 12, 11, 10, 9, 8, 7, 6, 5])
    expect((await whyOf('loop')).dossiers).toHaveLength(1)
    expect((await runOk(['why', 'loop', '--all'], { home: home() })).stdout.match(/^ {4}\d{4}-\S+ {2}generation \d+$/gm)).toHaveLength(10)
  })

  test('names files that cannot be read and goes on with the others', async () => {
    home().config({ victim: fixture('mcp-legacy.mjs') })
    await runOk(['start'], { home: home() })
    kill(await pidOf(home(), 'victim'))
    await untilDossiers('victim', 1)
    const bad = join(folder(home(), 'victim'), `${Date.now() + 1000}-g9.json`)
    writeFileSync(bad, '{"schemaVersion":1,')
    const { stdout } = await runOk(['why', 'victim'], { home: home() })
    expect(flat(stdout)).toContain(`Damaged ${bad}: it is not valid JSON`)
    expect(stdout).toContain('ended by SIGKILL')
    expect((await whyOf('victim')).damaged).toEqual([{ file: bad, why: 'it is not valid JSON' }])
  })

  test('does not keep a server from being restarted when no dossier can be written', async () => {
    home().config({ victim: fixture('mcp-legacy.mjs') })
    mkdirSync(home().paths.state, { recursive: true })
    writeFileSync(join(home().paths.state, 'crashes'), 'a file in the way')
    await runOk(['start'], { home: home() })
    kill(await pidOf(home(), 'victim'))
    await untilServer(home(), 'victim', (server) => server.ready && server.generation === 2)
    await waitFor(() => readFileSync(home().paths.daemonLog, 'utf8').includes('victim: no crash dossier'))
    expect(flat((await runOk(['why', 'victim'], { home: home() })).stdout)).toContain('It was ended by SIGKILL')
  })

  test('does not know a server that there is not, with and without a daemon', async () => {
    home().config({ files: fixture('mcp-legacy.mjs') })
    const without = await run(['why', 'flies', '--json'], { home: home() })
    expect(without.exitCode).toBe(4)
    expect(errorOf(without)).toMatchObject({ code: 'SERVER_UNKNOWN', hint: 'Did you mean files?', details: { name: 'flies', suggestions: ['files'] } })
    expect((await runOk(['why', 'files'], { home: home() })).stdout).toMatch(/^files\n {2}Now +The daemon is not running/)
    await runOk(['start'], { home: home() })
    const withDaemon = await run(['why', 'flies'], { home: home() })
    expect(withDaemon.exitCode).toBe(4)
    expect(withDaemon.stderr).toBe('error: there is no server "flies"\nhint: Did you mean files?\n')
    expect((await run(['why'], { home: home() })).exitCode).toBe(2)
  })

  test('is coloured only where that is wanted', async () => {
    home().config({ fine: fixture('mcp-legacy.mjs') })
    await runOk(['start'], { home: home() })
    expect((await runOk(['why', 'fine'], { home: home(), env: { FORCE_COLOR: '1' } })).stdout).toContain('\u001B[1mfine\u001B[22m')
    expect((await runOk(['why', 'fine'], { home: home(), env: { FORCE_COLOR: '1', NO_COLOR: '1' } })).stdout).not.toContain('\u001B')
  })
})
