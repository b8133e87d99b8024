import { existsSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { tiny } from '../faults/servers.js'
import { run, runOk, type CliResult } from '../helpers/cli.js'
import { environmentOf } from '../helpers/proc.js'
import { waitFor } from '../helpers/wait.js'
import { behindGate, daemonFacts, errorOf, fixture, kill, look, pidOf, processesLeft, serverOf, startsOf, statusOf, untilGone, untilServer, useHome } from './support.js'

const home = useHome()

const TEN = Array.from({ length: 10 }, (_, index) => `s${index}`)
const MANUAL = { MCP_WATCH: 'false' }

type Entry = Record<string, unknown>

/** Ten servers alike, with these differences. */
function ten(changes: Record<string, Entry | null> = {}): Record<string, Entry> {
  const all = Object.fromEntries(TEN.map((name): [string, Entry] => [name, { ...tiny(), env: { LABEL: 'one' } }]))
  for (const [name, change] of Object.entries(changes)) {
    if (change === null) delete all[name]
    else all[name] = { ...all[name], ...change }
  }
  return all
}

async function pids(): Promise<Record<string, number | null>> {
  const snapshot = await look(home())
  return Object.fromEntries((snapshot?.servers ?? []).map(({ name, pid }) => [name, pid]))
}

function differing(before: Record<string, unknown>, after: Record<string, unknown>): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((name) => before[name] !== after[name])
}

interface Change {
  readonly name: string
  readonly action: string
  readonly fields: readonly string[]
}

const changesOf = (result: CliResult): Change[] => (result.json()['changes'] as Change[]).filter(({ action }) => action !== 'none')

/** Waits until the daemon says this about the configuration. */
const untilTrouble = (wanted: RegExp | null): Promise<unknown> =>
  waitFor(
    async () => {
      const trouble = (await look(home()))?.daemon.configs?.[0]?.trouble ?? null
      if (wanted === null ? trouble === null : wanted.test(trouble ?? '')) return true
      throw new Error(`the trouble is ${trouble}`)
    },
    { timeoutMs: 25_000, pollMs: 50 },
  )

describe('a file that changes', () => {
  test('one of ten servers edited: exactly one new process, proven ready before the old one goes', async () => {
    home().config(ten())
    await runOk(['start'], { home: home() })
    const before = await pids()
    expect((await statusOf(home())).daemon?.configs).toEqual([{ source: join(home().project, 'mcp.config.json'), trouble: null, watched: true }])
    home().config(ten({ s3: { env: { LABEL: 'two' } } }))
    await untilServer(home(), 's3', ({ pid, ready, changed }) => pid !== before['s3'] && ready && !changed)
    expect(differing(before, await pids())).toEqual(['s3'])
    await untilGone(before['s3'] ?? 0)
  })

  test('a live knob: the change is in effect and no process is new; a limit where there was none takes one', async () => {
    home().config(ten())
    await runOk(['start'], { home: home() })
    const before = await pids()
    home().config(ten({ s1: { tags: ['blue'], stopTimeout: '9s', health: { interval: '1s' }, timeouts: { idle: '1m' } } }))
    await untilServer(home(), 's1', ({ tags }) => tags.includes('blue'))
    expect(differing(before, await pids())).toEqual([])
    expect(await serverOf(home(), 's1')).toMatchObject({ changed: false, generation: 1 })
    home().config(ten({ s1: { tags: ['blue'], limits: { memory: '2G' } } }))
    await untilServer(home(), 's1', ({ pid, ready, changed }) => pid !== before['s1'] && ready && !changed)
    expect(differing(before, await pids())).toEqual(['s1'])
  })

  test('a broken edit changes nothing, is visible in status and on stderr of reload, and is forgotten when it is mended', async () => {
    home().config(ten({ s1: { tags: ['old'] } }))
    await runOk(['start'], { home: home() })
    const before = await pids()
    const file = home().write('mcp.config.json', '{\n  "servers": {\n    "s0": {')
    await untilTrouble(/mcp\.config\.json:3/)
    expect(differing(before, await pids())).toEqual([])
    const status = await run(['status'], { home: home() })
    expect(status.exitCode).toBe(0)
    expect(status.stdout).toContain(`configuration not in effect: ${file} (everything runs on as before)`)
    expect(status.stdout).toContain('mcp.config.json:3')
    expect((await statusOf(home())).daemon?.configs).toMatchObject([{ source: file, trouble: expect.stringContaining('mcp.config.json:3') as string }])
    const reload = await run(['reload'], { home: home() })
    expect(reload).toMatchObject({ exitCode: 5, stdout: '' })
    expect(reload.stderr).toContain('mcp.config.json:3')
    home().config(ten({ s1: { tags: ['new'] } }))
    await untilTrouble(null)
    await untilServer(home(), 's1', ({ tags }) => tags.includes('new'))
    expect(differing(before, await pids())).toEqual([])
  })

  test('several problems in one file are all told, without a secret', async () => {
    home().config({ a: fixture('mcp-dual.mjs') })
    await runOk(['start'], { home: home() })
    home().config({ a: { ...fixture('mcp-dual.mjs'), env: { TOKEN: 's3cr3t' }, limits: { memory: 'lots' }, health: { probe: 'ping' } } })
    await untilTrouble(/limits\.memory/)
    const { stdout } = await run(['status'], { home: home() })
    expect(stdout).toContain('servers.a.limits.memory must be a size')
    expect(stdout).toContain('servers.a.health.probe must be')
    expect(stdout).not.toContain('s3cr3t')
  })

  test('a new server is started, one that is gone is stopped', async () => {
    home().config({ a: fixture('mcp-dual.mjs'), b: fixture('mcp-dual.mjs') })
    await runOk(['start'], { home: home() })
    const before = await pids()
    home().config({ a: fixture('mcp-dual.mjs'), c: fixture('mcp-dual.mjs') })
    await waitFor(async () => (await pids())['c'] !== undefined, { timeoutMs: 25_000 })
    await untilServer(home(), 'c', ({ ready }) => ready)
    await waitFor(async () => !('b' in (await pids())))
    await untilGone(before['b'] ?? 0)
    expect(await pidOf(home(), 'a')).toBe(before['a'])
  })

  test('a stopped server stays stopped, whatever is edited', async () => {
    home().config({ a: fixture('mcp-dual.mjs'), b: { ...fixture('mcp-dual.mjs'), tags: ['one'] } })
    await runOk(['start'], { home: home() })
    await runOk(['stop', 'b'], { home: home() })
    home().config({ a: fixture('mcp-dual.mjs'), b: { ...fixture('mcp-dual.mjs'), env: { X: '1' }, tags: ['two'] } })
    await untilServer(home(), 'b', ({ tags }) => tags.includes('two'))
    expect(await serverOf(home(), 'b')).toMatchObject({ phase: 'idle', desired: 'down', pid: null })
  })

  test('a module the configuration imports counts as well, and so does one that was broken and new', async () => {
    const { command, args } = fixture('mcp-dual.mjs')
    const partOf = (label: string): string => `export const label: string = '${label}'`
    home().write('part.ts', partOf('one'))
    home().write('mcp.config.ts', `import { label } from './part.ts'\nexport default { servers: { a: { command: ${JSON.stringify(command)}, args: ${JSON.stringify(args)}, env: { LABEL: label } }, b: { command: ${JSON.stringify(command)}, args: ${JSON.stringify(args)} } } }`)
    await runOk(['start'], { home: home() })
    const before = await pids()
    home().write('part.ts', partOf('two'))
    await untilServer(home(), 'a', ({ pid, ready, changed }) => pid !== before['a'] && ready && !changed)
    expect(await pidOf(home(), 'b')).toBe(before['b'])
    const second = await pidOf(home(), 'a')
    home().write('other.ts', 'export const other = {{')
    home().write('part.ts', `import { other } from './other.ts'\nexport const label: string = other`)
    await untilTrouble(/other\.ts/)
    expect(await pidOf(home(), 'a')).toBe(second)
    home().write('other.ts', "export const other = 'three'")
    await untilServer(home(), 'a', ({ pid, ready, changed }) => pid !== second && ready && !changed)
    await untilTrouble(null)
  })

  test('a deleted file leaves everything running; when it comes back it counts again', async () => {
    home().config({ a: fixture('mcp-dual.mjs') })
    await runOk(['start'], { home: home() })
    const pid = await pidOf(home(), 'a')
    rmSync(join(home().project, 'mcp.config.json'))
    await untilTrouble(/no configuration file/)
    expect(await pidOf(home(), 'a')).toBe(pid)
    home().config({ a: { ...fixture('mcp-dual.mjs'), tags: ['back'] } })
    await untilServer(home(), 'a', ({ tags }) => tags.includes('back'))
    await untilTrouble(null)
    expect(await pidOf(home(), 'a')).toBe(pid)
  })

  test('edited without a pause, it comes to rest with the last version, and nothing is left of the others', async () => {
    const edit = (label: string): string => home().config({ a: { ...fixture('mcp-dual.mjs'), env: { LABEL: label } }, b: fixture('mcp-dual.mjs') })
    edit('0')
    await runOk(['start'], { home: home() })
    const other = await pidOf(home(), 'b')
    let count = 0
    for (const startedAt = performance.now(); performance.now() - startedAt < 3000; await new Promise((resolve) => setTimeout(resolve, 10))) edit(String(++count))
    const { pid } = await untilServer(home(), 'a', (server) => server.ready && !server.changed && server.pid !== null && environmentOf(server.pid)['LABEL'] === String(count))
    await untilGone((await startsOf(home(), 'a')).at(-2) ?? 0)
    expect(processesLeft(home()).filter((line) => line.includes('mcp-dual.mjs'))).toHaveLength(2)
    expect(await pidOf(home(), 'a')).toBe(pid)
    expect(await pidOf(home(), 'b')).toBe(other)
  })

  test('a configuration behind a link that leads elsewhere afterwards', async () => {
    for (const [version, tag] of [['v1', 'one'], ['v2', 'two']] as const) home().write(`${version}/mcp.config.json`, { servers: { a: { ...fixture('mcp-dual.mjs'), cwd: '/', tags: [tag] } } })
    symlinkSync('v1', join(home().project, '..data'))
    symlinkSync('..data/mcp.config.json', join(home().project, 'mcp.config.json'))
    await runOk(['start'], { home: home() })
    const pid = await pidOf(home(), 'a')
    symlinkSync('v2', join(home().project, '..data_tmp'))
    renameSync(join(home().project, '..data_tmp'), join(home().project, '..data'))
    await untilServer(home(), 'a', ({ tags }) => tags.includes('two'))
    expect(await pidOf(home(), 'a')).toBe(pid)
  })

  test('references mean the variables of the shell that started the servers', async () => {
    home().config({ a: { ...fixture('mcp-dual.mjs'), env: { VALUE: '${MINE}' } } })
    await runOk(['start'], { home: home(), env: { MINE: 'here' } })
    const pid = await pidOf(home(), 'a')
    home().config({ a: { ...fixture('mcp-dual.mjs'), env: { VALUE: '${MINE}' }, tags: ['seen'] } })
    await untilServer(home(), 'a', ({ tags }) => tags.includes('seen'))
    expect(await serverOf(home(), 'a')).toMatchObject({ pid, changed: false })
  })

  test.each(['is told to stop', 'is killed'])('a configuration that never finishes loading leaves no process behind when the daemon %s', async (end) => {
    const { command, args } = fixture('mcp-dual.mjs')
    const text = `export default { servers: { a: { command: ${JSON.stringify(command)}, args: ${JSON.stringify(args)} } } }`
    home().write('mcp.config.ts', text)
    await runOk(['start'], { home: home() })
    home().write('mcp.config.ts', `for (;;);\n${text}`)
    await waitFor(() => processesLeft(home()).some((line) => line.includes('reload --config')), { timeoutMs: 25_000 })
    expect(await serverOf(home(), 'a')).toMatchObject({ ready: true, changed: false })
    if (end === 'is killed') kill(daemonFacts(home()).pid)
    else await runOk(['stop'], { home: home() })
    await waitFor(() => processesLeft(home()).length === 0, { timeoutMs: 25_000, what: 'every process to be gone' })
  })

  test('with MCP_WATCH=false nothing happens until somebody says reload', async () => {
    home().config({ a: fixture('mcp-dual.mjs') })
    await runOk(['start'], { home: home(), env: MANUAL })
    const pid = await pidOf(home(), 'a')
    expect((await statusOf(home())).daemon?.configs).toMatchObject([{ watched: false }])
    home().config({ a: { ...fixture('mcp-dual.mjs'), env: { X: '1' } } })
    const result = await runOk(['reload', '--json'], { home: home(), env: MANUAL })
    expect(changesOf(result)).toEqual([{ name: 'a', action: 'replace', fields: ['env.X'] }])
    expect(await pidOf(home(), 'a')).not.toBe(pid)
  })
})

describe('mcpctl reload', () => {
  test('shows what it does and waits until it is done', async () => {
    home().config({ old: fixture('mcp-dual.mjs'), beside: fixture('mcp-dual.mjs'), place: { ...fixture('mcp-dual.mjs'), replace: 'in-place' }, live: fixture('mcp-dual.mjs'), same: fixture('mcp-dual.mjs') })
    await runOk(['start'], { home: home(), env: MANUAL })
    const before = await pids()
    home().config({
      fresh: fixture('mcp-dual.mjs'),
      beside: { ...fixture('mcp-dual.mjs'), env: { TOKEN: 's3cr3t-value' } },
      place: { ...fixture('mcp-dual.mjs', '--more'), replace: 'in-place' },
      live: { ...fixture('mcp-dual.mjs'), tags: ['t'], restart: 'always' },
      same: fixture('mcp-dual.mjs'),
    })
    const plan = await runOk(['reload', '--dry-run'], { home: home(), env: MANUAL })
    expect(await pids()).toEqual(before)
    expect((await look(home()))?.servers.some(({ changed, removed }) => changed || removed)).toBe(false)
    const done = await runOk(['reload'], { home: home(), env: MANUAL })
    expect(done.stdout).toBe(plan.stdout)
    expect(done.stdout.split('\n').map((line) => line.trim().replaceAll(/ +/g, ' '))).toEqual(expect.arrayContaining([
      '+ fresh start',
      '- old stop',
      '~ beside replace env.TOKEN (a new one takes over once it is ready)',
      '~ place restart args (stopped first, then started)',
      expect.stringMatching(/^= live update (tags, restart|restart, tags) \(live, no restart\)$/) as string,
      '1 server unchanged',
    ]))
    expect(done.stdout + done.stderr).not.toContain('s3cr3t')
    expect(done.stderr).toContain('3 ready')
    const after = await pids()
    expect(differing(before, after).sort()).toEqual(['beside', 'fresh', 'old', 'place'])
    expect((await look(home()))?.servers.every(({ ready, changed }) => ready && !changed)).toBe(true)
    expect((await runOk(['reload'], { home: home(), env: MANUAL })).stdout).toBe(`${join(home().project, 'mcp.config.json')}: nothing to do, 5 servers unchanged\n`)
  })

  test('prints the same as JSON', async () => {
    home().config({ a: fixture('mcp-dual.mjs'), b: fixture('mcp-dual.mjs') })
    await runOk(['start'], { home: home(), env: MANUAL })
    home().config({ a: { ...fixture('mcp-dual.mjs'), env: { A: '1' } }, b: fixture('mcp-dual.mjs') })
    const changes = [{ name: 'a', action: 'replace', fields: ['env.A'] }, { name: 'b', action: 'none', fields: [] }]
    const source = join(home().project, 'mcp.config.json')
    expect((await runOk(['reload', '--dry-run', '--json'], { home: home(), env: MANUAL })).json()).toEqual({ schemaVersion: 1, source, dryRun: true, changes })
    const done = (await runOk(['reload', '--json'], { home: home(), env: MANUAL })).json()
    expect(done).toMatchObject({ schemaVersion: 1, source, dryRun: false, changes, ready: 1, failed: 0, timedOut: false, servers: [{ name: 'a', ready: true, changed: false }] })
  })

  test('of named servers leaves the others with what they run', async () => {
    home().config({ a: fixture('mcp-dual.mjs'), b: fixture('mcp-dual.mjs') })
    await runOk(['start'], { home: home(), env: MANUAL })
    const before = await pids()
    home().config({ a: { ...fixture('mcp-dual.mjs'), env: { X: '1' } }, b: { ...fixture('mcp-dual.mjs'), env: { X: '1' } } })
    await runOk(['reload', 'a'], { home: home(), env: MANUAL })
    expect(differing(before, await pids())).toEqual(['a'])
    expect(await serverOf(home(), 'b')).toMatchObject({ changed: true, ready: true })
    expect((await run(['reload', 'c'], { home: home(), env: MANUAL })).exitCode).toBe(4)
    await runOk(['reload'], { home: home(), env: MANUAL })
    expect(differing(before, await pids())).toEqual(['a', 'b'])
  })

  test('of a server whose new version fails keeps the old one, says why, and tries again when it was corrected', async () => {
    home().config({ a: fixture('mcp-dual.mjs') })
    await runOk(['start'], { home: home(), env: MANUAL })
    const pid = await pidOf(home(), 'a')
    home().config({ a: { command: 'sh', args: ['-c', 'echo no luck >&2; exit 3'] } })
    const result = await run(['reload'], { home: home(), env: MANUAL })
    expect(result.exitCode).toBe(1)
    expect(result.stderr).toContain('exited with code 3')
    expect(await serverOf(home(), 'a')).toMatchObject({ pid, ready: true, changed: true, trouble: expect.stringContaining('exited with code 3') as string })
    expect((await run(['status'], { home: home() })).stdout).toContain('exited with code 3')
    const again = await run(['reload', '--json'], { home: home(), env: MANUAL })
    expect(again.exitCode).toBe(1)
    expect(again.json()).toMatchObject({ ready: 0, failed: 1, timedOut: false, servers: [{ name: 'a', ready: true, changed: true }] })
    home().config({ a: { ...fixture('mcp-dual.mjs'), env: { X: '1' } } })
    await runOk(['reload'], { home: home(), env: MANUAL })
    const after = await serverOf(home(), 'a')
    expect(after).toMatchObject({ ready: true, changed: false, trouble: null })
    expect(after.pid).not.toBe(pid)
  })

  test('does not wait when it is told so, and gives up at its timeout', async () => {
    home().config({ a: fixture('mcp-dual.mjs') })
    await runOk(['start'], { home: home(), env: MANUAL })
    const pid = await pidOf(home(), 'a')
    const [first, second] = [behindGate(home(), 'first'), behindGate(home(), 'second')]
    home().config({ a: first.entry })
    const early = await runOk(['reload', '--no-wait', '--json'], { home: home(), env: MANUAL })
    expect(early.json()).toMatchObject({ dryRun: false, changes: [{ name: 'a', action: 'replace', fields: ['command', 'args'] }] })
    expect(await serverOf(home(), 'a')).toMatchObject({ pid, ready: true, changed: true })
    first.open()
    await untilServer(home(), 'a', (server) => server.pid !== pid && server.ready)
    home().config({ a: second.entry })
    const late = await run(['reload', '--timeout', '300ms', '--json'], { home: home(), env: MANUAL })
    expect(late.exitCode).toBe(7)
    expect(late.json()).toMatchObject({ ready: 0, failed: 1, timedOut: true })
    second.open()
    await untilServer(home(), 'a', ({ changed }) => !changed)
  })

  test('that was still loading an older version when a newer one took effect does not take that back', async () => {
    const [begun, goOn] = [join(home().project, 'begun'), join(home().project, 'go-on')]
    const version = (...names: string[]): string => `export default { servers: ${JSON.stringify(Object.fromEntries(names.map((name) => [name, fixture('mcp-dual.mjs')])))} }`
    const slow = `import { existsSync, writeFileSync } from 'node:fs'\nif (process.env.SLOW) { writeFileSync(${JSON.stringify(begun)}, ''); while (!existsSync(${JSON.stringify(goOn)})) await new Promise((resolve) => setTimeout(resolve, 20)) }\n`
    home().write('mcp.config.mjs', slow + version('a'))
    await runOk(['start'], { home: home(), env: MANUAL })
    const older = run(['reload', '--no-wait', '--json'], { home: home(), env: { ...MANUAL, SLOW: '1' } })
    await waitFor(() => existsSync(begun), { what: 'the older version being loaded' })
    home().write('mcp.config.mjs', slow + version('a', 'b'))
    expect(changesOf(await runOk(['reload', '--json'], { home: home(), env: MANUAL }))).toMatchObject([{ name: 'b', action: 'start' }])
    writeFileSync(goOn, '')
    const result = await older
    expect([result.exitCode, changesOf(result)]).toEqual([0, []])
    expect((await statusOf(home())).servers.map(({ name }) => name)).toEqual(['a', 'b'])
  })

  test('needs a daemon and a configuration, and says how to get them', async () => {
    home().config({ a: fixture('mcp-dual.mjs') })
    for (const args of [['reload', '--json'], ['reload', '--dry-run', '--json']]) {
      const result = await run(args, { home: home() })
      expect(result.exitCode).toBe(3)
      expect(errorOf(result)).toMatchObject({ code: 'NOT_RUNNING', hint: 'mcpctl start' })
    }
    await runOk(['start'], { home: home(), env: MANUAL })
    const elsewhere = await run(['reload', '--json'], { home: home(), cwd: home().base })
    expect(elsewhere.exitCode).toBe(5)
    expect(errorOf(elsewhere)).toMatchObject({ code: 'CONFIG_NOT_FOUND', hint: `Go to the project, or name its configuration: mcpctl reload --config ${join(home().project, 'mcp.config.json')}` })
  })

  test('a dry run of a broken configuration fails and leaves no trace', async () => {
    home().config({ a: fixture('mcp-dual.mjs') })
    await runOk(['start'], { home: home(), env: MANUAL })
    home().write('mcp.config.json', '{')
    expect((await run(['reload', '--dry-run'], { home: home(), env: MANUAL })).exitCode).toBe(5)
    expect((await statusOf(home())).daemon?.configs).toMatchObject([{ trouble: null }])
    expect((await run(['reload'], { home: home(), env: MANUAL })).exitCode).toBe(5)
    expect((await statusOf(home())).daemon?.configs?.[0]?.trouble).toContain('mcp.config.json')
  })
})
