import { join } from 'node:path'
import { expect, it } from 'vitest'
import { readSettings } from '../../src/lib/config/index.js'
import { createProject, problemsOf } from './config-support.js'
import { McpctlError } from '../../src/lib/errors/index.js'

/*
 * The contract with users of the variables, word for word: "`MCP_PARALLEL_STARTUP=false` makes it sequential; `MCP_MAX_STARTUP_TIME` (s, 60)",
 * "`MCP_MEMORY_LIMIT=1G`, `MCP_CPU_QUOTA=80%`", "`MCP_PID_DIR` (`~/.mcp/pids/NAME.pid`), `MCP_LOG_DIR` (`~/.mcp/logs/NAME.log`)",
 * "`MCP_AUTO_RESTART` (true)", "`MCP_HEALTH_CHECK_INTERVAL` (s, 2)", "`MCP_BIND_HOST` (127.0.0.1), `MCP_LOG_LEVEL`", "`MCP_CACHE_SIZE`,
 * `MCP_CACHE_TTL`, `MCP_FAILURE_THRESHOLD`, `MCP_RECOVERY_TIMEOUT`, `MCP_POOL_MIN_SIZE`, `MCP_POOL_MAX_SIZE` map to the gateway's
 * cache, breaker and HTTP pool".
 */
const CONTRACT: readonly [name: string, value: string, place: 'settings' | 'local' | 'remote', field: string, shown: unknown][] = [
  ['MCP_PARALLEL_STARTUP', 'false', 'settings', 'maxConcurrentStarts', 1],
  ['MCP_MAX_STARTUP_TIME', '90', 'local', 'startTimeout', '90s'],
  ['MCP_MEMORY_LIMIT', '1G', 'local', 'limits.memory', '1G'],
  ['MCP_CPU_QUOTA', '80%', 'local', 'limits.cpu', '80%'],
  ['MCP_PID_DIR', '/p', 'settings', 'pidDir', '/p'],
  ['MCP_LOG_DIR', '/l', 'settings', 'logDir', '/l'],
  ['MCP_AUTO_RESTART', 'false', 'local', 'restart.policy', 'never'],
  ['MCP_HEALTH_CHECK_INTERVAL', '7', 'local', 'health.interval', '7s'],
  ['MCP_BIND_HOST', '127.0.0.2', 'settings', 'gateway.host', '127.0.0.2'],
  ['MCP_LOG_LEVEL', 'debug', 'settings', 'logLevel', 'debug'],
  ['MCP_CACHE_SIZE', '100M', 'settings', 'gateway.cache.maxSize', '100M'],
  ['MCP_CACHE_TTL', '300', 'local', 'cache.ttl', '5m'],
  ['MCP_FAILURE_THRESHOLD', '9', 'remote', 'breaker.failures', 9],
  ['MCP_RECOVERY_TIMEOUT', '30', 'remote', 'breaker.recovery', '30s'],
  ['MCP_POOL_MIN_SIZE', '2', 'remote', 'pool.min', 2],
  ['MCP_POOL_MAX_SIZE', '10', 'remote', 'pool.max', 10],
]
const SERVERS = { local: { command: 'x' }, remote: { url: 'http://h/mcp' } }

it('every variable of the contract is in effect, and named as the origin by config show', async () => {
  const env = { PATH: '/usr/bin', ...Object.fromEntries(CONTRACT.map(([name, value]) => [name, value])) }
  const { explained, servers, settings } = await createProject({ 'mcp.config.json': { servers: SERVERS } }).load({ env })
  const [local, remote] = explained.servers
  const rows = { settings: explained.settings, local: local?.fields ?? [], remote: remote?.fields ?? [] }
  const shown = CONTRACT.map(([name, value, place, field]) => {
    const row = rows[place].find((each) => each.field === field)
    return [name, value, place, field, row?.value, row?.origin]
  })
  expect(shown).toEqual(CONTRACT.map((each) => [...each, `environment ${each[0]}`]))
  expect(servers[0]?.traffic).toMatchObject({ cache: { ttlMs: 300_000, tools: null, scope: 'caller' }, breaker: { failures: 9, recoveryMs: 30_000 } })
  expect(servers[1]?.endpoint?.pool).toEqual({ min: 2, max: 10 })
  expect(settings.gateway.cacheBytes).toBe(100 * 1024 ** 2)
})

it('without them the defaults of the contract hold, and there is no cache and no bound for connections', async () => {
  const { home, load } = createProject({ 'mcp.config.json': { servers: SERVERS } })
  const { servers } = await load({ env: {} })
  expect(readSettings({}, home)).toMatchObject({ pidDir: join(home, '.mcp/pids'), logDir: join(home, '.mcp/logs'), maxStartupTimeMs: 60_000, parallelStartup: true, autoRestart: true, healthCheckIntervalMs: 2_000, bindHost: '127.0.0.1' })
  expect(servers[0]?.traffic.cache).toBeNull()
  expect(servers[1]?.endpoint).toEqual({ url: 'http://h/mcp', headers: {} })
})

it('a server that says something itself wins, a variable wins over the defaults of the file', async () => {
  const env = { MCP_CACHE_TTL: '300', MCP_FAILURE_THRESHOLD: '9', MCP_POOL_MAX_SIZE: '4' }
  const config = { servers: { a: { url: 'http://h', cache: false, breaker: { failures: 2 }, pool: { max: 7, min: 20 } }, b: { url: 'http://h' } }, defaults: { cache: false, breaker: { failures: 3 }, pool: { max: 5 } } }
  const { servers } = await createProject({ 'mcp.config.json': config }).load({ env })
  expect(servers.map(({ traffic, endpoint }) => [traffic.cache?.ttlMs ?? null, traffic.breaker?.failures, endpoint?.pool])).toEqual([[null, 2, { min: 7, max: 7 }], [300_000, 9, { min: 4, max: 4 }]])
  const off = await createProject({ 'mcp.config.json': { ...config, defaults: { cache: true } } }).load({ env: { MCP_CACHE_TTL: '0' } })
  expect(off.servers[1]?.traffic.cache).toBeNull()
})

it.each([['MCP_CACHE_SIZE', '5'], ['MCP_CACHE_TTL', 'soon'], ['MCP_FAILURE_THRESHOLD', '0'], ['MCP_RECOVERY_TIMEOUT', '-1'], ['MCP_POOL_MIN_SIZE', '-1'], ['MCP_POOL_MAX_SIZE', '0']])('%s=%s is refused with what is accepted', async (name, value) => {
  const error = await createProject({ 'mcp.config.json': { servers: {} } }).fail({ env: { [name]: value } })
  expect(error).toBeInstanceOf(McpctlError)
  expect(error.code).toBe('ENVIRONMENT_INVALID')
  expect(error.message).toMatch(new RegExp(`^${name} is "${value}"; accepted: `))
  expect(problemsOf(error)).toMatchObject([{ variable: name, value }])
})
