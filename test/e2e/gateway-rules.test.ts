import { readdirSync, readFileSync, statSync } from 'node:fs'
import http from 'node:http'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runOk } from '../helpers/cli.js'
import { freePort } from '../helpers/port.js'
import { descendants, environmentOf } from '../helpers/proc.js'
import { LEGACY, MODERN, modern, textOf, toolNames, type Json } from './gateway-client.js'
import { exchange, modernHeaders, openModern, postModern } from './gateway-http.js'
import { talkative, useFreshGateway, useGateway } from './gateway-support.js'
import { daemonFacts, fixture } from './support.js'

describe('the two eras of clients and servers', () => {
  const rig = useGateway((gateway) => gateway.start({
    legacy: talkative(gateway, 'legacy'),
    modern: talkative(gateway, 'modern', ['--era', 'modern']),
    dual: talkative(gateway, 'dual', ['--era', 'dual']),
  }))
  const SERVERS = ['legacy', 'modern', 'dual']

  test.each(['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'])('meet: a client of %s lists and calls servers of both', async (version) => {
    const client = await rig().socket()
    expect(await client.initialize({}, version)).toMatchObject({ protocolVersion: version, serverInfo: { name: 'mcpctl' }, instructions: expect.stringMatching(/## legacy\n\nTalk to legacy\.\n\n## modern/) })
    const names = await client.tools()
    for (const server of SERVERS) {
      expect(names).toContain(`${server}__echo`)
      expect(await client.text(`${server}__echo`, { text: version })).toBe(version)
    }
  })

  test('meet: a modern client does so without any greeting, and its envelope reaches modern servers only', async () => {
    const client = await rig().socket()
    const listed = await client.ask('tools/list', modern())
    expect(listed).toMatchObject({ resultType: 'complete', ttlMs: expect.any(Number), cacheScope: expect.stringMatching(/^(private|public)$/) })
    expect(toolNames(listed)).toContain('modern__echo')
    for (const server of SERVERS) {
      const { result } = await client.callModern(`${server}__echo`, { text: 'ü' }, { sampling: {}, 'x-own': {} })
      expect(result).toMatchObject({ resultType: 'complete', content: [{ text: 'ü' }] })
    }
    const meta = (server: string): Json | undefined => rig().record(server).filter(({ message }) => message.method === 'tools/call').at(-1)?.message.params?.['_meta'] as Json | undefined
    expect(JSON.stringify(meta('legacy') ?? {})).not.toContain('io.modelcontextprotocol/')
    for (const server of ['modern', 'dual']) {
      expect(meta(server)).toMatchObject({ 'io.modelcontextprotocol/protocolVersion': MODERN, 'io.modelcontextprotocol/clientCapabilities': { sampling: {}, 'x-own': {} }, 'io.modelcontextprotocol/clientInfo': { name: 'test-client' } })
    }
  })

  test('are both answered on one pipe: a stray notification, a probe, an introduction, a probe again', async () => {
    const proxy = rig().proxy()
    proxy.notify('notifications/roots/list_changed')
    const first = await proxy.ask('server/discover', modern())
    expect(first).toMatchObject({ resultType: 'complete', supportedVersions: [MODERN], capabilities: { tools: {}, prompts: {}, resources: {}, completions: {}, logging: {} }, ttlMs: expect.any(Number), cacheScope: expect.any(String), _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'mcpctl' } } })
    expect(await proxy.initialize()).toMatchObject({ protocolVersion: LEGACY })
    expect(await proxy.ask('server/discover', modern())).toEqual(first)
    expect(await proxy.text('legacy__echo', { text: 'on' })).toBe('on')
    expect((await proxy.request('server/discover')).result).toMatchObject({ supportedVersions: [MODERN] })
    expect(proxy.heard).toEqual([])
  })

  test('have different methods: what only the other has is not found', async () => {
    const client = await rig().legacy()
    for (const method of ['ping', 'initialize', 'logging/setLevel', 'resources/subscribe']) expect((await client.request(method, modern({ uri: 'note://legacy/one', level: 'info' }))).error).toMatchObject({ code: -32601 })
    for (const method of ['tasks/list', 'nothing/such', 'constructor', '__proto__']) {
      expect((await client.request(method)).error).toMatchObject({ code: -32601 })
      expect((await client.request(method, modern())).error).toMatchObject({ code: -32601 })
    }
    const outdated = { ...modern(), _meta: { ...(modern()['_meta'] as Json), 'io.modelcontextprotocol/protocolVersion': '2099-01-01' } }
    expect((await client.request('tools/list', outdated)).error).toMatchObject({ code: -32022, data: { supported: [MODERN], requested: '2099-01-01' } })
    expect((await client.request('tools/list', { _meta: { 'io.modelcontextprotocol/protocolVersion': MODERN } })).error).toMatchObject({ code: -32602 })
    expect((await client.request('tools/list', { cursor: 'x' })).error).toMatchObject({ code: -32602 })
  })

  test('speak HTTP of their own: each header of a modern request has to say what its body says', async () => {
    const { url } = rig()
    const call = (name: string, args: Json = {}): Json => ({ jsonrpc: '2.0', id: 7, method: 'tools/call', params: modern({ name, arguments: args }) })
    const send = (body: Json, headers: Record<string, string | undefined>) => exchange(url, { body, headers: { ...modernHeaders(body), ...headers } })
    const encoded = (text: string): string => `=?base64?${Buffer.from(text).toString('base64')}?=`
    for (const [body, headers] of [
      [call('legacy__echo'), { 'mcp-protocol-version': undefined }],
      [call('legacy__echo'), { 'mcp-method': undefined }],
      [call('legacy__echo'), { 'mcp-method': 'tools/list' }],
      [call('legacy__echo'), { 'mcp-name': undefined }],
      [call('legacy__echo'), { 'mcp-name': 'legacy__pid' }],
      [call('legacy__echo'), { 'mcp-name': encoded('legacy__pid') }],
      [call('legacy__echo'), { 'mcp-name': '=?base64?%%%?=' }],
      [{ ...call('x'), method: 'resources/read', params: modern({ uri: 'note://legacy/one' }) }, { 'mcp-name': 'note://legacy/two' }],
      [{ ...call('x'), method: 'prompts/get', params: modern({ name: 'legacy__greet' }) }, { 'mcp-name': undefined }],
      [call('legacy__region', { region: 'eu' }), {}],
      [call('legacy__region', { region: 'eu' }), { 'mcp-param-region': 'us' }],
      [call('legacy__region', {}), { 'mcp-param-region': 'eu' }],
    ] as [Json, Record<string, string | undefined>][]) {
      const response = await send(body, headers)
      expect([response.status, response.messages()[0]?.error?.code, body['method'], headers]).toEqual([400, -32020, body['method'], headers])
    }
    expect(textOf((await send(call('legacy__echo', { text: 'x' }), { 'mcp-name': encoded('legacy__echo') })).messages()[0] ?? {})).toBe('x')
    expect(textOf((await send(call('legacy__region', { region: 'eü' }), { 'mcp-param-region': encoded('eü') })).messages()[0] ?? {})).toBe('eü')
    const ping = await postModern(url, { id: 1, method: 'ping', params: modern() })
    expect([ping.status, ping.messages()[0]?.error?.code]).toEqual([404, -32601])
    const incomplete = await postModern(url, { id: 1, method: 'tools/list', params: { _meta: { 'io.modelcontextprotocol/protocolVersion': MODERN } } })
    expect([incomplete.status, incomplete.messages()[0]?.error?.code]).toEqual([400, -32602])
    for (const method of ['GET', 'DELETE']) expect((await exchange(url, { method, headers: { 'mcp-protocol-version': MODERN } })).status).toBe(405)
  })

  test('hear of changes over HTTP: a modern client on its own stream, stamped, and only what it asked for', async () => {
    const listening = await openModern(rig().url, { id: 'sub', method: 'subscriptions/listen', params: modern({ notifications: { toolsListChanged: true, resourceSubscriptions: ['note://modern/one', 'nowhere://x'] } }) })
    const acknowledged = await listening.until(({ method }) => method === 'notifications/subscriptions/acknowledged')
    expect(acknowledged.params).toMatchObject({ notifications: { toolsListChanged: true, resourceSubscriptions: ['note://modern/one'] }, _meta: { 'io.modelcontextprotocol/subscriptionId': 'sub' } })
    const client = await rig().legacy()
    await client.text('modern__touch', { uri: 'note://modern/two' })
    await client.text('modern__touch', { uri: 'note://modern/one' })
    await client.text('dual__add-tool', { name: 'fresh' })
    await listening.until(({ method }) => method === 'notifications/tools/list_changed')
    const updated = await listening.until(({ method }) => method === 'notifications/resources/updated')
    expect(updated.params).toMatchObject({ uri: 'note://modern/one', 'x-more': 1, _meta: { 'io.modelcontextprotocol/subscriptionId': 'sub' } })
    expect(listening.messages().filter(({ method }) => method === 'notifications/resources/updated')).toHaveLength(1)
    expect(await client.text('dual__fresh')).toBe('called fresh')
    listening.destroy()
  })

  test('come in only where they may: hosts, origins, places', async () => {
    const { url, port } = rig()
    const body = { jsonrpc: '2.0', id: 1, method: 'server/discover', params: modern() }
    const ask = async (headers: Record<string, string>, at = url): Promise<number> => (await exchange(at, { body, headers: { ...modernHeaders(body), ...headers } })).status
    expect(await ask({ origin: 'http://evil.example' })).toBe(403)
    expect(await ask({ host: 'evil.example' })).toBe(403)
    expect(await ask({ host: `evil.example:${port}`, origin: `http://evil.example:${port}` })).toBe(403)
    expect(await ask({ origin: 'null' })).toBe(403)
    expect(await ask({})).toBe(200)
    expect(await ask({ origin: `http://localhost:${port}`, host: `localhost:${port}` })).toBe(200)
    expect(await ask({ host: `[::1]:${port}`, origin: 'http://[::1]:3000' })).toBe(200)
    expect(await ask({}, `http://127.0.0.1:${port}/mcp/legacy`)).toBe(200)
    expect(await ask({}, `http://127.0.0.1:${port}/mcp/nobody`)).toBe(404)
    expect(await ask({}, `http://127.0.0.1:${port}/`)).toBe(404)
    const only = await postModern(`http://127.0.0.1:${port}/mcp/dual`, { id: 1, method: 'tools/list', params: modern() })
    expect(new Set(toolNames(only.messages()[0]?.result ?? {}).map((name) => name.split('__')[0]))).toEqual(new Set(['dual']))
  })
})

describe('the token of the gateway', () => {
  const rig = useFreshGateway()
  const TOKEN = 'sesame-4711-open'

  test('is needed, and is nowhere to be found: no server, no upstream request, no log gets it', async () => {
    const upstream = await listenUpstream()
    try {
      const port = await freePort()
      await rig().start({
        child: talkative(rig(), 'child'),
        local: { ...fixture('mcp-http.mjs', '--mode', 'legacy', '--port', String(port)), url: `http://127.0.0.1:${port}/mcp` },
        far: { url: upstream.url, era: 'legacy' },
      }, { gateway: { token: TOKEN } })
      const body = { jsonrpc: '2.0', id: 1, method: 'tools/list', params: modern() }
      const refused = await exchange(rig().url, { body, headers: modernHeaders(body) })
      expect(refused.status).toBe(401)
      expect(refused.headers['www-authenticate']).toMatch(/^Bearer/)
      expect((await exchange(rig().url, { body, headers: { ...modernHeaders(body), authorization: `Bearer ${TOKEN}x` } })).status).toBe(401)
      for (const name of ['child__echo', 'local__echo', 'far__echo']) {
        const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: modern({ name, arguments: { text: 'in' } }) }
        const answered = await exchange(rig().url, { body: call, headers: { ...modernHeaders(call), authorization: `Bearer ${TOKEN}`, cookie: 'a=b', 'x-forwarded-for': '1.2.3.4' } })
        expect([name, answered.status, textOf(answered.messages()[0] ?? {})]).toEqual([name, 200, 'in'])
      }
      expect(upstream.seen.length).toBeGreaterThan(2)
      const seen = JSON.stringify(upstream.seen)
      for (const secret of [TOKEN, 'a=b', '1.2.3.4']) expect(seen).not.toContain(secret)
      expect(rig().record('child').map(({ line }) => line).join('\n')).not.toContain(TOKEN)
      const children = descendants(daemonFacts(rig().home).pid)
      expect(children.length).toBeGreaterThanOrEqual(2)
      for (const pid of children) expect(JSON.stringify(environmentOf(pid))).not.toContain(TOKEN)
      expect((await runOk(['status', '--json'], { home: rig().home })).stdout).not.toContain(TOKEN)
      for (const file of filesBelow(rig().home.home)) expect([file, readFileSync(file, 'utf8').includes(TOKEN)]).toEqual([file, false])
    } finally {
      await upstream.close()
    }
  })
})

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)).filter((path) => statSync(path).isFile())
}

/** A remote legacy server that keeps what it is sent. */
async function listenUpstream(): Promise<{ url: string; seen: unknown[]; close: () => Promise<void> }> {
  const seen: unknown[] = []
  const server = http.createServer((request, response) => {
    let text = ''
    request.on('data', (chunk: Buffer) => (text += chunk.toString()))
    request.on('end', () => {
      seen.push([request.url, request.headers, text])
      const { id, method, params } = JSON.parse(text === '' ? '{}' : text) as { id?: number; method?: string; params?: Json }
      if (id === undefined) return void response.writeHead(request.method === 'POST' ? 202 : 405).end()
      const result = method === 'initialize' ? { protocolVersion: LEGACY, capabilities: { tools: {} }, serverInfo: { name: 'far', version: '1' } }
        : method === 'tools/list' ? { tools: [{ name: 'echo', inputSchema: { type: 'object' } }] }
          : method === 'tools/call' ? { content: [{ type: 'text', text: (params?.['arguments'] as Json)['text'] }] } : undefined
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify(result === undefined ? { jsonrpc: '2.0', id, error: { code: -32601, message: 'no' } } : { jsonrpc: '2.0', id, result }))
    })
  })
  const port = await new Promise<number>((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)))
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    seen,
    close: () => new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    }),
  }
}
