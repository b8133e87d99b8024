import { afterEach, describe, expect, it } from 'vitest'
import { run } from '../helpers/cli.js'
import { freePort } from '../helpers/port.js'
import { waitFor } from '../helpers/wait.js'
import { endProxies, startProxy, type JsonObject, type Proxy } from './proxy-support.js'
import { fixture, useHome } from './support.js'

const home = useHome()
afterEach(endProxies)

const ACCEPT = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }

async function urlOf(proxy: Proxy): Promise<string> {
  await waitFor(() => proxy.stdout().endsWith('\n'), { what: 'the URL on stdout' })
  return proxy.stdout().trim()
}

async function post(url: string, message: JsonObject, headers: Record<string, string> = {}): Promise<{ status: number; session: string | null; body: JsonObject }> {
  const response = await fetch(url, { method: 'POST', headers: { ...ACCEPT, ...headers }, body: JSON.stringify({ jsonrpc: '2.0', ...message }) })
  const text = await response.text()
  return { status: response.status, session: response.headers.get('mcp-session-id'), body: (text === '' ? {} : JSON.parse(text)) as JsonObject }
}

describe('mcpctl proxy --http', () => {
  it('starts the daemon, prints where it listens, and serves MCP there', async () => {
    home().config({ one: fixture('mcp-dual.mjs'), two: fixture('mcp-dual.mjs') })
    const port = await freePort()
    // The line on stdout is no JSON: whoever reads it as protocol would notice.
    const proxy = startHttp(['--http', '--port', String(port), '--servers', 'two'])
    const url = await urlOf(proxy)
    expect(url).toBe(`http://127.0.0.1:${port}/mcp`)
    const opened = await post(url, { id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } } })
    expect(opened).toMatchObject({ status: 200, body: { result: { serverInfo: { name: 'mcpctl' } } } })
    const headers = { 'mcp-session-id': opened.session ?? '' }
    expect((await post(url, { method: 'notifications/initialized' }, headers)).status).toBe(202)
    expect((await post(url, { id: 2, method: 'tools/call', params: { name: 'two__echo', arguments: { text: 'hi' } } }, headers)).body).toMatchObject({ result: { content: [{ text: 'hi' }] } })
    expect((await post(url, { id: 3, method: 'tools/call', params: { name: 'one__echo', arguments: { text: 'hi' } } }, headers)).body).toHaveProperty('error')
  })

  it('takes a free port when none is named, and says it as JSON when asked', async () => {
    home().config({ one: fixture('mcp-dual.mjs') })
    const proxy = startHttp(['--http', '--json'])
    const document = JSON.parse(await urlOf(proxy)) as JsonObject
    expect(document).toMatchObject({ schemaVersion: 1, host: '127.0.0.1', url: `http://127.0.0.1:${String(document['port'])}/mcp` })
    expect((await post(document['url'] as string, { id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } } })).status).toBe(200)
  })

  it('fails when the port is taken', async () => {
    home().config({ one: fixture('mcp-dual.mjs') })
    const proxy = startHttp(['--http'])
    const { port } = new URL(await urlOf(proxy))
    const second = await run(['proxy', '--http', '--port', port], { home: home() })
    expect(second).toMatchObject({ exitCode: 2, stdout: '' })
    expect(second.stderr).toContain(`cannot listen on 127.0.0.1 port ${port}: another program listens there`)
  })

  it('refuses pages of other origins and names that only pretend to be this machine', async () => {
    home().config({ one: fixture('mcp-dual.mjs') })
    const url = await urlOf(startHttp(['--http']))
    expect((await post(url, { id: 1, method: 'ping' }, { origin: 'http://evil.example' })).status).toBe(403)
  })

  it('ends on Ctrl-C', async () => {
    home().config({ one: fixture('mcp-dual.mjs') })
    const proxy = startHttp(['--http'])
    await urlOf(proxy)
    proxy.process.kill('SIGINT')
    expect(await proxy.ended).toBe(130)
  })
})

/** Its stdout is an address, not protocol. */
function startHttp(args: readonly string[]): Proxy {
  return startProxy(home(), args, { isProtocol: false })
}
