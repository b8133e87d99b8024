import { afterEach, describe, expect, it } from 'vitest'
import { runOk } from '../helpers/cli.js'
import { waitFor } from '../helpers/wait.js'
import { endProxies, startProxy, toolNames } from './proxy-support.js'
import { daemonFacts, fixture, kill, look, pidOf, untilGone, untilServer, useHome } from './support.js'

const home = useHome()
afterEach(endProxies)

describe('mcpctl proxy survives', () => {
  it('the death of the daemon: one answer for each request, then everything goes on', async () => {
    home().config({ one: fixture('mcp-dual.mjs') })
    const proxy = startProxy(home())
    await proxy.initialize()
    await waitFor(async () => toolNames(await proxy.ask('tools/list')).length === 4)
    const [daemon, server] = [daemonFacts(home()), await pidOf(home(), 'one')]
    proxy.send({ id: 'lost', method: 'tools/call', params: { name: 'one__wait', arguments: {} } })
    await proxy.ask('ping')
    kill(daemon.pid)
    expect(await proxy.next((message) => message['id'] === 'lost')).toMatchObject({ error: { code: -32603, data: { reason: 'daemon-lost', outcome: 'unknown' } } })
    expect(await proxy.call('one__echo', { text: 'back' })).toBe('back')
    await untilGone(server)
    expect(daemonFacts(home()).pid).not.toBe(daemon.pid)
    expect(proxy.messages.filter((message) => 'id' in message)).toEqual([])
    expect(proxy.process.exitCode).toBeNull()
  })

  it('the death of the daemon again and again, with calls all the time, each answered once', async () => {
    home().config({ one: fixture('mcp-dual.mjs') })
    const proxies = Array.from({ length: 3 }, () => startProxy(home()))
    await Promise.all(proxies.map((proxy) => proxy.initialize()))
    await untilServer(home(), 'one', (server) => server.ready)
    const answers = new Map<string, number>()
    let sent = 0
    for (let round = 0; round < 3; round++) {
      const { pid } = daemonFacts(home())
      for (let count = 0; count < 100; count++, sent++) for (const proxy of proxies) proxy.send({ id: `r${sent}`, method: 'tools/call', params: { name: 'one__echo', arguments: { text: `t${sent}` } } })
      kill(pid)
      await waitFor(() => proxies.every((proxy) => proxy.messages.filter((message) => 'id' in message).length === sent), { timeoutMs: 50_000, what: 'every request to be answered' })
      await waitFor(() => daemonFacts(home()).pid !== pid)
    }
    for (const [index, proxy] of proxies.entries()) {
      for (const message of proxy.messages.filter((candidate) => 'id' in candidate)) {
        const id = String(message['id'])
        answers.set(`${index} ${id}`, (answers.get(`${index} ${id}`) ?? 0) + 1)
        if ('error' in message) expect(message['error']).toMatchObject({ code: -32603, data: { reason: expect.any(String) as string } })
        else expect(message['result']).toMatchObject({ content: [{ text: `t${id.slice(1)}` }] })
      }
    }
    expect(answers.size).toBe(3 * sent)
    expect([...answers.values()].every((count) => count === 1)).toBe(true)
  }, 180_000)

  it('a stop on purpose: starts nothing, says so, and goes on after the next start', async () => {
    home().config({ one: fixture('mcp-dual.mjs') })
    const proxy = startProxy(home())
    await proxy.initialize()
    await untilServer(home(), 'one', (server) => server.ready)
    await runOk(['stop'], { home: home() })
    expect(await proxy.ask('tools/call', { name: 'one__echo', arguments: { text: 'x' } })).toMatchObject({ error: { code: -32603, message: 'mcpctl was stopped; run mcpctl start', data: { reason: 'stopped', outcome: 'not-sent' } } })
    expect(await look(home())).toBeNull()
    await runOk(['start'], { home: home() })
    await waitFor(async () => 'result' in (await proxy.ask('ping')), { pollMs: 100 })
    expect(await proxy.call('one__echo', { text: 'on' })).toBe('on')
  })

  it('a restart of the daemon between two requests, without its client noticing anything', async () => {
    home().config({ one: fixture('mcp-dual.mjs') })
    const proxy = startProxy(home())
    await proxy.initialize()
    await untilServer(home(), 'one', (server) => server.ready)
    await runOk(['stop'], { home: home() })
    await runOk(['start'], { home: home() })
    expect(await proxy.call('one__echo', { text: 'on' })).toBe('on')
  })
})
