import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { FULL_GRANT, type CacheSpec, type GatewaySettings, type TrafficSpec } from '../../../src/lib/core/index.js'
import type { Access } from '../../../src/lib/gateway/access.js'
import { canonicalText } from '../../../src/lib/gateway/cache/canonical.js'
import type { CallEnd } from '../../../src/lib/gateway/index.js'
import type { JsonObject } from '../../../src/lib/mcp/index.js'
import { createRig, type FakeClient, type FakeServer } from './rig.js'

const SPEC: CacheSpec = { tools: null, resources: true, prompts: true, ttlMs: 10_000, scope: 'caller' }
const catalogue = {
  tools: [
    { name: 'read', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } },
    { name: 'set', inputSchema: { type: 'object' }, annotations: { idempotentHint: true } },
    { name: 'get_time', inputSchema: { type: 'object' } },
  ],
  prompts: [{ name: 'greet' }],
  resources: [{ uri: 'note://a', name: 'a' }, { uri: 'note://a/b', name: 'b' }],
}
const TEXT = { content: [{ type: 'text', text: 'once' }] }

function access(id: string): Access {
  return { id, kind: 'key', grant: FULL_GRANT }
}

function open(cache: Partial<CacheSpec> = {}, { settings = {}, server = {}, traffic = {} }: { settings?: Partial<GatewaySettings>; server?: Partial<FakeServer>; traffic?: Partial<TrafficSpec> } = {}) {
  const ends: CallEnd[] = []
  const rig = createRig({ s: { catalogue, ...server, traffic: { ...traffic, cache: { ...SPEC, ...cache } } } }, settings, { began: () => undefined, ended: (_call, end) => void ends.push(end) })
  return { rig, ends, link: rig.link('s'), client: (id = 'key:a') => rig.client({ access: access(id) }), servers: () => rig.gateway.gateFigures().servers[0] }
}

const read = (client: FakeClient, args: JsonObject = {}, more: JsonObject = {}): number => client.request('tools/call', { name: 's__read', arguments: args, ...more })

beforeEach(() => { vi.useFakeTimers() })
afterEach(() => { vi.useRealTimers() })

describe('an equal call', () => {
  test('is answered without its server, under its own id, for as long as configured', () => {
    const { client, link, ends, servers } = open()
    const one = client()
    read(one)
    link.answer(1, TEXT)
    const second = read(one)
    expect(one.answerTo(second)).toEqual({ jsonrpc: '2.0', id: second, result: TEXT })
    expect([link.passed.length, ends.map(({ isCached }) => isCached === true), ends[1]?.waitedMs]).toEqual([1, [false, true], null])
    expect(servers()).toMatchObject({ name: 's', hits: 1, misses: 1 })
    vi.advanceTimersByTime(10_001)
    read(one)
    expect(link.passed).toHaveLength(2)
  })

  test('of another caller goes to the server, unless the answers are public', () => {
    for (const scope of ['caller', 'public'] as const) {
      const { client, link } = open({ scope })
      read(client('key:a'))
      link.answer(1, TEXT)
      read(client('key:a'))
      read(client('key:b'))
      expect(link.passed).toHaveLength(scope === 'public' ? 1 : 2)
    }
  })

  test('is equal however it is written, but not when anything in it differs', () => {
    const { client, link } = open()
    const one = client()
    one.line('{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"s__read","arguments":{"a":1,"b":[true,{"c":"d"}]}}}')
    link.answer(1, TEXT)
    one.line('{ "jsonrpc":"2.0", "id":"y", "method":"tools/call", "params":{ "_meta":{"traceparent":"x"}, "arguments":{ "b":[ true , {"c" :"d"} ], "a":1 }, "name":"s__read" } }')
    expect([link.passed.length, one.answers.length]).toEqual([1, 2])
    const others = ['{"a":2,"b":[true,{"c":"d"}]}', '{"a":1.0,"b":[true,{"c":"d"}]}', '{"a":1,"b":[{"c":"d"},true]}', '{"a":9007199254740993}', '{"a":9007199254740992}', '{"a":1,"a":2}', '{"a":2,"a":1}']
    for (const [index, args] of others.entries()) one.line(`{"jsonrpc":"2.0","id":${String(index + 10)},"method":"tools/call","params":{"name":"s__read","arguments":${args}}}`)
    one.line('{"jsonrpc":"2.0","id":"more","method":"tools/call","params":{"name":"s__read","arguments":{"a":1,"b":[true,{"c":"d"}]},"x":1}}')
    expect(link.passed).toHaveLength(9)
  })

  test('costs neither the rate nor the room of its server', () => {
    const { client, link } = open({}, { traffic: { rate: { perMinute: 1, burst: 1 }, concurrency: { max: 1, queue: 0, queueTimeoutMs: 1 } } })
    const one = client()
    read(one)
    link.answer(1, TEXT)
    const ids = Array.from({ length: 5 }, () => read(one))
    for (const id of ids) expect(one.answerTo(id)).toMatchObject({ result: TEXT })
  })

  test('is answered in its own era', () => {
    const { client, link, rig } = open()
    read(client())
    link.answer(1, TEXT)
    const modern = rig.client({ kind: 'modern', access: access('key:a') })
    const id = modern.modern('tools/call', { name: 's__read', arguments: {} })
    expect([link.passed.length, modern.answerTo(id)]).toMatchObject([1, { result: { resultType: 'complete', ...TEXT } }])
  })
})

describe('what is kept', () => {
  test('is what only reads by its own word, or is named', () => {
    const { client, link } = open()
    const { client: named, link: namedLink } = open({ tools: ['get_*'] })
    for (const [one, each] of [[client(), link], [named(), namedLink]] as const) {
      for (const name of ['s__read', 's__set', 's__get_time']) {
        one.request('tools/call', { name, arguments: {} })
        each.answer(each.passed.length, TEXT)
        one.request('tools/call', { name, arguments: {} })
      }
    }
    expect(link.passed.map(({ request }) => request.params()?.['name'])).toEqual(['read', 'set', 'set', 'get_time', 'get_time'])
    expect(namedLink.passed.map(({ request }) => request.params()?.['name'])).toEqual(['read', 'read', 'set', 'set', 'get_time'])
  })

  test('is no error, no failure, no question, nothing of an interrupted round, nothing too long', () => {
    const { client, link } = open()
    const one = client()
    const again = (answer: (id: number) => void): void => {
      const before = link.passed.length
      read(one)
      answer(before + 1)
      read(one)
      expect(link.passed).toHaveLength(before + 2)
      link.answer(before + 2, { content: [], isError: true })
    }
    again((id) => { link.answerText(id, '{"jsonrpc":"2.0","id":', ',"error":{"code":-32603,"message":"no"}}') })
    again((id) => { link.answer(id, { content: [], isError: true }) })
    again((id) => { link.answer(id, { content: [{ type: 'text', text: 'x'.repeat(5_000) }], isError: true, structuredContent: { text: 'x'.repeat(5_000) } }) })
    again((id) => { link.answer(id, { content: [{ type: 'text', text: 'x'.repeat(1024 * 1024) }] }) })
    const before = link.passed.length
    for (let at = 0; at < 2; at++) link.answer(read(one, {}, { requestState: 's' }) * 0 + before + at + 1, TEXT)
    expect(link.passed).toHaveLength(before + 2)
  })

  test('is never more than the settings allow; what was not used for longest goes first', () => {
    const { client, link, rig } = open({}, { settings: { cacheBytes: 8_000 } })
    const one = client()
    const ask = (n: number): boolean => {
      const before = link.passed.length
      read(one, { n })
      if (link.passed.length === before) return true
      link.answer(link.passed.length, { content: [{ type: 'text', text: 'x'.repeat(1000) }] })
      return false
    }
    for (let n = 0; n < 4; n++) ask(n)
    expect(ask(0)).toBe(true)
    for (let n = 10; n < 13; n++) ask(n)
    expect([ask(0), ask(1)]).toEqual([true, false])
    const { cacheBytes, cacheEntries, servers } = rig.gateway.gateFigures()
    expect(cacheBytes).toBeLessThanOrEqual(8_000)
    expect([cacheEntries, servers[0]?.cacheBytes]).toEqual([4, cacheBytes])
    vi.advanceTimersByTime(120_000)
    expect(rig.gateway.gateFigures()).toMatchObject({ cacheBytes: 0, cacheEntries: 0 })
  })

  test('is nothing of a server that has a process for each session', () => {
    const { rig } = open({ scope: 'public' }, { server: { isolation: 'per-session' } })
    for (const id of ['s#1', 's#2']) {
      const one = rig.client()
      one.initialize()
      read(one)
      rig.link(id).answer(1, TEXT)
      read(one)
      expect(rig.link(id).passed).toHaveLength(2)
    }
  })
})

describe('a server of the modern era', () => {
  const modern = (result: JsonObject, cache: Partial<CacheSpec> = {}) => {
    const opened = open(cache, { server: { era: 'modern' } })
    const one = opened.client('key:a')
    one.request('resources/read', { uri: 'note://a' })
    const id = opened.link.of('resources/read')[0]?.id ?? 0
    opened.link.answer(id, { resultType: 'complete', contents: [], ...result })
    return { ...opened, one, reads: () => opened.link.of('resources/read').length }
  }

  test('says itself how long its answer holds, and the client hears what is left of it', () => {
    const { one, reads, rig } = modern({ ttlMs: 60_000, cacheScope: 'private' })
    vi.advanceTimersByTime(20_000)
    const other = rig.client({ kind: 'modern', access: access('key:a') })
    const id = other.modern('resources/read', { uri: 'note://a' })
    expect(other.answerTo(id)).toMatchObject({ id, result: { ttlMs: 40_000, cacheScope: 'private' } })
    vi.advanceTimersByTime(40_001)
    one.request('resources/read', { uri: 'note://a' })
    expect(reads()).toBe(2)
  })

  test('is asked again when it says that nothing is to be kept, or that this is no complete result', () => {
    for (const result of [{ ttlMs: 0, cacheScope: 'private' }, { resultType: 'task', task: {} }]) {
      const { one, reads } = modern(result)
      one.request('resources/read', { uri: 'note://a' })
      expect(reads()).toBe(2)
    }
  })

  test('makes its answer public, or its caller\'s alone, whatever is configured', () => {
    const wide = modern({ ttlMs: 60_000, cacheScope: 'public' })
    wide.client('key:b').request('resources/read', { uri: 'note://a' })
    expect(wide.reads()).toBe(1)
    const narrow = modern({ ttlMs: 60_000, cacheScope: 'private' }, { scope: 'public' })
    narrow.client('key:a').request('resources/read', { uri: 'note://a' })
    expect(narrow.reads()).toBe(1)
    narrow.client('key:b').request('resources/read', { uri: 'note://a' })
    expect(narrow.reads()).toBe(2)
  })
})

describe('what a server says or becomes', () => {
  const kept = (answered: (rig: ReturnType<typeof open>['rig']) => void): number => {
    const { client, link, rig } = open()
    const one = client()
    read(one)
    one.request('resources/read', { uri: 'note://a' })
    for (const { id } of link.passed) link.answer(id, TEXT)
    answered(rig)
    read(one)
    one.request('resources/read', { uri: 'note://a' })
    return rig.link('s').of('tools/call').length * 10 + rig.link('s').of('resources/read').length
  }

  test('makes what is kept of it void', () => {
    expect(kept(() => undefined)).toBe(11)
    expect(kept((rig) => { rig.says('s', 'notifications/tools/list_changed') })).toBe(22)
    expect(kept((rig) => { rig.says('s', 'notifications/resources/updated', { uri: 'note://a/b' }) })).toBe(12)
    expect(kept((rig) => { rig.says('s', 'notifications/resources/updated', { uri: 'note://ab' }) })).toBe(11)
    expect(kept((rig) => { rig.replace('s', { catalogue, traffic: { cache: SPEC } }) })).toBe(11)
    expect(kept((rig) => { rig.change('s', { traffic: { ...rig.server('s').traffic, deny: ['x'] } }) })).toBe(22)
    expect(kept((rig) => { rig.change('s', { traffic: { ...rig.server('s').traffic } }) })).toBe(11)
  })

  test('keeps nothing of what was asked before it', () => {
    const { client, link, rig } = open()
    const one = client()
    read(one)
    rig.says('s', 'notifications/tools/list_changed')
    const second = read(one)
    link.answer(1, TEXT)
    expect(one.answerTo(second)).toBeUndefined()
    link.answer(2, TEXT)
    const third = read(one)
    expect([one.answerTo(second) === undefined, one.answerTo(third) === undefined, link.passed.length]).toEqual([false, false, 2])
  })
})

describe('equal calls at once', () => {
  test('go to the server once, and each gets the answer', () => {
    const { client, link, ends } = open()
    const [a, b] = [client(), client()]
    const first = read(a)
    const others = [read(a), read(b), read(b)]
    const stranger = read(client('key:b'))
    expect(link.passed).toHaveLength(2)
    link.answer(1, TEXT)
    expect([a.answerTo(first), a.answerTo(others[0] ?? 0), b.answerTo(others[1] ?? 0), b.answerTo(others[2] ?? 0)]).toEqual([first, ...others].map((id) => ({ jsonrpc: '2.0', id, result: TEXT })))
    expect([stranger, ends.filter(({ isCached }) => isCached).length]).toEqual([1, 3])
  })

  test('go on with the next one when the first is taken back', () => {
    const { client, link } = open()
    const [a, b] = [client(), client()]
    read(a)
    const ids = [read(b), read(b)]
    a.session.close('it went away')
    expect([link.passed.length, link.takenBack]).toEqual([2, [1]])
    link.answer(2, TEXT)
    expect(ids.map((id) => b.answerTo(id))).toMatchObject([{ result: TEXT }, { result: TEXT }])
  })

  test('wait for two that are lost at most, and then go by themselves', () => {
    const { client, link } = open({}, { traffic: { idleTimeoutMs: 1000 } })
    const one = client()
    const ids = Array.from({ length: 5 }, () => read(one))
    expect(link.passed).toHaveLength(1)
    vi.advanceTimersByTime(1001)
    expect(link.passed).toHaveLength(2)
    vi.advanceTimersByTime(1001)
    expect(link.passed).toHaveLength(5)
    for (const { id } of link.passed.slice(2)) link.answer(id, TEXT)
    expect(ids.map((id) => Object.keys(one.answerTo(id) ?? {}).includes('result'))).toEqual([false, false, true, true, true])
  })

  test('go by themselves when the answer is for the first one alone', () => {
    const { client, link } = open()
    const one = client()
    for (let at = 0; at < 3; at++) read(one)
    link.answer(1, { content: [], isError: true })
    expect(link.passed).toHaveLength(3)
    for (const { id } of link.passed.slice(1)) link.answer(id, TEXT)
    expect(one.answers).toHaveLength(3)
  })

  test('share no answer that turns out to be for one caller alone', () => {
    const { link, client } = open({ scope: 'public' }, { server: { era: 'modern' } })
    const [a, b] = [client('key:a'), client('key:b')]
    read(a)
    const [own, other] = [read(a), read(b)]
    const [first = 0] = link.of('tools/call').map(({ id }) => id)
    link.answer(first, { resultType: 'complete', ttlMs: 1000, cacheScope: 'private', ...TEXT })
    expect([a.answerTo(own) !== undefined, b.answerTo(other), link.of('tools/call').length]).toEqual([true, undefined, 2])
  })

  test('do not wait when they want to hear of progress', () => {
    const { client, link } = open()
    const one = client()
    read(one)
    const id = read(one, {}, { _meta: { progressToken: 't' } })
    expect(link.passed).toHaveLength(2)
    link.answer(2, TEXT)
    expect(one.answerTo(id)).toMatchObject({ result: TEXT })
  })

  test('that wait give up in their own time, and leave nothing behind', () => {
    const { client, link, rig } = open({}, { traffic: { timeoutMs: 1000 } })
    const one = client()
    read(one)
    vi.advanceTimersByTime(500)
    const late = read(one)
    one.line(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: late } }))
    read(one)
    vi.advanceTimersByTime(501)
    link.answer(2, TEXT)
    expect([link.passed.length, one.answers.length, rig.gateway.gateFigures().waiting]).toEqual([2, 2, 0])
  })
})

describe('the text of arguments', () => {
  const canonical = (text: string): string | null => canonicalText(Buffer.from(text), { start: 0, end: text.length }, new Set())

  test('does not depend on the order of members or on blanks, and means the same', () => {
    const shuffled = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(shuffled)
      if (typeof value !== 'object' || value === null) return value
      return Object.fromEntries(Object.entries(value).reverse().map(([key, each]) => [key, shuffled(each)]))
    }
    fc.assert(fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 })), (value) => {
      const text = canonical(JSON.stringify(value))
      expect(text).toBe(canonical(JSON.stringify(shuffled(value), null, 2)))
      expect(JSON.parse(Buffer.from(text ?? '', 'latin1').toString())).toEqual(JSON.parse(JSON.stringify(value)))
    }), { numRuns: 200 })
  })

  test('is not made of what is nested too deeply', () => {
    expect(canonical(`{"a":${'['.repeat(100)}${']'.repeat(100)}}`)).toBeNull()
    expect(canonical('[]')).toBeNull()
    expect(canonical('{"a":[]}')).toBe('{"a":[]}')
  })
})
