import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { joinObservers, type CallEnd, type CallObserver, type ObservedCall } from '../../../src/lib/gateway/index.js'
import { LinkError } from '../../../src/lib/mcp/index.js'
import { createRig, type FakeClient } from './rig.js'

const catalogue = {
  tools: [{ name: 'echo', inputSchema: { type: 'object' } }, { name: 'slow', inputSchema: { type: 'object' } }],
  prompts: [{ name: 'greet' }],
  resources: [{ uri: 'note://one', name: 'one' }],
}
const PARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

/** Keeps what it hears, and complains at once about an end that has no begin or is not the first. */
class Recorder implements CallObserver {
  readonly open = new Map<ObservedCall, true>()
  readonly over: { call: ObservedCall; end: CallEnd }[] = []

  began(call: ObservedCall): void {
    if (this.open.has(call) || this.over.some((one) => one.call.serial === call.serial)) throw new Error(`call ${call.serial} began twice`)
    this.open.set(call, true)
  }

  ended(call: ObservedCall, end: CallEnd): void {
    if (!this.open.delete(call)) throw new Error(`call ${call.serial} ended without being under way`)
    this.over.push({ call, end })
  }

  get ends(): string[] {
    return this.over.map(({ call, end }) => `${call.server} ${call.target ?? call.method} ${end.outcome}${end.code === null ? '' : ` ${end.code}`}`)
  }
}

let recorder: Recorder
beforeEach(() => { recorder = new Recorder() })
afterEach(() => { vi.useRealTimers() })

function open(servers: Parameters<typeof createRig>[0] = { s: { catalogue } }, settings: Parameters<typeof createRig>[1] = {}) {
  const rig = createRig(servers, settings, recorder)
  const client = rig.client({ door: 'stdio' })
  client.initialize()
  return { rig, client }
}

const callEcho = (client: FakeClient): number => client.request('tools/call', { name: 's__echo', arguments: { text: 'é' } })

describe('a call that is answered', () => {
  test('is told of with everything that is known of it', () => {
    const { rig, client } = open()
    const at = Date.now()
    client.request('tools/call', { name: 's__echo', _meta: { traceparent: PARENT, tracestate: 'a=1' } })
    const [call] = [...recorder.open.keys()]
    expect(call).toMatchObject({ server: 's', method: 'tools/call', target: 'echo', session: 's1', era: 'legacy', client: { name: 'c', version: '1' }, traceparent: PARENT, tracestate: 'a=1' })
    expect(call?.bytesIn).toBe(Buffer.byteLength(JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: 's__echo', _meta: { traceparent: PARENT, tracestate: 'a=1' } } })))
    expect(call?.startedAt).toBeGreaterThanOrEqual(at - 1)
    rig.link('s').answer(1, { content: [] })
    const [{ end } = { end: null }] = recorder.over
    expect(end).toMatchObject({ outcome: 'ok', code: null, bytesOut: Buffer.byteLength('{"jsonrpc":"2.0","id":1,"result":{"content":[]}}') })
    expect(end?.durationMs).toBeGreaterThanOrEqual(0)
  })

  test('has the server\'s own name of its prompt, or the URI of its resource, or nothing', () => {
    const { rig, client } = open()
    client.request('prompts/get', { name: 's__greet' })
    client.request('resources/read', { uri: 'note://one' })
    client.request('completion/complete', { ref: { type: 'ref/prompt', name: 's__greet' }, argument: { name: 'x', value: '' } })
    for (const { id } of rig.link('s').passed) rig.link('s').answer(id, {})
    expect(recorder.over.map(({ call }) => [call.method, call.target])).toEqual([['prompts/get', 'greet'], ['resources/read', 'note://one'], ['completion/complete', null]])
  })

  const [before, after] = ['{"jsonrpc":"2.0","id":', '}']
  const filler = 'x'.repeat(100_000)
  test.each([
    ['a result', before, `,"result":{"content":[]}${after}`, 'ok'],
    ['a result that is written first', '{"result":{"content":[]},"jsonrpc":"2.0","id":', '}', 'ok'],
    ['a result before its id', '{"jsonrpc":"2.0","result":{"content":[]},"id":', '}', 'ok'],
    ['a result with blanks', '{ "jsonrpc" : "2.0", "id" : ', ', "result" : { "content" : [] } }', 'ok'],
    ['a result that speaks of an error', before, `,"result":{"content":[{"type":"text","text":"{\\"isError\\":true,\\"error\\":1}"}],"isError":false}${after}`, 'ok'],
    ['a result with another member of that name inside', before, `,"result":{"structuredContent":{"isError":true}}${after}`, 'ok'],
    ['a tool that failed', before, `,"result":{"content":[],"isError":true}${after}`, 'failed'],
    ['a tool that failed, with blanks', before, `,"result":{"isError" : true}${after}`, 'failed'],
    ['a tool that failed at length', before, `,"result":{"content":[{"type":"text","text":"${filler}"}],"isError":true}${after}`, 'failed'],
    ['a tool that failed at length, said first', before, `,"result":{"isError":true,"content":[{"type":"text","text":"${filler}"}]}${after}`, 'failed'],
    ['an error', before, `,"error":{"code":-32602,"message":"no"}${after}`, 'error -32602'],
    ['an error that is written first', '{"error":{"message":"no","code":-1},"jsonrpc":"2.0","id":', '}', 'error -1'],
    ['an error with a member of another name before it', '{"extra":1,"error":{"message":"no","code":7},"id":', ',"jsonrpc":"2.0"}', 'error 7'],
    ['an error without a code', before, `,"error":{"message":"no"}${after}`, 'error'],
  ])('went as the answer says: %s', (_what, head, tail, outcome) => {
    const { rig, client } = open()
    const id = callEcho(client)
    rig.link('s').answerText(1, head, tail)
    expect(recorder.ends).toEqual([`s echo ${outcome}`])
    expect(client.answerTo(id)).toBeDefined()
  })

  test('counts once, however often its server was asked anew', () => {
    const { rig, client } = open({ s: { catalogue: { ...catalogue, tools: [{ name: 'echo', annotations: { readOnlyHint: true }, inputSchema: {} }] } } })
    callEcho(client)
    rig.link('s').end()
    const next = rig.replace('s', { catalogue })
    expect(recorder.ends).toEqual([])
    next.answer(1, { content: [] })
    expect(recorder.ends).toEqual(['s echo ok'])
  })

  test('counts as the server\'s when a process of one session answered it', () => {
    const { rig, client } = open({ s: { catalogue, isolation: 'per-session' } })
    callEcho(client)
    expect(rig.own).toEqual(['s#1'])
    rig.link('s#1').answer(1, {})
    expect(recorder.ends).toEqual(['s echo ok'])
  })
})

describe('a call whose client is asked something meanwhile', () => {
  test('is one call, in the modern era as well', async () => {
    vi.useFakeTimers()
    const rig = createRig({ s: { catalogue } }, {}, recorder)
    const client = rig.client({ kind: 'modern' })
    client.modern('tools/call', { name: 's__echo' }, { elicitation: {} })
    const asked = rig.asks('s', 'elicitation/create', { message: 'name?' })
    await vi.advanceTimersByTimeAsync(50)
    const { requestState, inputRequests } = client.answers[0]?.['result'] as { requestState: string; inputRequests: Record<string, unknown> }
    expect(recorder.ends).toEqual([])
    client.modern('tools/call', { name: 's__echo', requestState, inputResponses: Object.fromEntries(Object.keys(inputRequests).map((key) => [key, { action: 'accept' }])) }, { elicitation: {} })
    await asked
    rig.link('s').answer(1, { content: [] })
    expect(recorder.ends).toEqual(['s echo ok'])
    expect(rig.gateway.sessions()).toMatchObject([{ calls: 1, inFlight: 0 }])
  })

  test('ended when its server answered, though nobody came for the answer', async () => {
    vi.useFakeTimers()
    const rig = createRig({ s: { catalogue } }, {}, recorder)
    const client = rig.client({ kind: 'modern' })
    client.modern('tools/call', { name: 's__echo' }, { elicitation: {} })
    rig.asks('s', 'elicitation/create', { message: 'name?' })?.catch(() => undefined)
    await vi.advanceTimersByTimeAsync(50)
    rig.link('s').answer(1, { content: [] })
    await vi.advanceTimersByTimeAsync(11 * 60_000)
    client.session.close('gone')
    expect(recorder.ends).toEqual(['s echo ok'])
  })

  test('is one call when a modern server asks a legacy client in rounds', async () => {
    const rig = createRig({ s: { catalogue, era: 'modern' } }, {}, recorder)
    const client = rig.client()
    client.initialize({ elicitation: {} })
    callEcho(client)
    rig.link('s').answer(1, { resultType: 'input_required', inputRequests: { q: { method: 'elicitation/create', params: { message: 'name?' } } } })
    const question = client.heard.find(({ method }) => method === 'elicitation/create')
    client.line(JSON.stringify({ jsonrpc: '2.0', id: question?.['id'], result: { action: 'accept' } }))
    await rig.settle()
    rig.link('s').answer(2, { resultType: 'complete', content: [] })
    expect(recorder.ends).toEqual(['s echo ok'])
  })
})

describe('a call without an answer of its server', () => {
  test('was lost with its server', () => {
    const { rig, client } = open()
    callEcho(client)
    rig.link('s').end()
    expect(recorder.ends).toEqual(['s echo lost closed'])
  })

  test('was lost to the limit on its time', async () => {
    vi.useFakeTimers()
    const { client } = open({ s: { catalogue, traffic: { timeoutMs: 500, idleTimeoutMs: null } } })
    callEcho(client)
    await vi.advanceTimersByTimeAsync(600)
    expect(recorder.ends).toEqual(['s echo lost timeout'])
  })

  test('was refused: its server is down, or has too much to do', () => {
    const { rig, client } = open()
    rig.link('s').refusal = new LinkError('overloaded', 'too much')
    callEcho(client)
    expect(recorder.ends).toEqual(['s echo lost overloaded'])
    rig.change('s', { presence: 'down', reason: 'crash loop', up: null })
    callEcho(client)
    expect(recorder.ends.at(-1)).toBe('s echo lost down')
  })

  test('waited for its server in vain', async () => {
    vi.useFakeTimers()
    const { rig, client } = open({ s: { catalogue } }, { startWaitMs: 100 })
    rig.change('s', { presence: 'coming', up: null })
    callEcho(client)
    await vi.advanceTimersByTimeAsync(200)
    expect(recorder.ends).toEqual(['s echo lost starting'])
  })

  test('waited in vain for a server whose tools were never known', async () => {
    vi.useFakeTimers()
    const { client } = open({ s: { catalogue, isUp: false } }, { startWaitMs: 100 })
    callEcho(client)
    await vi.advanceTimersByTimeAsync(200)
    expect(recorder.ends).toEqual(['s tools/call lost starting'])
    expect(recorder.over[0]?.end.durationMs).toBeGreaterThanOrEqual(0)
  })

  test('was taken back by its client, or ended with the session, or with the gateway', () => {
    const { rig, client } = open()
    const id = callEcho(client)
    client.line(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } }))
    expect(recorder.ends).toEqual(['s echo cancelled'])
    rig.link('s').answer(1, { content: [] })
    callEcho(client)
    client.session.close('gone')
    expect(recorder.ends).toEqual(['s echo cancelled', 's echo cancelled'])
    callEcho(rig.client())
    rig.gateway.close('the end')
    expect(recorder.ends).toHaveLength(3)
    expect(recorder.open.size).toBe(0)
  })
})

test('what the gateway answers itself is no call', () => {
  const { client } = open()
  for (const method of ['ping', 'tools/list', 'resources/list', 'server/discover', 'no/such']) client.request(method)
  client.request('tools/call', { name: 'nobody' })
  expect(client.answers).toHaveLength(7)
  expect([recorder.open.size, recorder.over.length]).toEqual([0, 0])
})

describe('a trace context', () => {
  const seen = (rig: ReturnType<typeof createRig>): unknown => {
    const { params } = JSON.parse(rig.link('s').passed.at(-1)?.text ?? '') as { params: { _meta?: Record<string, unknown>; name: string; arguments: unknown } }
    expect([params.name, params.arguments]).toEqual(['echo', { a: 1 }])
    return params._meta
  }
  const mine = { traceparent: '00-11111111111111111111111111111111-2222222222222222-00', tracestate: null }

  test.each(['legacy', 'modern'] as const)('of the observer goes on to a %s server in place of the client\'s, and nothing else changes', (era) => {
    const rig = createRig({ s: { catalogue, era } }, {}, Object.assign(recorder, { contextFor: () => mine }))
    const client = rig.client()
    client.request('tools/call', { name: 's__echo', arguments: { a: 1 }, _meta: { mine: 1, traceparent: PARENT, tracestate: 'a=1' } })
    const meta = seen(rig)
    expect(meta).toMatchObject({ mine: 1, traceparent: mine.traceparent })
    expect(meta).not.toHaveProperty('tracestate')
    client.request('tools/call', { name: 's__echo', arguments: { a: 1 } })
    expect(seen(rig)).toMatchObject({ traceparent: mine.traceparent })
  })

  test('of the client goes on untouched when the observer has none', () => {
    const rig = createRig({ s: { catalogue } }, {}, Object.assign(recorder, { contextFor: () => null }))
    rig.client().request('tools/call', { name: 's__echo', arguments: { a: 1 }, _meta: { traceparent: PARENT, tracestate: 'a=1' } })
    expect(seen(rig)).toEqual({ traceparent: PARENT, tracestate: 'a=1' })
  })

  test.each(['', 'x', PARENT.toUpperCase(), `${PARENT}-00`, PARENT.replace('00-', 'ff-'), PARENT.replace(/-[0-9a-f]{32}-/, `-${'0'.repeat(32)}-`), PARENT.replace(/-[0-9a-f]{16}-/, `-${'0'.repeat(16)}-`), 7])('that is not valid is none: %j', (traceparent) => {
    const { client } = open()
    client.request('tools/call', { name: 's__echo', _meta: { traceparent, tracestate: 'a=1' } })
    expect([...recorder.open.keys()]).toMatchObject([{ traceparent: null, tracestate: null }])
  })
})

test('several observers hear the same, and the first context counts', () => {
  const [second, order] = [new Recorder(), [] as string[]]
  const giving = (name: string, traceparent: string | null): CallObserver => ({ began: () => void order.push(name), ended: () => undefined, contextFor: () => (traceparent === null ? null : { traceparent, tracestate: null }) })
  const joined = joinObservers([recorder, giving('a', null), giving('b', PARENT), second])
  const rig = createRig({ s: { catalogue } }, {}, joined)
  callEcho(rig.client())
  expect(rig.link('s').passed[0]?.text).toContain(PARENT)
  rig.link('s').answer(1, {})
  expect([recorder.ends, second.ends, order]).toEqual([['s echo ok'], ['s echo ok'], ['a', 'b']])
  expect(joinObservers([recorder])).toBe(recorder)
  expect(joinObservers([recorder, second])).not.toHaveProperty('contextFor')
})

describe('sessions', () => {
  test('are listed with their clients, what they reach and what they did, until they are closed', () => {
    const { rig, client } = open({ s: { catalogue }, t: { catalogue } })
    const narrow = rig.client({ view: rig.view('t') })
    callEcho(client)
    callEcho(client)
    rig.link('s').answer(1, {})
    expect(rig.gateway.sessions()).toMatchObject([
      { id: 's1', client: { name: 'c', version: '1' }, door: 'stdio', era: 'legacy', servers: ['s', 't'], calls: 1, inFlight: 1 },
      { id: 's2', client: null, door: 'http', servers: ['t'], calls: 0, inFlight: 0, lastCallAt: null },
    ])
    client.session.close('gone')
    narrow.session.close('gone')
    expect(rig.gateway.sessions()).toEqual([])
  })

  test('that all clients of the modern era share over HTTP are told apart by their names, for as long as they were there lately', () => {
    vi.useFakeTimers()
    const rig = createRig({ s: { catalogue } }, {}, recorder)
    const shared = rig.client({ kind: 'modern' })
    const ask = (name: string, method = 'tools/list'): number => shared.request(method, { name: 's__echo', _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {}, 'io.modelcontextprotocol/clientInfo': { name, version: '1' } } })
    expect(rig.gateway.sessions()).toEqual([])
    ask('one')
    ask('two', 'tools/call')
    expect(rig.gateway.sessions()).toMatchObject([{ client: { name: 'one' }, era: 'modern', door: 'http', calls: 0 }, { client: { name: 'two' }, inFlight: 1 }])
    vi.advanceTimersByTime(6 * 60_000)
    expect(rig.gateway.sessions()).toMatchObject([{ client: { name: 'two' }, inFlight: 1 }])
    for (let number = 0; number < 200; number++) ask(`n${number}`)
    expect(rig.gateway.sessions().length).toBeLessThanOrEqual(101)
  })
})

test('whatever happens in whatever order, every call that begins ends once, and its client has an answer or took it back', () => {
  const action = fc.oneof(
    fc.record({ type: fc.constant('call' as const), client: fc.nat(2), what: fc.constantFrom('echo', 'slow', 'greet', 'note') }),
    fc.record({ type: fc.constantFrom('answer' as const, 'fail' as const, 'refuse' as const, 'cancel' as const), at: fc.nat(20) }),
    fc.record({ type: fc.constantFrom('end' as const, 'down' as const, 'raise' as const, 'wait' as const, 'close' as const), at: fc.nat(2) }),
  )
  vi.useFakeTimers()
  fc.assert(fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
    recorder = new Recorder()
    const rig = createRig({ s: { catalogue, traffic: { timeoutMs: 5000, idleTimeoutMs: 2000 } } }, { startWaitMs: 1000 }, recorder)
    const clients = [rig.client(), rig.client(), rig.client()]
    const sent: { client: number; id: number }[] = []
    const takenBack = new Set<unknown>()
    for (const step of actions) {
      const link = rig.link('s')
      switch (step.type) {
        case 'call': {
          const [method, params] = step.what === 'note' ? ['resources/read', { uri: 'note://one' }] : [step.what === 'greet' ? 'prompts/get' : 'tools/call', { name: `s__${step.what}` }]
          const id = clients[step.client]?.request(method, params) ?? 0
          sent.push({ client: step.client, id })
          break
        }
        case 'answer': link.answer(step.at, { content: [] }); break
        case 'fail': link.answer(step.at, { isError: true }); break
        case 'refuse': link.answerText(step.at, '{"jsonrpc":"2.0","id":', ',"error":{"code":1,"message":"m"}}'); break
        case 'cancel': {
          const one = sent[step.at]
          if (one === undefined || clients[one.client]?.answerTo(one.id) !== undefined) break
          takenBack.add(one)
          clients[one.client]?.line(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: one.id } }))
          break
        }
        case 'end': link.end(); rig.replace('s', { catalogue }); break
        case 'down': rig.change('s', { presence: 'down', up: null }); break
        case 'raise': rig.replace('s', { catalogue }); break
        case 'wait': vi.advanceTimersByTime(1500); break
        case 'close': {
          for (const one of sent) if (one.client === step.at && clients[step.at]?.answerTo(one.id) === undefined) takenBack.add(one)
          clients[step.at]?.session.close('gone')
        }
      }
    }
    for (const [index, client] of clients.entries()) {
      for (const one of sent) if (one.client === index && client.answerTo(one.id) === undefined) takenBack.add(one)
      client.session.close('gone')
    }
    expect(recorder.open.size).toBe(0)
    const cancelled = recorder.over.filter(({ end }) => end.outcome === 'cancelled').length
    expect(cancelled).toBe(takenBack.size)
    expect(rig.gateway.sessions()).toEqual([])
    rig.gateway.close('the end')
  }), { numRuns: 300 })
})
