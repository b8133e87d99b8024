import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ensureNode } from './node-matrix.js'
import { processesCarrying } from './proc.js'
import { ensureRealServers, NATIVE_SERVERS_AVAILABLE, realServer, realServers } from './real-servers.js'

const folder = mkdtempSync(join(tmpdir(), 'mcpctl-r-'))

beforeAll(ensureRealServers, 300_000)

afterAll(() => {
  // Some outlive their client; all of them carry the folder.
  for (const { pid } of processesCarrying(folder)) process.kill(pid, 'SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

async function connect(name: string): Promise<{ tools: string[]; version: string }> {
  const { command, args, env } = realServer(name, folder)
  const transport = new StdioClientTransport({ command, args: [...args], env: { PATH: process.env['PATH'] ?? '', ...env }, cwd: folder, stderr: 'ignore' })
  const client = new Client({ name: 'test', version: '1' }, { capabilities: { roots: {} } })
  try {
    await client.connect(transport)
    const { tools } = await client.listTools()
    return { tools: tools.map((tool) => tool.name), version: client.getServerVersion()?.name ?? '' }
  } finally {
    await client.close()
  }
}

describe('the real servers', () => {
  test('are ten', () => {
    expect(realServers(folder)).toHaveLength(NATIVE_SERVERS_AVAILABLE ? 10 : 6)
    expect(() => realServer('nobody', folder)).toThrow(/no server nobody/)
  })

  test.each([
    ['filesystem', 'read_text_file'],
    ['memory', 'create_entities'],
    ['everything', 'echo'],
    ['thinking', 'sequentialthinking'],
    ['context7', 'resolve-library-id'],
    ['calc', 'math'],
    ['fetch', 'fetch_html'],
  ])('%s answers an independent client with its tools', async (name, tool) => {
    expect((await connect(name)).tools).toContain(tool)
  })

  test.runIf(NATIVE_SERVERS_AVAILABLE).each([
    ['time', 'current_time'],
    ['leanspec', 'list_specs'],
    ['cortex', 'resolve_datetime'],
    ['cron', 'add_task'],
  ])('%s answers an independent client with its tools', async (name, tool) => {
    expect((await connect(name)).tools).toContain(tool)
  })
})

test('another Node is found for the running major without an installation, none for a major nobody packs', async () => {
  await expect(ensureNode(Number.parseInt(process.versions.node, 10))).resolves.toBe(process.execPath)
  await expect(ensureNode(21)).resolves.toBeNull()
})
