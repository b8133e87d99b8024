import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runOk } from '../helpers/cli.js'
import { waitFor } from '../helpers/wait.js'
import { jsonOf, modern, textOf } from './gateway-client.js'
import { postModern } from './gateway-http.js'
import { talkative, useFreshGateway } from './gateway-support.js'
import { daemonFacts, fixture, gated, kill, look, serverOf, untilGone } from './support.js'

const rig = useFreshGateway()
const ABLE = { elicitation: { form: {} } }
const ACCEPTED = { action: 'accept', content: { answer: 'yes' } }

/** Another daemon in place of the one there is. */
async function replaceDaemon(how: 'kill' | 'stop'): Promise<void> {
  const { home } = rig()
  const { pid } = daemonFacts(home)
  if (how === 'kill') {
    kill(pid)
    await untilGone(pid)
  } else {
    await runOk(['stop'], { home })
    await runOk(['start'], { home })
  }
}

describe.each(['kill', 'stop'] as const)('a daemon that is replaced (%s)', (how) => {
  test('leaves the sessions of lines and of HTTP as they were: abilities, levels, subscriptions, questions', async () => {
    await rig().start({
      old: talkative(rig(), 'old', [], { clientAbilities: ['elicitation'] }),
      new: talkative(rig(), 'new', ['--era', 'modern']),
      own: talkative(rig(), 'own', [], { isolation: 'per-session' }),
    })
    const client = rig().proxy()
    const listening = rig().proxy()
    await client.initialize(ABLE)
    client.onQuestion('elicitation/create', () => ACCEPTED)
    const before = await client.tools()
    await client.ask('logging/setLevel', { level: 'warning' })
    for (const server of ['old', 'new']) await client.ask('resources/subscribe', { uri: `note://${server}/one` })
    await client.ask('resources/subscribe', { uri: 'note://old/two' })
    await client.ask('resources/unsubscribe', { uri: 'note://old/two' })
    const ownPid = await client.text('own__pid')
    const http = await rig().http(ABLE)
    await http.request('resources/subscribe', { uri: 'note://old/one' })
    if (how === 'kill') {
      listening.send({ id: 'l', method: 'subscriptions/listen', params: modern({ notifications: { resourceSubscriptions: ['note://new/one'] } }) })
      await listening.until(({ method }) => method === 'notifications/subscriptions/acknowledged')
    }
    client.heard.length = 0

    await replaceDaemon(how)

    expect(await client.tools()).toEqual(before)
    for (const server of ['old', 'new', 'own']) {
      expect(jsonOf(await client.call(`${server}__ask`, { message: 'still?' }))).toEqual(ACCEPTED)
      expect(textOf(await listening.callModern(`${server}__echo`, { text: 'é' }))).toBe('é')
    }
    expect(await client.text('own__pid')).not.toBe(ownPid)
    await client.text('own__log', { level: 'info', text: 'too little' })
    await client.text('own__log', { level: 'error', text: 'enough' })
    await client.until(({ method, params }) => method === 'notifications/message' && params?.['data'] === 'enough')
    expect(client.count('notifications/message')).toBe(1)
    for (const server of ['old', 'new']) {
      const uri = `note://${server}/one`
      await client.text(`${server}__touch`, { uri })
      await client.until(({ method, params }) => method === 'notifications/resources/updated' && params?.['uri'] === uri)
    }
    await client.text('old__touch', { uri: 'note://old/two' })
    if (how === 'kill') await listening.until(({ method, params }) => method === 'notifications/resources/updated' && params?.['uri'] === 'note://new/one')
    await client.ask('ping')
    expect(client.count('notifications/resources/updated')).toBe(2)

    const standing = await http.listen()
    expect(standing.status).toBe(200)
    expect(textOf(await http.call('old__echo', { text: 'same session' }))).toBe('same session')
    await http.call('old__touch', { uri: 'note://old/one' })
    await standing.until(({ method, params }) => method === 'notifications/resources/updated' && params?.['uri'] === 'note://old/one')
    standing.destroy()
    expect((await postModern(rig().url, { id: 1, method: 'tools/list', params: modern() })).status).toBe(200)
  })
})

test('a daemon that is killed while a server waits for an answer takes its question back, and answers nothing twice', async () => {
  await rig().start({ old: talkative(rig(), 'old', [], { clientAbilities: ['elicitation'] }) })
  const client = rig().proxy()
  await client.initialize(ABLE)
  const lost = client.call('old__ask', { message: 'in vain' })
  const question = await client.until(({ method }) => method === 'elicitation/create')
  await replaceDaemon('kill')
  expect((await lost).error).toMatchObject({ code: -32603, data: { reason: 'daemon-lost', outcome: 'unknown' } })
  await client.until(({ method, params }) => method === 'notifications/cancelled' && params?.['requestId'] === question.id)
  // An answer that comes too late must not reach a question of the next daemon with the same id.
  client.onQuestion('elicitation/create', () => ACCEPTED)
  client.send({ id: question.id, result: { action: 'decline' } })
  expect(jsonOf(await client.call('old__ask', { message: 'again' }))).toEqual(ACCEPTED)
})

test('a new daemon lists what it remembers before its servers are up, and calls wait for them', async () => {
  const names = ['one', 'two', 'three']
  const gate = join(rig().home.base, 'gate')
  writeFileSync(gate, '')
  await rig().start(Object.fromEntries(names.map((name) => [name, gated(fixture('mcp-talkative.mjs', '--name', name, '--tools', 'echo,pid'), gate)])))
  const { home } = rig()
  const first = await rig().legacy()
  const wanted = await first.tools()
  expect(wanted).toEqual(names.flatMap((name) => [`${name}__echo`, `${name}__pid`]))
  await rig().closeClients()
  await runOk(['stop'], { home })
  rmSync(gate)
  await runOk(['start', '--no-wait'], { home })
  const client = await rig().legacy()
  const list = await client.ask('tools/list')
  expect((await look(home))?.servers.map(({ phase }) => phase)).toEqual(['starting', 'starting', 'starting'])
  expect(list['_meta']).toBeUndefined()
  expect((list['tools'] as { name: string }[]).map(({ name }) => name)).toEqual(wanted)
  const answer = client.text('three__echo', { text: 'now' })
  await client.ask('ping')
  writeFileSync(gate, '')
  expect(await answer).toBe('now')
  await waitFor(async () => (await serverOf(home, 'one')).phase === 'ready')
  expect(client.heard).toEqual([])
})
