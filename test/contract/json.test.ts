import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { run, start, type CliResult } from '../helpers/cli.js'
import { createHome, type TestHome } from '../helpers/home.js'
import { waitFor } from '../helpers/wait.js'
import { DUAL, fieldNames, stable } from './json-support.js'
import { endHome } from '../e2e/support.js'

/*
 * The documents that programs read. Append only: a golden document may gain fields, none of it may change under
 * schemaVersion 1. Each compares what is in it; a field of the output that is in no golden document has to be on
 * the reference page all the same.
 */
const PAGE = readFileSync(new URL('../../docs/reference/json.md', import.meta.url), 'utf8')

const SOURCE = '<base>/project/mcp.config.json'
const DAEMON = { pid: '<pid>', version: '<version>', startedAt: '<time>', home: '<base>/home', logDirectory: '<base>/home/logs', sources: [SOURCE], http: { url: null, trouble: null } }
const GOOD = {
  name: 'good', phase: 'ready', ready: true, desired: 'up', enabled: true, transport: 'stdio', era: 'modern', pid: '<pid>', generation: 1,
  restarts: 0, uptimeSeconds: '<seconds>', cpuPercent: '<percent or null>', memoryBytes: null, tools: 4, since: '<time>', reason: 'proven ready',
  progress: null, retryAt: null, dependsOn: [], tags: ['blue'], source: SOURCE, changed: false, removed: false, lastErrors: [],
}
const BAD_REASON = 'exited with code 3 after <duration>, before it was ready'
const BAD = {
  ...GOOD, name: 'bad', phase: 'failed', ready: false, era: null, pid: null, uptimeSeconds: null, tools: null, tags: [], dependsOn: [],
  reason: `${BAD_REASON}; restart policy is never`, lastErrors: ['boom'],
}
const DETAILS = [
  {
    name: 'good', target: '<node> <root>/test/fixtures/servers/mcp-dual.mjs', note: null, serverInfo: { name: 'fixture-dual', version: '<version>' },
    protocolVersion: '2026-07-28', processes: 1, ends: [], logFile: '<base>/home/logs/good.log', logTrouble: null,
  },
  {
    name: 'bad', target: 'sh -c "echo boom >&2; exit 3"', note: null, serverInfo: null, protocolVersion: null, processes: null, logFile: '<base>/home/logs/bad.log', logTrouble: null,
    ends: [{ generation: 1, cause: 'exit', reason: BAD_REASON, code: 3, signal: null, startedAt: '<time>', readyAt: null, endedAt: '<time>' }],
  },
]

let home: TestHome

beforeEach(() => {
  home = createHome()
  home.config({
    good: { command: process.execPath, args: [DUAL], tags: ['blue'] },
    bad: { command: 'sh', args: ['-c', 'echo boom >&2; exit 3'], era: 'legacy', restart: 'never' },
  })
})

afterEach(async () => {
  await endHome(home)
})

// What changes here is reloaded by the tests alone.
const json = (line: string): Promise<CliResult> => run([...line.split(' '), '--json'], { home, env: { MCP_WATCH: 'false' } })

/** The command prints exactly one document, of this status, with at least this content, all of it on the reference page. */
async function expectDocument(line: string, exitCode: number, golden: Record<string, unknown>): Promise<void> {
  const result = await json(line)
  expect(result.stderr).toBe('')
  expect(result.stdout.trimEnd()).not.toContain('\n')
  const document = result.json()
  expect({ exitCode: result.exitCode, ...(stable(document, home) as object) }).toMatchObject({ exitCode, schemaVersion: 1, ...golden })
  expectDocumented(document)
}

function expectDocumented(document: Record<string, unknown>): void {
  const { error, ...plain } = document
  const names = [...fieldNames(plain), ...Object.keys((error as object | undefined) ?? {})]
  expect(names.filter((name) => name !== 'schemaVersion' && !new RegExp(`\`(error\\.)?${name}\``).test(PAGE))).toEqual([])
}

describe('the JSON document of', { timeout: 90_000 }, () => {
  it('status, daemon status and wait when nothing runs; start; and the same of what it started, with the lines of logs', async () => {
    await expectDocument('status', 3, { daemon: null, home: '<base>/home', servers: [] })
    await expectDocument('daemon status', 3, { daemon: null, home: '<base>/home' })
    await expectDocument('wait good --for stopped', 0, { servers: [] })

    await expectDocument('start good', 0, { ready: 1, failed: 0, timedOut: false, servers: [GOOD] })
    await expectDocument('start', 1, { ready: 1, failed: 1, timedOut: false, servers: [GOOD, BAD] })
    await expectDocument('start good --no-wait', 0, { names: ['good'] })

    const servers = [{ ...GOOD, memoryBytes: '<bytes>' }, BAD]
    const saved = { sessions: 0, instances: 1, memoryBytes: '<bytes>', savedBytes: 0 }
    const alerts = [{ kind: 'failed', level: 'critical', server: 'bad', text: expect.any(String) as string, hint: 'mcpctl why bad', since: '<time>' }]
    await expectDocument('status', 0, { daemon: DAEMON, servers, saved, alerts })
    await expectDocument('status good bad', 3, { daemon: DAEMON, servers, details: DETAILS, alerts })
    await expectDocument('daemon status', 0, { daemon: { ...DAEMON, socket: '<base>/home/run/control.sock' }, home: '<base>/home', servers: 2, ready: 1 })
    await expectDocument('wait good', 0, { servers: [GOOD] })
    await expectDocument('wait bad', 1, { servers: [BAD] })

    const lines = (await json('logs bad')).jsonLines()
    expect(lines.map((line) => stable(line, home))).toMatchObject([
      { schemaVersion: 1, time: '<time>', name: 'bad', generation: 1, stream: 'mark', text: expect.stringMatching(/^started, pid \d+$/) as string },
      { schemaVersion: 1, time: '<time>', name: 'bad', generation: 1, stream: 'err', text: 'boom' },
      { schemaVersion: 1, time: '<time>', name: 'bad', generation: 1, stream: 'mark', text: 'exited with code 3' },
      { schemaVersion: 1, time: '<time>', name: 'bad', generation: 1, stream: 'mark', text: `failed: ${BAD.reason}` },
    ])
    for (const line of lines) {
      expect(Date.parse(String(line['time']))).toBeGreaterThan(Date.UTC(2020))
      expectDocumented(line)
    }
  })

  it('restart', async () => {
    await expectDocument('restart good', 0, { ready: 1, failed: 0, timedOut: false, servers: [GOOD] })
    await expectDocument('restart good', 0, { ready: 1, failed: 0, timedOut: false, servers: [{ ...GOOD, generation: 2 }] })
    await expectDocument('restart good --no-wait', 0, { names: ['good'] })
  })

  it('reload', async () => {
    await json('start good')
    home.config({ good: { command: process.execPath, args: [DUAL], tags: ['blue'], env: { NEW: '1' } } })
    const changes = [{ name: 'good', action: 'replace', fields: ['env.NEW'] }, { name: 'bad', action: 'none', fields: [] }]
    await expectDocument('reload --dry-run', 0, { source: SOURCE, dryRun: true, changes })
    const reason = expect.stringContaining('replaced generation 1') as string
    await expectDocument('reload', 0, { source: SOURCE, dryRun: false, changes, ready: 1, failed: 0, timedOut: false, servers: [{ ...GOOD, generation: 2, reason }] })
    await expectDocument('reload --no-wait', 0, { source: SOURCE, dryRun: false, changes: [{ name: 'good', action: 'none', fields: [] }] })
  })

  it('stop', async () => {
    await json('start good')
    await expectDocument('stop good', 0, { stopped: ['good'], daemon: 'running' })
    await json('start good')
    await expectDocument('stop', 0, { stopped: ['good'], daemon: 'ended' })
    await expectDocument('stop', 0, { stopped: [], daemon: null })
    await expectDocument('daemon stop', 0, { stopped: [], daemon: null })
  })

  it('config show', async () => {
    home.config({ good: { command: 'node', args: ['--token', 'abc'] } }, { defaults: { startTimeout: '2m' }, gateway: { token: 'hush' }, profiles: { work: ['good'] } })
    await expectDocument('config show', 0, {
      source: SOURCE,
      files: [SOURCE],
      settings: [
        { field: 'home', value: '<base>/home', origin: 'environment MCP_HOME' },
        { field: 'pidDir', value: '<base>/home/pids', origin: 'default' },
        { field: 'logDir', value: '<base>/home/logs', origin: 'default' },
        { field: 'logLevel', value: 'info', origin: 'default' },
        { field: 'maxConcurrentStarts', value: 32, origin: 'default' },
        { field: 'limitsBackend', value: 'auto', origin: 'default' },
        { field: 'watch', value: false, origin: 'environment MCP_WATCH' },
        { field: 'gateway.port', value: null, origin: 'default' },
        { field: 'gateway.host', value: '127.0.0.1', origin: 'default' },
        { field: 'gateway.token', value: '***', origin: SOURCE },
        { field: 'gateway.allowedHosts', value: [], origin: 'default' },
        { field: 'gateway.allowedOrigins', value: [], origin: 'default' },
        { field: 'gateway.prefix', value: 'always', origin: 'default' },
        { field: 'gateway.separator', value: '__', origin: 'default' },
        { field: 'gateway.maxNameLength', value: 64, origin: 'default' },
        { field: 'gateway.sse', value: false, origin: 'default' },
        { field: 'gateway.listWait', value: '<duration>', origin: 'default' },
        { field: 'gateway.startWait', value: '<duration>', origin: 'default' },
        { field: 'gateway.instructions', value: true, origin: 'default' },
        { field: 'gateway.metrics.compat', value: false, origin: 'default' },
        { field: 'gateway.metrics.public', value: false, origin: 'default' },
        { field: 'gateway.rate.caller', value: null, origin: 'default' },
        { field: 'gateway.rate.total', value: null, origin: 'default' },
        { field: 'gateway.concurrency', value: null, origin: 'default' },
        { field: 'gateway.cache.maxSize', value: '64M', origin: 'default' },
        { field: 'gateway.management.tools', value: 'auto', origin: 'default' },
        { field: 'gateway.management.allowCommands', value: false, origin: 'default' },
        { field: 'gateway.workflows', value: false, origin: 'default' },
        { field: 'gateway.rest', value: true, origin: 'default' },
        { field: 'gateway.audit', value: false, origin: 'default' },
        { field: 'profiles.work.servers', value: ['good'], origin: SOURCE },
        { field: 'profiles.work.tags', value: [], origin: SOURCE },
      ],
      servers: [
        {
          name: 'good',
          source: SOURCE,
          fields: expect.arrayContaining([
            { field: 'transport', value: 'stdio', origin: 'default' },
            { field: 'args', value: ['--token', '***'], origin: SOURCE },
            { field: 'startTimeout', value: '2m', origin: `${SOURCE} (defaults)` },
            { field: 'limits.memory', value: null, origin: 'default' },
          ]) as unknown,
        },
      ],
      warnings: [],
    })
  })

  it('config validate', async () => {
    await expectDocument('config validate', 0, { source: SOURCE, files: [SOURCE], servers: ['good', 'bad'], warnings: [], problems: [] })
  })
})

describe('the line of', { timeout: 90_000 }, () => {
  it('events', async () => {
    await json('start good')
    const events = start(['events', '--json'], { home })
    let text = ''
    events.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
    // The subscription stands as soon as a change of ours arrives.
    await waitFor(async () => {
      await json('restart good')
      return text.includes('"phase":"ready"')
    }, { timeoutMs: 25_000, what: 'the command to listen' })
    await json('stop')
    expect((await events).exitCode).toBe(0)
    const lines = text.trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>)
    for (const line of lines) expectDocumented(line)
    const generation = expect.any(Number) as number
    const server = { ...GOOD, generation }
    const shown = lines.map((line) => stable(line, home))
    expect(shown).toContainEqual(expect.objectContaining({ schemaVersion: 1, type: 'server', time: '<time>', previous: 'starting', server: expect.objectContaining(server) as unknown }))
    expect(shown).toContainEqual({ schemaVersion: 1, type: 'closing', time: '<time>' })
    expect(shown.at(-1)).toMatchObject({ type: 'server', previous: 'stopping', server: { ...server, phase: 'idle', ready: false, desired: 'down', era: null, pid: null, uptimeSeconds: null, tools: null, reason: 'stopped' } })
  })
})

describe('the error document of', { timeout: 90_000 }, () => {
  it('a command line that is not understood', async () => {
    await expectDocument('start --tiemout 3', 2, {
      error: { code: 'USAGE', message: 'start: unknown flag --tiemout', hint: 'Did you mean --timeout? See mcpctl start --help.', details: { command: 'start', flags: ['--tiemout'], suggestions: ['--timeout'] } },
    })
    await expectDocument('logs --tail many', 2, { error: { code: 'USAGE', message: '--tail "many" is not a number of lines', details: { flag: 'tail', value: 'many' } } })
    await expectDocument('daemon status now', 2, { error: { code: 'USAGE', details: { command: 'daemon status', arguments: ['now'] } } })
  })

  it('a command that does not exist', async () => {
    await expectDocument('strat', 127, { error: { code: 'UNKNOWN_COMMAND', message: 'there is no command "strat"', hint: 'Did you mean mcpctl start?', details: { command: 'strat', suggestions: ['start'] } } })
  })

  it('a server that does not exist', async () => {
    await expectDocument('start god', 4, { error: { code: 'SERVER_UNKNOWN', message: 'there is no server "god"', hint: 'Did you mean good?', details: { name: 'god', suggestions: ['good'] } } })
  })

  it('a daemon that does not run', async () => {
    await expectDocument('events', 3, { error: { code: 'NOT_RUNNING', message: 'the daemon is not running', hint: 'mcpctl start', details: {} } })
  })

  it('a time that is up', async () => {
    home.config({ slow: { command: process.execPath, args: [DUAL, '--delay', '60000'] } })
    await json('start --no-wait')
    await expectDocument('wait --timeout 50ms', 7, { error: { code: 'TIMEOUT', details: { goal: 'ready', timeoutMs: 50, servers: ['slow'] } } })
    await expectDocument('start --timeout 50ms', 7, { ready: 0, failed: 1, timedOut: true, servers: [{ name: 'slow', phase: 'starting', ready: false }] })
  })

  it('a configuration with problems', async () => {
    home.config({ good: { comand: 'node' } })
    await expectDocument('config validate', 5, {
      error: {
        code: 'CONFIG_INVALID',
        details: { problems: [{ file: SOURCE, line: 4, column: 7, field: 'servers.good.comand', value: 'comand', message: 'servers.good.comand is not a known field', hint: 'Did you mean "command"?' }, { field: 'servers.good' }] },
      },
    })
  })
})
