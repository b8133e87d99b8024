import { afterEach, describe, expect, test, vi } from 'vitest'
import { RpcError, type JsonObject } from '../../../src/lib/mcp/index.js'
import { createRig, type FakeClient } from './rig.js'

afterEach(() => { vi.useRealTimers() })

const tools = { tools: [{ name: 'echo', inputSchema: { type: 'object' } }] }
const cancel = (client: FakeClient, id: number): void => { client.line(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } })) }

describe('a server that is replaced by another instance while calls are under way', () => {
  test('answers them itself, each once, while new calls go to the new instance', () => {
    const rig = createRig({ s: { catalogue: tools } })
    const client = rig.client()
    client.initialize()
    const a = rig.link('s')
    const early = Array.from({ length: 100 }, () => client.request('tools/call', { name: 's__echo' }))
    const b = rig.replace('s', { catalogue: tools })
    const late = Array.from({ length: 10 }, () => client.request('tools/call', { name: 's__echo' }))
    expect([a.of('tools/call').length, b.of('tools/call').length]).toEqual([100, 10])
    for (const { id } of [...a.of('tools/call')].reverse()) a.answer(id, { content: [{ type: 'text', text: `a${String(id)}` }] })
    a.end()
    for (const { id } of b.of('tools/call')) b.answer(id, { content: [{ type: 'text', text: `b${String(id)}` }] })
    const answers = client.answers.slice(1)
    expect(answers.map(({ id }) => id).sort()).toEqual([...early, ...late].sort())
    expect(answers.filter((answer) => answer['error'] !== undefined)).toEqual([])
    expect(early.map((id) => client.answerTo(id))).toMatchObject(early.map((_id, index) => ({ result: { content: [{ text: `a${String(index + 1)}` }] } })))
    expect(late.map((id) => client.answerTo(id))).toMatchObject(late.map((_id, index) => ({ result: { content: [{ text: `b${String(index + 1)}` }] } })))
  })

  test('is told itself that nobody waits for one any more, and the new instance is not', () => {
    const rig = createRig({ s: { catalogue: tools } })
    const client = rig.client()
    client.initialize()
    const a = rig.link('s')
    const id = client.request('tools/call', { name: 's__echo' })
    const b = rig.replace('s', { catalogue: tools })
    client.request('tools/call', { name: 's__echo' })
    cancel(client, id)
    expect(a.takenBack).toEqual([1])
    expect(b.takenBack).toEqual([])
  })

  test('goes on telling of their progress', () => {
    const rig = createRig({ s: { catalogue: tools } })
    const client = rig.client()
    client.initialize()
    const call = (): number => client.request('tools/call', { name: 's__echo', _meta: { progressToken: 'mine' } })
    const a = rig.link('s')
    call()
    rig.replace('s', { catalogue: tools })
    call()
    const passed = JSON.parse(a.passed[0]?.text ?? '') as { params: { _meta: { progressToken: number } } }
    rig.says('s', 'notifications/progress', { progressToken: passed.params._meta.progressToken, progress: 1 }, { link: a })
    expect(client.heard).toMatchObject([{ method: 'notifications/progress', params: { progressToken: 'mine', progress: 1 } }])
  })

  test('has the calls that may be repeated answered by the new instance when it ends under them', () => {
    const rig = createRig({ s: { catalogue: { resources: [{ uri: 'note://1', name: 'x' }] } } })
    const client = rig.client()
    client.initialize()
    const a = rig.link('s')
    const id = client.request('resources/read', { uri: 'note://1' })
    const b = rig.replace('s')
    a.end()
    b.answer(1, { contents: [] })
    expect(client.answerTo(id)).toMatchObject({ result: { contents: [] } })
  })

  test('keeps the lists of the new instance, whatever the old one tells or is still being asked', async () => {
    const rig = createRig({ s: { catalogue: tools } })
    const client = rig.client()
    const a = rig.link('s')
    let listed: (result: JsonObject) => void = () => undefined
    a.onRequest = () => new Promise((resolve) => { listed = resolve })
    rig.says('s', 'notifications/tools/list_changed', undefined, { link: a })
    const b = rig.replace('s', { catalogue: { tools: [{ name: 'new', inputSchema: {} }] } })
    rig.says('s', 'notifications/tools/list_changed', undefined, { link: a })
    listed(tools)
    await rig.settle()
    expect(b.requests).toEqual([])
    const id = client.request('tools/list')
    expect(client.answerTo(id)).toMatchObject({ result: { tools: [{ name: 's__new' }] } })
  })

  test('has its new instance listed at once when that tells of a change, though the old one still owes a list', async () => {
    const rig = createRig({ s: { catalogue: tools } })
    const client = rig.client()
    rig.link('s').onRequest = () => new Promise(() => undefined)
    rig.says('s', 'notifications/tools/list_changed', undefined, { link: rig.link('s') })
    const b = rig.replace('s', { catalogue: tools })
    b.onRequest = () => Promise.resolve({ tools: [{ name: 'newer', inputSchema: {} }] })
    rig.says('s', 'notifications/tools/list_changed', undefined, { link: b })
    await rig.settle()
    const id = client.request('tools/list')
    expect(client.answerTo(id)).toMatchObject({ result: { tools: [{ name: 's__newer' }] } })
  })
})

describe('what a replaced instance asks', () => {
  const setUp = () => {
    const rig = createRig({ s: { catalogue: tools } })
    const [x, y] = [rig.client(), rig.client()]
    for (const client of [x, y]) client.initialize({ elicitation: {} })
    const a = rig.link('s')
    const id = x.request('tools/call', { name: 's__echo' })
    const b = rig.replace('s', { catalogue: tools })
    y.request('tools/call', { name: 's__echo' })
    return { rig, x, y, a, b, id }
  }

  test('is for the client whose call it has, though another has a call at the new one', () => {
    const { rig, x, y, a, b } = setUp()
    rig.asks('s', 'elicitation/create', { message: 'x?' }, { link: a })?.catch(() => undefined)
    rig.asks('s', 'elicitation/create', { message: 'y?' }, { link: b })?.catch(() => undefined)
    expect([x.heard, y.heard]).toMatchObject([[{ params: { message: 'x?' } }], [{ params: { message: 'y?' } }]])
  })

  test('is told apart by its link when both know a request by the same number', () => {
    const { rig, x, y, a } = setUp()
    rig.asks('s', 'elicitation/create', { message: 'x?' }, { via: 1, link: a })?.catch(() => undefined)
    expect([x.heard, y.heard]).toMatchObject([[{ params: { message: 'x?' } }], []])
  })

  test.each([[null], [1]])('is for nobody when it is not known which of the two asks (request %s)', async (via) => {
    const { rig, x, y } = setUp()
    await expect(rig.asks('s', 'elicitation/create', { message: '?' }, via === null ? {} : { via })).rejects.toThrow(RpcError)
    expect([x.heard, y.heard]).toEqual([[], []])
  })

  test('about a call that was given up reaches no client of the new one', async () => {
    const { rig, x, y, a, b, id } = setUp()
    cancel(x, id)
    await expect(rig.asks('s', 'elicitation/create', { message: 'your card number?' })).rejects.toThrow('not passed on')
    await expect(rig.asks('s', 'elicitation/create', { message: 'your card number?' }, { link: a })).rejects.toThrow('not passed on')
    expect(y.heard).toEqual([])
    rig.asks('s', 'elicitation/create', { message: 'y?' }, { link: b })?.catch(() => undefined)
    expect(y.heard).toMatchObject([{ params: { message: 'y?' } }])
  })

  test('cannot be anything any more once it is gone', () => {
    const { rig, x, y, a, id } = setUp()
    cancel(x, id)
    a.end()
    rig.asks('s', 'elicitation/create', { message: 'y?' })?.catch(() => undefined)
    expect(y.heard).toMatchObject([{ params: { message: 'y?' } }])
  })
})

describe('a modern server that is replaced', () => {
  test('is not listened to any more once its successor is, so that nothing of it stays open', async () => {
    const rig = createRig({ s: { era: 'modern' } })
    const a = rig.link('s')
    await rig.settle()
    const [first] = a.of('subscriptions/listen')
    const b = rig.replace('s', { era: 'modern' })
    expect(b.of('subscriptions/listen')).toHaveLength(1)
    expect(a.takenBack).toEqual([first?.id])
  })

  test('is listened to until its successor takes that', async () => {
    const { LinkError } = await import('../../../src/lib/mcp/index.js')
    vi.useFakeTimers()
    const rig = createRig({ s: { era: 'modern' } })
    const a = rig.link('s')
    const b = rig.replace('s', { era: 'legacy' })
    expect(a.takenBack).toHaveLength(1)
    b.end()
    const c = rig.replace('s', { era: 'modern' })
    expect(c.takenBack).toEqual([])
    c.refusal = new LinkError('overloaded', 'it does not read')
    const client = rig.client()
    client.modern('subscriptions/listen', { notifications: { resourceSubscriptions: ['note://1'] } })
    await vi.advanceTimersByTimeAsync(10)
    expect(c.takenBack).toEqual([])
  })

  test('ends without a trace in what its successor is asked', async () => {
    const rig = createRig({ s: { era: 'modern' } })
    const a = rig.link('s')
    const b = rig.replace('s', { era: 'modern' })
    a.end()
    const client = rig.client()
    client.modern('subscriptions/listen', { notifications: { resourceSubscriptions: ['note://1'] } })
    await rig.settle()
    expect(b.of('subscriptions/listen')).toHaveLength(2)
    expect(b.takenBack).toEqual([1])
  })
})
