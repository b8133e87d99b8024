import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { badServer } from '../helpers/bad-server.js'
import { run, runOk } from '../helpers/cli.js'
import { waitFor } from '../helpers/wait.js'
import { errorOf, fixture, look, pidOf, statusOf, useHome } from './support.js'

const home = useHome()

describe('status', () => {
  test('is a table with a row for each server in the order of the configuration', async () => {
    home().config({ zebra: fixture('mcp-modern.mjs'), ant: fixture('mcp-legacy.mjs'), off: { ...fixture('mcp-legacy.mjs'), enabled: false } })
    await runOk(['start'], { home: home() })
    const { stdout, stderr } = await runOk(['status'], { home: home() })
    expect(stderr).toBe('')
    const [head = '', ...rows] = stdout.split('\n')
    expect(head.trim().split(/ {2,}/)).toEqual(['NAME', 'PHASE', 'ERA', 'PID', 'UPTIME', 'RESTARTS', 'CPU', 'MEMORY', 'TOOLS'])
    const cells = rows.slice(0, 3).map((row) => row.trim().split(/ {2,}/))
    const pid = String(await pidOf(home(), 'zebra'))
    expect(cells[0]?.slice(1, 5)).toEqual(['zebra', 'ready', 'modern', pid])
    expect(cells[0]?.slice(6, 7)).toEqual(['0'])
    expect(cells[0]?.[8]).toMatch(/^\d+(\.\d)? MB$/)
    expect(cells[0]?.[9]).toBe('4')
    expect(cells[1]?.slice(1, 4)).toEqual(['ant', 'ready', 'legacy'])
    expect(cells[2]?.slice(1, 5)).toEqual(['off', 'disabled', '-', '-'])
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('2 ready, 1 idle')
  })

  test('--json is one document with the fields programs rely on', async () => {
    home().config({ a: { ...fixture('mcp-dual.mjs'), tags: ['work'] } })
    await runOk(['start'], { home: home() })
    const document = await statusOf(home())
    expect(document).toEqual({
      schemaVersion: 1,
      daemon: {
        pid: expect.any(Number),
        version: expect.stringMatching(/^\d+\.\d+\.\d+/),
        startedAt: expect.any(Number),
        home: home().home,
        logDirectory: join(home().home, 'logs'),
        sources: [join(home().project, 'mcp.config.json')],
        http: { url: null, trouble: null },
        configs: [{ source: join(home().project, 'mcp.config.json'), trouble: null, watched: true }],
        limits: { backend: expect.any(String), memory: expect.any(String), cpu: expect.any(String), pids: expect.any(String), notes: expect.any(Array) },
        profiles: {},
      },
      alerts: [],
      saved: { sessions: 0, instances: 1, instancesOtherwise: expect.any(Number), memoryBytes: expect.any(Number), memoryOtherwiseBytes: expect.any(Number), savedBytes: 0 },
      servers: [
        expect.objectContaining({
          name: 'a',
          phase: 'ready',
          ready: true,
          desired: 'up',
          enabled: true,
          transport: 'stdio',
          era: 'modern',
          pid: expect.any(Number),
          generation: 1,
          restarts: 0,
          uptimeSeconds: expect.any(Number),
          memoryBytes: expect.any(Number),
          tools: 4,
          since: expect.any(Number),
          reason: expect.any(String),
          tags: ['work'],
        }),
      ],
    })
    expect(document.servers[0]).toHaveProperty('cpuPercent')
    const age = Date.now() - (document.daemon?.startedAt ?? 0)
    expect(age).toBeGreaterThan(0)
    expect(age).toBeLessThan(60_000)
  })

  test('NAME tells since when, why, what it runs, its last ends, its last words and the next step', async () => {
    home().config({ broken: { ...badServer('exit-at-start', { code: 9 }), restart: 'never' }, fine: fixture('mcp-legacy.mjs') })
    await run(['start'], { home: home() })
    const broken = await run(['status', 'broken'], { home: home() })
    expect(broken.exitCode).toBe(3)
    expect(broken.stdout).toMatch(/Phase +failed since \d{4}-\d\d-\d\dT/)
    expect(broken.stdout).toMatch(/Reason +exited with code 9 after .*before it was ready; restart policy is never/)
    expect(broken.stdout).toMatch(/Last ends\n +\d{4}-.*generation \d+ +exited with code 9/)
    expect(broken.stdout).toMatch(/Last log lines\n[^]*err bad-server: fatal: cannot start: the database is on fire/)
    expect(broken.stdout).toMatch(/Try +mcpctl why broken, mend the cause, then mcpctl start broken/)
    const fine = await runOk(['status', 'fine'], { home: home() })
    expect(fine.stdout).toMatch(/Protocol +stdio, legacy era \(2025-11-25\), 4 tools; fixture-legacy 1\.0\.0/)
    expect(fine.stdout).toContain('mcp-legacy.mjs')
  })

  test('counts the memory of the whole process tree and knows its CPU', async () => {
    home().config({ alone: badServer('ok'), tree: badServer('setsid-grandchild') })
    await runOk(['start'], { home: home() })
    await waitFor(async () => {
      const [alone, tree] = (await statusOf(home())).servers
      return (tree?.memoryBytes ?? 0) > (alone?.memoryBytes ?? Infinity) * 1.3
    }, { what: 'the tree of two to use more memory than one process' })
    const { stdout } = await runOk(['status', 'tree'], { home: home() })
    expect(stdout).toContain('2 processes')
    const measured = await waitFor(async () => (await look(home()))?.servers.every(({ cpuPercent }) => cpuPercent !== null), { timeoutMs: 28_000, pollMs: 200 })
    expect(measured).toBe(true)
  })

  test('without a daemon it ends with 3 and says what to type', async () => {
    const { exitCode, stdout, stderr } = await run(['status'], { home: home() })
    expect(exitCode).toBe(3)
    expect(stdout).toBe('')
    expect(stderr).toContain('hint: mcpctl start')
    const json = await run(['status', '--json'], { home: home() })
    expect(json.exitCode).toBe(3)
    expect(json.json()).toMatchObject({ schemaVersion: 1, daemon: null, servers: [] })
    const source = home().write('mcp.config.json', { servers: { a: { command: 7 } } })
    const broken = await run(['status'], { home: home() })
    expect(broken).toMatchObject({ exitCode: 3, stdout: '' })
    expect(broken.stderr).toMatch(/and the configuration cannot be used: .*servers\.a\.command/)
    expect((await run(['status', '--json'], { home: home() })).json()).toMatchObject({ daemon: null, configuration: { source, trouble: expect.stringContaining('servers.a.command') } })
  })

  test('of an unknown name ends with 4 and suggests the one meant', async () => {
    home().config({ database: fixture('mcp-legacy.mjs') })
    await runOk(['start'], { home: home() })
    const { exitCode, stderr } = await run(['status', 'databse'], { home: home() })
    expect(exitCode).toBe(4)
    expect(stderr).toMatch(/there is no server "databse"\nhint: Did you mean database\?/)
    const json = await run(['status', 'databse', '--json'], { home: home() })
    expect(errorOf(json)).toMatchObject({ code: 'SERVER_UNKNOWN', details: { suggestions: ['database'] } })
  })

  test('daemon status names process, home, socket, logs and configuration', async () => {
    const config = home().config({ a: fixture('mcp-legacy.mjs') })
    const before = await run(['daemon', 'status'], { home: home() })
    expect(before).toMatchObject({ exitCode: 3 })
    await runOk(['start'], { home: home() })
    const { stdout } = await runOk(['daemon', 'status'], { home: home() })
    for (const text of [home().home, home().paths.socket, home().paths.logs, config]) expect(stdout).toContain(text)
    expect(stdout).toMatch(/servers +1, 1 ready/)
    expect((await runOk(['daemon', 'status', '--json'], { home: home() })).json()).toMatchObject({ schemaVersion: 1, servers: 1, ready: 1 })
  })

  test('marks a server whose configuration has changed, until it is restarted', async () => {
    home().config({ a: fixture('mcp-legacy.mjs'), b: fixture('mcp-legacy.mjs') })
    await runOk(['start'], { home: home(), env: { MCP_WATCH: 'false' } })
    const pids = (await statusOf(home())).servers.map(({ pid }) => pid)
    home().config({ a: { ...fixture('mcp-legacy.mjs'), env: { NEW: '1' } }, b: fixture('mcp-legacy.mjs') })
    const { stderr } = await runOk(['start'], { home: home(), env: { MCP_WATCH: 'false' } })
    expect(stderr).toContain('still running the old one: a (mcpctl reload a)')
    expect((await statusOf(home())).servers.map(({ pid, changed }) => [pid, changed])).toEqual([[pids[0], true], [pids[1], false]])
    await runOk(['restart', 'a'], { home: home() })
    const [a, b] = (await statusOf(home())).servers
    expect(a).toMatchObject({ changed: false, generation: 2, ready: true })
    expect(b).toMatchObject({ pid: pids[1], generation: 1 })
  })
})
