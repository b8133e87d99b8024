import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runOk } from '../helpers/cli.js'
import { waitFor } from '../helpers/wait.js'
import { modern, textOf, toolNames, type Json, type LineClient, type Message } from './gateway-client.js'
import { postModern } from './gateway-http.js'
import { talkative, useFreshGateway, useGateway, type GatewayRig } from './gateway-support.js'
import { logOf, look, pidOf, serverOf, untilGone, untilServer } from './support.js'

const NINE = ['s1', 's2', 's3', 's4', 's5', 's6', 's7', 's8', 's9']
const small = (gateway: GatewayRig, name: string, args: readonly string[] = [], more: Json = {}): Json => talkative(gateway, name, ['--tools', 'echo,pid,slow', ...args], more)

async function timed<T>(work: Promise<T>): Promise<{ value: T; elapsedMs: number }> {
  const startedAt = performance.now()
  return { value: await work, elapsedMs: performance.now() - startedAt }
}

describe('one server among ten that never answers', () => {
  const rig = useGateway(async (gateway) => {
    const servers = { hung: small(gateway, 'hung', ['--hang']), ...Object.fromEntries(NINE.map((name) => [name, small(gateway, name)])) }
    await gateway.start(servers, { gateway: { startWait: '700ms' } }, ['--no-wait'])
    for (const name of NINE) await untilServer(gateway.home, name, ({ phase }) => phase === 'ready')
  })

  test('holds no list up: the others are listed within a second, and the list says who is missing', async () => {
    const client = await rig().legacy()
    for (const [kind, method] of [['tools', 'tools/list'], ['prompts', 'prompts/list'], ['resources', 'resources/list'], ['resourceTemplates', 'resources/templates/list']] as const) {
      const { value, elapsedMs } = await timed(client.ask(method))
      expect(elapsedMs).toBeLessThan(1000)
      expect(value['_meta']).toEqual({ 'mcpctl/pending': ['hung'] })
      if (kind === 'tools') expect(toolNames(value)).toEqual(NINE.flatMap((name) => [`${name}__echo`, `${name}__slow`, `${name}__pid`]))
      else expect((value[kind] as unknown[]).length).toBeGreaterThanOrEqual(9)
    }
    const { value: again, elapsedMs: secondMs } = await timed(client.ask('tools/list'))
    expect(again['_meta']).toEqual({ 'mcpctl/pending': ['hung'] })
    expect(secondMs).toBeLessThan(250)
    const over = await timed(postModern(rig().url, { id: 1, method: 'tools/list', params: modern() }))
    expect(over.elapsedMs).toBeLessThan(1000)
    expect(over.value.messages()[0]?.result).toMatchObject({ resultType: 'complete', ttlMs: 0, cacheScope: 'private', _meta: { 'mcpctl/pending': ['hung'] } })
  })

  test('disturbs no call to the others; one to itself waits for as long as it may and says so', async () => {
    const client = await rig().legacy()
    const vain = timed(client.call('hung__echo', { text: 'x' }))
    const { elapsedMs } = await timed(Promise.all(NINE.flatMap((name) => Array.from({ length: 20 }, (_, index) => client.text(`${name}__echo`, { text: `${name} ${index}` })))))
    expect(elapsedMs).toBeLessThan(700)
    const { value, elapsedMs: waitedMs } = await vain
    expect(value.error).toMatchObject({ code: -32603, data: { reason: 'starting', server: 'hung', outcome: 'not-delivered', retryAfterMs: expect.any(Number) } })
    expect(waitedMs).toBeGreaterThan(600)
    expect(waitedMs).toBeLessThan(3000)
    expect(rig().record('hung').filter(({ message }) => message.method === 'tools/call')).toEqual([])
  })

  test('makes nobody wait who calls an unknown tool of another server', async () => {
    const client = await rig().legacy()
    const { value, elapsedMs } = await timed(client.call('s1__ehco'))
    expect(value.error).toMatchObject({ code: -32602, message: expect.stringContaining('Unknown tool: s1__ehco. Did you mean s1__echo') })
    expect(elapsedMs).toBeLessThan(500)
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
        })
      }))
      for (const list of lists) expect(list).toEqual(delays.flatMap((_, index) => [`n${index}__echo`, `n${index}__slow`, `n${index}__pid`]))
      await rig().closeClients()
      await runOk(['stop'], { home: rig().home })
      rmSync(join(rig().home.paths.state, 'catalogue.json'))
    }
  })
})

describe('a server that begins to read later than a probe may take', () => {
  const rig = useFreshGateway()

  test.each(['legacy', 'modern'])('is started once, and its calls wait for it: %s', async (era) => {
    await rig().start({ late: small(rig(), 'late', ['--era', era, '--delay', '3000']) }, {}, ['--no-wait'])
    const client = await rig().legacy()
    const listening = await rig().socket()
    listening.send({ id: 'l', method: 'subscriptions/listen', params: modern({ notifications: { resourceSubscriptions: ['note://late/one'] } }) })
    const [pid, list] = await Promise.all([client.text('late__pid'), client.ask('tools/list'), client.ask('resources/subscribe', { uri: 'note://late/two' })])
    expect(Number(pid)).toBe(await pidOf(rig().home, 'late'))
    const { params } = await listening.until(({ method }) => method === 'notifications/subscriptions/acknowledged')
    expect(params).toMatchObject({ notifications: { resourceSubscriptions: ['note://late/one'] } })
    expect(toolNames(list)).toEqual(['late__echo', 'late__slow', 'late__pid'])
    expect((await logOf(rig().home, 'late')).filter(({ text }) => text.startsWith('started, pid'))).toHaveLength(1)
    expect(await serverOf(rig().home, 'late')).toMatchObject({ era, generation: 1, restarts: 0 })
    const methods = rig().record('late').map(({ message }) => message.method)
    expect(methods.filter((method) => method === 'tools/call')).toHaveLength(1)
  })
})

describe('a server that is started on demand', () => {
  const rig = useFreshGateway()
  const phase = async (): Promise<string> => (await serverOf(rig().home, 'lazy')).phase
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
    expect((await logOf(rig().home, 'lazy')).map(({ text }) => text)).toContain('stopped: nobody used it')
    expect(await client.tools()).toEqual(wanted)
    expect((await client.ask('resources/list'))['resources']).toContainEqual({ uri: 'note://lazy/one', name: 'one', 'x-unknown': 1 })
    expect(await phase()).toBe('idle')
    // Several come at once: one start.
    const other = await rig().socket()
    const answers = await Promise.all([client.text('lazy__pid'), client.text('lazy__pid'), other.callModern('lazy__pid').then(textOf)])
    expect(new Set(answers).size).toBe(1)
    expect(Number(answers[0])).not.toBe(pid)
    expect((await serverOf(rig().home, 'lazy')).restarts).toBe(0)
    // Longer than its idle time, but used.
    expect(await client.text('lazy__slow', { ms: 1600 })).toBe(`slow ${answers[0]}`)
    await client.ask('resources/read', { uri: 'note://lazy/one' })
    expect(await client.text('lazy__pid')).toBe(answers[0])
    await untilIdle()
    expect(client.heard.filter(({ method }: Message) => method?.endsWith('list_changed') && method !== 'notifications/tools/list_changed')).toEqual([])
  })

  test('stays while somebody watches one of its resources, and is listed by the next daemon without being started', async () => {
    await rig().start({ lazy: small(rig(), 'lazy', [], { start: 'on-demand', idleTimeout: '1s' }) })
    const client: LineClient = await rig().legacy()
    await client.tools()
    const pid = await client.text('lazy__pid')
    await client.ask('resources/subscribe', { uri: 'note://lazy/one' })
    await client.text('lazy__slow', { ms: 1500 })
    expect(await client.text('lazy__pid')).toBe(pid)
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
