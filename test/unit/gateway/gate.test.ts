import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { FULL_GRANT, type GatewaySettings, type TrafficSpec } from '../../../src/lib/core/index.js'
import type { Access } from '../../../src/lib/gateway/access.js'
import type { CallEnd, ObservedCall } from '../../../src/lib/gateway/index.js'
import { RateTable } from '../../../src/lib/gateway/rate-table.js'
import { LinkError } from '../../../src/lib/mcp/index.js'
import { createRig, type FakeClient, type FakeServer } from './rig.js'

const catalogue = { tools: [{ name: 'echo', inputSchema: { type: 'object' } }] }
const NOBODY_WAITS = { queue: 0, queueTimeoutMs: 1000 }

function key(id: string, rate: Access['grant']['rate'] = null): Access {
  return { id, kind: 'key', grant: { ...FULL_GRANT, rate } }
}

function open(traffic: Partial<TrafficSpec> = {}, settings: Partial<GatewaySettings> = {}, server: Partial<FakeServer> = {}) {
  const ends: (string | null)[] = []
  const open = new Set<ObservedCall>()
  const rig = createRig({ s: { catalogue, traffic, ...server } }, settings, {
    began: (call) => void open.add(call),
    ended: (call, { outcome, code }: CallEnd) => {
      open.delete(call)
      ends.push(code ?? outcome)
    },
  })
  return { rig, ends, open, link: rig.link('s'), client: (access?: Access) => rig.client(access === undefined ? {} : { access }) }
}

const call = (client: FakeClient): number => client.request('tools/call', { name: 's__echo', arguments: {} })
const errorOf = (client: FakeClient, id: number): unknown => client.answerTo(id)?.['error']

beforeEach(() => { vi.useFakeTimers() })
afterEach(() => { vi.useRealTimers() })

describe('the rate of a caller', () => {
  test('refuses what goes over it, says when to ask again, and delivers nothing of it', () => {
    const { client, link, ends, rig } = open({}, { rate: { caller: { perMinute: 60, burst: 2 }, total: null } })
    const one = client(key('key:ci'))
    const ids = [call(one), call(one), call(one)]
    expect(link.passed).toHaveLength(2)
    expect(errorOf(one, ids[2] ?? 0)).toEqual({ code: -32603, message: expect.stringContaining('try again in 1000 ms'), data: { reason: 'rate-limited', limit: 'caller', outcome: 'not-delivered', retryAfterMs: 1000 } })
    expect(ends).toEqual(['rate-limited'])
    vi.advanceTimersByTime(1000)
    call(one)
    expect(link.passed).toHaveLength(3)
    expect(rig.gateway.gateFigures().servers).toMatchObject([{ name: 's', limited: { caller: 1, server: 0, total: 0 } }])
  })

  test('holds for all sessions of one caller and for nobody else', () => {
    const { client, link } = open({}, { rate: { caller: { perMinute: 60, burst: 1 }, total: null } })
    call(client(key('key:a')))
    call(client(key('key:a')))
    call(client(key('key:b')))
    expect(link.passed).toHaveLength(2)
  })

  test('is what its grant says, before what all are given', () => {
    const { client, link } = open({}, { rate: { caller: { perMinute: 60, burst: 1 }, total: null } })
    const one = client(key('key:a', { perMinute: 60, burst: 3 }))
    for (let at = 0; at < 5; at++) call(one)
    expect(link.passed).toHaveLength(3)
  })

  test('is as the settings say now', () => {
    const settings: Partial<GatewaySettings> = {}
    const { client, link } = open({}, settings)
    const one = client()
    for (let at = 0; at < 5; at++) call(one)
    expect(link.passed).toHaveLength(5)
    Object.assign(settings, { rate: { caller: { perMinute: 1, burst: 1 }, total: null } })
    for (let at = 0; at < 5; at++) call(one)
    expect(link.passed).toHaveLength(6)
  })
})

describe('the rate of all, and of one server', () => {
  test('holds for all callers together; a call it refuses costs its caller nothing', () => {
    const { client, link } = open({}, { rate: { caller: { perMinute: 1, burst: 1 }, total: { perMinute: 60, burst: 1 } } })
    const [a, b] = [client(key('a')), client(key('b'))]
    call(a)
    expect(errorOf(b, call(b))).toMatchObject({ data: { limit: 'total' } })
    vi.advanceTimersByTime(1000)
    call(b)
    expect(link.passed).toHaveLength(2)
  })

  test('refuses what goes over that of the server', () => {
    const { client, link } = open({ rate: { perMinute: 600, burst: 2 } })
    const one = client()
    const ids = [call(one), call(one), call(one)]
    expect(link.passed).toHaveLength(2)
    expect(errorOf(one, ids[2] ?? 0)).toMatchObject({ message: 'server "s" may be asked 600 times a minute; try again in 100 ms', data: { reason: 'rate-limited', limit: 'server', retryAfterMs: 100 } })
  })

  test('is shared by the processes of single sessions', () => {
    const { rig } = open({ rate: { perMinute: 60, burst: 1 } }, {}, { isolation: 'per-session' })
    const [a, b] = [rig.client(), rig.client()]
    a.initialize()
    b.initialize()
    call(a)
    expect(errorOf(b, call(b))).toMatchObject({ data: { reason: 'rate-limited', limit: 'server' } })
  })

  test('is not asked for a second time when the call goes out again', () => {
    const { client, rig } = open({ rate: { perMinute: 1, burst: 1 }, concurrency: { max: 1, ...NOBODY_WAITS } }, {}, { catalogue: { tools: [{ name: 'echo', annotations: { readOnlyHint: true }, inputSchema: {} }] } })
    const one = client()
    const id = call(one)
    rig.link('s').end()
    const next = rig.replace('s', { catalogue, traffic: { rate: { perMinute: 1, burst: 1 } } })
    next.answer(1, { content: [] })
    expect(one.answerTo(id)).toMatchObject({ result: { content: [] } })
  })
})

describe('the room of a server', () => {
  test('lets the next call in when one is answered, in the order in which they came', () => {
    const { client, link, rig } = open({ concurrency: { max: 2, queue: 10, queueTimeoutMs: 1000 } })
    const one = client()
    const ids = Array.from({ length: 5 }, () => call(one))
    expect([link.passed.length, rig.gateway.gateFigures().waiting]).toEqual([2, 3])
    for (let at = 1; at <= 5; at++) link.answer(at, { at })
    expect(ids.map((id) => one.answerTo(id))).toMatchObject(ids.map((_id, index) => ({ result: { at: index + 1 } })))
    expect(rig.gateway.gateFigures().waiting).toBe(0)
  })

  test('refuses at once what finds no place in the line', () => {
    const { client, link, ends } = open({ concurrency: { max: 1, queue: 1, queueTimeoutMs: 1000 } })
    const one = client()
    const ids = [call(one), call(one), call(one)]
    expect(errorOf(one, ids[2] ?? 0)).toEqual({ code: -32603, message: 'server "s" has 1 requests under way, and 1 wait', data: { reason: 'overloaded', limit: 'server', outcome: 'not-delivered', retryAfterMs: 1000 } })
    expect([link.passed.length, ends]).toEqual([1, ['overloaded']])
  })

  test('refuses what waited too long, each after its own time', () => {
    const { client, link, rig } = open({ concurrency: { max: 1, queue: 10, queueTimeoutMs: 1000 } })
    const one = client()
    const [first = 0, second = 0] = [call(one), call(one)]
    vi.advanceTimersByTime(600)
    const third = call(one)
    vi.advanceTimersByTime(401)
    expect(errorOf(one, second)).toMatchObject({ data: { reason: 'overloaded', outcome: 'not-delivered' } })
    expect(errorOf(one, third)).toBeUndefined()
    link.answer(1, {})
    expect([one.answerTo(first), link.passed.length]).toEqual([expect.objectContaining({ result: {} }), 2])
    vi.advanceTimersByTime(10_000)
    link.answer(2, {})
    expect(one.answerTo(third)).toMatchObject({ result: {} })
    expect([rig.gateway.gateFigures().servers[0]?.overloaded, vi.getTimerCount()]).toEqual([1, 0])
  })

  test('was never there for a call that was given back unread and then ran out of time in the line', () => {
    const { client, link, rig } = open({ timeoutMs: 1000 })
    const one = client()
    const id = call(one)
    rig.change('s', { presence: 'coming', up: null })
    link.passed[0]?.request.receiver.failed(new LinkError('unreachable', 'nothing listens there', { isUndelivered: true }))
    expect(one.answerTo(id)).toBeUndefined()
    vi.advanceTimersByTime(1001)
    expect(errorOf(one, id)).toMatchObject({ data: { reason: 'timeout', outcome: 'not-delivered' } })
  })

  test('lets nobody in who could not be answered in time any more, so that there is room for who can', () => {
    const { client, link } = open({ concurrency: { max: 1, queue: 10, queueTimeoutMs: 60_000 }, timeoutMs: 1000 })
    const one = client()
    const [first = 0, second = 0, third = 0] = [call(one), call(one), call(one)]
    vi.advanceTimersByTime(400)
    link.answer(1, {})
    vi.advanceTimersByTime(300)
    link.answer(2, {})
    expect([first, second].map((id) => one.answerTo(id))).toMatchObject([{ result: {} }, { result: {} }])
    expect(errorOf(one, third)).toMatchObject({ data: { reason: 'overloaded', limit: 'server', outcome: 'not-delivered' } })
    const fourth = call(one)
    link.answer(3, {})
    expect(one.answerTo(fourth)).toMatchObject({ result: {} })
    expect(link.passed).toHaveLength(3)
  })

  test('forgets calls that are taken back while they wait, and lets the next one in when one that is under way is', () => {
    const { client, link, open: under } = open({ concurrency: { max: 1, queue: 3, queueTimeoutMs: 1000 } })
    const [a, b] = [client(), client()]
    const first = call(a)
    call(b)
    const third = call(a)
    expect(under.size).toBe(3)
    b.session.close('it went away')
    expect(under.size).toBe(2)
    a.line(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: first } }))
    expect(link.passed).toHaveLength(2)
    link.answer(2, {})
    expect([a.answerTo(third), a.answerTo(first), under.size]).toEqual([expect.objectContaining({ result: {} }), undefined, 0])
  })

  test('has room again for all that wait when its server is gone for good', () => {
    const { client, rig } = open({ concurrency: { max: 1, queue: 300, queueTimeoutMs: 1000 } })
    const one = client()
    const ids = Array.from({ length: 300 }, () => call(one))
    rig.change('s', { presence: 'down', up: null, reason: 'it failed' })
    rig.link('s').end()
    expect(ids.map((id) => errorOf(one, id))).toEqual([expect.objectContaining({ data: expect.objectContaining({ outcome: 'unknown' }) }), ...ids.slice(1).map((): unknown => expect.objectContaining({ data: expect.objectContaining({ reason: 'down', outcome: 'not-delivered' }) }))])
    expect(rig.gateway.gateFigures().waiting).toBe(0)
  })

  test('holds nobody up while the server starts: all wait for it alike', () => {
    const { client, link, rig } = open({ concurrency: { max: 1, queue: 10, queueTimeoutMs: 100 } }, {}, { isUp: false })
    rig.change('s', {})
    const one = client()
    rig.raise('s')
    rig.change('s', { presence: 'coming', up: null })
    const ids = [call(one), call(one), call(one)]
    vi.advanceTimersByTime(5_000)
    rig.raise('s')
    for (const at of [1, 2, 3]) link.answer(at, {})
    expect(ids.map((id) => one.answerTo(id))).toMatchObject([{ result: {} }, { result: {} }, { result: {} }])
  })

  test('ends with the gateway: who waits is told so', () => {
    const { client, rig, open: under } = open({ concurrency: { max: 1, queue: 10, queueTimeoutMs: 1000 } }, { concurrency: { max: 2, queue: 10, queueTimeoutMs: 1000 } })
    const one = client()
    const timers = vi.getTimerCount()
    for (let at = 0; at < 4; at++) call(one)
    expect(vi.getTimerCount()).toBe(timers + 2)
    rig.gateway.close('it ends')
    expect([under.size, vi.getTimerCount()]).toEqual([0, timers])
  })
})

describe('the room for all', () => {
  test('holds for all servers together, and is as the settings say now', () => {
    const settings: Partial<GatewaySettings> = { concurrency: { max: 1, queue: 2, queueTimeoutMs: 1000 } }
    const { client, link, rig } = open({}, settings)
    const one = client()
    const ids = Array.from({ length: 4 }, () => call(one))
    expect(errorOf(one, ids[3] ?? 0)).toMatchObject({ data: { reason: 'overloaded', limit: 'total' } })
    expect([link.passed.length, rig.gateway.gateFigures().waiting]).toEqual([1, 2])
    Object.assign(settings, { concurrency: null })
    call(one)
    link.answer(1, {})
    expect([link.passed.length, rig.gateway.gateFigures().waiting]).toEqual([4, 0])
  })

  test('is not waited for longer than allowed', () => {
    const { client } = open({}, { concurrency: { max: 1, queue: 2, queueTimeoutMs: 500 } })
    const one = client()
    const [, second = 0] = [call(one), call(one)]
    vi.advanceTimersByTime(501)
    expect(errorOf(one, second)).toMatchObject({ data: { reason: 'overloaded', limit: 'total', outcome: 'not-delivered' } })
  })
})

describe('the table of buckets', () => {
  test('stays small however many callers there are', () => {
    const table = new RateTable(100)
    const spec = { perMinute: 60, burst: 2 }
    for (let caller = 0; caller < 5_000; caller++) table.take(`c${String(caller)}`, 1000 + caller / 100, spec)
    expect(table.size).toBeLessThanOrEqual(100)
    table.take('busy', 1100, spec)
    table.take('busy', 1100, spec)
    for (let caller = 0; caller < 5_000; caller++) table.take(`d${String(caller)}`, 1101, spec)
    expect(table.wait('busy', 1101, spec)).toBeGreaterThan(0)
  })
})
