import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { CLIENT_IDS, CLIENTS } from '../../src/lib/clients/index.js'
import { DISABLED, DISTINCT, FILE_OF, readClientHome, SECRETS, writeClientHome } from '../fixtures/clients/home.js'
import { run, runOk, type CliResult } from '../helpers/cli.js'
import { createHome, type TestHome } from '../helpers/home.js'
import { processesCarrying } from '../helpers/proc.js'
import { endHome } from './support.js'

let home: TestHome

beforeEach(() => {
  home = createHome()
  writeClientHome(home.base)
})

afterEach(async () => {
  await endHome(home)
})

function expectNoSecret({ stdout, stderr }: CliResult): void {
  for (const secret of SECRETS) expect(stdout + stderr).not.toContain(secret)
}

it('from eight clients to every distinct server once, and back to the last byte', async () => {
  const config = join(home.project, 'mcp.config.ts')
  const refused = await run(['init'], { home })
  expect([refused.exitCode, existsSync(config)]).toEqual([2, false])
  expect(refused.stderr).toContain('--yes')
  const written = await runOk(['init', '--yes'], { home })
  expectNoSecret(written)
  expect(written.stdout).toContain('14 distinct servers out of 17 entries')
  expect(written.stderr).toContain('14 servers, 3 of them disabled; 4 secrets beside it')
  for (const secret of SECRETS) expect(readFileSync(config, 'utf8')).not.toContain(secret)
  expect((await runOk(['config', 'validate', '--json'], { home })).json()).toMatchObject({ problems: [], servers: Object.keys(DISTINCT) })

  const started = await runOk(['start', '--json'], { home, deadlineMs: 60_000 })
  const enabled = Object.keys(DISTINCT).filter((name) => !DISABLED.includes(name))
  expect(started.json()).toMatchObject({ ready: enabled.length, failed: 0 })
  const servers = processesCarrying(home.base).filter(({ commandLine }) => commandLine.includes('mcp-dual.mjs')).map(({ commandLine }) => /--\w+/.exec(commandLine.split('mcp-dual.mjs')[1] ?? '')?.[0])
  expect(servers.sort()).toEqual(enabled.map((name) => DISTINCT[name]).sort())

  const before = readClientHome(home.base)
  const installed = await runOk(['install', '--all', '--yes'], { home })
  expectNoSecret(installed)
  expect(installed.stderr).toContain('mcpctl install --project claude-code')
  for (const client of CLIENT_IDS) {
    const text = readFileSync(join(home.base, FILE_OF[client] ?? ''), 'utf8')
    expect(text).toContain('mcpctl')
    expect(installed.stderr).toContain(CLIENTS[client].title)
    for (const secret of SECRETS) expect(text).not.toContain(secret)
  }
  expect((await runOk(['install', '--all', '--yes', '--json'], { home })).json()).toMatchObject({ failures: [], files: CLIENT_IDS.map(() => ({ changes: false })) })

  // What is in the file now works: the client starts it and gets the tools of all servers.
  const entry = (JSON.parse(readFileSync(join(home.base, '.gemini/settings.json'), 'utf8')) as { mcpServers: Record<string, { command: string; args: string[] }> }).mcpServers['mcpctl']
  expect(entry?.command).toBe(process.execPath)
  const hello = { jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'test', version: '1' } } }
  const answer = await run(entry?.args.slice(1) ?? [], { home, cwd: home.base, input: `${JSON.stringify(hello)}\n` })
  expect(answer.jsonLines()[0]).toMatchObject({ id: 1, result: { serverInfo: { name: 'mcpctl' } } })

  await runOk(['install', '--undo'], { home })
  expect(readClientHome(home.base)).toEqual(before)
  expect((await run(['init', '--yes'], { home })).exitCode).toBe(2)
}, 120_000)
