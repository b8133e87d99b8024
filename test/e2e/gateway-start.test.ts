import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { runOk } from '../helpers/cli.js'
import { waitFor } from '../helpers/wait.js'
import { modern, textOf, toolNames, type Json, type LineClient, type Message } from './gateway-client.js'
import { postModern } from './gateway-http.js'
import { talkative, useFreshGateway, useGateway, type GatewayRig } from './gateway-support.js'
import { look, pidOf, serverOf, untilGone, untilServer } from './support.js'

const NINE = ['s1', 's2', 's3', 's4', 's5', 's6', 's7', 's8', 's9']
const small = (gateway: GatewayRig, name: string, args: readonly string[] = [], more: Json = {}): Json => talkative(gateway, name, ['--tools', 'echo,pid,slow', ...args], more)

describe('one server among ten that never answers', () => {
  const servers = (gateway: GatewayRig): Json => ({ hung: small(gateway, 'hung', ['--hang']), ...Object.fromEntries(NINE.map((name) => [name, small(gateway, name)])) })
  // Whoever waits for the one that hangs waits longer than a client of these tests does.
  const rig = useGateway(async (gateway) => {
    await gateway.start(servers(gateway), { gateway: { listWait: '60s', startWait: '60s' } }, ['--no-wait'])
    for (const name of NINE) await untilServer(gateway.home, name, ({ phase }) => phase === 'ready')
  })

  test('holds no list up: the others are listed, and the list says who is missing', async () => {
    const client = await rig().legacy()
    for (const [kind, method] of [['tools', 'tools/list'], ['prompts', 'prompts/list'], ['resources', 'resources/list'], ['resourceTemplates', 'resources/templates/list']] as const) {
      const value = await client.ask(method)
      expect(value['_meta']).toEqual({ 'mcpctl/pending': ['hung'] })
      if (kind === 'tools') expect(toolNames(value)).toEqual(NINE.flatMap((name) => [`${name}__echo`, `${name}__slow`, `${name}__pid`]))
      else expect((value[kind] as unknown[]).length).toBeGreaterThanOrEqual(9)
    }
    const over = await postModern(rig().url, { id: 1, method: 'tools/list', params: modern() })
    expect(over.messages()[0]?.result).toMatchObject({ resultType: 'complete', ttlMs: 0, cacheScope: 'private', _meta: { 'mcpctl/pending': ['hung'] } })
  })

  test('disturbs no call to the others, be it of a tool they do not have', async () => {
    const client = await rig().legacy()
    client.send({ id: 'vain', method: 'tools/call', params: { name: 'hung__echo', arguments: { text: 'x' } } })
    const texts = await Promise.all(NINE.flatMap((name) => Array.from({ length: 20 }, async (_, index) => (await client.text(`${name}__echo`, { text: `${name} ${index}` })) === `${name} ${index}`)))
    expect(texts).toEqual(texts.map(() => true))
    expect((await client.call('s1__ehco')).error).toMatchObject({ code: -32602, message: expect.stringContaining('Unknown tool: s1__ehco. Did you mean s1__echo') })
    expect(client.heard.filter(({ id }) => id === 'vain')).toEqual([])
  })

  test('is waited for as long as it may be, by a call that says so, and by a list once', async () => {
    await rig().start(servers(rig()), { gateway: { listWait: '3s', startWait: '1s' } }, ['--no-wait'])
    const [client, other] = [await rig().legacy({}, { servers: ['hung'] }), await rig().legacy({}, { servers: ['hung'] })]
    const startedAt = performance.now()
    const listing = client.ask('tools/list')
    expect((await client.call('hung__echo', { text: 'x' })).error).toMatchObject({ code: -32603, data: { reason: 'starting', server: 'hung', outcome: 'not-delivered', retryAfterMs: expect.any(Number) } })
    expect(performance.now() - startedAt).toBeGreaterThan(950)
    expect(await listing).toMatchObject({ tools: [], _meta: { 'mcpctl/pending': ['hung'] } })
    expect(rig().record('hung').filter(({ message }) => message.method === 'tools/call')).toEqual([])
    expect(performance.now() - startedAt).toBeGreaterThan(2950)
    // Somebody else begins to wait before, and still waits.
    other.send({ id: 'waits', method: 'tools/list' })
    expect((await client.ask('tools/list'))['_meta']).toEqual({ 'mcpctl/pending': ['hung'] })
    expect(other.heard).toEqual([])
  })
})

describe('the order of lists', () => {
  const rig = useFreshGateway()

  test('is that of the configuration, whichever server is up first', async () => {
    const delays = [0, 150, 50, 300, 100, 0, 200, 20]
    for (let round = 0; round < 2; round++) {
      const servers = Object.fromEntries(delays.map((_, index) => [`n${index}`, small(rig(), `n${index}`, ['--delay', String(delays[(index + round * 3) % delays.length])])]))
      await rig().start(servers, {}, ['--no-wait'])
      const lists = await Promise.all(Array.from({ length: 4 }, async () => {
        const client = await rig().legacy()
        return waitFor(async () => {
          const list = await client.ask('tools/list')
          return list['_meta'] === undefined ? toolNames(list) : null
        }, { timeoutMs: 30_000, what: 'a list that lacks nobody' })
      }))
      for (const list of lists) expect(list).toEqual(delays.flatMap((_, index) => [`n${index}__echo`, `n${index}__slow`, `n${index}__pid`]))
      await rig().closeClients()
      await runOk(['stop'], { home: rig().home })
      rmSync(join(rig().home.paths.state, 'catalogue.json'))
    }
  }, 90_000)
})

describe('a server that begins to read later than a probe may take', () => {
  const rig = useFreshGateway()

  test('is started once, and its calls wait for it, whatever its era', async () => {
    const eras = ['legacy', 'modern'] as const
    await rig().start(Object.fromEntries(eras.map((era) => [era, small(rig(), era, ['--era', era, '--delay', '3000'])])), { gateway: { listWait: '60s' } }, ['--no-wait'])
    await Promise.all(eras.map(async (era) => {
      const client = await rig().legacy({}, { servers: [era] })
      const listening = await rig().socket()
      listening.send({ id: 'l', method: 'subscriptions/listen', params: modern({ notifications: { resourceSubscriptions: [`note://${era}/one`] } }) })
      const [pid, list] = await Promise.all([client.text(`${era}__pid`), client.ask('tools/list'), client.ask('resources/subscribe', { uri: `note://${era}/two` })])
      expect(Number(pid)).toBe(await pidOf(rig().home, era))
      const { params } = await listening.until(({ method }) => method === 'notifications/subscriptions/acknowledged')
      expect(params).toMatchObject({ notifications: { resourceSubscriptions: [`note://${era}/one`] } })
      expect(toolNames(list)).toEqual([`${era}__echo`, `${era}__slow`, `${era}__pid`])
      expect(await serverOf(rig().home, era)).toMatchObject({ era, generation: 1, restarts: 0 })
      expect(rig().record(era).filter(({ message }) => message.method === 'tools/call')).toHaveLength(1)
      expect(new Set(rig().record(era).map(({ pid: writer }) => writer))).toEqual(new Set([Number(pid)]))
    }))
  })
})

describe('a server that is started on demand', () => {
  const rig = useFreshGateway()
  const phase = async (): Promise<string> => (await serverOf(rig().home, 'lazy')).phase
  const logText = (name: string): string => readFileSync(join(rig().home.paths.logs, `${name}.log`), 'utf8')
  const untilIdle = (): Promise<unknown> => untilServer(rig().home, 'lazy', (server) => server.phase === 'idle' && server.pid === null)

  test('rests until it is needed and again when it is not, and is listed all the while', async () => {
    await rig().start({ lazy: small(rig(), 'lazy', [], { start: 'on-demand', idleTimeout: '1s' }), always: small(rig(), 'always') })
    expect(await phase()).toBe('idle')
    const client = await rig().legacy()
    // Nobody has ever seen its list, so it is started for that.
    const wanted = ['lazy__echo', 'lazy__slow', 'lazy__pid', 'always__echo', 'always__slow', 'always__pid']
    await waitFor(async () => JSON.stringify(await client.tools()) === JSON.stringify(wanted))
    const pid = Number(await client.text('lazy__pid'))
    await untilGone(pid)
    await untilIdle()
    await waitFor(() => logText('lazy').includes('stopped: nobody used it'))
    expect(await client.tools()).toEqual(wanted)
    expect((await client.ask('resources/list'))['resources']).toContainEqual({ uri: 'note://lazy/one', name: 'one', 'x-unknown': 1 })
    expect(await phase()).toBe('idle')
    // Several come at once: one start.
    const other = await rig().socket()
    // One of them takes longer than the idle time, which is no idle time then.
    const slow = client.text('lazy__slow', { ms: 1600 })
    const answers = await Promise.all([client.text('lazy__pid'), client.text('lazy__pid'), other.callModern('lazy__pid').then(textOf)])
    expect(new Set(answers).size).toBe(1)
    expect(Number(answers[0])).not.toBe(pid)
    expect((await serverOf(rig().home, 'lazy')).restarts).toBe(0)
    expect(await slow).toBe(`slow ${answers[0]}`)
    await client.ask('resources/read', { uri: 'note://lazy/one' })
    await untilIdle()
    expect(client.heard.filter(({ method }: Message) => method?.endsWith('list_changed') && method !== 'notifications/tools/list_changed')).toEqual([])
  })

  test('stays while somebody watches one of its resources, and is listed by the next daemon without being started', async () => {
    await rig().start({ lazy: small(rig(), 'lazy', [], { start: 'on-demand', idleTimeout: '1s' }) })
    const client: LineClient = await rig().legacy()
    await client.tools()
    const [pid] = await Promise.all([client.text('lazy__pid'), client.ask('resources/subscribe', { uri: 'note://lazy/one' })])
    // Longer than its idle time.
    await delay(1800)
    expect(await serverOf(rig().home, 'lazy')).toMatchObject({ phase: 'ready', pid: Number(pid) })
    await client.ask('resources/unsubscribe', { uri: 'note://lazy/one' })
    await untilIdle()
    await rig().closeClients()
    await runOk(['stop'], { home: rig().home })
    await runOk(['start'], { home: rig().home })
    const next = await rig().legacy()
    expect(await next.tools()).toEqual(['lazy__echo', 'lazy__slow', 'lazy__pid'])
    expect((await look(rig().home))?.servers.map((server) => server.phase)).toEqual(['idle'])
    await next.text('lazy__echo')
    expect(await pidOf(rig().home, 'lazy')).not.toBe(Number(pid))
  })
})
