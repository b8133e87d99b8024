import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { startUsageMeter, type Leader, type Usage, type UsageMeter, type UsageOptions } from '../../src/lib/daemon/usage.js'
import { waitFor } from '../helpers/wait.js'

const children: ChildProcess[] = []
let meter: UsageMeter | null = null
afterEach(async () => {
  meter?.close()
  meter = null
  await Promise.all(children.splice(0).map(async (child) => {
    const gone = once(child, 'exit')
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL')
      await gone
    }
  }))
})

function start(script: string): Leader {
  const child = spawn(process.execPath, ['-e', script], { stdio: 'ignore' })
  children.push(child)
  return { pid: child.pid ?? 0, startedAt: Date.now() }
}

interface Seen {
  readonly steps: { readonly usage: ReadonlyMap<string, Usage>; readonly isFirst: boolean }[]
  readonly cpuMs: Map<string, number>
}

function measureBy(leaders: Map<string, Leader>, more: Partial<UsageOptions> = {}): Seen {
  const seen: Seen = { steps: [], cpuMs: new Map() }
  meter = startUsageMeter({
    leadersOf: () => leaders, isWorth: () => leaders.size > 0, now: () => Math.round(performance.timeOrigin + performance.now()), stepMs: 100,
    onStep: (_at, usage, isFirst) => void seen.steps.push({ usage, isFirst }),
    onCpu: (name, cpuMs) => void seen.cpuMs.set(name, (seen.cpuMs.get(name) ?? 0) + cpuMs),
    ...more,
  })
  return seen
}

const BUSY = 'for (;;);'
const IDLE = 'setInterval(() => {}, 1e6)'

describe.runIf(process.platform === 'linux')('the meter of usage', () => {
  it('looks by itself while there is anything to look at, and begins anew after a pause', async () => {
    const leaders = new Map([['busy', start(BUSY)], ['idle', start(IDLE)]])
    const seen = measureBy(leaders)
    meter?.wake()
    const percentOf = (name: string): number => seen.steps.at(-1)?.usage.get(name)?.cpuPercent ?? 0
    // The idle one has its own start to do first.
    await waitFor(() => percentOf('busy') > Math.max(2, 2 * percentOf('idle')) && (seen.cpuMs.get('busy') ?? 0) > 100)
    expect(seen.steps.at(-1)?.usage.get('idle')?.memoryBytes).toBeGreaterThan(1024 ** 2)
    expect(seen.steps.map(({ isFirst }) => isFirst).lastIndexOf(true)).toBe(0)
    const pause = seen.steps.length
    const [kept] = leaders
    leaders.clear()
    // A timer that was armed already finds nothing to do.
    await waitFor(async () => (await meter?.measure())?.size === 0)
    if (kept !== undefined) leaders.set(...kept)
    meter?.wake()
    await waitFor(() => seen.steps.length > pause + 1)
  })

  it('gives everybody who asks within a second the same sample, but never one without what has just started', async () => {
    const leaders = new Map([['one', start(IDLE)]])
    measureBy(leaders, { stepMs: 3_600_000 })
    const answers = await Promise.all(Array.from({ length: 50 }, async () => meter?.measure()))
    expect(new Set(answers).size).toBe(1)
    expect(meter?.sampledAt).toBeTypeOf('number')
    leaders.set('two', start(IDLE))
    expect([...((await meter?.measure())?.keys() ?? [])]).toEqual(['one', 'two'])
  })

  it('counts processor time once, whoever asked for the samples', async () => {
    const leaders = new Map([['busy', start(BUSY)]])
    const seen = measureBy(leaders, { stepMs: 50 })
    const startedAt = performance.now()
    await waitFor(async () => {
      await meter?.measure()
      return (seen.cpuMs.get('busy') ?? 0) > 200
    })
    expect(seen.cpuMs.get('busy')).toBeLessThanOrEqual(performance.now() - startedAt + 200)
  })
})
