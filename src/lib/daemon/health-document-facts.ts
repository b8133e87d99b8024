import { isActive, type FleetEntry, type MetricsSnapshot, type ServerMetrics } from '../core/index.js'
import type { FleetFacts, HealthFacts } from './health-document.js'
import { isConfigured } from './server-name.js'
import type { Supervisor } from './supervisor.js'

/** What the health documents are written from. */
export function collectHealth(supervisor: Supervisor, metrics: MetricsSnapshot, daemon: Pick<FleetFacts, 'version' | 'startedAt' | 'now'>): FleetFacts {
  const measured = new Map(metrics.servers.map((server) => [server.name, server]))
  const { fleet } = supervisor
  return {
    ...daemon,
    closing: fleet.closing,
    servers: [...fleet.servers.values()].filter(isConfigured).map((entry) => toFacts(supervisor, entry, measured.get(entry.spec.name))),
    sessions: metrics.sessions.length,
    memoryBytes: metrics.totals.memoryBytes,
    traffic: metrics.totals.traffic,
    alerts: metrics.alerts,
  }
}

function toFacts(supervisor: Supervisor, entry: FleetEntry, metrics: ServerMetrics | undefined): HealthFacts {
  const { spec, state } = entry
  const hasProcess = isActive(state)
  return {
    name: spec.name,
    version: (hasProcess ? supervisor.instance(spec.name)?.established?.serverInfo?.version : null) ?? null,
    wanted: state.desired === 'up',
    ready: state.phase === 'ready',
    resting: isResting(entry),
    startedAt: hasProcess ? state.startedAt : null,
    memoryBytes: spec.launch === null ? 0 : (metrics?.memoryBytes ?? null),
    sessions: metrics?.sessions ?? 0,
    traffic: metrics?.traffic ?? null,
    dependsOn: spec.dependsOn,
    breaker: supervisor.breakers.of(spec.name)?.state ?? null,
  }
}

function isResting({ spec, state, removed }: FleetEntry): boolean {
  return spec.start === 'on-demand' && spec.enabled && !removed && state.desired === 'down'
}
