import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { freePort } from '../helpers/port.js'
import { waitFor } from '../helpers/wait.js'
import { endProxies, startProxy, toolNames } from './proxy-support.js'
import { fixture, useHome } from './support.js'

const home = useHome()
const servers: ChildProcess[] = []
afterEach(async () => {
  await endProxies()
  for (const server of servers.splice(0)) {
    server.kill('SIGKILL')
    if (server.exitCode === null && server.signalCode === null) await once(server, 'exit')
  }
})

async function startServer(mode: string, port?: number): Promise<string> {
  const file = fileURLToPath(new URL('../fixtures/servers/mcp-http.mjs', import.meta.url))
  const server = spawn(process.execPath, [file, '--mode', mode, ...(port === undefined ? [] : ['--port', String(port)])], { stdio: ['ignore', 'ignore', 'pipe'] })
  servers.push(server)
  const [line] = (await once(server.stderr, 'data')) as [Buffer]
  return `http://127.0.0.1:${/listening (\d+)/.exec(line.toString())?.[1] ?? ''}/mcp`
}

describe('mcpctl proxy --servers NAME=URL', () => {
  it('needs neither configuration nor daemon', async () => {
    const [main, backup] = [await startServer('legacy'), await startServer('modern')]
    const proxy = startProxy(home(), ['--servers', `main=${main},backup=${backup}`])
    await proxy.initialize()
    await waitFor(async () => {
      const seen = toolNames(await proxy.ask('tools/list'))
      return ['main__echo', 'backup__echo', 'manage', 'proxy_status', 'proxy_health'].every((name) => seen.includes(name))
    })
    expect(await proxy.call('main__echo', { text: 'a' })).toBe('a')
    expect(await proxy.call('backup__echo', { text: 'b' })).toBe('b')
    expect(existsSync(home().paths.socket)).toBe(false)
    proxy.process.stdin.end()
    expect(await proxy.ended).toBe(0)
  })

  it('mixes URLs with configured servers', async () => {
    home().config({ files: fixture('mcp-dual.mjs'), other: fixture('mcp-dual.mjs') })
    const proxy = startProxy(home(), ['--no-manage', '--servers', `files,main=${await startServer('legacy')}`])
    await proxy.initialize()
    await waitFor(async () => toolNames(await proxy.ask('tools/list')).length >= 8)
    expect(new Set(toolNames(await proxy.ask('tools/list')).map((name) => name.split('__')[0]))).toEqual(new Set(['files', 'main']))
    expect(await proxy.call('files__echo', { text: 'f' })).toBe('f')
    expect(await proxy.call('main__echo', { text: 'm' })).toBe('m')
  })

  it('lets its client add, look at and remove servers', async () => {
    const proxy = startProxy(home(), ['--stdio', '--debug', '--servers', `main=${await startServer('legacy')}`])
    await proxy.initialize()
    const manage = async (args: Record<string, unknown>): Promise<Record<string, unknown>> => JSON.parse(await proxy.call('manage', args)) as Record<string, unknown>
    expect(await manage({ operation: 'add', name: 'late', url: await startServer('modern') })).toMatchObject({ success: true, server: { name: 'late', health_status: 'healthy', tool_count: 5 }, total_count: 2 })
    expect(await proxy.call('late__echo', { text: 'l' })).toBe('l')
    expect(await manage({ operation: 'disable', name: 'main' })).toMatchObject({ success: true, enabled_count: 1 })
    await waitFor(async () => !toolNames(await proxy.ask('tools/list')).includes('main__echo'))
    expect(await manage({ operation: 'enable', name: 'main' })).toMatchObject({ success: true, healthy_count: 2 })
    expect(await manage({ operation: 'remove', name: 'late' })).toMatchObject({ success: true, total_count: 1 })
    expect(await manage({ operation: 'health', name: 'late' })).toMatchObject({ success: false, available_servers: ['main'] })
    expect(JSON.parse(await proxy.call('health_check', {}))).toMatchObject({ success: true, status: 'healthy', servers: [{ server_name: 'main', status: 'healthy', metrics: { memory_usage_mb: null, circuit_breaker_state: 'closed' } }], total_count: 1 })
    expect(JSON.parse(await proxy.call('proxy_status', {}))).toMatchObject({ success: true, servers: [{ name: 'main', health_status: 'healthy' }], total_count: 1, enabled_count: 1, healthy_count: 1 })
    expect(toolNames(await proxy.ask('tools/list'))).not.toContain('late__echo')
  })

  it('fails for a configured server that does not exist, before anything else', async () => {
    home().config({ files: fixture('mcp-dual.mjs') })
    const proxy = startProxy(home(), ['--servers', `fils,main=${await startServer('legacy')}`])
    expect(await proxy.ended).toBe(4)
    expect(proxy.stderr()).toContain('Did you mean files?')
    expect(proxy.stdout()).toBe('')
  })

  it('says on stderr that a URL cannot be reached, serves the others, and finds it when it comes', async () => {
    const port = await freePort()
    const proxy = startProxy(home(), ['--servers', `late=http://127.0.0.1:${port}/mcp,main=${await startServer('legacy')}`])
    await proxy.initialize()
    expect(await proxy.call('main__echo', { text: 'm' })).toBe('m')
    await waitFor(() => proxy.stderr().includes('mcpctl proxy: late: '))
    await startServer('legacy', port)
    await waitFor(async () => toolNames(await proxy.ask('tools/list')).includes('late__echo'), { pollMs: 100 })
    expect(await proxy.call('late__echo', { text: 'l' })).toBe('l')
  })

  it('answers what was asked before its input ended', async () => {
    const proxy = startProxy(home(), ['--servers', `main=${await startServer('legacy')}`])
    proxy.send({ id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } } })
    proxy.send({ method: 'notifications/initialized' })
    proxy.send({ id: 2, method: 'tools/call', params: { name: 'main__echo', arguments: { text: 'last' } } })
    proxy.process.stdin.end()
    expect(await proxy.ended).toBe(0)
    expect(proxy.messages.map((message) => message['id'])).toEqual([1, 2])
  })

  it('serves HTTP as well', async () => {
    const proxy = startProxy(home(), ['--http', '--servers', `main=${await startServer('legacy')}`], { isProtocol: false })
    await waitFor(() => proxy.stdout().endsWith('\n'))
    const url = proxy.stdout().trim()
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
      body: '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}',
    })
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({ id: 1, result: { serverInfo: { name: 'mcpctl' } } })
    proxy.process.kill('SIGINT')
    expect(await proxy.ended).toBe(130)
  })
})
