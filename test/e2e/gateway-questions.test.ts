import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { jsonOf, modern, textOf, type Json, type LineClient, type Message } from './gateway-client.js'
import { postModern } from './gateway-http.js'
import { talkative, useGateway } from './gateway-support.js'
import { logOf } from './support.js'

const ABLE = { elicitation: { form: {} }, sampling: {}, roots: { listChanged: true } }
const ANSWERS: Record<string, Json> = {
  ask: { action: 'accept', content: { answer: 'Ann é' }, _meta: { 'x-kept': 1 } },
  sample: { role: 'assistant', model: 'm', content: { type: 'text', text: 'thought' }, stopReason: 'endTurn' },
  'ask-roots': { roots: [{ uri: 'file:///client/only', name: 'mine' }] },
}
const METHODS: Record<string, string> = { ask: 'elicitation/create', sample: 'sampling/createMessage', 'ask-roots': 'roots/list' }

const rig = useGateway((gateway) => gateway.start({
  old: talkative(gateway, 'old', [], { clientAbilities: ['sampling', 'elicitation'], roots: [{ uri: 'file:///configured', name: 'Configured' }] }),
  own: talkative(gateway, 'own', [], { isolation: 'per-session' }),
  new: talkative(gateway, 'new', ['--era', 'modern']),
}))

/** What was asked while `work` went on, with its outcome. */
async function asking(client: LineClient, tool: string, work: () => Promise<Message>): Promise<{ questions: Message[]; outcome: Message }> {
  const method = METHODS[tool] ?? ''
  client.onQuestion(method, () => ANSWERS[tool] ?? {})
  const outcome = await work()
  return { questions: client.heard.filter((message) => message.method === method), outcome }
}

/** The only question of an unfinished result. */
function unfinished({ result }: Message): { key: string; question: Json; requestState: unknown } {
  expect(result).toMatchObject({ resultType: 'input_required', inputRequests: expect.anything() })
  const [entry, ...others] = Object.entries(result?.['inputRequests'] as Record<string, Json>)
  expect(others).toEqual([])
  return { key: entry?.[0] ?? '', question: entry?.[1] ?? {}, requestState: result?.['requestState'] }
}

describe('what a server asks in the middle of a call', () => {
  test.each([
    ['old', 'ask'], ['old', 'sample'], ['own', 'ask'], ['own', 'sample'], ['own', 'ask-roots'],
    ['new', 'ask'], ['new', 'sample'], ['new', 'ask-roots'],
  ])('reaches a legacy client as a request: %s %s', async (server, tool) => {
    const client = await rig().legacy(ABLE)
    const { questions, outcome } = await asking(client, tool, () => client.call(`${server}__${tool}`, { message: 'Really "ü"?' }))
    expect(questions).toHaveLength(1)
    if (tool === 'ask') expect(questions[0]?.params).toEqual({ message: 'Really "ü"?', requestedSchema: { type: 'object', properties: { answer: { type: 'string' } }, required: ['answer'] } })
    if (tool === 'sample') expect(questions[0]?.params).toMatchObject({ messages: [{ role: 'user', content: { type: 'text', text: 'Really "ü"?' } }], 'x-more': 1 })
    expect(jsonOf(outcome)).toEqual(ANSWERS[tool])
  })

  test.each([
    ['old', 'ask'], ['old', 'sample'], ['own', 'ask-roots'], ['new', 'ask'], ['new', 'sample'], ['new', 'ask-roots'],
  ])('reaches a modern client as an unfinished result: %s %s', async (server, tool) => {
    const client = await rig().socket()
    const args = { message: 'Really?' }
    const { key, question, requestState } = unfinished(await client.callModern(`${server}__${tool}`, args, ABLE))
    expect(question).toMatchObject({ method: METHODS[tool] })
    if (tool === 'ask') expect(question['params']).toMatchObject({ message: 'Really?' })
    const outcome = await client.callModern(`${server}__${tool}`, args, ABLE, { inputResponses: { [key]: ANSWERS[tool] }, requestState })
    expect(outcome.result).toMatchObject({ resultType: 'complete' })
    expect(jsonOf(outcome)).toEqual(ANSWERS[tool])
    expect(client.heard).toEqual([])
  })

  test('of the modern era passes to a modern client and back untouched', async () => {
    const client = await rig().socket()
    const { key, requestState } = unfinished(await client.callModern('new__ask', { message: 'Q' }, ABLE))
    expect(key).toBe('who')
    expect(requestState).toMatch(/^state of new "\d+" é$/)
    await client.callModern('new__ask', { message: 'Q' }, ABLE, { inputResponses: { who: ANSWERS['ask'] }, requestState })
    const sent = rig().record('new').filter(({ message }) => message.method === 'tools/call').at(-1)?.message.params
    expect(sent).toMatchObject({ name: 'ask', requestState, inputResponses: { who: ANSWERS['ask'] }, _meta: { 'io.modelcontextprotocol/clientCapabilities': ABLE } })
  })

  test('of the modern era is answered for a legacy client with the state it came with, byte for byte', async () => {
    const client = await rig().legacy(ABLE)
    await asking(client, 'ask', () => client.call('new__ask', { message: 'Q' }))
    const rounds = rig().record('new').filter(({ message }) => message.method === 'tools/call').slice(-2).map(({ message }) => message)
    expect(rounds[0]?.params).not.toHaveProperty('requestState')
    expect(rounds[1]?.params?.['requestState']).toMatch(/^state of new "\d+" é$/)
    expect(rounds[1]?.params?.['inputResponses']).toEqual({ who: ANSWERS['ask'] })
    expect(rounds[1]?.id).not.toBe(rounds[0]?.id)
  })

  test('about roots is answered from the configuration when the server is shared and its client has none', async () => {
    const client = await rig().legacy({ elicitation: {} })
    const { questions, outcome } = await asking(client, 'ask-roots', () => client.call('old__ask-roots'))
    expect(questions).toEqual([])
    expect(jsonOf(outcome)).toEqual({ roots: [{ uri: 'file:///configured', name: 'Configured' }] })
    expect(jsonOf(await (await rig().socket()).callModern('old__ask-roots', {}, {}))).toEqual({ roots: [{ uri: 'file:///configured', name: 'Configured' }] })
  })

  test('is refused for a client that cannot answer it, and the server goes on', async () => {
    const legacy = await rig().legacy({})
    expect(jsonOf(await legacy.call('old__ask'))).toMatchObject({ refused: { code: -32601 } })
    const stateless = await rig().socket()
    expect(jsonOf(await stateless.callModern('old__ask', {}, {}))).toMatchObject({ refused: { code: -32601 } })
    expect((await legacy.call('new__ask')).error).toMatchObject({ code: -32603, data: { reason: 'input-refused', server: 'new' } })
    expect(legacy.heard).toEqual([])
  })

  test('may be answered with an error, which the server gets', async () => {
    const client = await rig().legacy(ABLE)
    client.onQuestion('elicitation/create', () => new Error('not now'))
    expect(jsonOf(await client.call('old__ask'))).toEqual({ refused: { code: -1, message: 'not now' } })
  })

  test('over HTTP comes on the stream of the request it is about', async () => {
    const session = await rig().http(ABLE)
    const standing = await session.listen()
    for (const tool of ['old__ask', 'own__ask', 'new__ask']) {
      const stream = await session.openRequest('tools/call', { name: tool, arguments: { message: tool } }, `q-${tool}`)
      const question = await stream.until((message) => message.method === 'elicitation/create')
      expect(question.params).toMatchObject({ message: tool })
      expect((await session.post({ id: question.id, result: ANSWERS['ask'] })).status).toBe(202)
      const outcome = await stream.until((message) => message.id === `q-${tool}`)
      expect(jsonOf(outcome)).toEqual(ANSWERS['ask'])
      await stream.done
    }
    expect(standing.messages()).toEqual([])
    standing.destroy()
    await session.end()
  })

  test('over HTTP of the modern era is an unfinished result as well', async () => {
    for (const tool of ['old__ask', 'new__ask']) {
      const params = { name: tool, arguments: { message: tool } }
      const first = await postModern(rig().url, { id: 1, method: 'tools/call', params: modern(params, ABLE) })
      const { key, requestState } = unfinished(first.messages().at(-1) ?? {})
      const second = await postModern(rig().url, { id: 1, method: 'tools/call', params: modern({ ...params, inputResponses: { [key]: ANSWERS['ask'] }, requestState }, ABLE) })
      expect(jsonOf(second.messages().at(-1) ?? {})).toEqual(ANSWERS['ask'])
    }
  })
})

describe('the state of a call that waits for its client', () => {
  const again = (client: LineClient, tool: string, args: Json, more: Json): Promise<Message> => client.callModern(tool, args, ABLE, more)

  test('is good for one use, by the same client, for the same request', async () => {
    const client = await rig().socket()
    const other = await rig().socket()
    const { key, requestState } = unfinished(await client.callModern('old__ask', { message: 'once' }, ABLE))
    const inputResponses = { [key]: ANSWERS['ask'] }
    const tampered = `${String(requestState).slice(0, -1)}${String(requestState).endsWith('A') ? 'B' : 'A'}`
    for (const [who, args, state] of [
      [client, { message: 'once' }, tampered], [client, { message: 'once' }, ''], [client, { message: 'other' }, requestState],
      [client, { message: 'once', more: 1 }, requestState], [other, { message: 'once' }, requestState],
    ] as const) {
      expect((await again(who, 'old__ask', args, { inputResponses, requestState: state })).error).toMatchObject({ code: -32602 })
    }
    expect((await again(client, 'old__sample', { message: 'once' }, { inputResponses, requestState })).error).toMatchObject({ code: -32602 })
    // None of that has used it up.
    expect(jsonOf(await again(client, 'old__ask', { message: 'once' }, { inputResponses, requestState }))).toEqual(ANSWERS['ask'])
    expect((await again(client, 'old__ask', { message: 'once' }, { inputResponses, requestState })).error).toMatchObject({ code: -32602 })
    const calls = rig().record('old').filter(({ message }) => message.method === 'tools/call' && JSON.stringify(message.params).includes('once'))
    expect(calls).toHaveLength(1)
  })

  test('comes again, another one, when the client did not answer', async () => {
    const client = await rig().socket()
    const first = unfinished(await client.callModern('old__ask', { message: 'twice' }, ABLE))
    const second = unfinished(await again(client, 'old__ask', { message: 'twice' }, { inputResponses: {}, requestState: first.requestState }))
    expect(second.question).toEqual(first.question)
    expect(second.requestState).not.toBe(first.requestState)
    expect(jsonOf(await again(client, 'old__ask', { message: 'twice' }, { inputResponses: { [second.key]: ANSWERS['ask'] }, requestState: second.requestState }))).toEqual(ANSWERS['ask'])
  })

  test('ends with its client: the server is told that nobody will answer', async () => {
    const client = await rig().socket()
    unfinished(await client.callModern('old__ask', { message: 'left' }, ABLE))
    const asked = rig().record('old').find(({ message }) => message.method === 'tools/call' && JSON.stringify(message.params).includes('left'))?.message.id
    await client.close()
    await rig().untilRecorded('old', ({ message }) => message.method === 'notifications/cancelled' && message.params?.['requestId'] === asked)
  })
})

describe('a shared server that asks while several clients wait', () => {
  test('never reaches the wrong one: the question is refused, with a warning that names the way out', async () => {
    const asking = await rig().legacy(ABLE)
    const waiting = await rig().legacy(ABLE)
    for (const client of [asking, waiting]) client.onQuestion('elicitation/create', () => ANSWERS['ask'] ?? {})
    const until = join(rig().home.base, 'asked')
    const slow = waiting.call('old__slow', { until })
    await rig().untilRecorded('old', ({ message }) => message.params?.['name'] === 'slow')
    expect(jsonOf(await asking.call('old__ask', { message: 'whose?' }))).toMatchObject({ refused: { code: -32601 } })
    writeFileSync(until, '')
    expect(textOf(await slow)).toMatch(/^slow/)
    expect([...asking.heard, ...waiting.heard]).toEqual([])
    const log = await logOf(rig().home, 'old')
    expect(log.map(({ text }) => text)).toContainEqual(expect.stringMatching(/warning: it asked elicitation\/create .*isolation: per-session/))
    expect(jsonOf(await asking.call('old__ask', { message: 'mine' }))).toEqual(ANSWERS['ask'])
  })

  test('gives each of many clients its own questions or none', async () => {
    const clients = await Promise.all(Array.from({ length: 4 }, () => rig().legacy(ABLE)))
    const outcomes = await Promise.all(clients.map(async (client, index) => {
      client.onQuestion('elicitation/create', (params) => ({ action: 'accept', content: { answer: `${index} got ${String(params['message'])}` } }))
      return Promise.all(Array.from({ length: 5 }, (_, round) => client.call('old__ask', { message: `${index}.${round}` })))
    }))
    for (const [index, answers] of outcomes.entries()) {
      for (const [round, answer] of answers.entries()) {
        const given = jsonOf(answer)
        if (given['refused'] === undefined) expect(given['content']).toEqual({ answer: `${index} got ${index}.${round}` })
      }
    }
    for (const [index, client] of clients.entries()) expect(client.heard.filter(({ method, params }) => method === 'elicitation/create' && !String(params?.['message']).startsWith(`${index}.`))).toEqual([])
  })

  test('of the modern era has no such trouble: its questions belong to their calls', async () => {
    const clients = await Promise.all(Array.from({ length: 4 }, () => rig().legacy(ABLE)))
    await Promise.all(clients.map(async (client, index) => {
      client.onQuestion('elicitation/create', (params) => ({ action: 'accept', content: { answer: `${index} got ${String(params['message'])}` } }))
      for (const answer of await Promise.all(Array.from({ length: 5 }, (_, round) => client.call('new__ask', { message: `${index}.${round}` })))) {
        expect((jsonOf(answer)['content'] as Json)['answer']).toMatch(new RegExp(`^${index} got ${index}\\.\\d$`))
      }
    }))
  })
})

test('a legacy HTTP client that loses its connection in the middle of a question has the answer when it comes back', async () => {
  const session = await rig().http(ABLE)
  const stream = await session.openRequest('tools/call', { name: 'old__ask', arguments: { message: 'later' } }, 'later')
  const question = await stream.until((message) => message.method === 'elicitation/create')
  const [last] = stream.ids().slice(-1)
  stream.destroy()
  expect((await session.post({ id: question.id, result: ANSWERS['ask'] })).status).toBe(202)
  const resumed = await session.listen({ 'last-event-id': last ?? '' })
  expect(jsonOf(await resumed.until((message) => message.id === 'later'))).toEqual(ANSWERS['ask'])
  resumed.destroy()
  await session.end()
})
