import { describe, expect, it } from 'vitest'
import type { Alert, TrafficFigures } from '../../../src/lib/core/index.js'
import { describeFleetHealth, describeHealthOf, describeServerHealth, describeUnknown, healthHttpStatus, type FleetFacts, type HealthFacts } from '../../../src/lib/daemon/health-document.js'

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5)
const TRAFFIC: TrafficFigures = {
  calls: 200, errors: 10, cancelled: 3, inFlight: 1, bytesIn: 1, bytesOut: 2, callsPerSecond: 0.5, errorPercent: 12.345, meanMs: 48.2, p50Ms: 40, p95Ms: 90, p99Ms: 120, lastCallAt: NOW - 1000,
}
const QUIET: TrafficFigures = { ...TRAFFIC, calls: 0, errors: 0, errorPercent: null, meanMs: null }

function server(name: string, facts: Partial<HealthFacts> = {}): HealthFacts {
  return { name, version: '1.2.3', wanted: true, ready: true, resting: false, startedAt: NOW - 61_400, memoryBytes: 64.25 * 1024 * 1024, sessions: 2, traffic: TRAFFIC, dependsOn: [], ...facts }
}

const DOWN: Partial<HealthFacts> = { ready: false, startedAt: null, version: null, memoryBytes: null }

function fleet(servers: readonly HealthFacts[], facts: Partial<FleetFacts> = {}): FleetFacts {
  return { version: '9.9.9', now: NOW, startedAt: NOW - 3_600_000, closing: false, servers, sessions: 4, memoryBytes: 1024 * 1024 * 10, traffic: TRAFFIC, alerts: [], ...facts }
}

function alert(server: string | null): Alert {
  return { kind: 'error-rate', level: 'warning', server, text: 'a sentence with a secret', hint: 'h', since: null }
}

describe('the health of one server', () => {
  it('has exactly the documented shape', () => {
    expect(describeServerHealth(fleet([server('db'), server('files', { dependsOn: ['db'] })]), 'files')).toEqual({
      status: 'healthy', server_name: 'files', version: '1.2.3', timestamp: '2026-01-02T03:04:05.000Z', uptime_seconds: 61,
      metrics: { memory_usage_mb: 64.3, active_connections: 2, request_count: 200, error_count: 10, error_rate: 0.1235, average_response_time_ms: 48.2, circuit_breaker_state: 'closed' },
      dependencies: { db: 'healthy' },
    })
  })

  it('has the fields of its contract by their names, in their order, and no other', () => {
    // The contract, word for word.
    const contract = 'status, server_name, version, timestamp, uptime_seconds, metrics{memory_usage_mb, active_connections, request_count, error_count, error_rate, average_response_time_ms, circuit_breaker_state}, dependencies'
    const document = describeServerHealth(fleet([server('files')]), 'files') ?? { metrics: {} }
    const written = Object.keys(document).map((key) => (key === 'metrics' ? `metrics{${Object.keys(document.metrics).join(', ')}}` : key)).join(', ')
    expect(written).toBe(contract)
  })

  it.each([['closed', 'healthy'], ['open', 'degraded'], ['half-open', 'degraded']] as const)('says that its breaker is %s, and is %s then', (breaker, status) => {
    const document = describeServerHealth(fleet([server('files', { breaker })]), 'files')
    expect(document).toMatchObject({ status, metrics: { circuit_breaker_state: breaker } })
    expect(document && healthHttpStatus(document), 'it is there all the same').toBe(200)
  })

  it('says of a server that does not run that it takes nothing', () => {
    const document = describeServerHealth(fleet([server('files', { ...DOWN, traffic: null })]), 'files')
    expect(document).toMatchObject({ status: 'unhealthy', version: null, uptime_seconds: 0, metrics: { memory_usage_mb: 0, request_count: 0, error_rate: 0, average_response_time_ms: 0, circuit_breaker_state: 'open' } })
    expect(document && healthHttpStatus(document)).toBe(503)
  })

  it.each([
    ['an alert about it', [server('files')], [alert('files')]],
    ['something it depends on is down', [server('db', DOWN), server('files', { dependsOn: ['db'] })], []],
    ['something it depends on is shaky', [server('db'), server('files', { dependsOn: ['db'] })], [alert('db')]],
    ['what it depends on is gone', [server('files', { dependsOn: ['nowhere'] })], []],
  ])('is degraded but served with %s', (_what, servers, alerts) => {
    const document = describeServerHealth(fleet(servers, { alerts }), 'files')
    expect(document).toMatchObject({ status: 'degraded', metrics: { circuit_breaker_state: 'closed' } })
    expect(document && healthHttpStatus(document)).toBe(200)
  })

  it('is good while a server on demand rests, whatever it will need', () => {
    const resting = { ...DOWN, wanted: false, resting: true }
    expect(describeServerHealth(fleet([server('db', resting), server('files', { ...resting, dependsOn: ['db'] })]), 'files')).toMatchObject({ status: 'healthy', metrics: { circuit_breaker_state: 'closed' } })
  })

  it('is nothing for a name that no server has, and names are suggested', () => {
    const all = fleet([server('files'), server('search')])
    expect(describeServerHealth(all, 'file')).toBeNull()
    expect(describeUnknown(all, 'file')).toEqual({ error: { code: 'SERVER_UNKNOWN', message: 'there is no server "file"', hint: 'Did you mean files?', details: { suggestions: ['files'] } } })
    expect(describeUnknown(all, 'zzzzzzzz')).toMatchObject({ error: { hint: 'GET /health lists all servers.', details: { suggestions: [] } } })
  })
})

describe('the health of all servers', () => {
  const statusOf = (facts: FleetFacts): string => describeFleetHealth(facts).status

  it('has the same shape, each server a dependency, with the document of each', () => {
    const { servers, ...document } = describeFleetHealth(fleet([server('db', DOWN), server('files')]))
    expect(document).toEqual({
      status: 'degraded', server_name: 'mcpctl', version: '9.9.9', timestamp: '2026-01-02T03:04:05.000Z', uptime_seconds: 3600,
      metrics: { memory_usage_mb: 10, active_connections: 4, request_count: 200, error_count: 10, error_rate: 0.1235, average_response_time_ms: 48.2, circuit_breaker_state: 'closed' },
      dependencies: { db: 'unhealthy', files: 'healthy' },
    })
    expect(servers.map(({ server_name, status }) => [server_name, status])).toEqual([['db', 'unhealthy'], ['files', 'healthy']])
  })

  it('is bad only when nothing that should work does, or the daemon is about to end', () => {
    const stopped = { ...DOWN, wanted: false }
    expect(statusOf(fleet([server('a'), server('b')]))).toBe('healthy')
    expect(statusOf(fleet([server('a'), server('b', stopped)]))).toBe('healthy')
    expect(statusOf(fleet([server('a'), server('b', DOWN)]))).toBe('degraded')
    expect(statusOf(fleet([server('a', DOWN), server('b', DOWN)]))).toBe('unhealthy')
    expect(statusOf(fleet([server('a', DOWN), server('b', stopped)]))).toBe('unhealthy')
    expect(statusOf(fleet([server('a', stopped)]))).toBe('healthy')
    expect(statusOf(fleet([]))).toBe('healthy')
    expect(statusOf(fleet([server('a')], { closing: true }))).toBe('unhealthy')
    expect(statusOf(fleet([server('a')], { alerts: [alert(null)] }))).toBe('degraded')
  })

  it('tells nothing but names, figures and states', () => {
    expect(JSON.stringify(describeFleetHealth(fleet([server('files')], { alerts: [alert('files')], traffic: QUIET })))).not.toContain('secret')
  })

  it('does not hang over servers that wait for each other', () => {
    expect(statusOf(fleet([server('a', { dependsOn: ['b'] }), server('b', { dependsOn: ['a'] })]))).toBe('healthy')
  })
})

describe('the health of some servers', () => {
  const all = fleet([server('db', DOWN), server('files', { dependsOn: ['db', 'mail'] }), server('mail')])

  it('is that of each by itself, and names no other', () => {
    const { status, servers } = describeHealthOf(all, new Set(['files', 'mail', 'nobody']))
    expect(status).toBe('degraded')
    const files = describeServerHealth(all, 'files')
    expect(servers).toEqual([{ ...files, dependencies: { mail: 'healthy' } }, describeServerHealth(all, 'mail')])
    expect(files).toMatchObject({ status: 'degraded', dependencies: { db: 'unhealthy', mail: 'healthy' } })
  })

  it('is healthy together when those are, whatever others are', () => {
    expect(describeHealthOf(all, new Set(['mail'])).status).toBe('healthy')
    expect(describeHealthOf(all, new Set(['db'])).status).toBe('unhealthy')
    expect(describeHealthOf(all, new Set())).toEqual({ status: 'healthy', servers: [] })
  })
})
