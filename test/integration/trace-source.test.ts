import { afterEach, describe, expect, test } from 'vitest'
import { createMask } from '../../src/lib/base/index.js'
import type { TracedMessage } from '../../src/lib/core/index.js'
import { TraceSource, type Capture, type Captured } from '../../src/lib/daemon/trace-source.js'
import { openHttpLink, type Link, type PassedRequest } from '../../src/lib/mcp/index.js'
import { cleanUp, client, establish, fixture, keep, openChild, probe, startHttp, until } from './mcp-support.js'

afterEach(cleanUp)

const SECRET = 'canary/4f1e"x\n77'
const call = { timeoutMs: 25_000 }

/** Looks on at a link and keeps what was captured; `text`: bytes of text that are wanted. */
function lookOn(link: Link, limit = 64 * 1024) {
  const captured: Captured[] = []
  const state = { limit, hasRoom: true, lost: 0 }
  const capture: Capture = { get limit() { return state.limit }, get hasRoom() { return state.hasRoom }, take: (one) => void captured.push(one), lost: () => void state.lost++ }
  const source = new TraceSource({ server: 'files', generation: 3, link, mask: createMask([SECRET]) }, capture)
  source.attach()
  return { source, state, captured, messages: (): TracedMessage[] => captured.splice(0).flatMap((one) => source.decode(one)) }
}

function passed(name: string, given: Record<string, unknown>): PassedRequest & { readonly outcome: string[] } {
  const outcome: string[] = []
  const params = { name, arguments: given }
  return {
    method: 'tools/call', outcome, params: () => params,
    before: [Buffer.from('{"jsonrpc":"2.0","id":')], after: [Buffer.from(`,"method":"tools/call","params":${JSON.stringify(params)}}`)],
    receiver: { answered: (text) => void outcome.push(text.toString()), failed: (error) => void outcome.push(error.message) },
  }
}

const brief = ({ direction, kind, method, target }: TracedMessage): string => [direction, kind, method, target].filter((part) => part !== null).join(' ')

describe('a link that is looked on at', () => {
  test('over pipes shows all that is said, from the handshake on', async () => {
    const { link } = openChild(fixture('mcp-legacy'))
    const { messages } = lookOn(link)
    await establish(link)
    const told = messages()
    expect(told.map(brief)).toEqual(expect.arrayContaining(['out request initialize', 'in result initialize', 'out notification notifications/initialized', 'out request tools/list', 'in result tools/list']))
    const request = passed('echo', { text: 'hello' })
    const id = link.pass(request)
    await until(() => request.outcome.length === 1)
    const [asked, answered, ...more] = messages()
    expect(more).toEqual([])
    expect(asked).toMatchObject({ server: 'files', generation: 3, direction: 'out', kind: 'request', id, target: 'echo', summary: '{"text":"hello"}', durationMs: null, failed: false, remembered: false, probe: false })
    expect(answered).toMatchObject({ direction: 'in', kind: 'result', id, method: 'tools/call', target: 'echo', summary: 'hello', bytes: Buffer.byteLength(request.outcome[0] ?? '') })
    expect(answered?.durationMs).toBeGreaterThanOrEqual(0)
    expect(Math.abs((answered?.time ?? 0) - Date.now())).toBeLessThan(60_000)
  })

  test('over HTTP shows the same, errors included', async () => {
    const { url } = await startHttp('legacy')
    const link = keep(await openHttpLink({ url, headers: {}, transport: 'http', client }))
    const { messages } = lookOn(link)
    await establish(link)
    expect(messages().map(brief)).toEqual(expect.arrayContaining(['out request initialize', 'in result initialize', 'in result tools/list']))
    const request = passed('nothing-like-it', {})
    const id = link.pass(request)
    await until(() => request.outcome.length === 1)
    expect(messages()).toMatchObject([{ kind: 'request', id }, { kind: 'error', id, method: 'tools/call', target: 'nothing-like-it', failed: true, code: -32602 }])
  })

  test('hides the secrets of its server wherever they are said', async () => {
    const { link } = openChild(fixture('mcp-legacy'))
    await establish(link)
    const { messages, captured, source } = lookOn(link)
    await link.request('tools/call', { name: 'echo', arguments: { text: `${'y'.repeat(1590)} ${SECRET}`, password: 'hunter2-hunter2' } }, call)
    await link.request('tools/call', { name: 'echo', arguments: { text: SECRET } }, call)
    const texts = captured.flatMap((one) => [1, 100, 1610, 1615, 64 * 1024].map((most) => source.textOf(one, most).text))
    const all = JSON.stringify([messages(), texts])
    for (const part of ['canary', '4f1e', 'hunter2']) expect(all).not.toContain(part)
    expect(all).toContain('***')
    expect(texts.map((text) => text.length).sort((a, b) => a - b).at(-1)).toBeGreaterThan(1590)
  })

  test('copies no more than is wanted, and says what the message was all the same', async () => {
    const { link } = openChild(fixture('mcp-legacy'))
    await establish(link)
    const { messages, captured, source } = lookOn(link, 600)
    await link.request('tools/call', { name: 'echo', arguments: { text: 'é'.repeat(5000) } }, call)
    for (const { text } of captured) expect(text.head.length).toBe(600)
    for (const one of captured) expect(source.textOf(one, 599)).toMatchObject({ cut: true, text: expect.not.stringContaining('\uFFFD') as string })
    expect(messages()).toMatchObject([{ kind: 'request', method: 'tools/call', target: 'echo' }, { kind: 'result', method: 'tools/call', target: 'echo', failed: false }])
  })

  test('shows requests that are given up, and probes as what they are', async () => {
    const { link, child } = openChild(fixture('mcp-legacy'))
    await establish(link)
    const { messages } = lookOn(link)
    await probe(link)
    expect(messages()).toMatchObject([{ kind: 'request', method: 'ping', probe: true }, { kind: 'result', method: 'ping', probe: true }])
    const [first, second] = [link.pass(passed('wait', {})), link.pass(passed('wait', {}))]
    link.takeBack(first, 'timeout')
    child.kill('SIGKILL')
    await until(() => link.closed)
    expect(messages()).toMatchObject([
      { kind: 'request', id: first }, { kind: 'request', id: second },
      { kind: 'given-up', id: first, method: 'tools/call', target: 'wait', failed: true, summary: 'timeout' },
      { kind: 'notification', method: 'notifications/cancelled' },
      { kind: 'given-up', id: second, target: 'wait', summary: 'the server closed its output before it answered tools/call' },
    ])
  })

  test('knows the call an answer belongs to although that was made before anybody looked', async () => {
    const { link } = openChild(fixture('mcp-legacy'))
    await establish(link)
    const request = passed('echo', { text: 'z'.repeat(2000) })
    const id = link.pass(request)
    const { messages, source } = lookOn(link)
    await until(() => request.outcome.length === 1)
    expect(messages()).toMatchObject([{ kind: 'result', id, method: 'tools/call', target: 'echo' }])
    // What is remembered is cut, and its id stands behind that; it is known all the same.
    const remembered = source.remembered().flatMap((one) => source.decode(one))
    expect(remembered.at(-1)).toMatchObject({ kind: 'result', id, remembered: true, bytes: expect.any(Number) as number })
    expect(remembered.filter(({ kind, id: answered }) => kind === 'result' && answered === null)).toEqual([])
  })

  test('copies nothing while there is no room, and nothing once nobody looks', async () => {
    const { link } = openChild(fixture('mcp-legacy'))
    await establish(link)
    const { state, captured, source } = lookOn(link)
    state.hasRoom = false
    await link.request('tools/call', { name: 'echo', arguments: { text: 'x' } }, call)
    expect(captured).toEqual([])
    expect(state.lost).toBe(2)
    source.detach()
    state.hasRoom = true
    await link.request('tools/call', { name: 'echo', arguments: { text: 'x' } }, call)
    expect(captured).toEqual([])
    expect(link.tap).toBeNull()
  })
})
