import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findLeak } from '../../../src/lib/core/alert-leak.js'
import { judgeAlerts, type Alert, type AlertFacts, type EndCause, type History, type InstanceEnd, type ServerAlertFacts, type ServerSnapshot, type TrafficFigures } from '../../../src/lib/core/index.js'

const NOW = 1_800_000_000_000
const MINUTE_MS = 60_000
const MIB = 1024 ** 2

const SERVER: ServerSnapshot = {
  name: 'files', phase: 'ready', ready: true, desired: 'up', enabled: true, transport: 'stdio', era: 'legacy', pid: 1, generation: 1, restarts: 0, uptimeSeconds: 7200,
  cpuPercent: 1, memoryBytes: 100 * MIB, tools: 3, since: NOW - MINUTE_MS, reason: '', progress: null, retryAt: null, dependsOn: [], tags: [], source: '/c.json', changed: false, removed: false,
  trouble: null, limits: null, lastErrors: [],
}
const TRAFFIC: TrafficFigures = {
  calls: 100, errors: 0, cancelled: 0, inFlight: 0, bytesIn: 1, bytesOut: 1, callsPerSecond: 1, errorPercent: 0, meanMs: 10, p50Ms: 10, p95Ms: 20, p99Ms: 30, lastCallAt: NOW,
}
const steady = <T>(value: T): T[] => new Array<T>(120).fill(value)
const HISTORY: History = { intervalMs: 10_000, endedAt: NOW, cpuPercent: steady(1), memoryBytes: steady(100 * MIB), callsPerSecond: steady(1), errorPercent: steady(0), p95Ms: steady(20) }

interface Change {
  readonly server?: Partial<ServerSnapshot>
  readonly traffic?: Partial<TrafficFigures>
  readonly history?: Partial<History>
  readonly ends?: readonly InstanceEnd[]
  readonly recentCalls?: number
  readonly logTrouble?: string
}

function facts({ server, traffic, history, ends = [], recentCalls = 100, logTrouble = null as never }: Change = {}): ServerAlertFacts {
  return { server: { ...SERVER, ...server }, traffic: { ...TRAFFIC, ...traffic }, history: { ...HISTORY, ...history }, ends, recentCalls, logTrouble }
}

function judge(change: Change = {}, more: Partial<AlertFacts> = {}): Alert[] {
  return judgeAlerts({ servers: [facts(change)], configs: [], limits: null, now: NOW, ...more })
}

/** `agoMs`: when it was over. */
function end(cause: EndCause, agoMs: number, reason = 'killed by SIGKILL after 5s'): InstanceEnd {
  return { generation: 1, cause, reason, code: null, signal: null, startedAt: NOW - agoMs - 5000, readyAt: null, endedAt: NOW - agoMs }
}

const kinds = (alerts: readonly Alert[]): string[] => alerts.map(({ kind, level }) => `${kind} ${level}`)

it('is silent about a server that is well, or that nobody wants', () => {
  expect(judge()).toEqual([])
  expect(judge({ server: { phase: 'idle', ready: false, desired: 'down', pid: null, memoryBytes: null, uptimeSeconds: null, restarts: 4, reason: 'stopped' }, ends: [end('oom', 1000), end('exit', 500), end('exit', 100), end('unhealthy', 50), end('stop', 10)] })).toEqual([])
})

describe('a server that does not stay up', () => {
  it('is in a crash loop when it was given up for that, and failed when for something else', () => {
    const down = { phase: 'failed' as const, ready: false, pid: null }
    expect(judge({ server: { ...down, reason: 'crash loop: 5 restarts within 1m; last: exited with code 1' } })).toEqual([
      { kind: 'crash-loop', level: 'critical', server: 'files', text: 'files is down and is not started any more: crash loop: 5 restarts within 1m; last: exited with code 1', hint: 'mcpctl why files', since: SERVER.since },
    ])
    expect(kinds(judge({ server: { ...down, reason: 'command not found: nodd' } }))).toEqual(['failed critical'])
  })

  it('is restarted often from the third unexpected end within ten minutes on; worse while it waits for the next start', () => {
    const ends = [end('exit', 8 * MINUTE_MS), end('link-closed', 5 * MINUTE_MS), end('exit', MINUTE_MS)]
    expect(judge({ server: { restarts: 3 }, ends })).toMatchObject([{ kind: 'restarting', level: 'warning', text: expect.stringContaining('3 times within 10m'), since: NOW - 8 * MINUTE_MS }])
    expect(kinds(judge({ server: { restarts: 3, phase: 'backoff', ready: false }, ends }))).toEqual(['crash-loop critical'])
    expect(judge({ server: { restarts: 2 }, ends: ends.slice(1) })).toMatchObject([{ kind: 'restarting', text: expect.stringContaining('was restarted: ') }])
    expect(judge({ server: { restarts: 3 }, ends: [end('exit', 11 * MINUTE_MS), ...ends.slice(1)] })).toMatchObject([{ kind: 'restarting', text: expect.stringContaining('was restarted: ') }])
  })

  it('that was restarted once, and is well again, is told of for a quarter of an hour', () => {
    const once = (sinceMs: number, server = {}): Alert[] => judge({ server: { restarts: 1, ...server }, ends: [end('exit', sinceMs)] })
    expect(once(2000)).toMatchObject([{ kind: 'restarting', level: 'warning', text: expect.stringMatching(/^files was restarted: ./), hint: 'mcpctl why files', since: NOW - 2000 }])
    expect(once(16 * MINUTE_MS)).toEqual([])
    expect(once(2000, { phase: 'starting', ready: false })).toEqual([])
    expect(kinds(judge({ server: { restarts: 1 }, ends: [end('oom', 2000)] }))).toEqual(['memory-breach warning'])
  })

  it('is not blamed for ends that somebody asked for, nor for what was before somebody started it', () => {
    expect(judge({ server: { restarts: 3 }, ends: [end('recycled', 3000), end('replaced', 2000), end('probe-exit', 1000)] })).toEqual([])
    expect(judge({ server: { restarts: 3 }, ends: [end('exit', 4000), end('exit', 3000), end('exit', 2000), end('restart', 1000)] })).toEqual([])
    expect(judge({ server: { restarts: 0 }, ends: [end('exit', 4000), end('exit', 3000), end('exit', 2000)] })).toEqual([])
  })
})

describe('a server that does not answer', () => {
  it('takes no calls; after a minute that is serious', () => {
    const unready = (sinceMs: number): Alert[] => judge({ server: { phase: 'unready', ready: false, since: NOW - sinceMs, reason: 'no answer to a probe within 5s' } })
    expect(unready(5000)).toMatchObject([{ kind: 'unready', level: 'warning', text: 'files takes no calls: no answer to a probe within 5s' }])
    expect(kinds(unready(2 * MINUTE_MS))).toEqual(['unready critical'])
  })

  it('hung a short while ago, and runs again', () => {
    const ends = [end('unhealthy', 3 * MINUTE_MS, 'no answer to 3 probes in 15s')]
    expect(judge({ server: { restarts: 1 }, ends })).toMatchObject([{ kind: 'hung', level: 'warning', text: 'files stopped answering and was replaced: no answer to 3 probes in 15s' }])
    expect(kinds(judge({ server: { restarts: 1, phase: 'starting', ready: false }, ends }))).toEqual(['hung critical'])
    expect(judge({ server: { restarts: 1 }, ends: [end('unhealthy', 16 * MINUTE_MS)] })).toEqual([])
  })
})

describe('limits', () => {
  const limits = { memoryBytes: 200 * MIB, cpuPercent: 80, pids: null, backend: 'cgroup2' }

  it('of memory: near from nine tenths on', () => {
    expect(judge({ server: { limits, memoryBytes: 180 * MIB } })).toMatchObject([{ kind: 'memory-near', text: expect.stringMatching(/180 MB of the 200 MB/) }])
    expect(judge({ server: { limits, memoryBytes: 179 * MIB } })).toEqual([])
    expect(judge({ server: { limits, memoryBytes: null } })).toEqual([])
  })

  it.each([['oom', 'memory-breach'], ['limit-poll', 'memory-breach'], ['heap', 'memory-breach'], ['pids', 'limits']] as const)('that were exceeded lately: %s', (cause, kind) => {
    expect(judge({ server: { limits, restarts: 1 }, ends: [end(cause, MINUTE_MS, 'exceeded its limit')] })).toMatchObject([{ kind, level: 'warning', text: 'files was killed: exceeded its limit' }])
  })

  it('of the processor: used up for a whole minute', () => {
    const cpu = (newest: (number | null)[]): Alert[] => judge({ server: { limits }, history: { cpuPercent: [...steady(80).slice(newest.length), ...newest] } })
    expect(cpu([80, 79, 80, 78, 80, 81])).toMatchObject([{ kind: 'cpu-held', since: NOW - MINUTE_MS }])
    expect(cpu([80, 79, 80, 70, 80, 81])).toEqual([])
    expect(cpu([80, 79, null, 80, 80, 81])).toEqual([])
    expect(judge({ server: { limits }, history: { cpuPercent: [80, 80] } })).toEqual([])
  })

  it('that nothing here can hold', () => {
    const backend = { backend: 'rlimit', memory: 'process', cpu: 'none', pids: 'none', notes: [] }
    expect(judge({ server: { limits } }, { limits: backend })).toMatchObject([{ kind: 'limits', text: 'files has limits that nothing here can hold: cpu' }])
    expect(judge({ server: { limits: { ...limits, cpuPercent: null } } }, { limits: backend })).toEqual([])
    expect(judge({ server: { limits, pid: null } }, { limits: backend })).toEqual([])
  })
})

describe('traffic', () => {
  it('fails: a tenth of at least twenty calls', () => {
    const failing = (errorPercent: number | null, recentCalls: number): string[] => kinds(judge({ traffic: { errorPercent }, recentCalls }))
    expect(failing(10, 20)).toEqual(['error-rate warning'])
    expect(failing(50, 20)).toEqual(['error-rate critical'])
    expect([failing(9.9, 1000), failing(100, 19), failing(null, 0)]).toEqual([[], [], []])
  })

  it('is slow when it was faster before, or by any measure', () => {
    const slow = (p95Ms: number, usual: (number | null)[], recentCalls = 20): string[] => kinds(judge({ traffic: { p95Ms }, recentCalls, history: { p95Ms: [...usual, ...new Array<number>(30).fill(p95Ms)] } }))
    expect(slow(3000, steady(500))).toEqual(['slow warning'])
    expect(slow(3000, steady(1500))).toEqual([])
    expect(slow(1900, steady(10))).toEqual([])
    expect(slow(3000, [])).toEqual([])
    expect(slow(30_000, [])).toEqual(['slow warning'])
    expect(slow(30_000, steady(20_000))).toEqual(['slow warning'])
    expect(slow(30_000, steady(500), 19)).toEqual([])
  })
})

it('tells of what else is not as wanted', () => {
  expect(judge({ server: { changed: true, trouble: 'its new configuration could not be started' } })).toMatchObject([{ kind: 'config', server: 'files' }])
  expect(judge({ server: { limits: { memoryBytes: 1e12, cpuPercent: null, pids: null, backend: 'poll' }, trouble: 'its limits are held by sampling' } })).toMatchObject([{ kind: 'limits' }])
  expect(judge({ logTrouble: 'the disk is full' })).toMatchObject([{ kind: 'log', text: expect.stringContaining('the disk is full') }])
  expect(judge({}, { configs: [{ source: '/p/mcp.json', trouble: 'line 3: no comma', watched: true }, { source: '/q', trouble: null, watched: true }] })).toMatchObject([
    { kind: 'config', server: null, text: 'the newest version of /p/mcp.json is not in effect: line 3: no comma', hint: 'mcpctl config validate' },
  ])
})

it('puts the worst first, and gives each a sentence and a way out', () => {
  const servers = [facts({ logTrouble: 'x' }), facts({ server: { name: 'b', phase: 'failed', ready: false, reason: 'command not found' } })]
  const alerts = judgeAlerts({ servers, configs: [{ source: '/p', trouble: 't', watched: true }], limits: null, now: NOW })
  expect(alerts.map(({ server, level }) => [server, level])).toEqual([['b', 'critical'], [null, 'warning'], ['files', 'warning']])
  for (const { text, hint } of alerts) expect([text, hint]).not.toContain('')
})

describe('a leak', () => {
  const line = (from: number, perStep: number, noise: (step: number) => number = () => 0, length = 120): number[] => Array.from({ length }, (_, step) => from + perStep * step + noise(step))

  it('is found in memory that grows evenly, through the teeth of a garbage collector and through gaps', () => {
    expect(findLeak(line(100 * MIB, MIB), 1000)).toMatchObject({ steps: 105 })
    expect(findLeak(line(100 * MIB, MIB, (step) => (step % 9) * 6 * MIB), 1000)).not.toBeNull()
    expect(findLeak(line(100 * MIB, MIB).map((value, step) => (step % 5 === 0 ? null : value)), 1000)).not.toBeNull()
  })

  it.each<[string, (number | null)[], number]>([
    ['memory that stays', line(100 * MIB, 0), 1000],
    ['memory that goes up and down', line(100 * MIB, 0, (step) => 40 * MIB * Math.sin(step / 10)), 1000],
    ['memory that shrinks', line(500 * MIB, -MIB), 1000],
    ['too little growth to matter', line(100 * MIB, MIB / 20), 1000],
    ['a small part of a large server', line(4096 * MIB, MIB), 1000],
    ['a cache that fills up', line(100 * MIB, 0, (step) => 200 * MIB * (1 - Math.exp(-step / 40))), 1000],
    ['one jump', line(100 * MIB, 0, (step) => (step > 60 ? 100 * MIB : 0)), 1000],
    ['too short a time', line(100 * MIB, MIB, undefined, 50), 1000],
    ['a server that has just started', line(100 * MIB, MIB), 65],
    ['nothing that is known', new Array<null>(120).fill(null), 1000],
    ['nothing at all', [], 0],
  ])('is not %s', (_what, memory, steps) => {
    expect(findLeak(memory, steps)).toBeNull()
  })

  it('is not what chance makes of a level', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 80 * MIB, max: 140 * MIB }), { minLength: 120, maxLength: 120 }), (memory) => {
      expect(findLeak(memory, 1000)).toBeNull()
    }), { numRuns: 500 })
  })

  it('is told with the figures of it', () => {
    expect(judge({ history: { memoryBytes: line(100 * MIB, MIB) } })).toMatchObject([{ kind: 'leak', text: 'the memory of files grows steadily: from 100 MB to 205 MB within 17m30s' }])
    expect(judge({ server: { uptimeSeconds: 300 }, history: { memoryBytes: line(100 * MIB, MIB) } })).toEqual([])
  })
})
