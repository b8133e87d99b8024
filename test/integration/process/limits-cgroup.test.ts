import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { LimitsBackend } from '../../../src/lib/process/index.js'
import { alive, lookUp } from '../../helpers/proc.js'
import { waitFor } from '../../helpers/wait.js'
import { cleanUp, endAll, firstBreach, launchOf, LEAK, MIB, node, openBackend, start, survivors } from './limits-rig.js'

/** Whether a group for all controllers can be made here: the same question the backend asks, asked without it. */
function findMissing(): string | null {
  if (process.platform !== 'linux') return 'needs Linux'
  const script = `for c in memory cpu pids; do
    p=$(sed -n "s/^[0-9]*:\\([^:]*,\\)*$c\\(,[^:]*\\)*://p" /proc/self/cgroup); d=/sys/fs/cgroup/$c$p/mcpctl-look-$$
    mkdir "$d" 2>/dev/null || exit 1; rmdir "$d"
  done`
  return spawnSync('/bin/sh', ['-c', script]).status === 0 ? null : 'needs writable control groups of version 1'
}

const missing = findMissing()

describe.skipIf(missing !== null)(`control groups of version 1${missing === null ? '' : ` (skipped: ${missing})`}`, { concurrent: false }, () => {
  let backend: LimitsBackend
  beforeAll(async () => { backend = await openBackend('cgroup1') })
  afterEach(endAll)
  afterAll(cleanUp)

  it('are chosen after a process really joined one, and say what they can do', () => {
    expect(backend).toMatchObject({ name: 'cgroup1', refused: [], notes: [], abilities: { memory: 'tree', cpu: 'quota', pids: 'tree', kill: 'loop', live: true } })
  })

  it('are no bother to a server without limits', () => {
    expect(backend.open('free', {})).toBeNull()
    expect(backend.open('free', { required: true })).toBeNull()
  })

  it('end a server that leaks, and say that it exceeded its memory limit', async () => {
    const { exit, group, breaches } = await start(backend, { memoryBytes: 100 * MIB }, launchOf(...node(LEAK)))
    const ended = await exit
    const verdict = group.verdict(ended, [])
    expect(ended).toEqual({ code: null, signal: 'SIGKILL' })
    expect(verdict).toEqual({ cause: 'oom', reason: 'exceeded its memory limit of 100 MiB' })
    expect(breaches.length).toBeLessThanOrEqual(1)
    await group.release()
  })

  it('end the whole tree when only a grandchild leaks and its wrapper would go on, and tell it once', async () => {
    const wrapper = `"${process.execPath}" -e '${LEAK.replaceAll("'", '"')}' & sleep 600 & wait; sleep 600`
    const limited = await start(backend, { memoryBytes: 100 * MIB }, launchOf('/bin/sh', ['-c', wrapper]))
    const { child, exit, group, breaches, firstLine } = limited
    const leaker = Number(await firstLine)
    expect(lookUp(leaker)?.parentPid).toBe(child.pid)
    const told = await firstBreach(limited)
    expect(told.breach).toEqual({ cause: 'oom', reason: 'exceeded its memory limit of 100 MiB' })
    expect(await exit).toEqual({ code: null, signal: 'SIGKILL' })
    await waitFor(async () => (await survivors()).length === 0)
    expect(alive(leaker)).toBe(false)
    expect(group.verdict({ code: null, signal: 'SIGKILL' }, []), 'asked again').toEqual(told.breach)
    expect(breaches).toHaveLength(1)
    await group.release()
  })

  it('hold a CPU quota for all processes together, and count what they used', async () => {
    const spin = 'while :; do :; done'
    const { child, group } = await start(backend, { cpuPercent: 80 }, launchOf('/bin/sh', ['-c', `(${spin}) & ${spin}`]))
    // Whatever else runs here: what it may have it gets.
    for (const folder of [folderOf(child.pid, 'cpu'), dirname(folderOf(child.pid, 'cpu'))]) writeFileSync(`${folder}/cpu.shares`, '200000')
    await waitFor(() => (group.usage()?.processes ?? 0) === 2)
    // The clock is read before the first figure and after the last: a pause between the two cannot make it more.
    const [at, from] = [performance.now(), group.usage()?.cpuMs ?? 0]
    await delay(3000)
    const used = (group.usage()?.cpuMs ?? 0) - from
    expect((used / (performance.now() - at)) * 100).toBeLessThan(85)
    // How much less depends on who else wants the processor; that the quota was the reason does not.
    const throttled = (): number => Number(/nr_throttled (\d+)/.exec(readFileSync(`${folderOf(child.pid, 'cpu')}/cpu.stat`, 'utf8'))?.[1])
    await waitFor(() => throttled() > 0)
    expect(group.update({ cpuPercent: 30 }), 'while it runs').toBe('applied')
    expect(group.isThrottled(), 'the scheduler does it').toBe(false)
    group.kill()
    await group.release()
  })

  it('weigh as much as the servers in them, so that many servers are not as slow as one process', async () => {
    const one = await start(backend, { pids: 8 }, launchOf('/bin/sleep', ['600']))
    const base = dirname(folderOf(one.child.pid, 'cpu'))
    const weight = (): string => readFileSync(`${base}/cpu.shares`, 'utf8').trim()
    expect(weight()).toBe('1024')
    const two = await start(backend, { cpuPercent: 250 }, launchOf('/bin/sleep', ['600']))
    expect(weight()).toBe('4096')
    expect(readFileSync(`${folderOf(two.child.pid, 'cpu')}/cpu.shares`, 'utf8').trim()).toBe('3072')
    await two.group.release()
    expect(weight()).toBe('1024')
    await one.group.release()
  })

  it('hold back a fork bomb, and end it after its first refusal', async () => {
    const bomb = `console.log(process.pid); const { spawn } = require('node:child_process')
      let made = 0
      setInterval(() => { for (let i = 0; i < 8; i++) spawn('/bin/sleep', ['600'], { stdio: 'ignore' }).on('spawn', () => made++).on('error', (e) => { if (!globalThis.said) { globalThis.said = 1; console.error('refused after ' + made) } }) }, 5)`
    const { exit, group, breaches, firstLine, errors } = await start(backend, { pids: 64 }, launchOf(...node(bomb)))
    await firstLine
    let most = 0
    await waitFor(() => {
      most = Math.max(most, group.usage()?.processes ?? 0)
      return errors().some((line) => line.startsWith('refused'))
    })
    expect(await exit).toEqual({ code: null, signal: 'SIGKILL' })
    expect(Number(/^refused after (\d+)$/m.exec(errors().join('\n'))?.[1])).toBeGreaterThan(20)
    expect(most).toBeLessThanOrEqual(64)
    expect(breaches.map(({ breach }) => breach)).toEqual([{ cause: 'pids', reason: 'hit its limit of 64 processes and threads' }])
    await waitFor(async () => (await survivors()).length === 0)
    await group.release()
  })

  it('recognise an exit after a refused process as the limit', async () => {
    const { exit, group } = await start(backend, { pids: 4 }, launchOf('/bin/sh', ['-c', 'while :; do sleep 600 & done']))
    const ended = await exit
    expect(ended.code).toBeGreaterThan(0)
    expect(group.verdict(ended, [])).toEqual({ cause: 'pids', reason: 'hit its limit of 4 processes and threads' })
    group.kill()
    await group.release()
  })

  it('take nothing for a limit that was none', async () => {
    const { exit, group, breaches } = await start(backend, { memoryBytes: 100 * MIB, pids: 32 }, launchOf('/bin/sh', ['-c', 'exit 137']))
    expect(group.verdict(await exit, ['something else'])).toBeNull()
    expect(breaches).toEqual([])
    await group.release()
  })

  it('reach processes that left the process group and dropped the marker', async () => {
    const escape = `setsid env -i /bin/sleep 600 & sleep 600`
    const { child, exit, group } = await start(backend, { pids: 32 }, launchOf('/bin/sh', ['-c', escape]))
    const escapee = await waitFor(() => folderMembers(child.pid).find((pid) => lookUp(pid)?.sessionId === pid && pid !== child.pid && lookUp(pid)?.commandLine === '/bin/sleep 600'))
    child.signalGroup('SIGKILL')
    await exit
    expect(alive(escapee), 'its group is not the killed one').toBe(true)
    group.kill()
    await waitFor(() => !alive(escapee))
    await group.release()
  })

  it('change while a server runs, but do not kill it by the change', async () => {
    const { child, group, breaches, firstLine } = await start(backend, { memoryBytes: 200 * MIB, pids: 64 }, launchOf(...node('globalThis.a = Buffer.alloc(50 * 1048576, 1); console.log(1); setInterval(() => {}, 1000)')))
    await firstLine
    const [memory, pids] = [folderOf(child.pid, 'memory'), folderOf(child.pid, 'pids')]
    const limit = (): string => readFileSync(`${memory}/memory.limit_in_bytes`, 'utf8').trim()
    expect(group.update({ memoryBytes: 300 * MIB, pids: 32 })).toBe('applied')
    expect([limit(), readFileSync(`${pids}/pids.max`, 'utf8').trim()]).toEqual([String(300 * MIB), '32'])
    expect(group.update({ memoryBytes: 20 * MIB, pids: 32 })).toBe('needs-restart')
    expect(limit()).toBe(String(300 * MIB))
    expect(group.update({ pids: 16 }), 'without a memory limit any more').toBe('applied')
    expect(Number(limit())).toBeGreaterThan(2 ** 50)
    expect(group.update({ memoryBytes: 150 * MIB })).toBe('applied')
    expect(breaches).toEqual([])
    expect(alive(child.pid)).toBe(true)
    group.kill()
    await group.release()
    expect([memory, pids].some(existsSync), 'folders after the release').toBe(false)
  })

  it('leave no folder behind when there are none, and make it anew for the next', async () => {
    const before = await start(backend, { pids: 8 }, launchOf('/bin/sleep', ['600']))
    const base = dirname(folderOf(before.child.pid, 'memory'))
    before.group.kill()
    await before.group.release()
    expect(existsSync(base)).toBe(false)
    const { child, group } = await start(backend, { memoryBytes: 64 * MIB }, launchOf('/bin/sleep', ['600']))
    expect(group).toMatchObject({ backend: 'cgroup1', note: null })
    expect(dirname(folderOf(child.pid, 'memory'))).toBe(base)
    group.kill()
    await group.release()
  })

  it('report a soft mark without touching the server', async () => {
    const limited = await start(backend, { memorySoftBytes: 60 * MIB }, launchOf(...node('globalThis.a = Buffer.alloc(80 * 1048576, 1); setInterval(() => {}, 1000)')))
    const { child, group } = limited
    const told = await firstBreach(limited)
    expect(told.breach.cause).toBe('recycled')
    expect(told.breach.reason).toMatch(/^uses \d+ MiB, more than its soft memory limit of 60 MiB$/)
    expect(alive(child.pid)).toBe(true)
    group.kill()
    expect(group.verdict({ code: null, signal: 'SIGKILL' }, [])).toBeNull()
    await group.release()
  })
})

function folderOf(pid: number, controller: string): string {
  const path = new RegExp(`^\\d+:(?:[^:]*,)?${controller}(?:,[^:]*)?:(.*)$`, 'm').exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1] ?? ''
  return `/sys/fs/cgroup/${controller}${path}`
}

function folderMembers(pid: number): number[] {
  return readFileSync(`${folderOf(pid, 'pids')}/cgroup.procs`, 'utf8').split('\n').filter((line) => line !== '').map(Number)
}
