import { describe, expect, test } from 'vitest'
import { connectControl, VERSION } from '../../src/lib/control/index.js'
import type { MetricsSnapshot, ServerMetrics } from '../../src/lib/core/index.js'
import { waitFor } from '../helpers/wait.js'
import { modern, textOf } from './gateway-client.js'
import { openModern, postModern } from './gateway-http.js'
import { talkative, useGateway } from './gateway-support.js'
import { kill, pidOf, untilServer } from './support.js'

const MIB = 1024 ** 2

const rig = useGateway((gateway) => gateway.start({
  one: talkative(gateway, 'one'),
  two: talkative(gateway, 'two', [], { limits: { memory: '2G' } }),
  own: talkative(gateway, 'own', [], { isolation: 'per-session' }),
  quiet: talkative(gateway, 'quiet', [], { start: 'on-demand' }),
}))

async function figures(more: { names?: string[]; history?: boolean; tools?: boolean } = {}): Promise<MetricsSnapshot> {
  const client = await connectControl(rig().home.paths, VERSION)
  if (client === null) throw new Error('there is no daemon')
  try {
    return await client.request('metrics', { names: null, history: false, tools: false, ...more })
  } finally {
    client.close()
  }
}

const of = ({ servers }: MetricsSnapshot, name: string): ServerMetrics => {
  const found = servers.find((server) => server.name === name)
  if (found === undefined) throw new Error(`no figures of ${name}`)
  return found
}

/** What was counted since: calls, errors, cancelled. */
async function counting(name: string): Promise<() => Promise<number[]>> {
  const read = async (): Promise<number[]> => {
    const { calls, errors, cancelled } = of(await figures(), name).traffic
    return [calls, errors, cancelled]
  }
  const before = await read()
  return async () => (await read()).map((count, index) => count - (before[index] ?? 0))
}

describe('calls are counted exactly', () => {
  test('through a proxy: answers, failures, errors, what is taken back, and what is lost with its server', async () => {
    const client = rig().proxy(['--servers', 'one'])
    await client.initialize()
    await client.tools()
    const counted = await counting('one')
    await Promise.all(Array.from({ length: 20 }, (_, index) => client.call('one__echo', { text: `é ${index}` })))
    expect(await counted()).toEqual([20, 0, 0])
    await client.call('one__fail')
    expect(await counted()).toEqual([21, 1, 0])
    await client.ask('prompts/get', { name: 'one__greet', arguments: { who: 'me' } }).catch(() => undefined)
    await client.ask('ping')
    const [calls = 0] = await counted()
    const slow = client.request('tools/call', { name: 'one__slow', arguments: { ms: 60_000 } }, 'slow').catch(() => undefined)
    await waitFor(async () => of(await figures(), 'one').traffic.inFlight === 1)
    expect((await figures()).sessions).toMatchObject([{ inFlight: 1 }])
    client.notify('notifications/cancelled', { requestId: 'slow' })
    await waitFor(async () => of(await figures(), 'one').traffic.inFlight === 0)
    expect((await counted()).slice(2)).toEqual([1])
    const lost = client.request('tools/call', { name: 'one__slow', arguments: { ms: 60_000 } })
    await waitFor(async () => of(await figures(), 'one').traffic.inFlight === 1)
    const { restartsTotal } = of(await figures(), 'one')
    kill(await pidOf(rig().home, 'one'))
    expect((await lost).error).toBeDefined()
    const [all, errors] = await counted()
    expect([all, errors]).toEqual([calls + 2, (errors ?? 0)])
    expect(errors).toBeGreaterThanOrEqual(2)
    await untilServer(rig().home, 'one', ({ ready }) => ready)
    expect(of(await figures(), 'one').restartsTotal).toBe(restartsTotal + 1)
    void slow
    const tools = of(await figures({ names: ['one'], tools: true }), 'one').tools ?? []
    expect(tools.find(({ name }) => name === 'echo')).toMatchObject({ kind: 'tool', calls: 20, errors: 0, inFlight: 0 })
    expect(tools.find(({ name }) => name === 'slow')).toMatchObject({ calls: 2, errors: 1, cancelled: 1 })
    expect(tools.reduce((sum, tool) => sum + tool.calls, 0)).toBe(of(await figures(), 'one').traffic.calls)
  })

  test('over HTTP, in both eras, also when a connection breaks off', async () => {
    const counted = await counting('two')
    const session = await rig().http()
    expect(textOf(await session.call('two__echo', { text: 'x' }))).toBe('x')
    await session.call('two__fail')
    expect((await postModern(rig().url, { id: 1, method: 'tools/call', params: modern({ name: 'two__echo', arguments: { text: 'y' } }) })).status).toBe(200)
    expect(await counted()).toEqual([3, 1, 0])
    const breaking = new AbortController()
    const gone = openModern(rig().url, { id: 2, method: 'tools/call', params: modern({ name: 'two__slow', arguments: { ms: 60_000 } }) }, { signal: breaking.signal }).catch(() => null)
    await waitFor(async () => of(await figures(), 'two').traffic.inFlight === 1)
    breaking.abort()
    ;(await gone)?.destroy()
    await waitFor(async () => (await counted())[2] === 1)
    expect(await counted()).toEqual([4, 1, 1])
    const { traffic } = of(await figures(), 'two')
    expect(traffic.inFlight).toBe(0)
    expect(traffic.bytesIn).toBeGreaterThan(200)
    expect(traffic.bytesOut).toBeGreaterThan(100)
    expect(traffic.p50Ms).toBeGreaterThan(0)
    await session.end()
  })
})

describe('clients', () => {
  test('are listed with their door and their name, count what they share, and are gone when they leave', async () => {
    const before = (await figures()).sessions.filter(({ era }) => era === 'legacy')
    expect(before).toEqual([])
    const proxy = rig().proxy()
    await proxy.initialize()
    await proxy.text('one__echo', { text: 'x' })
    const narrow = rig().proxy(['--servers', 'two'])
    await narrow.initialize()
    const http = await rig().http()
    const now = await figures()
    const legacy = now.sessions.filter(({ era }) => era === 'legacy')
    expect(legacy).toMatchObject([
      { client: { name: 'test-client' }, door: 'stdio', servers: ['one', 'two', 'own', 'quiet'], calls: 1 },
      { client: { name: 'test-client' }, door: 'stdio', servers: ['two'], calls: 0, lastCallAt: null },
      { client: { name: 'test-http' }, door: 'http', servers: ['one', 'two', 'own', 'quiet'] },
    ])
    expect(JSON.stringify(now)).not.toContain(http.id)
    // Whoever spoke the modern era over HTTP a moment ago may still count.
    const lingering = now.sessions.length - legacy.length
    expect([of(now, 'one').sessions, of(now, 'two').sessions]).toEqual([2 + lingering, 3 + lingering])

    const { saved } = now
    const [one, two] = [of(now, 'one').memoryBytes ?? 0, of(now, 'two').memoryBytes ?? 0]
    expect(saved.sessions).toBe(3 + lingering)
    // Nobody needs a second process of a server that gives each session its own, nor one of a server that rests.
    expect(saved.instancesOtherwise - saved.instances).toBe(2 + lingering - 1 + 3 + lingering - 1)
    expect(saved.savedBytes).toBeGreaterThan((one * (1 + lingering) + two * (2 + lingering)) * 0.99)
    expect(saved.savedBytes).toBe(saved.memoryOtherwiseBytes - saved.memoryBytes)
    expect(saved.memoryBytes).toBe(now.servers.reduce((sum, { memoryBytes }) => sum + (memoryBytes ?? 0), 0))

    await Promise.all([proxy.close(), narrow.close(), http.end()])
    await waitFor(async () => (await figures()).sessions.every(({ era }) => era === 'modern'))
  })

  test('with a process of their own: it counts with its server, in traffic and in memory', async () => {
    // Those of clients that have just left are still ending.
    const shared = await waitFor(async () => {
      const own = of(await figures(), 'own')
      return own.processes === 1 ? own : null
    })
    const counted = await counting('own')
    const client = await rig().legacy()
    await client.text('own__pid')
    expect(await counted()).toEqual([1, 0, 0])
    await waitFor(async () => (of(await figures(), 'own').processes ?? 0) > (shared.processes ?? 0))
    const now = await figures()
    expect(now.servers.map(({ name }) => name)).toEqual(['one', 'two', 'own', 'quiet'])
    expect(of(now, 'own').memoryBytes).toBeGreaterThan((shared.memoryBytes ?? 0) + MIB)
  })
})

test('what a person should look at is told, with a way out', async () => {
  expect((await figures()).alerts.filter(({ kind }) => kind === 'error-rate')).toEqual([])
  const client = await rig().legacy()
  await Promise.all(Array.from({ length: 30 }, () => client.call('two__fail')))
  expect((await figures()).alerts.filter(({ kind }) => kind !== 'restarting')).toMatchObject([{ kind: 'error-rate', level: 'critical', server: 'two', text: expect.stringMatching(/calls of two in the last five minutes failed$/), hint: expect.stringContaining('mcpctl trace two') }])
})

test('the recent past is kept whether anybody asks or not, and names that are unknown are told', async () => {
  const newest = await waitFor(async () => {
    const now = await figures({ history: true })
    return (of(now, 'one').history?.memoryBytes.length ?? 0) > 0 ? now : null
  }, { timeoutMs: 28_000, pollMs: 200 })
  const { history } = of(newest, 'one')
  expect(history?.intervalMs).toBe(10_000)
  expect(history?.memoryBytes.at(-1)).toBeGreaterThan(MIB)
  expect(history?.cpuPercent.at(-1)).toBeGreaterThanOrEqual(0)
  expect(newest.totals.history?.memoryBytes.at(-1)).toBeGreaterThan(history?.memoryBytes.at(-1) ?? 0)
  expect(of(newest, 'quiet').history?.memoryBytes.every((value) => value === null)).toBe(true)
  expect(newest.totals.traffic.calls).toBe(newest.servers.reduce((sum, { traffic }) => sum + traffic.calls, 0))
  expect(of(newest, 'one')).not.toHaveProperty('tools')
  await expect(figures({ names: ['tow'] })).rejects.toMatchObject({ code: 'SERVER_UNKNOWN' })
  expect((await figures({ names: ['two'] })).servers.map(({ name }) => name)).toEqual(['two'])
})
