import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { sampleTrees, type BackendName, type LimitsBackend } from '../../../src/lib/process/index.js'
import { alive, environmentOf, lookUp } from '../../helpers/proc.js'
import { waitFor } from '../../helpers/wait.js'
import { cleanUp, endAll, launchOf, LEAK, MIB, node, openBackend, start, survivors } from './limits-rig.js'

const onLinux = it.runIf(process.platform === 'linux')
const tiers = (['rlimit', 'poll'] as const).filter((name) => name !== 'rlimit' || process.platform === 'linux')

/** 80 MiB a second, the heap's own limit does not see them. */
const SLOW_LEAK = LEAK.replace('8 * 1048576', '2 * 1048576')

describe.each(tiers)('limits by %s', (name: BackendName) => {
  let backend: LimitsBackend
  beforeAll(async () => { backend = await openBackend(name) })
  afterEach(endAll)
  afterAll(cleanUp)

  it('say what they can do', () => {
    expect(backend).toMatchObject({ name, refused: [], abilities: { memory: name === 'rlimit' ? 'process' : 'polled', pids: 'polled', kill: 'group', live: name === 'poll' } })
  })

  it('refuse a server whose limit is required to hold for all its processes, and say the way out', () => {
    const refused = (): unknown => backend.open('must', { memoryBytes: MIB * 64, required: true })
    expect(refused).toThrow(expect.objectContaining({ reason: 'limits-unavailable', permanent: true, hint: expect.stringContaining('limits.required') }))
    expect(backend.open('must', { required: true }), 'nothing is to be held').toBeNull()
  })

  onLinux('end the tree when a grandchild leaks and its wrapper would go on', async () => {
    const wrapper = `"${process.execPath}" -e '${SLOW_LEAK}' & sleep 600 & wait`
    const { exit, group, breaches, firstLine } = await start(backend, { memoryBytes: 120 * MIB }, launchOf('/bin/sh', ['-c', wrapper]))
    const leaker = Number(await firstLine)
    expect(await exit).toEqual({ code: null, signal: 'SIGKILL' })
    expect(breaches.map(({ breach }) => breach)).toEqual([{ cause: 'limit-poll', reason: 'exceeded its memory limit of 120 MiB' }])
    expect(group.verdict({ code: null, signal: 'SIGKILL' }, [])).toEqual(breaches[0]?.breach)
    await waitFor(async () => !alive(leaker) && (await survivors()).length === 0)
    await group.release()
  })

  it('let Node end by itself and say why when its heap is full', async () => {
    const { child, exit, group, breaches, errors } = await start(backend, { memoryBytes: 100 * MIB }, launchOf(...node('const a = []; for (;;) a.push({ b: [1, 2, 3].map(String) })'), { NODE_OPTIONS: '--no-warnings' }))
    if (process.platform === 'linux') expect(environmentOf(child.pid)['NODE_OPTIONS']).toBe('--no-warnings --max-old-space-size=75')
    const ended = await exit
    await child.release()
    const verdict = group.verdict(ended, errors())
    // Whoever is faster: the runtime itself or the next look at its size.
    expect(verdict?.cause).toBe(breaches.length > 0 ? 'limit-poll' : 'heap')
    expect(verdict?.reason).toMatch(/limit of 100 MiB$/)
    await group.release()
  })

  onLinux('end what makes too many processes', async () => {
    const many = 'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 600 & done; wait'
    const { exit, group, breaches } = await start(backend, { pids: 8 }, launchOf('/bin/sh', ['-c', many]))
    expect(await exit).toEqual({ code: null, signal: 'SIGKILL' })
    expect(breaches.map(({ breach }) => breach.cause)).toEqual(['pids'])
    await waitFor(async () => (await survivors()).length === 0)
    await group.release()
  })

  it('change while a server runs only if they are not part of its launch', async () => {
    const { group } = await start(backend, { memoryBytes: 200 * MIB, pids: 64 }, launchOf('/bin/sleep', ['600']))
    expect(group.update({ memoryBytes: 200 * MIB, pids: 32 })).toBe('applied')
    expect(group.update({ memoryBytes: 400 * MIB, pids: 32 })).toBe(name === 'poll' ? 'applied' : 'needs-restart')
    expect(group.update({ memoryBytes: 200 * MIB, required: true })).toBe('needs-restart')
    group.kill()
    await group.release()
  })
})

describe.skipIf(process.platform !== 'linux')(`a CPU quota held by pausing${process.platform === 'linux' ? '' : ' (skipped: needs Linux)'}`, () => {
  let backend: LimitsBackend
  beforeAll(async () => { backend = await openBackend('poll') })
  afterEach(endAll)
  afterAll(cleanUp)

  const spin = 'while :; do :; done'

  it('begins when a server was above it for some time, holds for all its processes, and ends when it is told to end', async () => {
    const { child, exit, group } = await start(backend, { cpuPercent: 15 }, launchOf('/bin/sh', ['-c', `setsid sh -c '${spin}' & ${spin}`]))
    await waitFor(async () => (await survivors()).length === 2)
    await waitFor(() => group.isThrottled())
    const usedMs = async (): Promise<number> => (await sampleTrees(new Map([['x', child.pid]]))).get('x')?.cpuMs ?? 0
    const [at, from] = [performance.now(), await usedMs()]
    // What it had too much, because we were not there in time to pause it, it has less afterwards.
    await waitFor(async () => performance.now() - at > 1500 && ((await usedMs()) - from) / ((performance.now() - at) / 100) < 23, { timeoutMs: 20_000, pollMs: 100 })
    // It is not forgotten in its pause.
    const before = await usedMs()
    await waitFor(async () => (await usedMs()) >= before + 50)
    child.signalGroup('SIGTERM')
    expect(group.isThrottled()).toBe(false)
    expect(await exit).toEqual({ code: null, signal: 'SIGTERM' })
    group.verdict({ code: null, signal: 'SIGTERM' }, [])
    const escapee = await waitFor(async () => (await survivors())[0])
    expect(lookUp(escapee)?.groupId, 'in a group of its own').toBe(escapee)
    group.kill()
    await waitFor(() => !alive(escapee))
    await group.release()
  })

  it('never touches a server that stays below', async () => {
    const { group } = await start(backend, { cpuPercent: 50 }, launchOf('/bin/sleep', ['600']))
    await delay(1200)
    expect(group.isThrottled()).toBe(false)
    group.kill()
    await group.release()
  })
})
