import { expect, it } from 'vitest'
import { GATEWAY_FIELDS, SERVER_FIELDS } from '../../../src/lib/config/index.js'
import { groupFields } from '../../../src/lib/config/group-field.js'
import type { BreakerConfig, GatewayConfig, GroupConfig, HealthConfig, LimitsConfig, ProbeConfig, ServerDefaults, StdioServer, TimeoutsConfig, ToolsConfig } from '../../../src/index.js'

/*
 * The types an editor completes with, against the tables that are read by: each value here has to be complete for its type,
 * and the tables may know no other field.
 */
const GATEWAY: Required<GatewayConfig> = {
  port: 7420, host: 'localhost', token: 't', allowedHosts: [], allowedOrigins: 'https://a', prefix: 'none', separator: '_', maxNameLength: 64, sse: true,
  listWait: '1s', startWait: 30, instructions: false, metrics: { compat: true, public: false },
  auth: { keys: { k: { key: 'x' } }, jwt: { secret: 's' }, resource: 'http://r', authorizationServers: [] },
  rate: { caller: 60, total: { perMinute: 600, burst: 9 } }, concurrency: false, cache: { maxSize: '1M' }, management: { tools: 'off', allowCommands: true }, workflows: true, rest: false, audit: true,
}
const TIMEOUTS: Required<TimeoutsConfig> = { idle: '1m30s', total: 'never' }
const TOOLS: Required<ToolsConfig> = { allow: '*', deny: ['x*'], rename: { a: 'b' }, describe: { a: 'text' }, timeouts: { a: TIMEOUTS }, repeatable: 'get_*' }
const LIMITS: Required<LimitsConfig> = { memory: '2M', memorySoft: '1M', cpu: 1, pids: 1, required: true }
const HEALTH: Required<HealthConfig> = { interval: 1, timeout: '500ms', hungAfter: '1m', probe: 'none' }
const BREAKER: Required<BreakerConfig> = { failures: 1, errorRate: '5%', minCalls: 2, window: '5s', recovery: 1, maxRecovery: '2m', trials: 1 }
const GROUP: Required<GroupConfig> = { members: ['a'], strategy: 'latency', sticky: 'session', weights: { a: 1 } }
const PROBES: ProbeConfig[] = ['mcp', 'none', { http: 'http://h' }, { tcp: 'h:1' }, { command: 'x', args: [1] }]
const SERVER: Omit<Required<StdioServer>, 'url' | 'transport' | 'group'> = {
  command: 'x', args: [1], env: { A: true }, envFile: '.env', cwd: '.', enabled: true, era: 'auto', restart: 'always', limits: LIMITS, startTimeout: 1, stopTimeout: 1, drainTimeout: 0, replace: 'in-place', health: HEALTH,
  dependsOn: 'b', tags: 't', logs: {}, isolation: 'per-session', start: 'on-demand', idleTimeout: 'never', roots: ['.', { uri: 'file:///x', name: 'n' }],
  clientAbilities: ['sampling'], timeouts: TIMEOUTS, tools: TOOLS, instances: 3, namespace: 'n', priority: 1, weight: 0.5, breaker: BREAKER, pool: { min: 1, max: 2 }, rate: { perMinute: 1 }, concurrency: 5, cache: { ttl: 1, tools: 'a', resources: true, prompts: true, scope: 'public' },
}
const DEFAULTS: Required<ServerDefaults> = {
  env: {}, cwd: '.', enabled: true, era: 'modern', restart: {}, limits: LIMITS, startTimeout: 1, stopTimeout: 1, drainTimeout: 0, replace: 'in-place', health: HEALTH, tags: [], logs: {}, isolation: 'shared', start: 'auto',
  idleTimeout: 0, roots: '.', clientAbilities: 'elicitation', timeouts: {}, breaker: false, pool: {}, rate: false, concurrency: { max: 1 }, cache: '5m',
}

const innerOf = (name: 'timeouts' | 'tools' | 'limits' | 'health' | 'breaker'): string[] => Object.keys(SERVER_FIELDS[name].kind.fields ?? {}).sort()

it('the types of the configuration know the fields that are read, and no others', () => {
  expect(Object.keys(GATEWAY).sort()).toEqual(Object.keys(GATEWAY_FIELDS).sort())
  const elsewhere = ['url', 'headers', 'auth', 'transport', 'disabled', 'bearerTokenVariable', 'headerVariables', 'passedVariables']
  expect([...Object.keys(SERVER), ...elsewhere].sort()).toEqual(Object.keys(SERVER_FIELDS).sort())
  const inDefaults = Object.entries(SERVER_FIELDS).filter(([name, field]) => field.inDefaults === true && name !== 'disabled').map(([name]) => name)
  expect(Object.keys(DEFAULTS).sort()).toEqual(inDefaults.sort())
  expect(Object.keys(TIMEOUTS).sort()).toEqual(innerOf('timeouts'))
  expect(Object.keys(TOOLS).sort()).toEqual(innerOf('tools'))
  expect(Object.keys(LIMITS).sort()).toEqual(innerOf('limits'))
  expect(Object.keys(BREAKER).sort()).toEqual(innerOf('breaker'))
  expect(Object.keys(GROUP).sort()).toEqual(Object.keys(groupFields.fields ?? {}).sort())
  expect(Object.keys(HEALTH).sort()).toEqual(innerOf('health'))
  const forms = PROBES.flatMap((probe) => (typeof probe === 'string' ? [] : Object.keys(probe)))
  expect(forms.sort()).toEqual(Object.keys(SERVER_FIELDS.health.kind.fields?.['probe']?.kind.fields ?? {}).sort())
})
