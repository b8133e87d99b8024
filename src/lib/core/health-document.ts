import type { TrafficFigures } from './metrics.js'
import type { BreakerSnapshot } from './snapshot.js'

export type HealthStatus = 'healthy' | 'degraded' | 'unhealthy'

/** How a server is, as `GET /health/NAME` shows it. The shape is a contract: fields are added, never renamed or removed. */
export interface HealthDocument {
  readonly status: HealthStatus
  readonly server_name: string
  readonly version: string | null
  /** ISO 8601. */
  readonly timestamp: string
  readonly uptime_seconds: number
  readonly metrics: {
    /** Null: not known. */
    readonly memory_usage_mb: number | null
    readonly active_connections: number
    /** Counts are since the daemon started. */
    readonly request_count: number
    readonly error_count: number
    /** From 0 to 1; this and the mean time are of the last five minutes, 0 when there were no requests. */
    readonly error_rate: number
    readonly average_response_time_ms: number
    /** Closed while requests are taken, open while none are, half-open while a few are to show whether the server is well again. */
    readonly circuit_breaker_state: BreakerSnapshot['state']
  }
  readonly dependencies: Readonly<Record<string, HealthStatus>>
}

export interface HealthFigures {
  /** Null: not known. */
  readonly memoryBytes: number | null
  readonly sessions: number
  readonly breaker: BreakerSnapshot['state']
}

/** A server's figures in the words of that contract. `traffic` null: nobody counts. */
export function describeMetrics(traffic: TrafficFigures | null, { memoryBytes, sessions, breaker }: HealthFigures): HealthDocument['metrics'] {
  return {
    memory_usage_mb: memoryBytes === null ? null : Math.round(memoryBytes / 1024 / 1024 * 10) / 10,
    active_connections: sessions,
    request_count: traffic?.calls ?? 0,
    error_count: traffic?.errors ?? 0,
    error_rate: Math.round((traffic?.errorPercent ?? 0) * 100) / 10_000,
    average_response_time_ms: traffic?.meanMs ?? 0,
    circuit_breaker_state: breaker,
  }
}
