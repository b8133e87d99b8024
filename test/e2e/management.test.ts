import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { runtimeChangesFile } from '../../src/lib/control/index.js'
import { runOk } from '../helpers/cli.js'
import { freePort } from '../helpers/port.js'
import { waitFor } from '../helpers/wait.js'
import { endProxies, startProxy, toolNames } from './proxy-support.js'
import { fixture, look, useHome } from './support.js'

const home = useHome()

interface Reply {
  readonly status: number
  readonly headers: Headers
  readonly body: Record<string, unknown>
}

async function ask(url: string, key: string | null, body?: unknown, headers: Record<string, string> = {}): Promise<Reply> {
  const response = await fetch(url, {
    ...(body === undefined ? {} : { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) }),
    headers: { 'content-type': 'application/json', ...(key === null ? {} : { authorization: `Bearer ${key}` }), ...headers },
  })
  return { status: response.status, headers: response.headers, body: (await response.json()) as Record<string, unknown> }
}

const namesIn = ({ body }: Reply): string[] => (body['tools'] as { name: string }[]).map(({ name }) => name)

test('tools and servers are there as plain HTTP and JSON, under the same grants; who may manage does so from inside', async () => {
  const port = await freePort()
  const [boss, reader, half] = ['boss-key-0123456789abcdef', 'reader-key-0123456789abcdef', 'half-key-0123456789abcdef']
  home().config({ main: fixture('mcp-dual.mjs'), other: fixture('mcp-dual.mjs') }, {
    gateway: { port, management: { allowCommands: true }, auth: { keys: { boss: { key: boss, manage: true }, reader: { key: reader, servers: ['main'] }, half: { key: half, servers: ['main'], manage: true } } } },
  })
  await runOk(['start'], { home: home() })
  const at = (path: string): string => `http://127.0.0.1:${port}${path}`

  // GET /tools, POST /tools/NAME with JSON arguments.
  const listed = await ask(at('/tools'), reader)
  expect(listed.status).toBe(200)
  expect(listed.body).toMatchObject({ success: true, total_count: namesIn(listed).length })
  expect(namesIn(listed)).toContain('main__echo')
  expect(namesIn(listed).filter((name) => !name.startsWith('main__'))).toEqual([])
  expect(await ask(at('/tools/main__echo'), reader, { text: 'hello' })).toMatchObject({ status: 200, body: { success: true, isError: false, result: { content: [{ type: 'text', text: 'hello' }] } } })
  expect(namesIn(await ask(at('/tools?server=other'), boss)).every((name) => name.startsWith('other__'))).toBe(true)
  expect(await ask(at('/servers'), boss)).toMatchObject({ status: 200, body: { success: true, connected_servers: 2, total_servers: 2, servers: { main: { connected: true, status: 'up' } } } })

  // What goes wrong has its status.
  expect(await ask(at('/tools/main__ecko'), reader, {})).toMatchObject({ status: 404, body: { success: false, error: { message: expect.stringContaining('Did you mean main__echo') } } })
  expect((await ask(at('/tools/other__echo'), reader, { text: 'x' })).status).toBe(404)
  expect((await ask(at('/tools/main__echo'), reader, '[1')).status).toBe(400)
  expect((await ask(at('/tools?server=other'), reader)).status).toBe(404)
  expect((await ask(at('/tools'), null)).status).toBe(401)
  expect((await ask(at('/tools'), boss, {})).status).toBe(405)
  expect((await ask(at('/tools'), boss, undefined, { origin: 'https://evil.example' })).status).toBe(403)

  const api = (await ask(at('/openapi.json'), reader)).body as { openapi: string; paths: Record<string, Record<string, { operationId: string; responses: Record<string, unknown> }>> }
  expect(api.openapi).toBe('3.1.0')
  expect(Object.keys(api.paths)).toEqual(expect.arrayContaining(['/tools', '/servers', '/tools/main__echo']))
  const operations = Object.values(api.paths).flatMap((path) => Object.values(path))
  expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length)
  expect(operations.every(({ responses }) => '200' in responses)).toBe(true)

  // Only who may manage sees the tools for it, and only it can call them, by whatever way.
  expect(namesIn(await ask(at('/tools'), boss))).toEqual(expect.arrayContaining(['manage', 'proxy_status', 'proxy_health']))
  expect((await ask(at('/tools/manage'), reader, { operation: 'list' })).status).toBe(404)
  const manage = async (args: Record<string, unknown>): Promise<Record<string, unknown>> => {
    const { body } = await ask(at('/tools/manage'), boss, args)
    return (body['result'] as { structuredContent: Record<string, unknown> }).structuredContent
  }
  expect(await manage({ operation: 'list' })).toMatchObject({ success: true, total_count: 2, enabled_count: 2, healthy_count: 2 })
  expect(await manage({ operation: 'add', name: 'near', url: at('/mcp') })).toMatchObject({ success: false, error: expect.stringContaining('own networks') })
  expect(await manage({ operation: 'remove', name: 'main' })).toMatchObject({ success: false, hint: expect.stringContaining('disabled') })
  // What they say of servers is what GET /health/NAME says, of those their caller sees.
  const inside = async (tool: string, key: string, args: Record<string, unknown> = {}): Promise<Record<string, unknown>> => ((await ask(at(`/tools/${tool}`), key, args)).body['result'] as { structuredContent: Record<string, unknown> }).structuredContent
  const { timestamp: _then, uptime_seconds: _uptime, metrics: _metrics, ...shown } = (await ask(at('/health/main'), boss)).body
  expect(await inside('health_check', half)).toMatchObject({ success: true, status: 'healthy', total_count: 1, servers: [{ ...shown, metrics: { request_count: expect.any(Number) } }] })
  expect(await inside('health_check', half, { server: 'other' })).toMatchObject({ success: false, available_servers: ['main'] })
  expect(await inside('get_server_metrics', boss, { pattern: '*' })).toMatchObject({ success: true, total_count: 2, servers: [{ server_name: 'main', metrics: { request_count: 1, error_count: 0, circuit_breaker_state: 'closed' } }, { server_name: 'other', metrics: { request_count: 0 } }] })
  const found = await inside('get_available_tools', half, { pattern: '*echo*' })
  expect(found).toMatchObject({ success: true, total_count: 1, tools: [{ name: 'main__echo', server: 'main' }] })
  expect((await inside('get_available_tools', boss, { server: 'other' }))['total_count']).toBe(namesIn(await ask(at('/tools?server=other'), boss)).length)
  const { command, args } = fixture('mcp-dual.mjs')
  expect(await manage({ operation: 'add', name: 'third', command, args })).toMatchObject({ success: true, server: { name: 'third', health_status: 'healthy' }, total_count: 3 })
  expect(await ask(at('/tools/third__echo'), boss, { text: 'new' })).toMatchObject({ body: { result: { content: [{ text: 'new' }] } } })
  expect(await manage({ operation: 'disable', name: 'other' })).toMatchObject({ success: true, enabled_count: 2 })
  expect(JSON.parse(readFileSync(runtimeChangesFile(home().paths), 'utf8'))).toMatchObject({ servers: { third: { command } }, enabled: { other: false } })

  // On this machine clients ask for them.
  const plain = startProxy(home(), [])
  const asking = startProxy(home(), ['--manage'])
  try {
    await Promise.all([plain.initialize(), asking.initialize()])
    expect(toolNames(await plain.ask('tools/list'))).not.toContain('manage')
    expect(JSON.parse(await asking.call('manage', { operation: 'remove', name: 'third' }))).toMatchObject({ success: true, total_count: 2 })
    await waitFor(async () => (await look(home()))?.servers.every(({ name }) => name !== 'third') === true)
  } finally {
    await endProxies()
  }
})
