import { expect, it } from 'vitest'
import { GATEWAY_FIELDS, SERVER_FIELDS } from '../../../src/lib/config/index.js'
import type { GatewayConfig, HealthConfig, LimitsConfig, ProbeConfig, ServerDefaults, StdioServer, TimeoutsConfig, ToolsConfig } from '../../../src/index.js'

/*
 * The types an editor completes with, against the tables that are read by: each value here has to be complete for its type,
 * and the tables may know no other field.
 */
const GATEWAY: Required<GatewayConfig> = {
  port: 7420, host: 'localhost', token: 't', allowedHosts: [], allowedOrigins: 'https://a', prefix: 'none', separator: '_', maxNameLength: 64, sse: true,
  listWait: '1s', startWait: 30, instructions: false, metrics: { compat: true, public: false },
}
const TIMEOUTS: Required<TimeoutsConfig> = { idle: '1m30s', total: 'never' }
const TOOLS: Required<ToolsConfig> = { allow: '*', deny: ['x*'], rename: { a: 'b' }, describe: { a: 'text' }, timeouts: { a: TIMEOUTS } }
const LIMITS: Required<LimitsConfig> = { memory: '2M', memorySoft: '1M', cpu: 1, pids: 1, required: true }
const HEALTH: Required<HealthConfig> = { interval: 1, timeout: '500ms', hungAfter: '1m', probe: 'none' }
const PROBES: ProbeConfig[] = ['mcp', 'none', { http: 'http://h' }, { tcp: 'h:1' }, { command: 'x', args: [1] }]
const SERVER: Omit<Required<StdioServer>, 'url' | 'transport'> = {
  command: 'x', args: [1], env: { A: true }, envFile: '.env', cwd: '.', enabled: true, era: 'auto', restart: 'always', limits: LIMITS, startTimeout: 1, stopTimeout: 1, drainTimeout: 0, replace: 'in-place', health: HEALTH,
  dependsOn: 'b', tags: 't', logs: {}, isolation: 'per-session', start: 'on-demand', idleTimeout: 'never', roots: ['.', { uri: 'file:///x', name: 'n' }],
  clientAbilities: ['sampling'], timeouts: TIMEOUTS, tools: TOOLS,
}
const DEFAULTS: Required<ServerDefaults> = {
  env: {}, cwd: '.', enabled: true, era: 'modern', restart: {}, limits: LIMITS, startTimeout: 1, stopTimeout: 1, drainTimeout: 0, replace: 'in-place', health: HEALTH, tags: [], logs: {}, isolation: 'shared', start: 'auto',
  idleTimeout: 0, roots: '.', clientAbilities: 'elicitation', timeouts: {},
}

const innerOf = (name: 'timeouts' | 'tools' | 'limits' | 'health'): string[] => Object.keys(SERVER_FIELDS[name].kind.fields ?? {}).sort()

it('the types of the configuration know the fields that are read, and no others', () => {
  expect(Object.keys(GATEWAY).sort()).toEqual(Object.keys(GATEWAY_FIELDS).sort())
  const elsewhere = ['url', 'headers', 'transport', 'disabled', 'bearerTokenVariable', 'headerVariables', 'passedVariables']
  expect([...Object.keys(SERVER), ...elsewhere].sort()).toEqual(Object.keys(SERVER_FIELDS).sort())
  const inDefaults = Object.entries(SERVER_FIELDS).filter(([name, field]) => field.inDefaults === true && name !== 'disabled').map(([name]) => name)
  expect(Object.keys(DEFAULTS).sort()).toEqual(inDefaults.sort())
  expect(Object.keys(TIMEOUTS).sort()).toEqual(innerOf('timeouts'))
  expect(Object.keys(TOOLS).sort()).toEqual(innerOf('tools'))
  expect(Object.keys(LIMITS).sort()).toEqual(innerOf('limits'))
  expect(Object.keys(HEALTH).sort()).toEqual(innerOf('health'))
  const forms = PROBES.flatMap((probe) => (typeof probe === 'string' ? [] : Object.keys(probe)))
  expect(forms.sort()).toEqual(Object.keys(SERVER_FIELDS.health.kind.fields?.['probe']?.kind.fields ?? {}).sort())
})
