import { describe, expect, test } from 'vitest'
import { run, runOk, start } from '../helpers/cli.js'
import { freePort } from '../helpers/port.js'
import { errorOf, fixture, pidOf, serverOf, untilServer, useHome } from './support.js'

const home = useHome()

interface Report {
  readonly passed: boolean
  readonly counts: { readonly ok: number; readonly failed: number; readonly skipped: number }
  readonly checks: readonly { readonly front: string; readonly client: string; readonly check: string; readonly outcome: string; readonly detail: string }[]
}

interface GroupReport {
  readonly name: string
  readonly members: readonly string[]
  readonly shares: Readonly<Record<string, number>> | null
  readonly checks: readonly { readonly check: string; readonly member: string | null; readonly outcome: string; readonly detail: string }[]
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

  test('sees what groups do: each member, how calls are shared out, and with --failover that others stand in', async () => {
    const talk = (delayMs: string): object => fixture('mcp-talkative.mjs', '--name', 't', '--tools', 'echo', '--delay', delayMs)
    home().config({
      main: talk('1500'), backup: talk('0'), rep: { ...fixture('e2e-toolbox.mjs'), instances: 2 },
      heavy: { ...fixture('e2e-toolbox.mjs'), cache: { ttl: 60 } }, light: { ...fixture('e2e-toolbox.mjs'), cache: { ttl: 60 } },
    }, { groups: { search: ['main', 'backup'], shared: { members: ['heavy', 'light'], strategy: 'weighted', sticky: 'session', weights: { heavy: 3 } } } })
    await runOk(['start'], { home: home() })
    const pids = await Promise.all(['main', 'backup', 'rep@1', 'rep@2', 'heavy', 'light'].map((name) => pidOf(home(), name)))

    // Nobody is disturbed unless that is asked for.
    const look = await runOk(['verify', '--json'], { home: home(), deadlineMs: 60_000 })
    const { groups } = look.json() as unknown as { groups: GroupReport[] }
    expect(groups.map(({ name, members, shares }) => [name, members.length, shares])).toEqual([['search', 2, { main: 12, backup: 0 }], ['rep', 2, { 'rep@1': 6, 'rep@2': 6 }], ['shared', 2, { heavy: 9, light: 3 }]])
    expect(groups.flatMap(({ checks }) => checks.filter(({ outcome }) => outcome !== 'ok'))).toEqual([])
    expect(groups[0]?.checks.map(({ check, member, detail }) => [check, member, detail])).toEqual([
      ['member', 'main', 'legacy, 1 tools, 1 prompts, 3 resources; breaker closed'], ['member', 'backup', 'legacy, 1 tools, 1 prompts, 3 resources; breaker closed'],
      ['alike', null, '1 tools in common'], ['next', null, 'main would get a call now'], ['balance', null, '12 x note://t/one: main 12, backup 0 (priority)'],
    ])
    expect(await Promise.all(['main', 'backup', 'rep@1', 'rep@2', 'heavy', 'light'].map((name) => pidOf(home(), name)))).toEqual(pids)

    const failover = (await runOk(['verify', '--failover'], { home: home(), deadlineMs: 60_000 })).stdout
    expect(failover).toMatch(/group search of main, backup \(priority\)\n(.*\n)*? {2}ok {7}failover {6}main was away for .*: \d+ requests, 0 failed; given to .*backup \d+.*; main was used again .* after it was ready/)
    expect(failover).toMatch(/group rep of rep@1, rep@2 \(least-pending\)\n(.*\n)*? {2}ok {7}failover {6}rep@\d was away .*, 0 failed/)
    expect(failover).toMatch(/group shared of heavy, light \(weighted\)\n(.*\n)*? {2}ok {7}failover {6}heavy was away .*, 0 failed/)

    // Interrupted while a member is away, it brings that one back.
    const { generation } = await serverOf(home(), 'main')
    const interrupted = start(['verify', '--failover'], { home: home(), deadlineMs: 60_000 })
    await untilServer(home(), 'main', (server) => !server.ready || server.generation > generation, { timeoutMs: 40_000 })
    interrupted.kill('SIGINT')
    const { exitCode, stderr } = await interrupted
    expect([exitCode, stderr]).toEqual([130, expect.stringContaining('main was started again')])
    await untilServer(home(), 'main', ({ ready, desired }) => ready && desired === 'up')

    // Killed, it cannot: the daemon does.
    const { generation: before } = await serverOf(home(), 'main')
    const killed = start(['verify', '--failover'], { home: home(), deadlineMs: 60_000 })
    await untilServer(home(), 'main', ({ desired }) => desired === 'down', { timeoutMs: 40_000 })
    killed.kill('SIGKILL')
    await untilServer(home(), 'main', (server) => server.ready && server.generation > before)

    // Where nobody would stand in, nobody is taken out.
    await runOk(['stop', 'backup', 'rep', 'light'], { home: home() })
    const alone = await run(['verify', '--failover', '--json'], { home: home(), deadlineMs: 60_000 })
    const report = alone.json() as unknown as { groups: GroupReport[] }
    const outcomes = (name: string): string[] => report.groups.find((group) => group.name === name)?.checks.map(({ check, outcome, detail }) => `${check} ${outcome}: ${detail}`) ?? []
    expect(alone.exitCode).toBe(1)
    expect(outcomes('search')).toEqual(expect.arrayContaining(['member skipped: it does not run: stopped', 'failover skipped: no other member takes calls: nobody would stand in for main']))
    expect(outcomes('rep')).toContain('next failed: no member takes calls')
    expect(await pidOf(home(), 'heavy')).toEqual(expect.any(Number))
  }, 180_000)

  test('needs a running daemon', async () => {
    const result = await run(['verify', '--json'], { home: home() })
    expect(result.exitCode).toBe(3)
    expect(errorOf(result)).toMatchObject({ code: 'NOT_RUNNING', hint: 'mcpctl start' })
  })
})
