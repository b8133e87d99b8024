import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { resolveHome, type ConfigOrigin, type Home } from '../../src/lib/control/index.js'
import { createConfigWatch, type ConfigWatch } from '../../src/lib/daemon/config-watch.js'
import { runCommand, type ReloadOrder, type ReloadOutcome } from '../../src/lib/daemon/config-watch-run.js'
import { alive } from '../helpers/proc.js'
import { waitFor } from '../helpers/wait.js'

let folder = ''
let home: Home
let watch: ConfigWatch | null = null
let journal: string[] = []

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'mcpctl-cw-')))
  home = resolveHome({ MCP_HOME: join(folder, 'home') })
  mkdirSync(home.root)
  journal = []
})

afterEach(async () => {
  await watch?.close()
  watch = null
  rmSync(folder, { recursive: true, force: true })
})

const at = (name: string): string => join(folder, name)
const originOf = (files: string[], changes: Partial<ConfigOrigin> = {}): ConfigOrigin => ({ cwd: folder, configPath: null, env: { MINE: 'yes' }, files: files.map(at), watch: true, loadedAt: Date.now(), ...changes })
const log = { write: (level: string, message: string, facts: Record<string, unknown> = {}) => void journal.push(`${level} ${message} ${JSON.stringify(facts)}`) }

interface Running {
  readonly order: ReloadOrder
  readonly signal: AbortSignal
  finish(outcome?: ReloadOutcome): void
}

/** A watch whose reloads are finished by the test. */
function open(): { watch: ConfigWatch; runs: Running[] } {
  const runs: Running[] = []
  watch = createConfigWatch({
    home,
    journal: log,
    run: (order, signal) =>
      new Promise((resolve) => {
        const finish = (outcome: ReloadOutcome = { type: 'reloaded', summary: 'restart a' }): void => resolve(outcome)
        signal.addEventListener('abort', () => finish({ type: 'failed', trouble: 'ended' }))
        runs.push({ order, signal, finish })
      }),
  })
  return { watch, runs }
}

const untilRuns = (runs: readonly Running[], count: number): Promise<unknown> => waitFor(() => runs.length === count, { what: `${count} reloads` })
const pass = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

describe('a configuration that is watched', () => {
  it('is reloaded when a file changes, in the folder and environment it was loaded in', async () => {
    writeFileSync(at('a.json'), '1')
    await pass(30)
    const { watch, runs } = open()
    watch.applied(at('a.json'), originOf(['a.json']))
    expect(watch.isWatched(at('a.json'))).toBe(true)
    // Before the watcher stands: noticed by its time.
    writeFileSync(at('a.json'), '2')
    await untilRuns(runs, 1)
    expect(runs[0]?.order).toMatchObject({ source: at('a.json'), origin: { cwd: folder, env: { MINE: 'yes' } } })
    runs[0]?.finish()
    await waitFor(() => journal.includes(`info configuration reloaded ${JSON.stringify({ source: at('a.json'), changes: 'restart a' })}`))
  })

  it('is never reloaded twice at once; a change meanwhile has its turn afterwards', async () => {
    writeFileSync(at('a.json'), '1')
    const { watch, runs } = open()
    watch.applied(at('a.json'), originOf(['a.json']))
    writeFileSync(at('a.json'), '2')
    await untilRuns(runs, 1)
    writeFileSync(at('a.json'), '3')
    await pass(1000)
    expect(runs).toHaveLength(1)
    runs[0]?.finish()
    await untilRuns(runs, 2)
    runs[1]?.finish()
    await pass(600)
    expect(runs).toHaveLength(2)
  })

  it('is not reloaded for what a command has applied already', async () => {
    writeFileSync(at('a.json'), '1')
    await pass(30)
    const { watch, runs } = open()
    watch.applied(at('a.json'), originOf(['a.json']))
    await pass(1000)
    writeFileSync(at('a.json'), '2')
    // Loaded so long after it was written that the clock of the files tells the two apart.
    watch.applied(at('a.json'), originOf(['a.json'], { loadedAt: Date.now() + 100 }))
    await pass(1000)
    expect(runs).toHaveLength(0)
    writeFileSync(at('a.json'), '3')
    await untilRuns(runs, 1)
  })

  it('shows why its newest version has no effect when the command could not say it itself, until one has', async () => {
    writeFileSync(at('a.json'), '1')
    const { watch, runs } = open()
    watch.applied(at('a.json'), originOf(['a.json']))
    writeFileSync(at('a.json'), '2')
    await untilRuns(runs, 1)
    runs[0]?.finish({ type: 'failed', trouble: 'it did not load' })
    await waitFor(() => watch.trouble(at('a.json')) === 'it did not load')
    expect(journal.some((line) => line.startsWith('warn configuration not reloaded') && line.includes('it did not load'))).toBe(true)
    watch.applied(at('a.json'), originOf(['a.json']))
    expect(watch.trouble(at('a.json'))).toBeNull()
  })

  it('follows the files a broken version needed as well, and forgets them with the next good one', async () => {
    for (const name of ['a.json', 'old.json', 'new.json']) writeFileSync(at(name), '1')
    await pass(30)
    const { watch, runs } = open()
    watch.applied(at('a.json'), originOf(['a.json', 'old.json']))
    await pass(1000)
    watch.failed(at('a.json'), [at('new.json')])
    await pass(300)
    // Written again until it is noticed: nobody can see when a watch stands.
    let count = 1
    await waitFor(() => {
      writeFileSync(at('new.json'), String(++count))
      return runs.length > 0
    }, { pollMs: 500 })
    for (let done = 0; done !== runs.length; await pass(800)) for (; done < runs.length; done++) runs[done]?.finish()
    watch.applied(at('a.json'), originOf(['a.json', 'old.json']))
    const before = runs.length
    writeFileSync(at('new.json'), 'not one of its files any more')
    await pass(800)
    expect(runs).toHaveLength(before)
    writeFileSync(at('old.json'), '2')
    await untilRuns(runs, before + 1)
  })

  it('is left alone once its user does not want it watched; one that never was is not known', async () => {
    writeFileSync(at('a.json'), '1')
    const { watch, runs } = open()
    watch.failed(at('b.json'), [])
    watch.applied(at('b.json'), null)
    watch.applied(at('a.json'), originOf(['a.json']))
    watch.applied(at('a.json'), originOf(['a.json'], { watch: false }))
    expect([at('a.json'), at('b.json')].map((source) => watch.isWatched(source))).toEqual([false, false])
    writeFileSync(at('a.json'), '2')
    await pass(1000)
    expect(runs).toHaveLength(0)
  })

  it('has its command ended when the daemon ends', async () => {
    writeFileSync(at('a.json'), '1')
    const { watch, runs } = open()
    watch.applied(at('a.json'), originOf(['a.json']))
    writeFileSync(at('a.json'), '2')
    await untilRuns(runs, 1)
    await watch.close()
    expect(runs[0]?.signal.aborted).toBe(true)
    writeFileSync(at('a.json'), '3')
    await pass(800)
    expect(runs).toHaveLength(1)
  })
})

describe('the command of a reload', () => {
  const groups = new Set<number>()
  const order = (changes: Partial<ConfigOrigin> = {}): ReloadOrder => ({
    source: at('a.json'),
    origin: originOf(['a.json'], changes),
    home,
    groups: { record: (group) => void groups.add(group), forget: (group) => void groups.delete(group) },
  })
  const runScript = (script: string, { limitMs = 60_000, signal = new AbortController().signal, changes = {} }: { limitMs?: number; signal?: AbortSignal; changes?: Partial<ConfigOrigin> } = {}): Promise<ReloadOutcome> =>
    runCommand(process.execPath, ['-e', script], order(changes), { signal, limitMs })

  it('gets the environment of its user and the home of this daemon, and says what it changed', async () => {
    const outcome = await runScript(
      `const { MINE, MCP_HOME, MCPCTL_ID } = process.env
       console.log(JSON.stringify({ changes: [{ name: [MINE, MCP_HOME, MCPCTL_ID, process.cwd()].join(), action: 'restart' }, { name: 'b', action: 'none' }] }))`,
      { changes: { env: { MINE: 'yes', MCP_HOME: '/elsewhere', MCPCTL_ID: 'mark' } } },
    )
    expect(outcome).toEqual({ type: 'reloaded', summary: `restart yes,${home.root},,${folder}` })
    expect(groups.size).toBe(0)
  })

  it.each<[string, string, ReloadOutcome]>([
    ['a configuration error', `console.log(JSON.stringify({ error: { message: 'line 3 is wrong' } })); process.exitCode = 5`, { type: 'refused', trouble: 'line 3 is wrong' }],
    ['another error', `console.log(JSON.stringify({ error: { message: 'no daemon' } })); process.exitCode = 6`, { type: 'failed', trouble: 'no daemon' }],
    ['last words on stderr', `process.stderr.write('out of memory'); process.exitCode = 134`, { type: 'failed', trouble: 'out of memory' }],
    ['no word', `process.exitCode = 9`, { type: 'failed', trouble: 'the command that loads the configuration ended with 9' }],
    ['a signal', `process.kill(process.pid, 'SIGKILL')`, { type: 'failed', trouble: 'the command that loads the configuration ended with a signal' }],
  ])('that ends with %s says so', async (_what, script, outcome) => {
    expect(await runScript(script)).toEqual(outcome)
  })

  it('is run somewhere else when its folder is gone', async () => {
    const outcome = await runScript(`console.log(JSON.stringify({ changes: [{ name: process.cwd(), action: 'start' }] }))`, { changes: { cwd: at('gone') } })
    expect(outcome).toEqual({ type: 'reloaded', summary: `start ${folder}` })
  })

  it('is killed with all it started when it takes too long, or is not wanted any more', async () => {
    const script = `const { spawn } = require('node:child_process')
      const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], { stdio: 'inherit' })
      require('node:fs').writeFileSync(${JSON.stringify(at('pids'))}, process.pid + ' ' + child.pid)
      for (;;);`
    const tooLong = runScript('for (;;);', { limitMs: 500 })
    const [leader = 0] = [...groups]
    expect(await tooLong).toEqual({ type: 'failed', trouble: 'the configuration did not load within 0.5 s' })
    await waitFor(() => !alive(leader))
    const pids = (): number[] => readFileSync(at('pids'), 'utf8').split(' ').map(Number)
    const abort = new AbortController()
    const ended = runScript(script, { signal: abort.signal })
    await waitFor(() => pids().length === 2)
    abort.abort()
    expect((await ended).type).toBe('failed')
    await waitFor(() => pids().every((pid) => !alive(pid)))
  })

  it('keeps only so much of what it says', async () => {
    const outcome = await runScript(`process.stderr.write('x'.repeat(3e6)); process.exitCode = 1`)
    expect(outcome.type).toBe('failed')
    expect('trouble' in outcome ? outcome.trouble.length : 0).toBe(2000)
  })
})
