import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Fleet, FleetEntry, FleetEvent, ProcessVitals, ServerSpec } from '../../../src/lib/core/index.js'
import { createProber, type ProberSupervisor } from '../../../src/lib/daemon/prober.js'
import type { ProbedInstance } from '../../../src/lib/daemon/prober-watch.js'
import { LinkError, type Established, type Link, type LinkFailure, type PassedReceiver } from '../../../src/lib/mcp/index.js'
import { specOf } from '../core/spec-fixture.js'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setImmediate', 'clearImmediate', 'setTimeout', 'clearTimeout', 'performance'] }))
afterEach(() => void vi.useRealTimers())

const now = (): number => Math.round(performance.now())
const START = 1_000_000

/** A server as the prober sees it; what it does is set by the test. */
class FakeServer {
  readonly asked: { readonly at: number; readonly method: string | undefined; readonly id: number }[] = []
  readonly takenBack: number[] = []
  readonly open = new Map<number, PassedReceiver>()
  answersMethod: (method: string | undefined) => boolean = () => true
  refusal: { reason: LinkFailure; status?: number } | null = null
  lastHeardAt = now()
  calls = 0
  queuedBytes = 0
  closed = false
  state = 'S'
  cpuMs = 0
  looks = 0
  readonly instance: ProbedInstance
  #ids = 0

  constructor(generation = 1, pid: number | null = 4711) {
    const link = {
      probe: (receiver: PassedReceiver, method?: string) => this.#ask(receiver, method),
      takeBack: (id: number) => {
        this.takenBack.push(id)
        return this.open.delete(id)
      },
    }
    Object.defineProperty(link, 'activity', {
      get: () => ({ lastHeardAt: this.lastHeardAt, lastSentAt: 0, inFlight: this.calls + this.open.size, inFlightSince: null, queuedBytes: this.queuedBytes }),
    })
    const established = { verdict: { era: 'legacy' }, capabilities: { tools: {} } } as unknown as Established
    const closed = (): boolean => this.closed
    this.instance = { generation, pid, established, get link() { return closed() ? null : (link as unknown as Link) } }
  }

  #ask(receiver: PassedReceiver, method: string | undefined): number {
    const id = ++this.#ids
    this.asked.push({ at: now(), method, id })
    this.open.set(id, receiver)
    const { refusal } = this
    setTimeout(() => {
      if (!this.open.has(id)) return
      if (refusal !== null) {
        this.open.delete(id)
        receiver.failed(new LinkError(refusal.reason, 'nothing listens on a:1', refusal.status === undefined ? {} : { status: refusal.status }))
      } else if (this.answersMethod(method)) this.answer(id)
    }, 3)
    return id
  }

  answer(id: number): void {
    const receiver = this.open.get(id)
    this.open.delete(id)
    this.lastHeardAt = now()
    receiver?.answered(Buffer.from(''), 0, 0)
  }

  /** No answer any more. */
  hang(): void {
    this.answersMethod = () => false
  }

  vitals(): Promise<ProcessVitals[]> {
    this.looks++
    return Promise.resolve([{ pid: 4711, state: this.state, cpuMs: this.cpuMs }])
  }
}

function world(): {
  readonly servers: Map<string, FakeServer>
  readonly events: { readonly at: number; readonly name: string; readonly type: string; readonly ok?: boolean; readonly reason: string; readonly generation: number }[]
  add(name: string, server: FakeServer, spec?: Partial<ServerSpec>): void
  change(name: string, change: Partial<FleetEntry>): void
  remove(name: string): void
  readonly prober: { close(): void }
} {
  const servers = new Map<string, FakeServer>()
  const entries = new Map<string, FleetEntry>()
  const listeners = new Set<(name: string) => void>()
  const events: ReturnType<typeof world>['events'] = []
  const tell = (name: string): void => listeners.forEach((listener) => listener(name))
  const change = (name: string, changes: Partial<FleetEntry>): void => {
    entries.set(name, { ...(entries.get(name) as FleetEntry), ...changes })
    tell(name)
  }
  const supervisor: ProberSupervisor = {
    get fleet() {
      return { servers: entries } as unknown as Fleet
    },
    instance: (name) => servers.get(name)?.instance,
    onChange: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    send: (event: FleetEvent) => {
      if (event.type !== 'server' || (event.event.type !== 'probed' && event.event.type !== 'unhealthy')) throw new Error(`not ours: ${event.type}`)
      events.push({ at: now(), name: event.name, ...event.event })
      const phase = event.event.type === 'unhealthy' ? 'stopping' : event.event.ok ? 'ready' : 'unready'
      change(event.name, { state: { phase } as FleetEntry['state'] })
    },
  }
  const add = (name: string, server: FakeServer, spec: Partial<ServerSpec> = {}): void => {
    servers.set(name, server)
    change(name, { spec: specOf(name, spec), state: { phase: 'ready' } as FleetEntry['state'] })
  }
  const remove = (name: string): void => {
    entries.delete(name)
    servers.delete(name)
    tell(name)
  }
  const prober = createProber({ supervisor, now, markerPrefix: 'test:', readVitals: () => ([...servers.values()].at(-1) as FakeServer).vitals() })
  return { servers, events, add, change, remove, prober }
}

const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms)

async function until(condition: () => boolean): Promise<void> {
  for (let waitedMs = 0; !condition(); waitedMs += 50) {
    if (waitedMs > 60_000) throw new Error('it never came to that')
    await pass(50)
  }
}

/** One server, past its first probe. */
async function settled(spec: Partial<ServerSpec> = {}, pid: number | null = 4711): Promise<{ server: FakeServer; events: ReturnType<typeof world>['events']; w: ReturnType<typeof world> }> {
  await pass(START)
  const w = world()
  const server = new FakeServer(1, pid)
  w.add('a', server, spec)
  await pass(4000)
  return { server, events: w.events, w }
}

describe('a server that answers', () => {
  test('is asked about once an interval, without a look at its processes and without a word', async () => {
    const { server, events, w } = await settled()
    const before = server.asked.length
    await pass(60_000)
    expect(server.asked.length - before).toBeGreaterThanOrEqual(29)
    expect(server.asked.length - before).toBeLessThanOrEqual(35)
    expect(server.open.size).toBe(0)
    expect([server.looks, events.length]).toEqual([0, 0])
    w.prober.close()
    expect(vi.getTimerCount()).toBe(0)
  })

  test('is not asked while it is heard anyway', async () => {
    const { server, w } = await settled()
    const before = server.asked.length
    for (let round = 0; round < 30; round++) {
      server.lastHeardAt = now()
      await pass(1000)
    }
    server.lastHeardAt = now()
    expect(server.asked.length).toBe(before)
    await pass(2100)
    expect(server.asked.length).toBe(before + 1)
    w.prober.close()
  })

  test('with an error, or refuses for a reason of its own, lives', async () => {
    for (const refusal of [{ reason: 'rejected', status: 400 }, { reason: 'unauthorised', status: 401 }, { reason: 'unreachable', status: 429 }, { reason: 'malformed' }] as const) {
      const { server, events, w } = await settled()
      server.refusal = refusal
      await pass(20_000)
      expect(events).toEqual([])
      w.prober.close()
    }
  })
})

describe('a server that stops answering', () => {
  test('is out of rotation within two intervals, hung after three probes, and asked nothing any more', async () => {
    const { server, events, w } = await settled()
    server.hang()
    const hungAt = server.lastHeardAt
    await pass(12_000)
    expect(events.map(({ type, ok }) => [type, ok])).toEqual([['probed', false], ['probed', false], ['unhealthy', undefined]])
    expect((events[0]?.at ?? Infinity) - hungAt).toBeLessThanOrEqual(4060)
    expect(events[2]?.at ?? Infinity).toBeLessThanOrEqual(hungAt + 8200)
    expect(events[2]).toMatchObject({ name: 'a', generation: 1, reason: expect.stringMatching(/^no answer to 3 probes in 6\.\ds; its processes used no processor time$/) as string })
    const asked = server.asked.length
    await pass(20_000)
    expect(server.asked).toHaveLength(asked)
    expect(server.open.size).toBe(0)
    w.prober.close()
  })

  test('and answers again is back at once', async () => {
    const { server, events, w } = await settled()
    server.hang()
    await until(() => events.length === 1)
    expect(events[0]).toMatchObject({ type: 'probed', ok: false })
    server.answersMethod = () => true
    server.answer([...server.open.keys()][0] as number)
    expect(events.at(-1)).toMatchObject({ type: 'probed', ok: true, reason: 'answers again' })
    await pass(20_000)
    expect(events).toHaveLength(2)
    w.prober.close()
  })

  test('while it computes stays, with one question open all the time', async () => {
    const { server, events, w } = await settled()
    server.hang()
    const asked = server.asked.length
    for (let round = 0; round < 600; round++) {
      server.cpuMs += 200
      await pass(250)
    }
    expect(events).toEqual([])
    expect(server.asked.length).toBeLessThanOrEqual(asked + 2)
    expect(server.open.size).toBe(1)
    w.prober.close()
  })

  test('with calls under way has its time', async () => {
    const { server, events, w } = await settled()
    server.hang()
    server.calls = 1
    await pass(29_000)
    expect(new Set(events.map(({ type }) => type))).toEqual(new Set(['probed']))
    await pass(5000)
    expect(events.at(-1)?.type).toBe('unhealthy')
    w.prober.close()
  })

  test('because it was stopped is out of rotation at the first look', async () => {
    const { server, events, w } = await settled()
    server.hang()
    server.state = 'T'
    const stoppedAt = now()
    await pass(2300)
    expect(events[0]).toMatchObject({ type: 'probed', ok: false, reason: expect.stringContaining('kill -CONT 4711') as string })
    await pass(6200)
    expect(events.at(-1)).toMatchObject({ type: 'unhealthy' })
    expect((events.at(-1)?.at ?? Infinity) - stoppedAt).toBeLessThan(8500)
    w.prober.close()
  })

  test('with a short interval keeps to it', async () => {
    const { server, events, w } = await settled({ health: { intervalMs: 200, timeoutMs: 200, hungAfterMs: 30_000, probe: { type: 'mcp' } } })
    server.hang()
    const since = server.lastHeardAt
    await pass(1000)
    expect((events[0]?.at ?? Infinity) - since).toBeLessThanOrEqual(420)
    expect((events.at(-1)?.at ?? Infinity) - since).toBeLessThanOrEqual(900)
    expect(events.at(-1)?.type).toBe('unhealthy')
    w.prober.close()
  })

  test('has two questions open at no time', async () => {
    const { server, w } = await settled()
    server.hang()
    for (let round = 0; round < 100; round++) {
      await pass(100)
      expect(server.open.size).toBeLessThanOrEqual(1)
    }
    w.prober.close()
  })
})

describe('a server that does not know the question', () => {
  test('and says nothing to it is asked for its list, and never called hung', async () => {
    await pass(START)
    const w = world()
    const server = new FakeServer()
    server.answersMethod = (method) => method === 'tools/list'
    w.add('a', server)
    await pass(60_000)
    expect(w.events).toEqual([])
    expect(server.asked.filter(({ method }) => method === undefined)).toHaveLength(1)
    expect(server.asked.length).toBeGreaterThan(25)
    w.prober.close()
  })

  test('is one that never answered it: later silence is silence', async () => {
    const { server, w } = await settled()
    server.hang()
    await pass(10_000)
    expect(server.asked.filter(({ method }) => method !== undefined)).toEqual([])
    w.prober.close()
  })
})

test('a server without a process that refuses is out at once and replaced after three probes', async () => {
  const { server, events, w } = await settled({ launch: null, endpoint: { url: 'http://a:1/mcp', headers: {} }, transport: 'http' }, null)
  server.refusal = { reason: 'unreachable' }
  server.calls = 1
  await pass(7000)
  expect(events.map(({ type }) => type)).toEqual(['probed', 'probed', 'unhealthy'])
  expect(events[2]?.reason).toMatch(/^3 probes failed in 4\.\ds: nothing listens on a:1$/)
  expect(server.looks).toBe(0)
  w.prober.close()
})

test('a server whose input fills up is asked although it is heard, and hung in the end', async () => {
  const { server, events, w } = await settled({ health: { intervalMs: 2000, timeoutMs: 2000, hungAfterMs: 10_000, probe: { type: 'mcp' } } })
  server.hang()
  server.queuedBytes = 100_000
  for (let round = 0; round < 100; round++) {
    server.lastHeardAt = now()
    await pass(200)
  }
  expect(events).toEqual([expect.objectContaining({ type: 'unhealthy', reason: expect.stringMatching(/^does not read its input: 100000 bytes/) as string })])
  w.prober.close()
})

describe('time that we ourselves did not run', () => {
  /** What happens when this process is stopped: no timer runs, and the clock goes on. */
  const stopOurselves = (ms: number): void => {
    const clock = performance.now.bind(performance)
    vi.spyOn(performance, 'now').mockImplementation(() => clock() + ms)
  }
  afterEach(() => void vi.restoreAllMocks())

  test('is held against nobody', async () => {
    const { server, events, w } = await settled()
    server.hang()
    await until(() => server.open.size === 1)
    await pass(1000)
    stopOurselves(60_000)
    await pass(500)
    expect(events).toEqual([])
    server.answersMethod = () => true
    for (const id of [...server.open.keys()]) server.answer(id)
    await pass(20_000)
    expect(events).toEqual([])
    w.prober.close()
  })

  test('leaves a server that really hangs to be found as fast as any', async () => {
    const { server, events, w } = await settled()
    server.hang()
    await until(() => events.length === 2)
    stopOurselves(60_000)
    await pass(4000)
    expect(events.filter(({ type }) => type === 'unhealthy')).toEqual([])
    await pass(5000)
    expect(events.at(-1)?.type).toBe('unhealthy')
    w.prober.close()
  })
})

describe('many servers', () => {
  test('are asked evenly over the interval, also after all were heard at once', async () => {
    await pass(START)
    const w = world()
    const servers = Array.from({ length: 200 }, (_, index) => {
      const server = new FakeServer(1, 5000 + index)
      w.add(`s${index}`, server)
      return server
    })
    const busiest = (from: number): number => {
      const counts = new Map<number, number>()
      for (const { at } of servers.flatMap(({ asked }) => asked)) if (at >= from) counts.set(at, (counts.get(at) ?? 0) + 1)
      return Math.max(...counts.values())
    }
    await pass(20_000)
    expect(busiest(now() - 10_000)).toBeLessThanOrEqual(50)
    for (const server of servers) server.lastHeardAt = now()
    const since = now()
    await pass(20_000)
    expect(busiest(since)).toBeLessThanOrEqual(50)
    expect(servers.every(({ asked }) => asked.length >= 15)).toBe(true)
    w.prober.close()
  })

  test('come and go: those that stop, and those that are not to be probed, are asked nothing', async () => {
    await pass(START)
    const w = world()
    const [gone, stopping, helper, unprobed, kept] = Array.from({ length: 5 }, () => new FakeServer())
    w.add('gone', gone as FakeServer)
    w.add('stopping', stopping as FakeServer)
    w.add('helper', helper as FakeServer, { transport: 'none' })
    w.add('unprobed', unprobed as FakeServer, { health: { intervalMs: 2000, timeoutMs: 2000, hungAfterMs: 30_000, probe: { type: 'none' } } })
    w.add('kept', kept as FakeServer)
    await pass(5000)
    w.remove('gone')
    w.change('stopping', { state: { phase: 'stopping' } as FleetEntry['state'] })
    const counts = [gone, stopping].map((server) => server?.asked.length)
    await pass(10_000)
    expect([gone, stopping].map((server) => server?.asked.length)).toEqual(counts)
    expect([helper?.asked, unprobed?.asked]).toEqual([[], []])
    expect(kept?.asked.length).toBeGreaterThan(5)
    w.remove('kept')
    for (const name of ['stopping', 'helper', 'unprobed']) w.remove(name)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('a question that is open when a server begins to stop is taken back', async () => {
    const { server, w } = await settled()
    server.hang()
    await pass(2500)
    expect(server.open.size).toBe(1)
    w.change('a', { state: { phase: 'stopping' } as FleetEntry['state'] })
    expect(server.open.size).toBe(0)
    w.prober.close()
  })

  test('an instance that takes the place of another is judged by itself', async () => {
    const { server, events, w } = await settled()
    server.hang()
    await pass(4500)
    const next = new FakeServer(2)
    w.servers.set('a', next)
    w.change('a', { state: { phase: 'ready' } as FleetEntry['state'] })
    const before = events.length
    await pass(20_000)
    expect(events).toHaveLength(before)
    expect(next.asked.length).toBeGreaterThan(5)
    w.prober.close()
  })
})
