import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect } from 'vitest'
import { badServer } from '../helpers/bad-server.js'
import { alive, children, listProcesses, lookUp } from '../helpers/proc.js'
import { waitFor } from '../helpers/wait.js'
import { fixture, kill, logOf, look, pidOf, serverOf, startsOf, untilGone, untilServer } from '../e2e/support.js'
import { bound, fault, isFull, scale, type Lab } from './lab.js'
import { cpuMs } from './measure.js'
import { faulty, many, QUICK, shell, tiny } from './servers.js'

const isRootOnLinux = process.platform === 'linux' && process.getuid?.() === 0

/** Calls a tool that ends its server; whatever becomes of the call. */
async function hurt(lab: Lab, tool: string, args: Record<string, unknown> = {}): Promise<void> {
  const client = await lab.legacy()
  await client.call(tool, args)
}

fault('F01', async (lab) => {
  await lab.start({ once: { ...faulty(), restart: 'on-failure' }, ever: { ...faulty(), restart: 'always' } })
  await hurt(lab, 'once__exit', { code: 0 })
  await hurt(lab, 'ever__exit', { code: 0 })
  const once = await untilServer(lab.home, 'once', ({ phase }) => phase === 'exited')
  expect(once).toMatchObject({ restarts: 0, generation: 1, pid: null })
  expect(once.reason).toMatch(/^exited with code 0 after .*; restart policy is on-failure$/)
  expect(await untilServer(lab.home, 'ever', ({ ready, generation }) => ready && generation === 2)).toMatchObject({ restarts: 1 })
})

fault('F03', async (lab) => {
  const [crashes, servers] = [scale(10_000, 300), many(4, () => ({ ...shell('exit 1'), enabled: false, restart: { policy: 'always', backoff: { initial: '1ms', max: '1ms' }, intensity: { restarts: 1000, window: '1s' } } }))]
  const names = Object.keys(servers)
  let crashed = 0
  const crash = async (count: number): Promise<void> => {
    await lab.run(['start', '--no-wait', ...names])
    await waitFor(async () => {
      crashed = ((await look(lab.home))?.servers ?? []).reduce((sum, { restarts }) => sum + restarts, 0)
      return crashed >= count
    }, { timeoutMs: 200_000, pollMs: 100, what: `${count} crashes` })
    await lab.run(['stop', ...names])
  }
  await lab.start({ good: tiny(), ...servers })
  // V8 lets about 45 MiB of garbage gather in a storm before it collects: that much is no leak.
  await crash(scale(1500, 300))
  const daemon = await lab.watch()
  await crash(crashes)
  expect(listProcesses().filter(({ parentPid, zombie }) => zombie && parentPid === daemon)).toEqual([])
  expect(await serverOf(lab.home, 'good')).toMatchObject({ ready: true, restarts: 0 })
  lab.measured(`${crashed} crashes of ${names.length} servers`)
}, { timeoutMs: 300_000, memoryMoreMib: isFull ? 20 : 50 })

fault('F04', async (lab) => {
  await lab.start({ victim: fixture('mcp-legacy.mjs'), other: tiny() })
  kill(await pidOf(lab.home, 'victim'))
  const again = await untilServer(lab.home, 'victim', ({ ready, generation }) => ready && generation === 2)
  expect(again).toMatchObject({ restarts: 1 })
  const { stdout } = await lab.run(['status', 'victim'])
  expect(stdout).toMatch(/generation 1 +killed by SIGKILL after/)
  expect(stdout).not.toMatch(/oom|memory limit/i)
})

fault('F05', async (lab) => {
  // With core files allowed, as many machines have it.
  lab.home.config({ a: { ...faulty(), restart: QUICK }, b: { ...faulty(), restart: QUICK } })
  const { file, args, env, cwd } = lab.shellCommand('ulimit -c unlimited', ['start'])
  const started = await execa(file, args, { env, extendEnv: false, cwd, reject: false })
  expect(started.exitCode, started.stderr).toBe(0)
  await lab.watch()
  await hurt(lab, 'a__abort')
  await hurt(lab, 'b__segfault')
  for (const [name, signal] of [['a', 'SIGABRT'], ['b', 'SIGSEGV']] as const) {
    await untilServer(lab.home, name, ({ ready, generation }) => ready && generation === 2)
    expect((await logOf(lab.home, name)).map(({ text }) => text)).toContain(`killed by ${signal}`)
  }
  const cores = readdirSync(lab.home.base, { recursive: true, encoding: 'utf8' }).filter((file) => /(^|\/)core(\.\d+)?$/.test(file))
  expect(cores).toEqual([])
}, { unless: process.platform === 'linux' ? null : 'core files go elsewhere' })

fault('F13', async (lab) => {
  const pidFile = join(lab.home.base, 'child')
  await lab.start({ a: badServer('setsid-grandchild', { childPidFile: pidFile }) })
  const child = Number(await waitFor(() => readFileSync(pidFile, 'utf8')))
  expect(lookUp(child)?.sessionId).toBe(child)
  await lab.run(['stop', 'a'])
  expect(alive(child)).toBe(false)
})

fault('F14', async (lab) => {
  const pidFile = join(lab.home.base, 'child')
  const daemonising = shell('(setsid sh -c \'echo $$ > "$0"; exec sleep 600\' "$1") & sleep 0.3; exit 0', pidFile)
  await lab.start({ once: { ...daemonising, restart: 'on-failure' }, good: tiny() })
  const child = Number(await waitFor(() => readFileSync(pidFile, 'utf8')))
  const once = await untilServer(lab.home, 'once', ({ phase }) => phase === 'exited')
  expect(once.reason).toMatch(/^exited with code 0 after .*; restart policy is on-failure$/)
  expect(alive(child)).toBe(false)
  expect((await logOf(lab.home, 'once')).map(({ text }) => text)).toContain('ended 1 process it left behind')
}, { unless: process.platform === 'linux' ? null : 'setsid(1) is not there' })

fault('F15', async (lab) => {
  // Waiting for the zombie would take a minute.
  await lab.start({ a: { ...faulty('--zombie'), stopTimeout: '60s' } })
  const parent = await waitFor(async () => children(await pidOf(lab.home, 'a'))[0])
  const zombie = await waitFor(() => listProcesses().find((entry) => entry.zombie && entry.parentPid === parent))
  expect((await lab.run(['stop', 'a'])).exitCode).toBe(0)
  await waitFor(() => lookUp(zombie.pid) === undefined, { what: 'the zombie to be reaped' })
})

fault('F16', async (lab) => {
  await lab.start({ a: { command: '/bin/sh', args: ['-c', '"$0" "$@"; exit', ...[tiny().command, ...tiny().args]], era: 'legacy', restart: QUICK } })
  const leader = await pidOf(lab.home, 'a')
  const [grandchild = 0] = children(leader)
  expect(grandchild).toBeGreaterThan(0)
  kill(leader)
  const again = await untilServer(lab.home, 'a', ({ ready, generation }) => ready && generation === 2)
  expect(alive(grandchild), 'gone before the next one came').toBe(false)
  expect(again).toMatchObject({ restarts: 1 })
  expect(await startsOf(lab.home, 'a')).toHaveLength(2)
})

fault('F02', async (lab) => {
  lab.home.config({ broken: { ...badServer('exit-at-start'), era: 'legacy' }, good: tiny() })
  expect((await lab.run(['start'])).exitCode).toBe(1)
  const daemon = await lab.watch()
  const [cpuBefore, from] = [cpuMs(daemon), performance.now()]
  const delays: { readonly generation: number; readonly delayMs: number }[] = []
  let seen = 0
  const failed = await untilServer(lab.home, 'broken', ({ phase, generation, since, retryAt }) => {
    if (phase === 'backoff' && generation !== seen && retryAt !== null) {
      seen = generation
      delays.push({ generation, delayMs: retryAt - since })
    }
    return phase === 'failed'
  }, { timeoutMs: 50_000, pollMs: 100 })
  const busy = (cpuMs(daemon) - cpuBefore) / (performance.now() - from)
  expect(failed).toMatchObject({ restarts: 5, generation: 6 })
  expect(failed.reason).toMatch(/^crash loop: 5 restarts within 1m; last: exited with code 1/)
  // The first restart is immediate. Some may have passed before anybody looked.
  const later = delays.filter(({ generation }) => generation > 1)
  expect(later.length).toBeGreaterThanOrEqual(2)
  for (const { generation, delayMs } of later) expect(Math.abs(delayMs / (500 * 2 ** (generation - 2)) - 1), `${delayMs} ms after generation ${generation}`).toBeLessThanOrEqual(0.21)
  expect(busy).toBeLessThan(bound(0.1, 0.6))
  expect(await serverOf(lab.home, 'good')).toMatchObject({ ready: true, restarts: 0 })
  lab.measured(`delays ${delays.map(({ delayMs }) => delayMs).join(', ')} ms, daemon at ${(busy * 100).toFixed(1)} % of a core`)
}, { waits: true, timeoutMs: 90_000 })

fault('F12', async (lab) => {
  await lab.start({ stubborn: badServer('ignore-term'), good: tiny() })
  const pid = await pidOf(lab.home, 'stubborn')
  const { stderr, exitCode } = await lab.run(['stop', 'stubborn'])
  expect(exitCode).toBe(0)
  const seconds = Number(/^stopped stubborn \(([\d.]+)s\)$/m.exec(stderr)?.[1])
  // Its patience is five seconds.
  expect(seconds).toBeGreaterThanOrEqual(4.9)
  expect(seconds).toBeLessThan(bound(5.5, 25))
  expect(alive(pid)).toBe(false)
  expect((await logOf(lab.home, 'stubborn')).map(({ text }) => text)).toContain('killed by SIGKILL')
  expect(await serverOf(lab.home, 'good')).toMatchObject({ ready: true })
  lab.measured(`after ${seconds} s`)
}, { waits: true })

fault('F17', async (lab) => {
  await lab.start({ stuck: { ...tiny(), stopTimeout: '8s' }, good: tiny() })
  const thaw = freeze(lab, await pidOf(lab.home, 'stuck'))
  const stopping = lab.run(['stop', 'stuck'], { deadlineMs: 60_000 })
  await untilServer(lab.home, 'stuck', ({ phase }) => phase === 'stopping')
  await lab.run(['restart', 'good'])
  expect((await serverOf(lab.home, 'stuck')).phase, 'nobody waits for it').toBe('stopping')
  const { exitCode, elapsedMs } = await stopping
  expect((await serverOf(lab.home, 'stuck')).phase).toBe('idle')
  expect((await lab.run(['status', 'stuck'])).stdout).toMatch(/1 of its processes cannot be killed/)
  expect(await untilServer(lab.home, 'good', ({ ready }) => ready)).toMatchObject({ generation: 2 })
  await thaw()
  lab.measured(`stop returned ${exitCode} after ${(elapsedMs / 1000).toFixed(1)} s; stuck for real: in a frozen cgroup v1`)
}, { waits: true, timeoutMs: 90_000, unless: isRootOnLinux ? null : 'only root can make a process that cannot be killed' })

/** Puts a process into the one place where not even SIGKILL reaches it; returns what lets it out again. */
function freeze(lab: Lab, pid: number): () => Promise<unknown> {
  const group = `/sys/fs/cgroup/freezer/faults-${pid}`
  mkdirSync(group)
  writeFileSync(join(group, 'cgroup.procs'), String(pid))
  writeFileSync(join(group, 'freezer.state'), 'FROZEN')
  const thaw = async (): Promise<void> => {
    writeFileSync(join(group, 'freezer.state'), 'THAWED')
    await untilGone(pid)
    await waitFor(() => (rmdirSync(group), true))
  }
  let done: Promise<void> | null = null
  const once = (): Promise<void> => (done ??= thaw())
  lab.defer(once)
  return once
}

