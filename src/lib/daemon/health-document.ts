import { nearest } from '../base/index.js'
import { describeMetrics, type Alert, type BreakerSnapshot, type HealthDocument, type HealthStatus, type TrafficFigures } from '../core/index.js'

/** What has to be known of a server to judge it. */
export interface HealthFacts {
  readonly name: string
  /** What the server calls its version; null: not known. */
  readonly version: string | null
  /** Somebody or the configuration wants it to run. */
  readonly wanted: boolean
  readonly ready: boolean
  /** It is started by the first request for it. */
  readonly resting: boolean
  /** Epoch milliseconds; null: it does not run. */
  readonly startedAt: number | null
  readonly memoryBytes: number | null
  readonly sessions: number
  /** Null: nothing is known of it yet. */
  readonly traffic: TrafficFigures | null
  readonly dependsOn: readonly string[]
  /** Null: closed, or it has none. */
  readonly breaker?: BreakerSnapshot['state'] | null
}

export interface FleetFacts {
  readonly version: string
  /** Epoch milliseconds. */
  readonly now: number
  readonly startedAt: number
  /** The daemon is about to end. */
  readonly closing: boolean
  readonly servers: readonly HealthFacts[]
  readonly sessions: number
  readonly memoryBytes: number | null
  readonly traffic: TrafficFigures
  readonly alerts: readonly Alert[]
}

/** One server's health; null: there is no such server. A server that is stopped on purpose is unhealthy too: who asks wants to use it. */
export function describeServerHealth(fleet: FleetFacts, name: string): HealthDocument | null {
  const server = fleet.servers.find((each) => each.name === name)
  return server === undefined ? null : describe(fleet, server, judge(fleet))
}

/** Some servers' health and their common status, for one who is to hear of no others. Names that no server has are left out. */
export function describeHealthOf(fleet: FleetFacts, names: ReadonlySet<string>): { readonly status: HealthStatus; readonly servers: readonly HealthDocument[] } {
  const statuses = judge(fleet)
  const seen = fleet.servers.filter(({ name }) => names.has(name))
  const servers = seen.map((server) => {
    const { dependencies, ...document } = describe(fleet, server, statuses)
    return { ...document, dependencies: Object.fromEntries(Object.entries(dependencies).filter(([name]) => names.has(name))) }
  })
  return { status: judgeFleet({ ...fleet, servers: seen }, statuses), servers }
}

/** All servers' health as if they were one that depends on each; with the document of each. */
export function describeFleetHealth(fleet: FleetFacts): HealthDocument & { readonly servers: readonly HealthDocument[] } {
  const statuses = judge(fleet)
  const servers = fleet.servers.map((server) => describe(fleet, server, statuses))
  const status = judgeFleet(fleet, statuses)
  return {
    status, server_name: 'mcpctl', version: fleet.version, timestamp: toTime(fleet.now), uptime_seconds: secondsSince(fleet.startedAt, fleet.now),
    metrics: describeMetrics(fleet.traffic, { memoryBytes: fleet.memoryBytes, sessions: fleet.sessions, breaker: status === 'unhealthy' ? 'open' : 'closed' }),
    dependencies: Object.fromEntries(statuses), servers,
  }
}

/** 200, or 503 for what must get no traffic. */
export function healthHttpStatus({ status }: HealthDocument): number {
  return status === 'unhealthy' ? 503 : 200
}

/** What is said about a name that no server has. */
export function describeUnknown(fleet: FleetFacts, name: string): Record<string, unknown> {
  const suggestions = nearest(name.slice(0, 100), fleet.servers.map((server) => server.name))
  const hint = suggestions.length > 0 ? `Did you mean ${suggestions.join(' or ')}?` : 'GET /health lists all servers.'
  return { error: { code: 'SERVER_UNKNOWN', message: `there is no server ${JSON.stringify(name.slice(0, 100))}`, hint, details: { suggestions } } }
}

function describe(fleet: FleetFacts, server: HealthFacts, statuses: ReadonlyMap<string, HealthStatus>): HealthDocument {
  const { name, version, startedAt, memoryBytes, sessions, traffic, dependsOn } = server
  return {
    status: statuses.get(name) ?? 'unhealthy', server_name: name, version, timestamp: toTime(fleet.now), uptime_seconds: startedAt === null ? 0 : secondsSince(startedAt, fleet.now),
    metrics: describeMetrics(traffic, { memoryBytes: startedAt === null ? 0 : memoryBytes, sessions, breaker: takesTraffic(server) ? (server.breaker ?? 'closed') : 'open' }),
    dependencies: Object.fromEntries(dependsOn.map((other) => [other, statuses.get(other) ?? 'unhealthy'])),
  }
}

/**
 * Unhealthy: it takes no requests. Degraded: it does, but there is an alert about it, its breaker is not closed, or what it depends on is not healthy.
 * A chain of dependencies has no circle and is as long as there are servers at most.
 */
function judge({ servers, alerts }: FleetFacts): Map<string, HealthStatus> {
  const known = new Map(servers.map((server) => [server.name, server]))
  const troubled = new Set(alerts.map(({ server }) => server))
  const statuses = new Map<string, HealthStatus>()
  const statusOf = (server: HealthFacts): HealthStatus => {
    const found = statuses.get(server.name)
    if (found !== undefined) return found
    // What two that wait for each other would find here.
    statuses.set(server.name, 'healthy')
    // A server at rest has not started what it depends on either.
    const leans = server.ready && server.dependsOn.some((name) => isShaky(known.get(name)))
    const status = !takesTraffic(server) ? 'unhealthy' : troubled.has(server.name) || leans || (server.breaker ?? 'closed') !== 'closed' ? 'degraded' : 'healthy'
    statuses.set(server.name, status)
    return status
  }
  const isShaky = (server: HealthFacts | undefined): boolean => server === undefined || statusOf(server) !== 'healthy'
  for (const server of servers) statusOf(server)
  return new Map(servers.map(({ name }) => [name, statuses.get(name) ?? 'unhealthy']))
}

/** One server that is down is no reason to restart all of them: only when none of those that should work does, nothing does. */
function judgeFleet({ servers, closing, alerts }: FleetFacts, statuses: ReadonlyMap<string, HealthStatus>): HealthStatus {
  const expected = servers.filter((server) => server.wanted || takesTraffic(server))
  if (closing || (expected.length > 0 && !expected.some(takesTraffic))) return 'unhealthy'
  return expected.every(({ name }) => statuses.get(name) === 'healthy') && !alerts.some(({ server }) => server === null) ? 'healthy' : 'degraded'
}

function takesTraffic({ ready, resting }: HealthFacts): boolean {
  return ready || resting
}

function secondsSince(from: number, now: number): number {
  return Math.max(0, Math.round((now - from) / 1000))
}

function toTime(epochMs: number): string {
  return new Date(epochMs).toISOString()
}
