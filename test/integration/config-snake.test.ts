import { expect, it } from 'vitest'
import { DEFAULT_BREAKER } from '../../src/lib/core/index.js'
import { createProject, problemsOf } from './config-support.js'

/** The configuration of multi-server managers as it stands. */
const YAML = `
servers:
  main:
    url: http://127.0.0.1:8000/mcp
    transport: http
    priority: 1
    namespace: search
    enabled: true
    health_check_interval: 30
    max_retries: 3
    timeout: 20
    auth:
      type: bearer
      token: "\${SEARCH_TOKEN}"
  backup:
    url: http://127.0.0.1:8001/mcp
    transport: http
    priority: 2
    namespace: search
global_settings:
  default_timeout: 45
  max_concurrent_connections: 10
  health_check_enabled: false
  reconnect_delay: 5
  log_level: INFO
  metrics_enabled: true
  circuit_breaker:
    failure_threshold: 4
    recovery_timeout: 15
    half_open_max_calls: 2
`
const ENV = { SEARCH_TOKEN: 'from-outside' }

it('the YAML of a multi-server manager is read as it stands: two servers of a namespace stand in for each other', async () => {
  const { servers, settings, warnings, explained } = await createProject({ 'mcp.config.yaml': YAML }).load({ env: ENV })
  const breaker = { ...DEFAULT_BREAKER, failures: 4, recoveryMs: 15_000, trials: 2 }
  const place = { group: 'search', strategy: 'priority', sticky: 'none', weight: 1 }
  expect(servers).toMatchObject([
    {
      name: 'main', enabled: true, transport: 'http', endpoint: { url: 'http://127.0.0.1:8000/mcp', headers: { Authorization: 'Bearer from-outside' } },
      health: { intervalMs: 30_000, probe: { type: 'none' } }, restart: { maxRestarts: 3, backoffInitialMs: 5_000 },
      traffic: { timeoutMs: 20_000, breaker, membership: { ...place, priority: 1 } },
    },
    { name: 'backup', endpoint: { headers: {} }, restart: { maxRestarts: 5 }, traffic: { timeoutMs: 45_000, breaker, membership: { ...place, priority: 2 } } },
  ])
  expect(settings.gateway.concurrency).toMatchObject({ max: 10 })
  expect(warnings).toEqual([expect.stringMatching(/mcp\.config\.yaml:25:3: global_settings\.log_level has no effect: .* MCP_LOG_LEVEL/)])
  expect(JSON.stringify(explained)).not.toContain('from-outside')
})

it('and so is its list of servers with names', async () => {
  const list = YAML.replace('  main:', '  - name: main').replace('  backup:', '  - name: backup')
  const [asMap, asList] = await Promise.all([YAML, list].map((text) => createProject({ 'mcp.config.yaml': text }).load({ env: ENV })))
  const known = (config: typeof asMap): unknown => config?.servers.map(({ source: _source, ...spec }) => spec)
  expect(known(asList)).toEqual(known(asMap))
  expect(asList?.settings).toEqual(asMap?.settings)
})

it('our own words beside it win', async () => {
  const { servers, settings } = await createProject({ 'mcp.config.yaml': `${YAML}defaults:\n  breaker: { failures: 9 }\ngateway:\n  concurrency: { queue: 3 }\n` }).load({ env: ENV })
  expect(servers[0]?.traffic.breaker).toEqual({ ...DEFAULT_BREAKER, failures: 9, recoveryMs: 15_000, trials: 2 })
  expect(settings.gateway.concurrency).toMatchObject({ max: 10, queue: 3 })
})

it.each<[string, string, string, RegExp]>([
  ['timeout: 20', 'timeout: soon', 'servers.main.timeouts.total', /must be "never" or a time/],
  ['max_retries: 3', 'max_retrys: 3', 'servers.main.max_retrys', /is not a known field/],
  ['default_timeout: 45', 'defualt_timeout: 45', 'global_settings.defualt_timeout', /is not a known field/],
  ['failure_threshold: 4', 'failure_treshold: 4', 'global_settings.circuit_breaker.failure_treshold', /is not a known field/],
  ['health_check_enabled: false', 'health_check_enabled: 5', 'global_settings.health_check_enabled', /must be true or false/],
  ['half_open_max_calls: 2', 'half_open_max_calls: 0', 'defaults.breaker.trials', /must be a whole number from 1/],
])('what is wrong in it is told at its line: %s as %s', async (good, bad, field, message) => {
  const line = YAML.slice(0, YAML.indexOf(good)).split('\n').length
  const problems = problemsOf(await createProject({ 'mcp.config.yaml': YAML.replace(good, bad) }).fail({ env: ENV }))
  expect(problems).toMatchObject([{ field, line }])
  expect(problems[0]?.message).toMatch(message)
})

it('a server without a name, or with that of another, is told', async () => {
  const problems = problemsOf(await createProject({ 'mcp.config.yaml': 'servers:\n  - url: http://h\n  - { name: a, url: http://h }\n  - { name: a, url: http://h }\n' }).fail())
  expect(problems.map(({ field }) => field)).toEqual(['servers[0]', 'servers[2].name'])
})
