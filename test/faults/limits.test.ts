import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { execa } from 'execa'
import { expect } from 'vitest'
import type { InstanceEnd, LimitsBackendSnapshot } from '../../src/lib/core/index.js'
import { alive, environmentOf, listProcesses } from '../helpers/proc.js'
import { waitFor } from '../helpers/wait.js'
import { look, pidOf, serverOf, untilServer } from '../e2e/support.js'
import { bound, fault, isFull, type Lab } from './lab.js'
import { calmDelays, controlGroups, cpuMs, delaysWhile } from './measure.js'
import { faulty, QUICK, tiny } from './servers.js'

const isLinux = process.platform === 'linux'
const needsCgroup = isLinux && process.getuid?.() === 0 && existsSync('/sys/fs/cgroup/memory/memory.limit_in_bytes') ? null : 'needs root and cgroup v1'
const MIB = 1024 * 1024
const LIMIT = 200

/** How an instance of a server ended. */
async function endOf(lab: Lab, name: string, generation: number): Promise<InstanceEnd> {
  const { details } = (await lab.run(['status', name, '--json'])).json() as unknown as { details: { ends: InstanceEnd[] }[] }
  const end = details[0]?.ends.find((candidate) => candidate.generation === generation)
  if (end === undefined) throw new Error(`${name} has no end of generation ${generation} in ${JSON.stringify(details)}`)
  return end
}

async function backendOf(lab: Lab): Promise<LimitsBackendSnapshot> {
  const limits = (await look(lab.home))?.daemon.limits
  if (limits === undefined) throw new Error('the daemon says nothing about limits')
  return limits
}

/** Living processes of one server, by the mark in their environment. */
function processesOf(name: string, lab: Lab): number[] {
  return listProcesses().filter(({ pid, zombie }) => {
    if (zombie) return false
    const env = environmentOf(pid)
    return env['MCPCTL_ID']?.includes(`:${name}:`) === true && env['HOME'] === lab.home.base
  }).map(({ pid }) => pid)
}

function tasksOf(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/task`).length
  } catch {
    return 0
  }
}

interface Leak {
  readonly end: InstanceEnd
  /** From the moment the leak was above the limit to the end, in ms. */
  readonly lateMs: number
}

/** Lets a server leak `step` MiB every 10 ms until it is ended. */
async function leak(lab: Lab, step: number): Promise<Leak> {
  const file = join(lab.home.base, 'leak')
  const client = await lab.legacy()
  await client.call('a__leak', { step, file })
  await untilServer(lab.home, 'a', ({ ready, generation }) => ready && generation === 2)
  const end = await endOf(lab, 'a', 1)
  const steps = readFileSync(file, 'utf8').trim().split('\n').map((line) => line.split(' ').map(Number))
  // Where the kernel ends it, it never gets as far as telling that it is above.
  const [breachedAt = 0] = steps.find(([, bytes = 0]) => bytes > LIMIT * MIB) ?? steps.at(-1) ?? []
  return { end, lateMs: end.endedAt - breachedAt }
}

const leaky = { restart: QUICK, limits: { memory: `${LIMIT}M` } }

fault('F06', async (lab) => {
  await lab.start({ a: { ...faulty(), ...leaky }, calm: tiny() })
  expect((await backendOf(lab)).backend).toMatch(/^cgroup/)
  const before = processesOf('a', lab)
  const { end, lateMs } = await leak(lab, 4)
  expect(end).toMatchObject({ cause: 'oom', reason: expect.stringMatching(/^exceeded its memory limit of 200 MiB/) })
  expect(lateMs).toBeLessThan(bound(250, 20_000))
  expect(before.filter(alive)).toEqual([])
  expect(await serverOf(lab.home, 'a')).toMatchObject({ restarts: 1 })
  expect(await serverOf(lab.home, 'calm')).toMatchObject({ ready: true, restarts: 0 })
  lab.measured(`ended ${lateMs} ms after its last allocation, by ${(await backendOf(lab)).backend}`)
}, { unless: needsCgroup })

fault('F07', async (lab) => {
  const { command, args } = faulty()
  await lab.start({ a: { command: '/bin/sh', args: ['-c', '"$0" "$@"; exit 7', command, ...args], ...leaky }, calm: tiny() })
  const before = processesOf('a', lab)
  expect(before.length).toBeGreaterThanOrEqual(2)
  const { end, lateMs } = await leak(lab, 4)
  expect(end).toMatchObject({ cause: 'oom', reason: expect.stringMatching(/^exceeded its memory limit of 200 MiB/) })
  expect(before.filter(alive)).toEqual([])
  lab.measured(`ended ${lateMs} ms after its last allocation; the wrapper ended with ${end.signal ?? end.code}`)
}, { unless: needsCgroup })

fault('F08', async (lab) => {
  for (const backend of ['poll', 'rlimit']) {
    lab.home.config({ a: { ...faulty(), ...leaky }, calm: tiny() })
    expect((await lab.run(['start'], { env: { MCP_LIMITS_BACKEND: backend } })).exitCode).toBe(0)
    await lab.watch()
    expect((await backendOf(lab)).backend).toBe(backend)
    const { end, lateMs } = await leak(lab, 2)
    expect(end.cause).toMatch(/^(limit-poll|heap|oom)$/)
    expect(lateMs).toBeLessThan(bound(1500, 20_000))
    expect(await serverOf(lab.home, 'calm')).toMatchObject({ ready: true, restarts: 0 })
    lab.measured(`${backend}: cause ${end.cause}, ${Math.max(0, lateMs)} ms after the breach`)
    if (backend === 'poll') {
      await lab.run(['stop'])
      execFileSync('rm', [join(lab.home.base, 'leak')])
    }
  }
}, { unless: isLinux ? null : 'there is one way to sample' })

fault('F09', async (lab) => {
  const limit = 80
  for (const backend of needsCgroup === null ? ['', 'poll'] : ['poll']) {
    lab.home.config({ a: { ...faulty(), limits: { cpu: `${limit}%` } } })
    expect((await lab.run(['start'], { env: { MCP_LIMITS_BACKEND: backend } })).exitCode).toBe(0)
    await lab.watch()
    const client = await lab.legacy()
    await client.call('a__spin', { processes: 4 })
    await waitFor(() => processesOf('a', lab).length >= 5)
    const total = (): number => processesOf('a', lab).reduce((sum, pid) => sum + cpuMs(pid), 0)
    /** What they use for a while. The clock is read outside of the figures: a pause of ours in between cannot make it more. */
    const percentOf = async (forMs: number): Promise<number> => {
      const [from, before] = [performance.now(), total()]
      await delay(forMs)
      const used = total() - before
      return (used / (performance.now() - from)) * 100
    }
    const tolerance = backend === 'poll' ? 8 : 3
    // Without a group it takes a few looks until somebody notices.
    let percent = Number.NaN
    if (isFull) {
      await delay(backend === 'poll' ? 5000 : 500)
      percent = await percentOf(10_000)
      expect(percent).toBeLessThan(limit + tolerance)
      expect(percent).toBeGreaterThan(limit - tolerance)
    } else {
      await waitFor(async () => (percent = await percentOf(1500)) < limit + 2 * tolerance, { timeoutMs: 40_000, what: 'the quota to be held' })
      // With other work on the machine they may get less than they are allowed, but they are not forgotten.
      const before = total()
      await waitFor(() => total() >= before + 50, { timeoutMs: 20_000 })
    }
    lab.measured(`${(await backendOf(lab)).backend}: ${percent.toFixed(1)} % of a core under a limit of ${limit} %`)
    if (backend === '') await lab.run(['stop'])
  }
}, { timeoutMs: 120_000, unless: isLinux ? null : 'CPU time cannot be limited there' })

fault('F10', async (lab) => {
  const limit = 64
  await lab.start({ a: { ...faulty(), limits: { pids: limit }, restart: QUICK }, calm: tiny() })
  const [client, victim] = [await lab.legacy(), await lab.legacy()]
  const calm = await calmDelays(() => victim.text('calm__echo'))
  let most = 0
  const from = Date.now()
  await client.call('a__forks')
  const bombing = waitFor(async () => {
    most = Math.max(most, processesOf('a', lab).reduce((sum, pid) => sum + tasksOf(pid), 0))
    const { ready, generation } = await serverOf(lab.home, 'a')
    return ready && generation === 2
  }, { timeoutMs: 40_000 })
  const delays = await delaysWhile(() => victim.text('calm__echo'), bombing)
  const end = await endOf(lab, 'a', 1)
  expect(end).toMatchObject({ cause: 'pids', reason: expect.stringMatching(/^hit its limit of 64 processes and threads/) })
  expect(most).toBeLessThanOrEqual(limit)
  expect(end.endedAt - from).toBeLessThan(bound(2000, 30_000))
  expect(delays.p99).toBeLessThan(Math.max(bound(50, 5000), bound(4, 20) * calm.p99))
  expect(await serverOf(lab.home, 'calm')).toMatchObject({ ready: true, restarts: 0 })
  lab.measured(`at most ${most} tasks, ended after ${end.endedAt - from} ms, slowest call to another server ${delays.worst.toFixed(0)} ms`)
}, { unless: needsCgroup })

fault('F40', async (lab) => {
  // Removed under a daemon that runs, by somebody who tidies up.
  await lab.start({ a: { ...tiny(), limits: { memory: `${LIMIT}M` } } })
  await lab.run(['stop', 'a'])
  for (const path of controlGroups().filter((one) => lab.isOwnGroup(one)).reverse()) rmdirSync(path)
  expect((await lab.run(['start', 'a'])).exitCode).toBe(0)
  const again = await serverOf(lab.home, 'a')
  expect(again.limits).toMatchObject({ memoryBytes: LIMIT * MIB, backend: expect.stringMatching(/^(cgroup1|poll)$/) })
  expect(await isHeldAs(lab, again.limits?.backend ?? '')).toBe(true)
  await lab.run(['stop'])
  // Not writable from the beginning: mounted read-only, as in most containers.
  const { args, env, cwd } = lab.shellCommand('for each in memory cpu pids freezer cpuacct; do mount -o remount,bind,ro /sys/fs/cgroup/$each || exit 9; done', ['daemon', 'run'])
  const child = execa('unshare', ['--mount', '/bin/sh', ...args], { cwd, env, extendEnv: false, stdin: 'ignore', reject: false, timeout: 60_000, killSignal: 'SIGKILL' })
  lab.defer(() => child.kill('SIGKILL'))
  await waitFor(async () => (await serverOf(lab.home, 'a')).ready)
  await lab.watch()
  const { backend, notes } = await backendOf(lab)
  expect(backend).toMatch(/^(rlimit|poll)$/)
  expect(notes.join('\n')).toMatch(/cgroup1.*read-only/s)
  expect((await serverOf(lab.home, 'a')).limits).toMatchObject({ backend })
  expect((await lab.run(['doctor'])).stdout).toMatch(/read-only/)
  await lab.expectNothingKept(20)
  child.kill('SIGTERM')
  expect((await child).exitCode).toBe(0)
  lab.measured(`removed: held by ${again.limits?.backend}; read-only: held by ${backend}`)
}, { unless: needsCgroup })

/** Whether a server is where it is said to be: in a group with the limit, or in none. */
async function isHeldAs(lab: Lab, backend: string): Promise<boolean> {
  const groups = readFileSync(`/proc/${await pidOf(lab.home, 'a')}/cgroup`, 'utf8')
  const memory = /^\d+:memory:(.*)$/m.exec(groups)?.[1] ?? ''
  if (backend === 'poll') return !memory.includes('mcpctl')
  return Number(readFileSync(`/sys/fs/cgroup/memory${memory}/memory.limit_in_bytes`, 'utf8')) === LIMIT * MIB
}
