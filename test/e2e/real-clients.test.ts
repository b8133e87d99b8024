import { cpSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as StdioV1 } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2, type VersionNegotiationOptions } from '@modelcontextprotocol/client'
import { StdioClientTransport as StdioV2 } from '@modelcontextprotocol/client/stdio'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runOk } from '../helpers/cli.js'
import { clientEnvironment, clientFile, CLIENT_VERSIONS, ensureClients, newNode, PROXY, runClient, type Entry } from '../helpers/clients.js'
import { createHome, type TestHome } from '../helpers/home.js'
import { freePort } from '../helpers/port.js'
import { asConfig, ensureRealServers, realServer } from '../helpers/real-servers.js'
import { endHome, fixture } from './support.js'

/** One of the reference servers, of the legacy era, and one of the modern era. */
const TOOL = 'everything__echo'
const MODERN_TOOL = 'modern__echo'
const NEEDS_24 = 'it needs Node 24, and test/node-matrix has none for this system'

let home: TestHome
let http: Entry
let node: string | null

beforeAll(async () => {
  ;[node] = await Promise.all([newNode(), ensureClients(), ensureRealServers()])
  home = createHome()
  const port = await freePort()
  http = { type: 'http', url: `http://127.0.0.1:${port}/mcp` }
  home.config({ ...asConfig([realServer('everything', home.project)]), modern: fixture('mcp-modern.mjs') }, { gateway: { port } })
  await runOk(['start'], { home })
}, 300_000)

afterAll(async () => {
  await endHome(home)
})

const FRONTS = [['stdio', () => PROXY], ['HTTP', () => http]] as const

describe('SDK 1 (@modelcontextprotocol/sdk)', () => {
  test.each(FRONTS)('lists and calls over %s', async (_front, entry) => {
    await listAndCallV1(entry())
  })
})

describe('SDK 2 (@modelcontextprotocol/client)', () => {
  const modes: [string, VersionNegotiationOptions['mode'], string][] = [['as it comes', undefined, '2025-11-25'], ['choosing the newest', 'auto', '2026-07-28'], ['held to 2026-07-28', { pin: '2026-07-28' }, '2026-07-28']]
  test.each(modes.flatMap((mode) => FRONTS.map((front) => [mode[0], front[0], mode, front[1]] as const)))('%s lists and calls over %s', async (_mode, _front, [, mode, version], entry) => {
    const client = new ClientV2({ name: 'real-client', version: '1.0.0' }, mode === undefined ? {} : { versionNegotiation: { mode } })
    const at = entry()
    await client.connect(at.type === 'http' ? new HttpV2(new URL(at.url)) : new StdioV2({ command: at.command, args: [...at.args], env: clientEnvironment(home), cwd: home.project }))
    try {
      expect(client.getNegotiatedProtocolVersion()).toBe(version)
      expectBoth((await client.listTools()).tools.map((tool) => tool.name))
      expect(textOf(await client.callTool({ name: TOOL, arguments: { message: 'héllo' } }))).toContain('héllo')
      expect(textOf(await client.callTool({ name: MODERN_TOOL, arguments: { text: 'wörld' } }))).toBe('wörld')
    } finally {
      await client.close()
    }
  })
})

describe('mcporter', () => {
  test.for(FRONTS)('lists and calls over %s', async ([, entry], context) => {
    const newer = node ?? context.skip(NEEDS_24)
    const at = entry()
    const where = at.type === 'http' ? ['--http-url', at.url, '--allow-http'] : ['--stdio', at.command, ...at.args.flatMap((arg) => ['--stdio-arg', arg])]
    const program = clientFile('node_modules/mcporter/dist/cli.js')
    const listed = JSON.parse(await runClient(newer, [program, 'list', ...where, '--name', 'mcpctl', '--json', '--no-oauth'], home)) as { tools: { name: string }[] }
    expectBoth(listed.tools.map((tool) => tool.name))
    expect(await runClient(newer, [program, 'call', ...where, '--name', 'mcpctl', '--tool', TOOL, '--args', '{"message":"hello"}', '--output', 'raw', '--no-oauth'], home)).toContain('hello')
  })
})

describe('@langchain/mcp-adapters', () => {
  test.each(FRONTS)('lists and calls over %s', async (_front, entry) => {
    const at = entry()
    const connection = at.type === 'http' ? { transport: 'http', url: at.url } : { transport: 'stdio', command: at.command, args: at.args, env: clientEnvironment(home), cwd: home.project }
    const { tools, answer } = JSON.parse(await runClient(process.execPath, [clientFile('langchain.mjs'), JSON.stringify(connection), TOOL, '{"message":"hello"}'], home)) as { tools: string[]; answer: unknown }
    expectBoth(tools)
    expect(JSON.stringify(answer)).toContain('hello')
  })
})

describe('the example with LangChain', () => {
  test('lists and calls as it stands, with the packages it names', async () => {
    if (http.type !== 'http') throw new Error('there is no URL')
    const example = new URL('../../examples/langchain/', import.meta.url)
    const { dependencies } = JSON.parse(readFileSync(new URL('package.json', example), 'utf8')) as { dependencies: Record<string, string> }
    for (const [name, version] of Object.entries(dependencies)) expect(CLIENT_VERSIONS[name], name).toBe(version)
    // Its packages are 88 MB; those of the clients are the same.
    const folder = join(home.base, 'langchain')
    cpSync(new URL('main.mjs', example), join(folder, 'main.mjs'))
    symlinkSync(clientFile('node_modules'), join(folder, 'node_modules'))
    const said = await runClient(process.execPath, [join(folder, 'main.mjs'), http.url], home)
    expect(said).toMatch(/^everything__echo {2}\S/m)
    expect(said).toContain('everything__echo: "Echo: hello"')
  })
})

describe('mcp-remote', () => {
  test('lists and calls over HTTP for a client that only starts programs', async () => {
    if (http.type !== 'http') throw new Error('there is no URL')
    await listAndCallV1({ type: 'stdio', command: process.execPath, args: [clientFile('node_modules/mcp-remote/dist/proxy.js'), http.url, '--allow-http', '--transport', 'http-only'] })
  })
})

describe('the inspector (@modelcontextprotocol/inspector --cli)', () => {
  test.for(FRONTS)('lists and calls over %s', async ([, entry], context) => {
    const newer = node ?? context.skip(NEEDS_24)
    const at = entry()
    // It starts programs with hardly any environment of its own.
    const target = at.type === 'http' ? [at.url, '--transport', 'http'] : [at.command, ...at.args, '-e', `MCP_HOME=${home.home}`]
    const program = [clientFile('node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js'), '--cli', ...target]
    const listed = JSON.parse(await runClient(newer, [...program, '--method', 'tools/list'], home)) as { tools: { name: string }[] }
    expectBoth(listed.tools.map((tool) => tool.name))
    expect(textOf(JSON.parse(await runClient(newer, [...program, '--method', 'tools/call', '--tool-name', TOOL, '--tool-arg', 'message=hello'], home)))).toContain('hello')
  })
})

describe('the table of clients', () => {
  test('names every one of them in the version that is tested', () => {
    const page = readFileSync(new URL('../../docs/clients.md', import.meta.url), 'utf8')
    const shown = ['mcporter', '@langchain/mcp-adapters', 'mcp-remote', '@modelcontextprotocol/inspector']
    for (const name of shown) expect(page).toContain(`| \`${name}\` | ${CLIENT_VERSIONS[name]} |`)
  })
})

async function listAndCallV1(entry: Entry): Promise<void> {
  const client = new ClientV1({ name: 'real-client', version: '1.0.0' })
  const transport = entry.type === 'http' ? new HttpV1(new URL(entry.url)) : new StdioV1({ command: entry.command, args: [...entry.args], env: clientEnvironment(home), cwd: home.project, stderr: 'ignore' })
  await client.connect(transport)
  try {
    expectBoth((await client.listTools()).tools.map((tool) => tool.name))
    expect(textOf(await client.callTool({ name: TOOL, arguments: { message: 'héllo' } }))).toContain('héllo')
    expect(textOf(await client.callTool({ name: MODERN_TOOL, arguments: { text: 'wörld' } }))).toBe('wörld')
  } finally {
    await client.close()
  }
}

function expectBoth(tools: readonly string[]): void {
  expect(tools).toEqual(expect.arrayContaining([TOOL, MODERN_TOOL]))
}

function textOf(result: unknown): string {
  const { content } = result as { content: { type: string; text: string }[] }
  return content.map((block) => block.text).join('\n')
}
