import { describe, expect, test } from 'vitest'
import { run, runOk } from '../helpers/cli.js'
import { freePort } from '../helpers/port.js'
import { errorOf, fixture, useHome } from './support.js'

const home = useHome()

interface Report {
  readonly passed: boolean
  readonly counts: { readonly ok: number; readonly failed: number; readonly skipped: number }
  readonly checks: readonly { readonly front: string; readonly client: string; readonly check: string; readonly outcome: string; readonly detail: string }[]
}

describe('verify', () => {
  test('passes with both official clients, over stdio and HTTP', async () => {
    const port = await freePort()
    home().config({ box: fixture('e2e-toolbox.mjs'), modern: fixture('mcp-modern.mjs'), old: fixture('mcp-legacy.mjs') }, { gateway: { port, token: 'open-sesame' } })
    await runOk(['start'], { home: home() })
    const result = await run(['verify', '--json'], { home: home(), deadlineMs: 60_000 })
    const report = result.json() as unknown as Report
    expect(report.checks.filter((check) => check.outcome === 'failed')).toEqual([])
    expect(result).toMatchObject({ exitCode: 0, stderr: '' })
    expect(report).toMatchObject({ passed: true, counts: { failed: 0 } })
    const clients = [...new Set(report.checks.map((check) => `${check.client} ${check.front}`))]
    expect(clients).toEqual(['SDK 1 stdio', 'SDK 2 stdio', 'SDK 1 http', 'SDK 2 http'])
    const of = (check: string): string[] => report.checks.filter((entry) => entry.check === check).map((entry) => `${entry.outcome}: ${entry.detail}`)
    expect(of('connect')).toEqual(['ok: protocol version 2025-11-25', 'ok: protocol version 2026-07-28', 'ok: protocol version 2025-11-25', 'ok: protocol version 2026-07-28'])
    expect(of('list')).toEqual(Array(4).fill('ok: 15 tools, 3 prompts, 1 resources, 1 templates'))
    expect(of('catalogue')).toEqual(Array(3).fill('ok: the same as for SDK 1 over stdio'))
    expect(of('call')).toEqual(Array(4).fill('ok: box__status answered'))
    expect(of('life')).toEqual(['ok: answers ping', 'ok: answers server/discover', 'ok: answers ping', 'ok: answers server/discover'])
  })

  test('answers what a server of its own asks', async () => {
    home().config({ box: { ...fixture('e2e-toolbox.mjs'), isolation: 'per-session' } })
    await runOk(['start'], { home: home() })
    const report = (await runOk(['verify', '--json'], { home: home(), deadlineMs: 60_000 })).json() as unknown as Report
    expect(report.checks.filter((check) => check.check === 'questions').map((check) => `${check.outcome}: ${check.detail}`)).toEqual(Array(2).fill('ok: answered roots/list'))
  })

  test('is a report for people, and says why HTTP is left out', async () => {
    home().config({ plain: fixture('mcp-dual.mjs') })
    await runOk(['start'], { home: home() })
    const { stdout, stderr } = await runOk(['verify'], { home: home(), deadlineMs: 60_000 })
    expect(stderr).toBe('the configuration has no gateway.port, so HTTP was not checked\n')
    expect(stdout).toMatch(/^SDK 1 over stdio\n {2}ok {7}connects {6}protocol version 2025-11-25 \(.*\)\n/)
    expect(stdout).toContain('  skipped  calls a tool  no tool is marked as read-only and works without arguments\n')
    expect(stdout).toMatch(/\d+ ok, 0 failed, 4 skipped\n$/)
  })

  test('exits 1 when a front cannot be reached, with the reason', async () => {
    home().config({ plain: fixture('mcp-dual.mjs') })
    await runOk(['start'], { home: home(), env: { MCP_WATCH: 'false' } })
    const port = await freePort()
    home().config({ plain: fixture('mcp-dual.mjs') }, { gateway: { port } })
    const result = await run(['verify', '--json'], { home: home(), deadlineMs: 60_000 })
    const report = result.json() as unknown as Report
    expect(result.exitCode).toBe(1)
    expect(report.checks.filter((check) => check.outcome === 'failed').map((check) => `${check.client} ${check.front} ${check.check}`)).toEqual(['SDK 1 http connect', 'SDK 2 http connect'])
  })

  test('needs a running daemon', async () => {
    const result = await run(['verify', '--json'], { home: home() })
    expect(result.exitCode).toBe(3)
    expect(errorOf(result)).toMatchObject({ code: 'NOT_RUNNING', hint: 'mcpctl start' })
  })
})
