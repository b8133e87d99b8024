import { describe, expect, test } from 'vitest'
import { waitFor } from '../helpers/wait.js'
import { modern, textOf, type Json, type LineClient } from './gateway-client.js'
import { openModern } from './gateway-http.js'
import { talkative, useGateway, type Recorded } from './gateway-support.js'

const rig = useGateway((gateway) => gateway.start({
  legacy: talkative(gateway, 'legacy'),
  modern: talkative(gateway, 'modern', ['--era', 'modern']),
  limited: talkative(gateway, 'limited', [], { timeouts: { idle: '2s' }, tools: { timeouts: { look: { idle: 'never' } } } }),
  brief: talkative(gateway, 'brief', [], { timeouts: { idle: '30s' }, tools: { timeouts: { progress: { total: '2s' } } } }),
}))

let marks = 0
const mark = (): string => `mark-${++marks}-`
const isCall = (text: string) => ({ line, message }: Recorded): boolean => message.method === 'tools/call' && line.includes(text)
/** Whether the server was told that nobody waits for the call with that mark. */
const isTakenBack = (server: string, text: string): boolean => {
  const call = rig().record(server).find(isCall(text))
  return call !== undefined && rig().record(server).some(({ pid, message }) => pid === call.pid && message.method === 'notifications/cancelled' && message.params?.['requestId'] === call.message.id)
}
const untilTakenBack = (server: string, text: string): Promise<unknown> => waitFor(() => isTakenBack(server, text), { pollMs: 20, what: `${server} to be told that ${text} is not wanted` })

describe('limits of calls', () => {
  test('give up a call without a sign of life, and the server hears of it', async () => {
    const [client, http] = [await rig().legacy(), await rig().http()]
    const text = mark()
    const startedAt = performance.now()
    const over = http.call('limited__slow', { ms: 60_000 })
    const { error } = await client.call('limited__slow', { ms: 60_000, text })
    expect(performance.now() - startedAt).toBeGreaterThan(1950)
    expect(error).toMatchObject({ code: -32603, message: 'server "limited" gave no sign of life for 2000 ms', data: { reason: 'idle-timeout', server: 'limited', limitMs: 2000, outcome: 'unknown' } })
    await untilTakenBack('limited', text)
    expect((await over).error?.data).toMatchObject({ reason: 'idle-timeout' })
  })

  test('let progress extend the one on silence but not the one on the whole', async () => {
    const client = await rig().legacy()
    // Each step comes long before the limit on silence, all of them together after it.
    const [done, late, silent] = await Promise.all([
      client.call('limited__progress', { steps: 12, gapMs: 250 }, { progressToken: 'on' }),
      client.call('brief__progress', { steps: 1000, gapMs: 100 }, { progressToken: 'late' }),
      client.call('limited__progress', { steps: 12, gapMs: 250 }),
    ])
    expect(textOf(done)).toBe('done 12')
    expect(late.error).toMatchObject({ data: { reason: 'timeout', limitMs: 2000, outcome: 'unknown' } })
    // Without a token there is no progress, so no sign of life.
    expect(silent.error?.data).toMatchObject({ reason: 'idle-timeout' })
  })

  test('are those of the tool where it has its own, and none where nothing is configured', async () => {
    const client = await rig().legacy()
    const texts = await Promise.all([client.text('limited__look', { ms: 2500 }), client.text('legacy__slow', { ms: 2500 })])
    expect(texts).toEqual([expect.stringMatching(/^look/), expect.stringMatching(/^slow/)])
  })
})

describe('a call that is taken back', () => {
  const begin = async (client: LineClient, server: string, id: string | number, isModern = false): Promise<string> => {
    const text = mark()
    const params = { name: `${server}__slow`, arguments: { ms: 60_000, text } }
    client.send({ id, method: 'tools/call', params: isModern ? modern(params) : params })
    await rig().untilRecorded(server, isCall(text))
    return text
  }

  test.each([['legacy', false], ['legacy', true], ['modern', false], ['modern', true]] as const)('on lines by a notification: server %s, modern client %s', async (server, isModern) => {
    const [client, other] = [await rig().legacy(), await rig().legacy()]
    const text = await begin(client, server, 'same', isModern)
    const kept = other.request('tools/call', { name: `${server}__slow`, arguments: { ms: 500 } }, 'same')
    client.notify('notifications/cancelled', { requestId: 'unknown' })
    client.notify('notifications/cancelled', { requestId: 'same', reason: 'enough' })
    await untilTakenBack(server, text)
    expect(textOf(await kept)).toMatch(/^slow/)
    await client.ask('ping')
    expect(client.lines.filter((line) => line.includes('"same"'))).toEqual([])
    // Its id may be used again.
    expect(textOf(await client.request('tools/call', { name: `${server}__echo`, arguments: { text: 'x' } }, 'same'))).toBe('x')
  })

  test('when its client goes away', async () => {
    const client = rig().proxy()
    await client.initialize()
    const texts = [await begin(client, 'legacy', 1), await begin(client, 'modern', 2), await begin(client, 'legacy', 3, true)]
    await client.close()
    await Promise.all(texts.map((text, index) => untilTakenBack(index === 1 ? 'modern' : 'legacy', text)))
  })

  test('over HTTP of the modern era by closing the response, of the legacy era by a notification only', async () => {
    const [left, stayed, cancelled] = [mark(), mark(), mark()]
    const stop = new AbortController()
    const gone = openModern(rig().url, { id: 1, method: 'tools/call', params: modern({ name: 'legacy__slow', arguments: { ms: 60_000, text: left } }) }, { signal: stop.signal }).catch(() => undefined)
    await rig().untilRecorded('legacy', isCall(left))
    stop.abort()
    await gone
    await untilTakenBack('legacy', left)

    const session = await rig().http()
    const standing = await session.listen()
    const lost = await session.openRequest('tools/call', { name: 'legacy__progress', arguments: { steps: 6, gapMs: 100, text: stayed }, _meta: { progressToken: 1 } }, 'lost')
    await lost.until(({ method }) => method === 'notifications/progress')
    lost.destroy()
    const waiting = session.request('tools/call', { name: 'legacy__slow', arguments: { ms: 60_000, text: cancelled } }, 'cancelled').catch(() => undefined)
    await rig().untilRecorded('legacy', isCall(cancelled))
    await session.post({ method: 'notifications/cancelled', params: { requestId: 'cancelled' } })
    await untilTakenBack('legacy', cancelled)
    const resumed = await session.listen({ 'last-event-id': lost.ids()[0] ?? '' })
    expect(textOf(await resumed.until(({ id }) => id === 'lost'))).toBe('done 6')
    expect(isTakenBack('legacy', stayed)).toBe(false)
    for (const stream of [standing, resumed]) stream.destroy()
    await session.end()
    await waiting
  })
})

describe('what belongs to one client', () => {
  test.each(['legacy', 'modern'])('progress with the same token from many at once reaches each its own: server %s', async (server) => {
    const clients = await Promise.all(Array.from({ length: 8 }, () => rig().legacy()))
    await Promise.all(clients.map(async (client, index) => {
      const tokens = [0, '0', 'token', 7]
      const params = (token: unknown): Json => ({ name: `${server}__progress`, arguments: { steps: 5, text: `${index}:${JSON.stringify(token)}:` }, _meta: { progressToken: token, 'x-trace': 'kept' } })
      const answers = await Promise.all(tokens.map((token, id) => client.request('tools/call', params(token), id + 100)))
      expect(answers.map(textOf)).toEqual(tokens.map(() => 'done 5'))
      for (const token of tokens) {
        const own = client.heard.filter((message) => message.params?.['progressToken'] === token)
        expect(own.map(({ params: heard }) => heard)).toEqual([1, 2, 3, 4, 5].map((step) => ({ progressToken: token, progress: step, total: 5, message: `${index}:${JSON.stringify(token)}:${step}`, 'x-more': step })))
      }
      expect(client.heard).toHaveLength(20)
    }))
    const tokens = rig().record(server).filter(isCall('"progress"')).slice(-32).map(({ message }) => (message.params?.['_meta'] as Json)['progressToken'])
    expect(new Set(tokens).size).toBe(32)
    expect(rig().record(server).filter(isCall('"progress"')).at(-1)?.message.params?.['_meta']).toMatchObject({ 'x-trace': 'kept' })
  })

  test('progress over HTTP comes on the stream of its request, before the answer', async () => {
    const response = await openModern(rig().url, { id: 'p', method: 'tools/call', params: modern({ name: 'legacy__progress', arguments: { steps: 3 } }, {}, { progressToken: 'tok' }) })
    await response.done
    expect(response.headers['content-type']).toBe('text/event-stream')
    expect(response.messages().map(({ method, id, params }) => method === undefined ? id : params?.['progress'])).toEqual([1, 2, 3, 'p'])
  })

  test('answers to the same ids from 32 sessions at once reach each its own', async () => {
    const clients = await Promise.all(Array.from({ length: 32 }, () => rig().legacy()))
    await Promise.all(clients.map(async (client, index) => {
      const ids = [0, '0', 1, '1', 'é"', -5]
      const answers = await Promise.all(ids.map((id) => client.request('tools/call', { name: `${index % 2 === 0 ? 'legacy' : 'modern'}__echo`, arguments: { text: `${index} ${JSON.stringify(id)}` } }, id)))
      expect(answers.map(({ id }) => id)).toEqual(ids)
      expect(answers.map(textOf)).toEqual(ids.map((id) => `${index} ${JSON.stringify(id)}`))
      expect(client.heard).toEqual([])
    }))
  })

  test('log lines go by level, and to nobody who did not ask', async () => {
    const [loud, quiet, silent] = [await rig().legacy(), await rig().legacy(), await rig().socket()]
    await loud.ask('logging/setLevel', { level: 'debug' })
    await quiet.ask('logging/setLevel', { level: 'error' })
    for (const server of ['legacy', 'modern']) {
      for (const client of [loud, quiet]) {
        await client.text(`${server}__log`, { level: 'info', text: `${server} info` })
        await client.text(`${server}__log`, { level: 'error', text: `${server} error` })
      }
      await silent.callModern(`${server}__log`, { level: 'error', text: 'unwanted' })
      await silent.request('tools/call', modern({ name: `${server}__log`, arguments: { level: 'error', text: 'wanted' } }, {}, { 'io.modelcontextprotocol/logLevel': 'warning' }))
    }
    const texts = ({ heard }: LineClient): unknown[] => heard.filter(({ method }) => method === 'notifications/message').map(({ params }) => params?.['data'])
    expect(texts(loud)).toEqual(['legacy info', 'legacy error', 'modern info', 'modern error'])
    expect(texts(quiet)).toEqual(['legacy error', 'modern error'])
    expect(texts(silent)).toEqual(['wanted', 'wanted'])
    const levels = rig().record('legacy').filter(({ message }) => message.method === 'logging/setLevel').map(({ message }) => message.params?.['level'])
    expect(levels.at(-1)).toBe('debug')
    expect((await loud.request('logging/setLevel', { level: 'chatty' })).error).toMatchObject({ code: -32602 })
  })
})
