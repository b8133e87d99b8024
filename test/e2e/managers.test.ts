import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { run, runOk } from '../helpers/cli.js'
import { freePort } from '../helpers/port.js'
import { waitFor } from '../helpers/wait.js'
import { endProxies, startProxy } from './proxy-support.js'
import { errorOf, fixture, useHome } from './support.js'

/* What users of other managers of MCP servers bring along works here as it stands. */

const home = useHome()
const servers: ChildProcess[] = []
afterEach(async () => {
  await endProxies()
  for (const server of servers.splice(0)) await end(server)
})

async function end(server: ChildProcess): Promise<void> {
  server.kill('SIGKILL')
  if (server.exitCode === null && server.signalCode === null) await once(server, 'exit')
}

async function serve(): Promise<{ readonly url: string; readonly process: ChildProcess }> {
  const file = fileURLToPath(new URL('../fixtures/servers/mcp-http.mjs', import.meta.url))
  const server = spawn(process.execPath, [file, '--mode', 'legacy'], { stdio: ['ignore', 'ignore', 'pipe'] })
  servers.push(server)
  const [line] = (await once(server.stderr, 'data')) as [Buffer]
  return { url: `http://localhost:${/listening (\d+)/.exec(line.toString())?.[1] ?? ''}/mcp`, process: server }
}

describe('the YAML of a manager of remote servers', () => {
  it('is started as it stands: equal namespaces stand in for each other, the lower priority number first', async () => {
    const [main, backup] = [await serve(), await serve()]
    home().write('mcp.yaml', `
servers:
  - name: main
    url: ${main.url}
    transport: http
    priority: 1
    namespace: search
    enabled: true
    health_check_interval: 30
    max_retries: 3
    timeout: 20
    auth:
      type: bearer
      token: "\${SEARCH_TOKEN}"
  - name: backup
    url: ${backup.url}
    transport: http
    priority: 2
    namespace: search
    enabled: true
global_settings:
  default_timeout: 30
  max_concurrent_connections: 100
  health_check_enabled: true
  reconnect_delay: 1
  circuit_breaker:
    failure_threshold: 5
    recovery_timeout: 30
    half_open_max_calls: 3
`)
    const env = { SEARCH_TOKEN: 'letmein' }
    expect((await runOk(['start', '--config', 'mcp.yaml'], { home: home(), env })).stderr).toMatch(/2 ready/)
    expect((await runOk(['tools', 'search', '--json'], { home: home() })).json()).toMatchObject({ servers: [{ name: 'search' }] })
    expect((await runOk(['call', 'search', 'echo', 'text=one'], { home: home() })).stdout).toContain('one')
    const listening = startProxy(home(), ['--http', '--servers', 'search'], { isProtocol: false })
    await waitFor(() => listening.stdout().endsWith('\n'), { what: 'the URL on stdout' })
    expect(await (await fetch(listening.stdout().trim().replace(/\/mcp$/, '/servers'))).json()).toMatchObject({ success: true, connected_servers: 1, total_servers: 1, servers: { search: { connected: true, status: 'up', tool_count: 4 } } })
    await end(main.process)
    // Nobody noticed yet that it is gone: the call itself finds out, and was certainly not delivered.
    expect((await runOk(['call', 'search', 'echo', 'text=two'], { home: home() })).stdout).toContain('two')
  })
})

describe('a proxy of several servers', () => {
  it('mcpctl proxy --servers main=...,backup=... --http --port N --debug', async () => {
    const [main, backup, port] = [await serve(), await serve(), await freePort()]
    const proxy = startProxy(home(), ['--servers', `main=${main.url},backup=${backup.url}`, '--http', '--port', String(port), '--debug'], { isProtocol: false })
    await waitFor(() => proxy.stdout().endsWith('\n'), { what: 'the URL on stdout' })
    expect(proxy.stdout().trim()).toBe(`http://127.0.0.1:${port}/mcp`)
    const call = async (name: string): Promise<unknown> => {
      const response = await fetch(proxy.stdout().trim(), {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': name },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: { text: name }, _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientInfo': { name: 't', version: '1' }, 'io.modelcontextprotocol/clientCapabilities': {} } } }),
      })
      return response.json()
    }
    for (const name of ['main__echo', 'backup__echo']) expect(await call(name)).toMatchObject({ result: { content: [{ text: name }] } })
  })
})

describe('one set of servers for each agent', () => {
  it('status --profile shows those of one agent and how many are connected; reconnect tells the same of all', async () => {
    home().config({ files: fixture('mcp-dual.mjs'), db: { ...fixture('mcp-dual.mjs'), tags: ['data'] }, other: fixture('mcp-dual.mjs') }, {
      profiles: { kairos: { servers: ['files'], tags: ['data'], env: { AGENT: 'kairos' } } },
    })
    await runOk(['start'], { home: home() })
    const { servers: shown, ...document } = (await runOk(['status', '--profile', 'kairos', '--json'], { home: home() })).json() as { servers: { name: string }[] }
    expect(document).toMatchObject({ schemaVersion: 1, profile: 'kairos', connected_servers: 2, total_servers: 2 })
    expect(shown.map(({ name }) => name).sort()).toEqual(['db@kairos', 'files@kairos'])
    expect((await runOk(['status', '--profile', 'kairos'], { home: home() })).stdout).not.toContain('other')
    const unknown = await run(['status', '--profile', 'kairo', '--json'], { home: home() })
    expect(unknown.exitCode).toBe(4)
    expect(errorOf(unknown).hint).toContain('kairos')
    expect((await runOk(['reconnect', '--json'], { home: home() })).json()).toMatchObject({ connected_servers: 5, total_servers: 5, names: [] })
  })
})
