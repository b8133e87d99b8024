import { describe, expect, test } from 'vitest'
import { runOk } from '../helpers/cli.js'
import { alive } from '../helpers/proc.js'
import { waitFor } from '../helpers/wait.js'
import { jsonOf, modern, textOf, type Json, type LineClient } from './gateway-client.js'
import { postModern } from './gateway-http.js'
import { talkative, useGateway } from './gateway-support.js'
import { statusOf, untilGone } from './support.js'

const ABLE = { elicitation: { form: {} }, sampling: {}, roots: { listChanged: true } }

const rig = useGateway((gateway) => gateway.start({
  own: talkative(gateway, 'own', [], { isolation: 'per-session' }),
  shared: talkative(gateway, 'shared'),
}))

const namesNow = async (): Promise<string[]> => (await statusOf(rig().home)).servers.map(({ name }) => name)

/** A client that answers every question with its own name and the question. */
async function person(name: string): Promise<LineClient> {
  const client = await rig().legacy(ABLE)
  client.onQuestion('elicitation/create', (params) => ({ action: 'accept', content: { answer: `${name}: ${String(params['message'])}` } }))
  client.onQuestion('roots/list', () => ({ roots: [{ uri: `file:///${name}` }] }))
  return client
}

describe('a server that is not shared', () => {
  test('is a process for each session, which ends with it and is in the status meanwhile', async () => {
    const [ann, bob] = await Promise.all([person('ann'), person('bob')])
    const [pidOfAnn, pidOfBob] = [Number(await ann.text('own__pid')), Number(await bob.text('own__pid'))]
    expect(pidOfAnn).not.toBe(pidOfBob)
    expect(await ann.text('shared__pid')).toBe(await bob.text('shared__pid'))
    expect(Number(await ann.text('own__pid'))).toBe(pidOfAnn)
    const { servers } = await statusOf(rig().home)
    const own = servers.filter(({ name }) => name.startsWith('own#'))
    expect(own.map(({ pid, phase }) => ({ pid, phase })).sort((one, two) => Number(one.pid) - Number(two.pid)))
      .toEqual([pidOfAnn, pidOfBob].sort((one, two) => one - two).map((pid) => ({ pid, phase: 'ready' })))
    expect((await runOk(['status'], { home: rig().home })).stdout).toMatch(/own#\d+/)
    await ann.close()
    await untilGone(pidOfAnn)
    expect(alive(pidOfBob)).toBe(true)
    expect(Number(await bob.text('own__pid'))).toBe(pidOfBob)
    await bob.close()
    await untilGone(pidOfBob)
    await waitFor(async () => !(await namesNow()).some((name) => name.includes('#')), { what: 'the sessions to leave the status' })
  })

  test('asks each of two clients its own questions, however they overlap', async () => {
    const people = { ann: await person('ann'), bob: await person('bob') }
    await Promise.all(Object.entries(people).map(async ([name, client]) => {
      const answers = await Promise.all(Array.from({ length: 20 }, (_, round) => client.call('own__ask', { message: `${name} ${round}` })))
      expect(answers.map((answer) => (jsonOf(answer)['content'] as Json)['answer'])).toEqual(Array.from({ length: 20 }, (_, round) => `${name}: ${name} ${round}`))
      expect(jsonOf(await client.call('own__ask-roots'))).toEqual({ roots: [{ uri: `file:///${name}` }] })
    }))
  })

  test('is told what its own client can do, and hears what its own client says', async () => {
    const client = await rig().socket()
    await client.initialize({ roots: { listChanged: true }, 'x-more': {}, tasks: { list: {} } })
    const pid = Number(await client.text('own__pid'))
    const introduction = rig().record('own').find((entry) => entry.pid === pid && entry.message.method === 'initialize')?.message.params
    expect(introduction).toMatchObject({ capabilities: { roots: { listChanged: true } }, clientInfo: { name: 'test-client', version: '1' } })
    expect(introduction?.['capabilities']).not.toHaveProperty('tasks')
    client.notify('notifications/roots/list_changed')
    await rig().untilRecorded('own', (entry) => entry.pid === pid && entry.message.method === 'notifications/roots/list_changed')
    expect(rig().record('shared').filter(({ message }) => message.method === 'notifications/roots/list_changed')).toEqual([])
  })

  test('keeps its log lines and its news to its session', async () => {
    const [ann, bob] = await Promise.all([person('ann'), person('bob')])
    await Promise.all([ann.tools(), bob.tools()])
    await Promise.all([ann.ask('logging/setLevel', { level: 'debug' }), bob.ask('logging/setLevel', { level: 'debug' })])
    await ann.ask('resources/subscribe', { uri: 'note://own/one' })
    await ann.text('own__log', { level: 'info', text: 'for ann' })
    await ann.text('own__touch', { uri: 'note://own/one' })
    await ann.text('own__add-tool', { name: 'only-anns' })
    await ann.until(({ method, params }) => method === 'notifications/message' && params?.['data'] === 'for ann')
    await ann.until(({ method, params }) => method === 'notifications/resources/updated' && params?.['uri'] === 'note://own/one')
    await ann.until(({ method }) => method === 'notifications/tools/list_changed')
    expect(await ann.tools()).toContain('own__only-anns')
    expect(await bob.tools()).not.toContain('own__only-anns')
    expect(bob.heard).toEqual([])
  })

  test('is one process for a modern client on lines, and one for all over HTTP', async () => {
    const client = await rig().socket()
    const pid = textOf(await client.callModern('own__pid'))
    expect(textOf(await client.callModern('own__pid'))).toBe(pid)
    const over = async (): Promise<string> => textOf((await postModern(rig().url, { id: 1, method: 'tools/call', params: modern({ name: 'own__pid' }) })).messages()[0] ?? {})
    expect(await over()).toBe(await over())
    expect(await over()).not.toBe(pid)
    await client.close()
    await untilGone(Number(pid))
  })

  test('is a process for each legacy HTTP session, which ends with DELETE', async () => {
    const [one, two] = [await rig().http(ABLE), await rig().http(ABLE)]
    const [pidOfOne, pidOfTwo] = [textOf(await one.call('own__pid')), textOf(await two.call('own__pid'))]
    expect(pidOfOne).not.toBe(pidOfTwo)
    expect((await one.end()).status).toBe(200)
    await untilGone(Number(pidOfOne))
    expect(textOf(await two.call('own__pid'))).toBe(pidOfTwo)
    await two.end()
    await untilGone(Number(pidOfTwo))
  })

  test('comes back for its session when it crashed', async () => {
    const client = await person('ann')
    const pid = await client.text('own__pid')
    expect((await client.call('own__crash')).error).toMatchObject({ code: -32603, data: { outcome: 'unknown' } })
    const next = await client.text('own__pid')
    expect(next).not.toBe(pid)
    expect(jsonOf(await client.call('own__ask', { message: 'again' }))['content']).toEqual({ answer: 'ann: again' })
  })
})
