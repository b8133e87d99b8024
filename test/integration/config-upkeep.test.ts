import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { LoadOptions, Problem } from '../../src/lib/config/index.js'
import type { ServerSpec } from '../../src/lib/core/index.js'
import { createProject, onlyServer, problemsOf } from './config-support.js'

const M = 1024 ** 2

const fileOf = (server: object, defaults: object = {}): Record<string, object> => ({ 'mcp.config.json': { servers: { a: { command: 'x', ...server } }, defaults } })
const specOf = async (server: object, options: Partial<LoadOptions> & { defaults?: object } = {}): Promise<ServerSpec> => onlyServer(await createProject(fileOf(server, options.defaults)).load({ env: {}, ...options }))
const problemsFor = async (server: object, options: Partial<LoadOptions> & { defaults?: object } = {}): Promise<Problem[]> => problemsOf(await createProject(fileOf(server, options.defaults)).fail({ env: {}, ...options }))

describe('limits', () => {
  it('have a soft mark and can be insisted on', async () => {
    expect((await specOf({ limits: { memory: '300M', memorySoft: '200M', required: true } })).limits).toEqual({ memoryBytes: 300 * M, memorySoftBytes: 200 * M, required: true })
    expect((await specOf({ limits: { memorySoft: '200M', required: false } })).limits).toEqual({ memorySoftBytes: 200 * M })
    expect((await specOf({ limits: { required: false } }, { defaults: { limits: { memorySoft: '50M', required: true } } })).limits).toEqual({ memorySoftBytes: 50 * M })
  })

  it.each([
    [{ limits: { memory: '200M', memorySoft: '200M' } }, {}, {}, 'servers.a.limits.memorySoft', 'is 200M, which is not below limits.memory, 200M'],
    [{ limits: { memory: '100M' } }, { limits: { memorySoft: '200M' } }, {}, 'defaults.limits.memorySoft', 'is 200M, which is not below limits.memory of servers.a, 100M'],
    [{ limits: { memorySoft: '200M' } }, {}, { MCP_MEMORY_LIMIT: '150M' }, 'servers.a.limits.memorySoft', 'limits.memory, 150M (from environment MCP_MEMORY_LIMIT)'],
  ])('a soft mark is below the limit that is in effect: %j %j %j', async (server, defaults, env, field, message) => {
    const problems = await problemsFor(server, { defaults, env })
    expect(problems).toMatchObject([{ field }])
    expect(problems[0]?.message).toContain(message)
    expect(problems[0]?.hint).toContain('memorySoft the smaller')
  })

  it.each([
    [{ memorySoft: 'much' }, 'servers.a.limits.memorySoft', 'not "much"'],
    [{ required: 'yes' }, 'servers.a.limits.required', 'must be true or false, not "yes"'],
  ])('%j is refused', async (limits, field, message) => {
    const problems = await problemsFor({ limits })
    expect(problems).toMatchObject([{ field }])
    expect(problems[0]?.message).toContain(message)
  })
})

describe('probes', () => {
  it.each([
    ['mcp', { type: 'mcp' }],
    ['none', { type: 'none' }],
    [{ http: 'http://127.0.0.1:80/health' }, { type: 'http', url: 'http://127.0.0.1:80/health' }],
    [{ tcp: 'localhost:5432' }, { type: 'tcp', host: 'localhost', port: 5432 }],
    [{ tcp: '[::1]:5432' }, { type: 'tcp', host: '::1', port: 5432 }],
    [{ tcp: '${DB_HOST}:${DB_PORT:-5432}' }, { type: 'tcp', host: 'db', port: 5432 }],
    [{ command: 'pg_isready' }, { type: 'command', command: 'pg_isready', args: [] }],
    [{ command: 'check', args: ['-p', 80, '${DB_HOST}'] }, { type: 'command', command: 'check', args: ['-p', '80', 'db'] }],
  ])('%j is understood', async (probe, expected) => {
    expect((await specOf({ health: { probe } }, { env: { DB_HOST: 'db' } })).health.probe).toEqual(expected)
  })

  it.each([
    ['ping', 'must be "mcp", "none" or an object with one of http, tcp and command, not "ping"'],
    [5, 'not a number'],
    [{}, 'says nothing about how to probe'],
    [{ args: ['x'] }, 'says nothing about how to probe'],
    [{ http: 'http://h', tcp: 'h:1' }, 'names http and tcp, but a server is probed in one way'],
    [{ http: 'http://h', args: ['x'] }, 'args belongs to a command', 'probe.args'],
    [{ htpp: 'http://h' }, 'is not a known field', 'probe.htpp'],
    [{ http: 'h:80' }, 'must be an http:// or https:// address, not "h:80"', 'probe.http'],
    [{ tcp: '5432' }, 'must be a host and a port such as "127.0.0.1:5432", not "5432"', 'probe.tcp'],
    [{ tcp: 'h:0' }, 'not "h:0"', 'probe.tcp'],
    [{ tcp: '::1:80' }, 'not "::1:80"', 'probe.tcp'],
    [{ tcp: '${UNSET}:80' }, 'UNSET', 'probe.tcp'],
    [{ tcp: '${SECRET}' }, 'not "${SECRET}"', 'probe.tcp'],
    [{ command: '' }, 'must not be empty', 'probe.command'],
    [{ command: 'x', args: 'y' }, 'must be a list of texts', 'probe.args'],
  ])('%j is refused with place, value and way out', async (probe, message, place = 'probe') => {
    const problems = await problemsFor({ health: { probe } }, { env: { SECRET: 'hidden' } })
    expect(problems).toHaveLength(1)
    expect(problems[0]?.field).toBe(`servers.a.health.${place}`)
    expect(problems[0]?.message).toContain(message)
    expect(problems[0]?.hint).toMatch(/\w/)
    expect(JSON.stringify(problems)).not.toContain('hidden')
  })

  it('of a helper are none unless it names one, and never mcp', async () => {
    const defaults = { health: { probe: 'mcp' } }
    expect((await specOf({ transport: 'none' }, { defaults })).health.probe).toEqual({ type: 'none' })
    expect((await specOf({ transport: 'none', health: { probe: { tcp: 'h:1' } } })).health.probe).toEqual({ type: 'tcp', host: 'h', port: 1 })
    expect(await problemsFor({ transport: 'none', health: { probe: 'mcp' } })).toMatchObject([{ field: 'servers.a.health.probe', value: 'mcp' }])
  })

  it('are shown without what came from outside', async () => {
    const shown = async (probe: unknown): Promise<unknown> => {
      const config = await createProject(fileOf({ health: { probe } })).load({ env: { SECRET: 's3cr3t' } })
      return config.explained.servers[0]?.fields.find(({ field }) => field === 'health.probe')?.value
    }
    expect(await shown({ http: 'http://u:pw@h/${SECRET}' })).toBe('http http://u:***@h/${SECRET}')
    expect(await shown({ tcp: '[::1]:80' })).toBe('tcp [::1]:80')
    expect(await shown({ command: 'check', args: ['--token', 'abc', '${SECRET}'] })).toBe('command check --token *** ${SECRET}')
    expect(await shown('none')).toBe('none')
  })
})

describe('times', () => {
  it.each([
    [undefined, 2_000],
    ['500ms', 500],
    ['5s', 5_000],
    ['1m', 5_000],
  ])('with an interval of %s an answer may take %d ms', async (interval, timeoutMs) => {
    expect((await specOf({ health: { interval } })).health.timeoutMs).toBe(timeoutMs)
  })

  it('follow the interval wherever it comes from, until one is stated', async () => {
    expect((await specOf({}, { env: { MCP_HEALTH_CHECK_INTERVAL: '300ms' } })).health).toMatchObject({ intervalMs: 300, timeoutMs: 300 })
    expect((await specOf({ health: { timeout: '9s', hungAfter: '2m' } }, { env: { MCP_HEALTH_CHECK_INTERVAL: '300ms' } })).health).toMatchObject({ timeoutMs: 9_000, hungAfterMs: 120_000 })
  })

  it('to drain may be none', async () => {
    expect((await specOf({ drainTimeout: 0 })).drainTimeoutMs).toBe(0)
    expect((await specOf({}, { defaults: { drainTimeout: '1m' } })).drainTimeoutMs).toBe(60_000)
  })
})

describe('how a server is replaced', () => {
  it.each<[object, object, ServerSpec['replace']]>([
    [{}, {}, 'beside'],
    [{ replace: 'in-place' }, {}, 'in-place'],
    [{}, { replace: 'in-place' }, 'in-place'],
    [{ url: 'http://127.0.0.1:1/mcp' }, { replace: 'beside' }, 'in-place'],
    [{ transport: 'none' }, { replace: 'beside' }, 'in-place'],
    [{ transport: 'none', replace: 'beside' }, {}, 'beside'],
    [{ command: undefined, url: 'http://h' }, {}, 'beside'],
  ])('%j with defaults %j: %s', async (server, defaults, replace) => {
    expect((await specOf(server, { defaults })).replace).toBe(replace)
  })

  it('is not beside where both would answer at one address', async () => {
    const problems = await problemsFor({ url: 'http://127.0.0.1:1/mcp', replace: 'beside' })
    expect(problems).toMatchObject([{ field: 'servers.a.replace', value: 'beside', hint: 'Write "in-place", or remove it.' }])
    expect(await problemsFor({ replace: 'bluegreen' })).toMatchObject([{ field: 'servers.a.replace', message: 'servers.a.replace must be "beside" or "in-place", not "bluegreen"' }])
  })
})

describe('what is looked into', () => {
  const seen = async (files: Record<string, string | object>, env: Record<string, string> = {}): Promise<string[]> => {
    const project = createProject(files)
    const found = new Set<string>()
    await project.load({ env, onFile: (file) => void found.add(file) }).catch(() => undefined)
    return [...found].map((file) => file.replace(join(project.folder, '/'), '')).sort()
  }

  it('is known when all is well and when loading fails', async () => {
    expect(await seen({ 'mcp.config.json': { servers: { a: { command: 'x', env: { A: '${file:./a.txt}' }, envFile: '.env' } } }, 'a.txt': 'a', '.env': '' })).toEqual(['.env', 'a.txt', 'mcp.config.json', 'mcp.lock'])
    expect(await seen({ 'mcp.config.json': '{ "servers": ' })).toEqual(['mcp.config.json'])
    expect(await seen({ 'mcp.config.json': { servers: { a: { command: 'x', env: { A: '${file:./gone.txt}' } } } } })).toEqual(['gone.txt', 'mcp.config.json'])
  })

  it('of code that fails is everything it imports', async () => {
    const main = "import { b } from './b.ts'\nexport default { servers: { a: { command: b } } }"
    expect(await seen({ 'mcp.config.ts': main, 'b.ts': "import './c.ts'\nexport const b = 'x'", 'c.ts': 'export const c = {{' })).toEqual(['b.ts', 'c.ts', 'mcp.config.ts'])
    expect(await seen({ 'mcp.config.ts': main, 'b.ts': "throw new Error('no')" })).toEqual(['b.ts', 'mcp.config.ts'])
  })
})

it('whether its files are watched follows MCP_WATCH', async () => {
  const project = createProject(fileOf({}))
  expect((await project.load({ env: {} })).watch).toBe(true)
  expect((await project.load({ env: { MCP_WATCH: 'false' } })).watch).toBe(false)
})
