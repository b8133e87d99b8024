import { spawn } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { execa } from 'execa'
import { expect } from 'vitest'
import { badServer } from '../helpers/bad-server.js'
import { start } from '../helpers/cli.js'
import type { TestHome } from '../helpers/home.js'
import { alive, children, listProcesses, lookUp, processesCarrying } from '../helpers/proc.js'
import { waitFor } from '../helpers/wait.js'
import { daemonFacts, fixture, kill, look, pidOf, processesLeft, serverOf, startsOf, untilGone } from '../e2e/support.js'
import { bound, fault, scale, type Lab } from './lab.js'
import { many, tiny } from './servers.js'

const isLinux = process.platform === 'linux'
const isRoot = process.getuid?.() === 0

/** Kills daemon and watchdog so that neither can do anything about the death of the other: the servers survive. */
async function killBoth(home: TestHome): Promise<void> {
  const { pid } = daemonFacts(home)
  const watchdog = children(pid).find((child) => lookUp(child)?.commandLine.includes('mcpctl watchdog'))
  kill(pid, 'SIGSTOP')
  kill(watchdog)
  kill(pid)
  await untilGone(pid)
}

/** The processes that are a daemon of this home. */
function daemonsOf(home: TestHome): number[] {
  return processesCarrying(home.base).filter(({ commandLine }) => /daemon\/main\.js|daemon run/.test(commandLine)).map(({ pid }) => pid)
}

async function everythingReady(home: TestHome): Promise<boolean> {
  const servers = (await look(home))?.servers ?? []
  return servers.length > 0 && servers.every(({ ready, enabled }) => ready || !enabled)
}

/** `mcpctl daemon run` through a shell that limits itself first, or through another program. In an object: a running command is a promise of its end. */
async function foreground(lab: Lab, file: string, args: readonly string[], env: Record<string, string>) {
  const child = execa(file, args, { cwd: lab.home.project, env, extendEnv: false, stdin: 'ignore', reject: false, timeout: 60_000, killSignal: 'SIGKILL' })
  lab.defer(() => child.kill('SIGKILL'))
  await waitFor(() => everythingReady(lab.home), { what: 'all servers to be ready' })
  return { child }
}

fault('F30', async (lab) => {
  const count = 20
  const servers = many(count, (index) => ({ ...tiny(join(lab.home.base, `starts-${index}`)), ...(index % 2 === 0 ? badServer('ignore-eof,setsid-grandchild') : {}), stopTimeout: '500ms' }))
  await lab.start(servers)
  const before = (await look(lab.home))?.servers.map(({ name, pid }) => [name, pid] as const) ?? []
  await killBoth(lab.home)
  const survivors = before.flatMap(([, pid]) => (pid !== null && alive(pid) ? [pid] : []))
  expect(survivors.length).toBeGreaterThanOrEqual(count / 2)
  expect((await lab.run(['start'])).exitCode).toBe(0)
  await lab.watch()
  expect(survivors.filter(alive)).toEqual([])
  const after = (await look(lab.home))?.servers ?? []
  expect(after.map(({ name, ready }) => [name, ready])).toEqual(before.map(([name]) => [name, true]))
  // Each server once: its process, and one child of every second.
  expect(processesLeft(lab.home).filter((line) => /tiny\.sh|bad-server/.test(line))).toHaveLength(count)
  lab.measured(`${survivors.length} survivors of ${count} servers`)
})

fault('F31', async (lab) => {
  /** What is to be met in the middle of lasts, everything else does not. */
  const servers = (slowStartMs: number, stopTimeout: string): Record<string, unknown> => many(3, () => ({ ...badServer(`slow-start=${slowStartMs},ignore-eof,setsid-grandchild`), stopTimeout }))
  const moments: [string, readonly string[], (phases: readonly string[]) => boolean][] = [
    ['start', ['start'], (phases) => phases.includes('starting')],
    ['restart', ['restart'], (phases) => phases.includes('stopping')],
    ['stop', ['stop', '--keep-daemon'], (phases) => phases.includes('stopping')],
  ]
  for (const [what, args, isInTheMiddle] of moments) {
    lab.home.config(what === 'start' ? servers(60_000, '400ms') : servers(0, '30s'))
    if (what !== 'start') await lab.run(['start'])
    const command = lab.run(args)
    await waitFor(async () => isInTheMiddle((await look(lab.home))?.servers.map(({ phase }) => phase) ?? []), { what: `a ${what} to be under way` })
    kill(daemonFacts(lab.home).pid)
    const { exitCode } = await command
    // A stop cleans up after a daemon that died while it stopped, so it has not failed.
    expect(exitCode === 0, what).toBe(what === 'stop')
    lab.home.config(servers(0, '400ms'))
    expect((await lab.run(['start'])).exitCode, what).toBe(0)
    const now = (await look(lab.home))?.servers ?? []
    expect(now.map(({ ready, generation }) => [ready, generation])).toEqual(now.map(() => [true, 1]))
    expect(processesLeft(lab.home).filter((line) => line.includes('bad-server'))).toHaveLength(3)
    await lab.watch()
    if (what !== 'stop') await lab.run(['stop'])
  }
}, { timeoutMs: 120_000 })

fault('F32', async (lab) => {
  const rounds = scale(100, 2)
  const startsFile = join(lab.home.base, 'starts')
  lab.home.config({ a: tiny(startsFile) })
  const gate = join(lab.home.base, 'gate')
  await execa('mkfifo', [gate])
  for (let round = 1; round <= rounds; round++) {
    // All eight wait for the same pipe to open.
    const { file, args, env, cwd } = lab.shellCommand(`: < '${gate}'`, ['start'])
    const starters = Array.from({ length: 8 }, () => execa(file, args, { env, extendEnv: false, cwd, stdin: 'ignore', reject: false, timeout: 100_000 }))
    const blocked = (): number => processesCarrying(lab.home.base).filter(({ commandLine }) => commandLine.startsWith('/bin/sh -c :')).length
    await waitFor(() => blocked() === 8)
    await execa('/bin/sh', ['-c', `: > '${gate}'`])
    const ended = await Promise.all(starters)
    expect(ended.map(({ exitCode, stderr }) => [exitCode, stderr.includes('error')])).toEqual(ended.map(() => [0, false]))
    expect(daemonsOf(lab.home)).toEqual([daemonFacts(lab.home).pid])
    expect(readFileSync(startsFile, 'utf8').trim().split('\n')).toHaveLength(round)
    if (round < rounds) await killBoth(lab.home)
  }
  await lab.watch()
  lab.measured(`${rounds} rounds`)
}, { timeoutMs: 30_000 + scale(600_000, 150_000) })

fault('F34', async (lab) => {
  await lab.start({ a: fixture('mcp-legacy.mjs'), b: tiny() })
  const files = [join(lab.home.paths.pids, 'a.pid'), lab.home.paths.daemonFile]
  await waitFor(() => files.every(existsSync))
  await killBoth(lab.home)
  const stranger = spawn('/bin/sleep', ['60'], { stdio: 'ignore' })
  lab.defer(() => stranger.kill('SIGKILL'))
  writeFileSync(join(lab.home.paths.pids, 'a.pid'), `${stranger.pid}\n`)
  const facts = JSON.parse(readFileSync(lab.home.paths.daemonFile, 'utf8')) as Record<string, unknown>
  writeFileSync(lab.home.paths.daemonFile, JSON.stringify({ ...facts, pid: stranger.pid, watchdogPid: stranger.pid }))
  expect(existsSync(lab.home.paths.socket)).toBe(true)
  expect((await lab.run(['start'])).exitCode).toBe(0)
  await lab.watch()
  expect(await everythingReady(lab.home)).toBe(true)
  expect(stranger.exitCode ?? stranger.signalCode).toBeNull()
  await lab.run(['stop'])
  expect(stranger.exitCode ?? stranger.signalCode).toBeNull()
})

fault('F36', async (lab) => {
  const inject = lab.home.write('inject.cjs', "process.on('SIGUSR2', () => { throw new Error('injected') })\n")
  lab.home.config({ a: tiny(), b: { ...badServer('ignore-term,setsid-grandchild'), stopTimeout: '500ms' } })
  const child = start(['daemon', 'run'], { home: lab.home, env: { NODE_OPTIONS: `--require=${inject}` }, deadlineMs: 60_000 })
  await waitFor(() => everythingReady(lab.home))
  await lab.watch()
  child.kill('SIGUSR2')
  const { exitCode, stderr } = await child
  expect(exitCode).toBe(70)
  expect(stderr).toMatch(/"message":"defect: the daemon ends".*injected/)
  await waitFor(() => processesLeft(lab.home).length === 0, { timeoutMs: scale(3000, 20_000), what: 'every server to be ended' })
  expect((await lab.run(['start'])).exitCode).toBe(0)
  await lab.watch()
  expect(await everythingReady(lab.home)).toBe(true)
})

fault('F37', async (lab) => {
  lab.home.config({ first: tiny(), ...many(30, () => ({ ...tiny(), enabled: false })) })
  const { file, args, env } = lab.shellCommand('ulimit -n 64', ['daemon', 'run'])
  const { child } = await foreground(lab, file, args, env)
  const daemon = await lab.watch()
  const names = Object.keys(many(30, () => 0))
  const full = await lab.run(['start', ...names, '--timeout', '5s'])
  expect(full.exitCode).not.toBe(0)
  expect(daemonFacts(lab.home).pid).toBe(daemon)
  const refused = (await look(lab.home))?.servers.filter(({ ready }) => !ready).map(({ reason }) => reason) ?? []
  expect(refused.length).toBeGreaterThan(0)
  expect(refused.filter((reason) => /EMFILE|open files|descriptors/.test(reason))).not.toEqual([])
  expect(full.stderr + (await lab.run(['status', names[29] ?? ''])).stdout).toMatch(/ulimit -n/)
  expect(await serverOf(lab.home, 'first')).toMatchObject({ ready: true, restarts: 0 })
  for (let count = 0; count < 3; count++) expect((await lab.run(['status', '--json'])).json()).toMatchObject({ daemon: { pid: daemon } })
  // Room again: what was refused can be started.
  await lab.run(['stop', ...names])
  expect((await lab.run(['start', 's0', 's1', 's2'])).exitCode).toBe(0)
  await lab.run(['stop', 's0', 's1', 's2'])
  await lab.expectNothingKept(20)
  child.kill('SIGTERM')
  expect((await child).exitCode).toBe(0)
  lab.measured(`${refused.length} of 30 servers refused with 64 descriptors`)
}, { timeoutMs: 60_000, unless: isLinux ? null : 'limits are set differently' })

fault('F38', async (lab) => {
  const pidFile = join(lab.home.base, 'orphan')
  lab.home.config({ a: tiny(), b: badServer('daemonise', { childPidFile: pidFile }) })
  const outside = (inner: number): number => listProcesses().find(({ pid }) => {
    try {
      return new RegExp(`^NSpid:\\s+${pid}\\s+${inner}$`, 'm').test(readFileSync(`/proc/${pid}/status`, 'utf8'))
    } catch {
      return false
    }
  })?.pid ?? 0
  for (const isInit of [true, false]) {
    rmSync(pidFile, { force: true })
    const container = ['--pid', '--fork', '--mount-proc', '--kill-child']
    // A shell reaps whatever it inherits; it stands for the init that a container is started with.
    const shell = lab.shellCommand(isInit ? ':' : 'trap "kill -TERM \\$child" TERM; "$0" "$@" & child=$!; until wait; do :; done; exit', ['daemon', 'run'])
    const { child } = await foreground(lab, 'unshare', [...container, shell.file, ...shell.args], shell.env)
    const init = outside(1)
    const orphan = outside(Number(await waitFor(() => readFileSync(pidFile, 'utf8'))))
    await waitFor(() => lookUp(orphan)?.parentPid === init)
    await lab.run(['stop', 'b'])
    expect(alive(orphan)).toBe(false)
    const zombies = listProcesses().filter(({ zombie, parentPid }) => zombie && parentPid === init)
    if (isInit) expect(zombies.length).toBeGreaterThan(0)
    else await waitFor(() => lookUp(orphan) === undefined)
    const from = performance.now()
    kill(init, 'SIGTERM')
    const { stderr } = await child
    expect(performance.now() - from).toBeLessThan(bound(2000, 20_000))
    expect(String(stderr).includes('put an init in front')).toBe(isInit)
    expect(processesLeft(lab.home)).toEqual([])
    lab.measured(`${isInit ? 'as process 1' : 'behind an init'}: stopped in ${Math.round(performance.now() - from)} ms`)
  }
  expect((await lab.run(['start', 'a'])).exitCode).toBe(0)
  await lab.watch()
}, { unless: isLinux && isRoot ? null : 'only root can make a PID namespace here' })

fault('F33', async (lab) => {
  const pauseMs = scale(60_000, 2_000)
  await lab.start({ a: { ...fixture('mcp-legacy.mjs'), health: { interval: '500ms', timeout: '1s' } }, b: tiny() })
  const before = [await pidOf(lab.home, 'a'), await pidOf(lab.home, 'b')]
  const { pid } = daemonFacts(lab.home)
  kill(pid, 'SIGSTOP')
  expect((await lab.run(['daemon', 'run'])).exitCode).toBe(6)
  const patient = lab.run(['start'])
  await delay(pauseMs)
  kill(pid, 'SIGCONT')
  const waited = await patient
  // Who asks while it sleeps is told so after ten seconds.
  expect(waited.exitCode, waited.stderr).toBe(pauseMs > 10_000 ? 6 : 0)
  expect(daemonFacts(lab.home).pid).toBe(pid)
  expect(daemonsOf(lab.home)).toEqual([pid])
  await waitFor(() => everythingReady(lab.home))
  expect([await pidOf(lab.home, 'a'), await pidOf(lab.home, 'b')]).toEqual(before)
  for (const name of ['a', 'b']) expect(await startsOf(lab.home, name)).toHaveLength(1)
  expect((await serverOf(lab.home, 'a')).restarts).toBe(0)
  lab.measured(`stopped for ${pauseMs / 1000} s`)
}, { waits: true, timeoutMs: 120_000 })
