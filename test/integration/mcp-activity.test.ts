import { PassThrough } from 'node:stream'
import { afterEach, describe, expect, test } from 'vitest'
import { openHttpLink, openStdioLink, type Link, type PassedRequest } from '../../src/lib/mcp/index.js'
import { cleanUp, client, establish, fixture, keep, openChild, startHttp, until } from './mcp-support.js'

afterEach(cleanUp)

const call = { timeoutMs: 25_000 }

/** A request of a client, and what became of it. */
function passed(method: string, params: Record<string, unknown> = {}): PassedRequest & { readonly outcome: string[] } {
  const outcome: string[] = []
  return {
    method, outcome, params: () => params,
    before: [Buffer.from('{"jsonrpc":"2.0","id":')],
    after: [Buffer.from(`,"method":${JSON.stringify(method)},"params":${JSON.stringify(params)}}`)],
    receiver: { answered: (text) => void outcome.push(text.toString()), failed: (error) => void outcome.push(error.message) },
  }
}

const heads = (link: Link, direction: 'in' | 'out'): string[] => link.lastFrames().filter((frame) => frame.direction === direction).map(({ head }) => head)
/** A call that is never answered. */
const endless = (): ReturnType<typeof passed> => passed('tools/call', { name: 'wait', arguments: {} })

describe('a link over pipes', () => {
  test('remembers what it sent and what came, passed on or its own', async () => {
    const { link } = openChild(fixture('mcp-legacy'))
    const openedAt = link.activity.lastHeardAt
    await establish(link)
    const request = passed('tools/call', { name: 'echo', arguments: { text: 'hello' } })
    const id = link.pass(request)
    await until(() => request.outcome.length === 1)
    await link.request('tools/call', { name: 'echo', arguments: { text: 'own' } }, call)
    expect(heads(link, 'out').at(-2)).toBe(`{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"echo","arguments":{"text":"hello"}}}`)
    expect(heads(link, 'out').at(-1)).toContain('"text":"own"')
    expect(heads(link, 'in').at(-2)).toBe(request.outcome[0])
    expect(heads(link, 'in').at(-1)).toContain('own')
    expect(heads(link, 'out').join('\n')).toContain('"method":"tools/list"')
    for (const { at, bytes, head } of link.lastFrames()) {
      expect(at).toBeGreaterThanOrEqual(openedAt)
      expect(at).toBeLessThanOrEqual(Date.now() + 1000)
      if (bytes <= 512) expect(Buffer.byteLength(head)).toBe(bytes)
    }
  })

  test('knows what is under way, since when, and when it last heard something', async () => {
    const { link } = openChild(fixture('mcp-legacy'))
    await establish(link)
    const idle = link.activity
    expect(idle).toMatchObject({ inFlight: 0, inFlightSince: null, queuedBytes: 0 })
    await until(() => Date.now() > idle.lastHeardAt + 5)
    const slow = endless()
    const first = link.pass(slow)
    const own = link.request('tools/call', { name: 'wait', arguments: {} }, call)
    own.catch(() => undefined)
    const second = link.pass(passed('tools/call', { name: 'echo', arguments: { text: 'x' } }))
    const busy = link.activity
    expect(busy.inFlight).toBe(3)
    expect(busy.inFlightSince).toBeGreaterThan(idle.lastHeardAt)
    expect(busy.inFlightSince).toBe(busy.lastSentAt)
    expect(busy.lastHeardAt).toBe(idle.lastHeardAt)
    expect(link.unanswered()).toEqual(Array.from({ length: 3 }, () => ({ method: 'tools/call', startedAt: busy.inFlightSince })))
    await until(() => link.activity.inFlight === 2)
    expect(link.activity.lastHeardAt).toBeGreaterThanOrEqual(busy.lastSentAt)
    expect(link.takeBack(first, 'not wanted')).toBe(true)
    expect(link.takeBack(second, 'over')).toBe(false)
    expect(link.activity.inFlight).toBe(1)
  })

  test('knows whether its server answered others since a request left, also when nobody waited for the answer any more', async () => {
    const { link } = openChild(fixture('mcp-legacy'))
    await establish(link)
    const slow = link.pass(endless())
    const justLeft = Date.now()
    await until(() => Date.now() > justLeft)
    const probe = passed('ping')
    link.probe(probe.receiver)
    await until(() => probe.outcome.length === 1)
    expect(link.answeredSince(slow)).toBe(false)
    const given = link.pass(passed('tools/call', { name: 'echo', arguments: { text: 'late' } }))
    link.takeBack(given, 'not wanted')
    await until(() => link.answeredSince(slow))
    expect([link.heldFor(slow) > 0, link.heldFor(given)]).toEqual([true, 0])
    const next = link.pass(endless())
    expect([link.counters.unknownAnswers, link.answeredSince(next), link.answeredSince(given)]).toEqual([1, false, false])
  })

  test('tells after its end what was under way then, and its last words', async () => {
    const { link, child } = openChild(fixture('mcp-legacy'))
    await establish(link)
    const slow = endless()
    link.pass(slow)
    const since = link.activity.inFlightSince
    child.kill('SIGKILL')
    await until(() => link.closed)
    expect(slow.outcome).toEqual(['the server closed its output before it answered tools/call'])
    expect(link.activity).toMatchObject({ inFlight: 0, inFlightSince: null })
    expect(link.unanswered()).toEqual([{ method: 'tools/call', startedAt: since }])
    expect(heads(link, 'out').at(-1)).toContain('"name":"wait"')
  })

  test('counts what waits because the server does not read, and keeps that number at its end', async () => {
    const [input, output] = [new PassThrough({ highWaterMark: 1024 }), new PassThrough()]
    const link = keep(openStdioLink({ client, input, output, onNoise: () => undefined }))
    link.notify('a', { text: 'x'.repeat(10_000) })
    expect(link.activity.queuedBytes).toBeGreaterThan(10_000)
    await until(() => input.writableLength > 0)
    const { queuedBytes } = link.activity
    expect(queuedBytes).toBeGreaterThan(5000)
    link.close()
    expect(link.activity.queuedBytes).toBe(queuedBytes)
  })

  test('remembers the head of a line that was too long, but no noise', async () => {
    const output = new PassThrough()
    const link = keep(openStdioLink({ client, input: new PassThrough(), output, onNoise: () => undefined, maxLineBytes: 1000 }))
    const { lastHeardAt } = link.activity
    await until(() => Date.now() > lastHeardAt + 5)
    output.write(`server listening\n{"level":30,"msg":"log"}\n{"jsonrpc":"2.0","id":1,"result":"${'a'.repeat(2000)}"}\n`)
    await until(() => link.lastFrames().length > 0)
    expect(link.activity.lastHeardAt).toBeGreaterThan(lastHeardAt)
    expect(link.lastFrames()).toEqual([{ at: link.activity.lastHeardAt, direction: 'in', bytes: 2036, head: expect.stringMatching(/^{"jsonrpc":"2.0","id":1,"result":"a+$/) as string }])
  })
})

describe.each(['modern', 'legacy', 'legacy-sse', 'sse'])('a link over HTTP (%s)', (mode) => {
  test('remembers messages and knows what is under way', async () => {
    const { url } = await startHttp(mode)
    const link = keep(await openHttpLink({ client, url, headers: {}, transport: mode === 'sse' ? 'sse' : 'http', untilListening: false }))
    await establish(link)
    const idle = link.activity
    expect(idle).toMatchObject({ inFlight: 0, queuedBytes: 0 })
    await until(() => Date.now() > idle.lastHeardAt + 5)
    const request = passed('tools/call', { name: 'echo', arguments: { text: 'hello' } })
    link.pass(request)
    expect(link.activity.inFlight).toBe(1)
    expect(link.activity.inFlightSince).toBeGreaterThan(idle.lastHeardAt)
    await until(() => request.outcome.length === 1)
    expect(link.activity.inFlight).toBe(0)
    expect(link.activity.lastHeardAt).toBeGreaterThan(idle.lastHeardAt)
    expect(heads(link, 'out').at(-1)).toContain('"text":"hello"')
    expect(heads(link, 'in').at(-1)).toBe(request.outcome[0])
  })
})
