import { describeMetrics, type BreakerSnapshot, type HealthDocument, type HealthStatus, type TrafficFigures } from '../core/index.js'

/** What is known of a server that nobody supervises. */
export interface MemberVitals {
  readonly name: string
  /** Epoch ms of the connection there is; null: there is none. */
  readonly connectedAt: number | null
  /** What it calls its version; null: not known. */
  readonly version: string | null
}

export interface MemberFigures extends MemberVitals {
  /** Null: nobody counts. */
  readonly traffic: TrafficFigures | null
  readonly breaker: BreakerSnapshot['state']
  readonly sessions: number
  /** Epoch ms. */
  readonly now: number
}

/** A server's health in the shape of `GET /health/NAME`: it is up as long as it is connected, and its memory is not known. */
export function toHealthDocument({ name, connectedAt, version, traffic, breaker, sessions, now }: MemberFigures): HealthDocument {
  const isUp = connectedAt !== null
  return {
    status: !isUp ? 'unhealthy' : breaker === 'closed' ? 'healthy' : 'degraded', server_name: name, version,
    timestamp: new Date(now).toISOString(), uptime_seconds: isUp ? Math.max(0, Math.round((now - connectedAt) / 1000)) : 0,
    metrics: describeMetrics(traffic, { memoryBytes: null, sessions, breaker: isUp ? breaker : 'open' }),
    dependencies: {},
  }
}

/** Of all together: one that is down is no reason to call all of them so. */
export function statusOfAll(servers: readonly HealthDocument[]): HealthStatus {
  if (servers.every(({ status }) => status === 'healthy')) return 'healthy'
  return servers.every(({ status }) => status === 'unhealthy') ? 'unhealthy' : 'degraded'
}
