import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { createSweeper, startWatchdog } from '../../../src/lib/process/index.js'
import { alive, environmentOf, lookUp } from '../../helpers/proc.js'
import { waitFor } from '../../helpers/wait.js'

const SERVERS = resolve(import.meta.dirname, '../../fixtures/servers')
const SECRET = 'planted-secret-7c1e'
const prefix = `watchdog.test-${process.pid}:`
const sweeper = createSweeper()
const parents: ChildProcess[] = []

interface Launch {
  readonly file: string
  readonly args: string[]
  readonly marker?: string
  readonly forget?: boolean
}

interface Daemon {
  readonly process: ChildProcess
  readonly watchdog: number
  readonly servers: { pid: number; line: string }[]
  nextLine(): Promise<string>
}

afterEach(async () => {
  for (const parent of parents.splice(0)) parent.kill('SIGKILL')
  await sweeper.end({ prefix })
})

async function startDaemon(launches: Launch[]): Promise<Daemon> {
  const env = { ...process.env, SECRET, MCPCTL_ID: 'some-outer:server' }
  const daemon = spawn(process.execPath, [join(SERVERS, 'proc-parent.mjs'), JSON.stringify({ prefix, launches })], { stdio: ['pipe', 'pipe', 'inherit'], env })
  parents.push(daemon)
  const lines: string[] = []
  let rest = ''
  daemon.stdout.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n')
    rest = parts.pop() ?? ''
    lines.push(...parts)
  })
  const nextLine = () => waitFor(() => lines.shift())
  return { process: daemon, nextLine, ...(JSON.parse(await nextLine()) as { watchdog: number; servers: { pid: number; line: string }[] }) }
}

const TREE = { file: join(SERVERS, 'proc-tree.sh'), args: [] }
const STUBBORN = { file: join(SERVERS, 'proc-stubborn.sh'), args: [] }
const HTTP = { file: process.execPath, args: [join(SERVERS, 'proc-http.mjs')] }
const NAKED = { file: '/bin/sh', args: ['-c', 'env -i /bin/sleep 600 & echo $!; wait'] }

async function allGone(pids: number[]): Promise<void> {
  await waitFor(async () => pids.every((pid) => !alive(pid)) && (await sweeper.find({ prefix })).length === 0, {
    timeoutMs: 20_000, what: `the end of ${pids.join(' ')}`,
  })
}

/** SIGTERM is ignored: the watchdog's program has begun. */
async function hasTraps(pid: number): Promise<void> {
  await waitFor(() => /^SigIgn:\s+\w*[4567cdef]\w{3}$/m.test(readFileSync(`/proc/${pid}/status`, 'utf8')))
}

describe.runIf(process.platform === 'linux')('the watchdog', () => {
  it('leaves nothing of a daemon that was killed: groups, other sessions, daemonised ones, HTTP servers, those deaf to SIGTERM', async () => {
    const daemon = await startDaemon([TREE, STUBBORN, HTTP, NAKED])
    const pids = daemon.servers.flatMap((server, index) => [server.pid, ...(index === 2 ? [] : server.line.split(' ').map(Number).filter(Boolean))])
    expect(pids.filter(alive)).toHaveLength(8)
    daemon.process.kill('SIGKILL')
    await allGone([...pids, daemon.watchdog])
  })

  it('lets well-behaved servers end by themselves', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mcpctl-watchdog-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const said = join(folder, 'said')
    const daemon = await startDaemon([HTTP, { file: '/bin/sh', args: ['-c', `exec 2>/dev/null; trap 'echo asked > ${said}; exit 0' TERM; echo up; while :; do sleep 0.05; done`] }])
    const pids = [...daemon.servers.map((server) => server.pid), daemon.watchdog]
    daemon.process.kill('SIGKILL')
    await allGone(pids)
    expect(readFileSync(said, 'utf8')).toBe('asked\n')
  })

  it('finds processes that were started in the last moment, before they could be recorded', async () => {
    const daemon = await startDaemon([TREE])
    daemon.process.stdin?.write('storm\n')
    await daemon.nextLine()
    await waitFor(async () => (await sweeper.find({ prefix })).length > 10, { pollMs: 1 })
    daemon.process.kill('SIGKILL')
    await waitFor(() => !alive(daemon.watchdog), { timeoutMs: 20_000 })
    expect(await sweeper.find({ prefix })).toEqual([])
  })

  it('touches nothing when it was dismissed', async () => {
    const daemon = await startDaemon([HTTP])
    daemon.process.stdin?.write('bye\n')
    await waitFor(() => daemon.process.exitCode === 0 && !alive(daemon.watchdog))
    expect(alive(daemon.servers[0]?.pid ?? 0)).toBe(true)
  })

  it('spares groups that were forgotten and markers that only look alike', async () => {
    const lookalike = `${prefix.replace('.', 'x')}0`
    const sleep = { file: '/bin/sh', args: ['-c', 'trap "" HUP; echo up; sleep 600'], marker: lookalike }
    const daemon = await startDaemon([{ ...sleep, forget: true }, sleep])
    const [forgotten, recorded] = daemon.servers.map((server) => server.pid)
    try {
      daemon.process.kill('SIGKILL')
      await waitFor(() => !alive(daemon.watchdog), { timeoutMs: 20_000 })
      expect([alive(forgotten ?? 0), alive(recorded ?? 0)]).toEqual([true, false])
    } finally {
      await sweeper.end({ marker: lookalike })
    }
  })

  it('holds none of the daemon\'s files, shows no secret, carries no marker and has its own session', async () => {
    const daemon = await startDaemon([])
    const held = (pid: number) => readdirSync(`/proc/${pid}/fd`).map((fd) => `${fd} ${readlinkSync(`/proc/${pid}/fd/${fd}`)}`)
    // Whatever came from outside reaches every process that is started from here; the daemon must add nothing of its own.
    const bare = spawn('/bin/sh', ['-c', 'echo up; read line'], { stdio: ['pipe', 'pipe', 'ignore'] })
    // A program that is still being loaded holds its libraries' files for a moment: both have to be past that.
    await once(bare.stdout, 'data')
    await hasTraps(daemon.watchdog)
    const inherited = held(bare.pid ?? 0).slice(3)
    bare.kill('SIGKILL')
    expect(held(daemon.watchdog)).toEqual([expect.stringMatching(/^0 socket:/), '1 /dev/null', '2 /dev/null', ...inherited])
    expect(Object.keys(environmentOf(daemon.watchdog)).filter((name) => !['PATH', 'PWD', 'OLDPWD'].includes(name))).toEqual([])
    const commandLine = readFileSync(`/proc/${daemon.watchdog}/cmdline`, 'utf8')
    expect(commandLine).not.toContain(SECRET)
    expect(commandLine).not.toContain(prefix)
    expect(lookUp(daemon.watchdog)).toMatchObject({ sessionId: daemon.watchdog, groupId: daemon.watchdog })
    const kib = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${daemon.watchdog}/status`, 'utf8'))?.[1])
    expect(kib).toBeLessThan(5000)
  })

  it('does not end with the terminal, and tells when it was killed', async () => {
    const watchdog = startWatchdog({ markerPrefix: prefix })
    let told = 0
    watchdog.onExit(() => told++)
    await hasTraps(watchdog.pid)
    for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.kill(watchdog.pid, signal)
    expect(alive(watchdog.pid)).toBe(true)
    process.kill(watchdog.pid, 'SIGKILL')
    await waitFor(() => told === 1)
    watchdog.record(12345)
    watchdog.dismiss()
  })
})
