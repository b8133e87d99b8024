import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runOk } from '../helpers/cli.js'
import { waitFor } from '../helpers/wait.js'
import { modern, textOf, toolNames, type Json, type LineClient, type Message } from './gateway-client.js'
import { talkative, useGateway, type GatewayRig } from './gateway-support.js'
import { kill, pidOf, serverOf, untilGone } from './support.js'

const QUICK = { policy: 'always', backoff: { initial: '10ms', max: '50ms' }, intensity: { restarts: 1000, window: '1m' } }
const ERAS = ['legacy', 'modern'] as const

const extraFile = (gateway: GatewayRig): string => join(gateway.home.base, 'extra')
const rig = useGateway((gateway) => gateway.start({
  legacy: talkative(gateway, 'legacy', ['--delay', '300', '--extra', extraFile(gateway)], { restart: QUICK }),
  modern: talkative(gateway, 'modern', ['--era', 'modern', '--delay', '300', '--extra', extraFile(gateway)], { restart: QUICK }),
  once: talkative(gateway, 'once', ['--tools', 'echo,crash'], { restart: 'never' }),
}))

/** Kills a server with nobody asking, and waits for the next instance. */
async function replace(server: string): Promise<number> {
  const readyPid = (other: number | null): Promise<number> => waitFor(async () => {
    const { pid, phase } = await serverOf(rig().home, server)
    return phase === 'ready' && pid !== other ? pid : null
  }, { what: `${server} to be ready` })
  const before = await readyPid(null)
  kill(before)
  return readyPid(before)
}

/** Starts a call of a slow tool and waits until the server works on it: for ever, or until a file is there. */
async function begin(client: LineClient, server: string, tool: string, until?: string): Promise<{ answer: Promise<Message> }> {
  const mark = `${tool}-${Math.random()}`
  const answer = client.request('tools/call', { name: `${server}__${tool}`, arguments: { ...(until === undefined ? { ms: 60_000 } : { until }), mark } })
  await rig().untilRecorded(server, ({ line }) => line.includes(mark))
  return { answer }
}

describe.each(ERAS)('a %s server that is lost', (server) => {
  test('fails the calls it had, each once, and keeps those that come while it is away', async () => {
    const [one, two] = [await rig().legacy(), await rig().legacy()]
    const begun = [await begin(one, server, 'slow'), await begin(two, server, 'slow'), await begin(two, server, 'slow')]
    const pid = await pidOf(rig().home, server)
    kill(pid)
    const errors = await Promise.all(begun.map(({ answer }) => answer))
    for (const { error } of errors) expect(error).toMatchObject({ code: -32603, data: { server, outcome: 'unknown' } })
    const during = [one, two].flatMap((client) => [
      client.text(`${server}__echo`, { text: 'ä' }), client.text(`${server}__pid`),
      client.ask('resources/read', { uri: `note://${server}/one` }).then(({ contents }) => (contents as Json[])[0]?.['text']),
    ])
    expect(toolNames(await one.ask('tools/list'))).toContain(`${server}__echo`)
    const answers = await Promise.all(during)
    const next = String(await pidOf(rig().home, server))
    expect(answers).toEqual([0, 1].flatMap(() => ['ä', next, `text of note://${server}/one`]))
    expect(Number(next)).not.toBe(pid)
    expect([...one.heard, ...two.heard]).toEqual([])
    expect(rig().record(server).filter(({ line }) => line.includes('"slow"')).map((entry) => entry.pid).filter((each) => each === Number(next))).toEqual([])
  })

  test('is asked again, once, what changes nothing', async () => {
    const client = await rig().legacy()
    const until = join(rig().home.base, `until-${server}`)
    const { answer } = await begin(client, server, 'look', until)
    const first = await pidOf(rig().home, server)
    kill(first)
    await untilGone(first)
    writeFileSync(until, '')
    expect(textOf(await answer)).toBe(`look ${String(await pidOf(rig().home, server))}`)
    const twice = await begin(client, server, 'look')
    const killed = await pidOf(rig().home, server)
    kill(killed)
    const repeated = await waitFor(() => rig().record(server).filter(({ message }) => message.params?.['name'] === 'look').find(({ pid }) => pid !== first && pid !== killed), { what: 'the call to be repeated' })
    kill(repeated.pid)
    expect((await twice.answer).error).toMatchObject({ code: -32603, data: { outcome: 'unknown' } })
  })

  test('is told again what clients watch and how much they want to read', async () => {
    const [one, two] = [await rig().legacy(), await rig().legacy()]
    const listening = await rig().socket()
    const uri = `note://${server}/one`
    await Promise.all([one, two].map((client) => client.ask('resources/subscribe', { uri })))
    await one.ask('logging/setLevel', { level: 'info' })
    await two.ask('logging/setLevel', { level: 'error' })
    listening.send({ id: 'listen', method: 'subscriptions/listen', params: modern({ notifications: { resourceSubscriptions: [uri], toolsListChanged: true } }) })
    await listening.until(({ method }) => method === 'notifications/subscriptions/acknowledged')
    const next = await replace(server)
    const wanted = server === 'legacy' ? 'resources/subscribe' : 'subscriptions/listen'
    const renewed = await rig().untilRecorded(server, ({ pid, message, line }) => pid === next && message.method === wanted && line.includes(uri))
    expect(renewed.line).toContain(uri)
    if (server === 'legacy') await rig().untilRecorded(server, ({ pid, message }) => pid === next && message.method === 'logging/setLevel' && message.params?.['level'] === 'info')
    await one.text(`${server}__touch`, { uri })
    for (const client of [one, two, listening]) await client.until(({ method, params }) => method === 'notifications/resources/updated' && params?.['uri'] === uri)
    await one.text(`${server}__log`, { level: 'info', text: 'still' })
    await one.until(({ method, params }) => method === 'notifications/message' && params?.['data'] === 'still')
    expect([one, two, listening].map((client) => client.count('notifications/resources/updated'))).toEqual([1, 1, 1])
    expect([one, two, listening].map((client) => client.count('notifications/tools/list_changed'))).toEqual([0, 0, 0])
  })

  test('changes its lists for clients only when they are other ones afterwards', async () => {
    const client = await rig().legacy()
    const before = await client.tools()
    const uninterested = await rig().legacy()
    await uninterested.ask('prompts/list')
    const listening = await rig().socket()
    listening.send({ id: 7, method: 'subscriptions/listen', params: modern({ notifications: { toolsListChanged: true, promptsListChanged: true } }) })
    await listening.until(({ method }) => method === 'notifications/subscriptions/acknowledged')
    await replace(server)
    await client.text(`${server}__same-list`)
    await client.text(`${server}__echo`, { text: '' })
    writeFileSync(extraFile(rig()), `extra-${server}\n`)
    try {
      await replace(server)
      for (const each of [client, listening]) await each.until(({ method }) => method === 'notifications/tools/list_changed')
      expect(await client.tools()).toEqual(before.flatMap((name) => (name === `${server}__same-list` ? [name, `${server}__extra-${server}`] : [name])))
      expect(uninterested.heard).toEqual([])
      for (const each of [client, listening]) expect(each.heard.map(({ method }) => method).filter((method) => method?.endsWith('list_changed'))).toEqual(['notifications/tools/list_changed'])
    } finally {
      rmSync(extraFile(rig()))
      await replace(server)
    }
  })
})

test('mcpctl restart is such a loss as well: sessions go on', async () => {
  const client = await rig().legacy()
  const before = await client.text('legacy__pid')
  const { answer } = await begin(client, 'legacy', 'slow')
  const restarting = runOk(['restart', 'legacy'], { home: rig().home })
  expect((await answer).error).toMatchObject({ data: { outcome: 'unknown' } })
  expect(await client.text('legacy__pid')).not.toBe(before)
  await restarting
  expect(client.heard).toEqual([])
})

test('a server that stays down says so at once, leaves the lists, and comes back into them', async () => {
  const client = await rig().legacy()
  expect(await client.tools()).toContain('once__echo')
  const http = await rig().http()
  const pid = await pidOf(rig().home, 'once')
  expect((await client.call('once__crash')).error).toMatchObject({ code: -32603, data: { server: 'once', outcome: 'unknown' } })
  await untilGone(pid)
  await client.until(({ method }) => method === 'notifications/tools/list_changed')
  expect((await client.tools()).filter((name) => name.startsWith('once'))).toEqual([])
  for (const answer of [await client.call('once__echo'), await http.call('once__echo')]) expect(answer.error).toMatchObject({ code: -32603, data: { reason: 'down', server: 'once', outcome: 'not-delivered' } })
  expect((await client.call('once__nothing')).error).toMatchObject({ code: -32602 })
  expect(await client.text('legacy__echo', { text: 'fine' })).toBe('fine')
  await runOk(['start', 'once'], { home: rig().home })
  await waitFor(() => client.count('notifications/tools/list_changed') === 2, { what: 'the tools to be announced again' })
  expect(await client.text('once__echo', { text: 'back' })).toBe('back')
  await http.end()
})
