import { afterEach, describe, expect, test, vi } from 'vitest'
import type { JsonObject } from '../../../src/lib/mcp/index.js'
import { createRig } from './rig.js'

afterEach(() => { vi.useRealTimers() })

const tools = { tools: [{ name: 'echo', inputSchema: { type: 'object' } }] }
const linked = { content: [{ type: 'resource_link', uri: 'note://secret', name: 'x' }] }

describe('a choice of servers', () => {
  test('is not widened by a resource that a server outside of it was seen to name', () => {
    const rig = createRig({ a: { catalogue: tools }, b: { catalogue: tools }, c: {} })
    const other = rig.client()
    other.request('tools/call', { name: 'b__echo' })
    rig.link('b').answer(1, linked)
    const narrow = rig.client({ view: { servers: ['a', 'c'], tags: [], prefix: null, separator: null } })
    const id = narrow.request('resources/read', { uri: 'note://secret' })
    expect(rig.link('b').of('resources/read')).toEqual([])
    expect(narrow.answerTo(id)?.['error']).toMatchObject({ code: -32002 })
  })
})

describe('a parked call that is over', () => {
  const park = async (rig: ReturnType<typeof createRig>) => {
    const client = rig.client({ kind: 'modern' })
    client.modern('tools/call', { name: 's__echo' }, { elicitation: {} })
    const asked = rig.asks('s', 'elicitation/create', { message: 'name?' })
    asked?.catch(() => undefined)
    await vi.advanceTimersByTimeAsync(50)
    expect(client.answers).toMatchObject([{ result: { resultType: 'input_required' } }])
    return { client, asked }
  }

  test('does not keep other clients from being asked by its server', async () => {
    vi.useFakeTimers()
    const rig = createRig({ s: { catalogue: tools } })
    await park(rig)
    rig.link('s').answer(1, { content: [] })
    const legacy = rig.client()
    legacy.initialize({ elicitation: {} })
    legacy.request('tools/call', { name: 's__echo' })
    rig.asks('s', 'elicitation/create', { message: 'colour?' })?.catch(() => undefined)
    expect(legacy.heard).toMatchObject([{ method: 'elicitation/create' }])
  })

  test('is forgotten when its client never comes for the answer', async () => {
    vi.useFakeTimers()
    const rig = createRig({ s: { catalogue: tools } })
    // More than may be parked at once, one after the other.
    for (let round = 1; round <= 1001; round++) {
      const { client } = await park(rig)
      rig.link('s').answer(round, { content: [] })
      if (round % 100 === 0) await vi.advanceTimersByTimeAsync(11 * 60_000)
      client.session.close('gone')
    }
  })

  test('is kept until its client comes for the answer', async () => {
    vi.useFakeTimers()
    const rig = createRig({ s: { catalogue: tools } })
    const { client } = await park(rig)
    rig.link('s').answer(1, { content: [{ type: 'text', text: 'done' }] })
    const { requestState } = client.answers[0]?.['result'] as { requestState: string }
    const id = client.modern('tools/call', { name: 's__echo', requestState, inputResponses: {} }, { elicitation: {} })
    expect(client.answerTo(id)).toMatchObject({ result: { content: [{ text: 'done' }] } })
  })
})

describe('a call that its client gave up', () => {
  test('may still ask something, which no other client is to hear', async () => {
    vi.useFakeTimers()
    const rig = createRig({ s: { catalogue: tools } })
    const [a, b] = [rig.client(), rig.client()]
    for (const client of [a, b]) client.initialize({ elicitation: {} })
    const id = a.request('tools/call', { name: 's__echo' })
    b.request('tools/call', { name: 's__echo' })
    a.line(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } }))
    await expect(rig.asks('s', 'elicitation/create', { message: 'your card number?' })).rejects.toThrow('not passed on')
    expect(b.heard).toEqual([])
    // Servers do not go on for ever with what was cancelled.
    await vi.advanceTimersByTimeAsync(15_000)
    rig.asks('s', 'elicitation/create', { message: 'name?' })?.catch(() => undefined)
    expect(b.heard).toMatchObject([{ method: 'elicitation/create' }])
  })

  test('has nothing to ask any more when its server answered it all the same', () => {
    const rig = createRig({ s: { catalogue: tools } })
    const [a, b] = [rig.client(), rig.client()]
    for (const client of [a, b]) client.initialize({ elicitation: {} })
    const id = a.request('tools/call', { name: 's__echo' })
    b.request('tools/call', { name: 's__echo' })
    a.line(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } }))
    rig.link('s').late.get(1)?.()
    rig.asks('s', 'elicitation/create', { message: 'name?' })?.catch(() => undefined)
    expect(b.heard).toMatchObject([{ method: 'elicitation/create' }])
  })

  test('is told to its server even while that one fails its checks', () => {
    const rig = createRig({ s: { catalogue: tools } })
    const client = rig.client()
    client.initialize()
    const id = client.request('tools/call', { name: 's__echo' })
    rig.change('s', { presence: 'coming', up: null })
    client.line(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } }))
    expect(rig.link('s').takenBack).toEqual([1])
  })
})

test('a call that had to wait until its server was listed can be taken back like any other', async () => {
  const rig = createRig({ s: { catalogue: tools, isUp: false } })
  const client = rig.client()
  client.initialize()
  const id = client.request('tools/call', { name: 's__echo' })
  rig.raise('s')
  await rig.settle()
  expect(rig.link('s').of('tools/call')).toHaveLength(1)
  client.line(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } }))
  expect(rig.link('s').takenBack).toEqual([1])
})

test('a server that tells of a change whenever it is listed is not listed without end', async () => {
  const rig = createRig({ s: { catalogue: tools } })
  rig.client()
  rig.link('s').onRequest = () => {
    rig.says('s', 'notifications/tools/list_changed')
    return Promise.resolve(tools)
  }
  rig.says('s', 'notifications/tools/list_changed')
  await rig.settle(50)
  expect(rig.link('s').requests).toHaveLength(1)
})

test('a legacy client that thinks about a question does not use up the time its server may be silent', async () => {
  vi.useFakeTimers()
  const rig = createRig({ s: { catalogue: tools, traffic: { idleTimeoutMs: 1000 } } })
  const client = rig.client()
  client.initialize({ elicitation: {} })
  const id = client.request('tools/call', { name: 's__echo' })
  rig.asks('s', 'elicitation/create', { message: 'name?' })?.catch(() => undefined)
  await vi.advanceTimersByTimeAsync(5000)
  expect(client.answerTo(id)).toBeUndefined()
  client.line(JSON.stringify({ jsonrpc: '2.0', id: client.heard[0]?.['id'], result: { action: 'decline' } }))
  await vi.advanceTimersByTimeAsync(1500)
  expect(client.answerTo(id)).toMatchObject({ error: { data: { reason: 'idle-timeout' } } })
})

describe('a server that fails its checks for a while', () => {
  test('comes back with the lists it had last', async () => {
    const rig = createRig({ s: { catalogue: tools } })
    const client = rig.client()
    rig.link('s').onRequest = () => Promise.resolve({ tools: [{ name: 'new', inputSchema: {} }] })
    rig.says('s', 'notifications/tools/list_changed')
    await rig.settle()
    const { up } = rig.server('s')
    rig.change('s', { presence: 'coming', up: null })
    rig.change('s', { presence: 'up', up })
    const id = client.request('tools/list')
    expect(client.answerTo(id)).toMatchObject({ result: { tools: [{ name: 's__new' }] } })
  })

  test('is listed again when it says meanwhile that its lists changed', async () => {
    const rig = createRig({ s: { catalogue: tools } })
    const client = rig.client()
    rig.link('s').onRequest = () => Promise.resolve({ tools: [{ name: 'new', inputSchema: {} }] })
    rig.change('s', { presence: 'coming', up: null })
    rig.says('s', 'notifications/tools/list_changed')
    await rig.settle()
    const id = client.request('tools/list')
    expect(client.answerTo(id)).toMatchObject({ result: { tools: [{ name: 's__new' }] } })
  })
})

describe('a modern client on a connection of its own', () => {
  test('hears of a changed list although it asks something in the same moment', async () => {
    vi.useFakeTimers()
    const rig = createRig({ s: { catalogue: tools, isolation: 'per-session' } })
    const client = rig.client()
    client.modern('subscriptions/listen', { notifications: { toolsListChanged: true } })
    await vi.advanceTimersByTimeAsync(100)
    rig.link('s#1').onRequest = () => Promise.resolve({ tools: [{ name: 'new', inputSchema: {} }] })
    client.heard.length = 0
    rig.says('s#1', 'notifications/tools/list_changed')
    await vi.advanceTimersByTimeAsync(1)
    client.modern('tools/list')
    await vi.advanceTimersByTimeAsync(100)
    expect(client.heard.map((message) => message['method'])).toEqual(['notifications/tools/list_changed'])
    expect(rig.own).toEqual(['s#1'])
  })

  test('hears no log lines that it did not ask for', () => {
    const rig = createRig({ s: { catalogue: tools, isolation: 'per-session' } })
    const client = rig.client()
    client.modern('tools/list')
    rig.says('s#1', 'notifications/message', { level: 'error', data: 'x' })
    expect(client.heard).toEqual([])
  })
})

describe('watching resources', () => {
  const uris = (count: number): string[] => Array.from({ length: count }, (_, index) => `note://${String(index)}`)

  test('asks a modern server once for all that one request names, and once when it ends', async () => {
    const rig = createRig({ s: { era: 'modern' } })
    const client = rig.client()
    await rig.settle()
    const before = rig.link('s').passed.length
    client.modern('subscriptions/listen', { notifications: { resourceSubscriptions: uris(500) } })
    await rig.settle()
    const asked = rig.link('s').of('subscriptions/listen').slice(before)
    expect(asked).toHaveLength(1)
    expect((JSON.parse(asked[0]?.text ?? '') as { params: { notifications: JsonObject } }).params.notifications['resourceSubscriptions']).toHaveLength(500)
    client.session.close('gone')
    await rig.settle()
    expect(rig.link('s').of('subscriptions/listen')).toHaveLength(before + 2)
  })

  test('goes on with the subscription it has when a modern server takes no other', async () => {
    const { LinkError } = await import('../../../src/lib/mcp/index.js')
    vi.useFakeTimers()
    const rig = createRig({ s: { era: 'modern' } })
    const client = rig.client()
    await vi.advanceTimersByTimeAsync(10)
    rig.link('s').refusal = new LinkError('overloaded', 'it does not read')
    client.modern('subscriptions/listen', { notifications: { resourceSubscriptions: ['note://1'] } })
    await vi.advanceTimersByTimeAsync(10)
    expect(rig.link('s').takenBack).toEqual([])
    rig.link('s').refusal = null
    await vi.advanceTimersByTimeAsync(2000)
    expect(rig.link('s').of('subscriptions/listen').at(-1)?.text).toContain('note://1')
  })

  test('is refused to everybody who waited for the answer of the server that refused', async () => {
    const rig = createRig({ s: {} })
    let refuse: (error: Error) => void = () => undefined
    rig.link('s').onRequest = () => new Promise((_resolve, reject) => { refuse = reject })
    const clients = [rig.client(), rig.client()]
    const ids = clients.map((client) => client.request('resources/subscribe', { uri: 'note://1' }))
    const { RpcError } = await import('../../../src/lib/mcp/index.js')
    refuse(new RpcError({ code: -32002, message: 'no' }))
    await rig.settle()
    expect(clients.map((client, index) => client.answerTo(ids[index] ?? 0)?.['error'])).toMatchObject([{ code: -32002 }, { code: -32002 }])
  })

  test('ends when it is taken back before the server said yes', async () => {
    const rig = createRig({ s: {} })
    let accept: (result: JsonObject) => void = () => undefined
    rig.link('s').onRequest = (method) => (method === 'resources/subscribe' ? new Promise((resolve) => { accept = resolve }) : Promise.resolve({}))
    const client = rig.client()
    client.request('resources/subscribe', { uri: 'note://1' })
    client.request('resources/unsubscribe', { uri: 'note://1' })
    accept({})
    await rig.settle()
    rig.says('s', 'notifications/resources/updated', { uri: 'note://1' })
    expect(client.heard).toEqual([])
    expect(rig.link('s').requests.map(({ method }) => method)).toEqual(['resources/subscribe', 'resources/unsubscribe'])
  })
})

test('a legacy client learns from a modern server in its own code that a resource is not there', () => {
  const rig = createRig({ s: { era: 'modern', catalogue: { resources: [{ uri: 'note://1', name: 'x' }] } } })
  const client = rig.client()
  client.initialize()
  const id = client.request('resources/read', { uri: 'note://1' })
  const [asked] = rig.link('s').of('resources/read')
  const text = Buffer.from(`{"jsonrpc":"2.0","id":${String(asked?.id)},"error":{"code":-32602,"message":"gone","data":{"uri":"note://1"}}}`)
  asked?.request.receiver.answered(text, 22, 22 + String(asked.id).length)
  expect(client.answerTo(id)).toEqual({ jsonrpc: '2.0', id, error: { code: -32002, message: 'gone', data: { uri: 'note://1' } } })
})

test('the log level of a client that left holds for nobody any more', () => {
  const rig = createRig({ s: {} })
  const [loud, quiet] = [rig.client(), rig.client()]
  for (const [client, level] of [[loud, 'debug'], [quiet, 'error']] as const) {
    client.initialize()
    client.request('logging/setLevel', { level })
  }
  loud.session.close('gone')
  expect(rig.link('s').requests.map(({ params }) => params?.['level'])).toEqual(['debug', 'error'])
})
