import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { run, runOk } from '../helpers/cli.js'
import { createHome, type TestHome } from '../helpers/home.js'
import { DUAL } from './json-support.js'
import { endHome } from '../e2e/support.js'

/* Append only, as the documents in json.test.ts are. */
const PAGE = readFileSync(new URL('../../docs/reference/json.md', import.meta.url), 'utf8')
const TOOLBOX = fileURLToPath(new URL('../fixtures/servers/e2e-toolbox.mjs', import.meta.url))

let home: TestHome

beforeEach(async () => {
  home = createHome()
  home.config({ box: { command: process.execPath, args: [TOOLBOX] }, dual: { command: process.execPath, args: [DUAL] } })
  await runOk(['start'], { home })
})

afterEach(async () => {
  await endHome(home)
})

/** Prints exactly one document with this content, whose own fields are all on the page, in the section of the command. */
async function expectDocument(args: readonly string[], exitCode: number, golden: Record<string, unknown>): Promise<void> {
  const result = await run([...args, '--json'], { home, deadlineMs: 60_000 })
  expect(result.stdout.trimEnd()).not.toContain('\n')
  expect({ exitCode: result.exitCode, stderr: result.stderr, ...result.json() }).toMatchObject({ exitCode, stderr: '', schemaVersion: 1, ...golden })
}

function expectOnPage(command: string, fields: readonly string[]): void {
  const section = PAGE.split(`\n## ${command}\n`)[1]?.split('\n## ')[0] ?? ''
  expect(fields.filter((field) => !section.includes(`\`${field}\``))).toEqual([])
}

describe('the JSON document of', () => {
  it('tools', async () => {
    const entry = { name: 'dual', ready: true, trouble: null, tools: [{ name: 'echo', 'x-unknown': { kept: true } }, { name: 'wait' }, { name: 'exit' }, { name: 'pid' }] }
    await expectDocument(['tools', 'dual'], 0, { servers: [entry] })
    expectOnPage('tools', ['servers', ...Object.keys(entry).map((name) => `servers[].${name}`)])
  })

  it('call', async () => {
    await expectDocument(['call', 'dual', 'echo', 'text=a'], 0, { server: 'dual', tool: 'echo', result: { content: [{ type: 'text', text: 'a' }] } })
    await expectDocument(['call', 'box', 'fail'], 1, { server: 'box', tool: 'fail', result: { isError: true } })
    await expectDocument(['call', 'box', 'refuse'], 1, { error: { code: 'CALL_FAILED', message: 'server "box" answered with error -32000: not today', hint: 'See mcpctl status box, or mcpctl logs box.', details: { server: 'box', rpcCode: -32000, data: { until: 'tomorrow' } } } })
    await expectDocument(['call', 'box', 'ad'], 4, { error: { code: 'TOOL_UNKNOWN', message: 'server "box" has no tool "ad"', hint: 'Did you mean add?', details: { server: 'box', tool: 'ad', suggestions: ['add'] } } })
    expectOnPage('call', ['server', 'tool', 'result', 'rpcCode', 'data'])
  })

  it('verify', async () => {
    const check = { front: 'stdio', client: 'SDK 1', check: 'connect', outcome: 'ok', detail: 'protocol version 2025-11-25', durationMs: expect.any(Number) as number }
    await expectDocument(['verify'], 0, { passed: true, counts: { ok: 9, failed: 0, skipped: 2 }, checks: expect.arrayContaining([check]) as unknown })
    expectOnPage('verify', ['passed', 'counts', 'checks', ...Object.keys(check).map((name) => `checks[].${name}`), 'connect', 'list', 'catalogue', 'call', 'life', 'questions', 'skipped'])
  })
})
