import { isActive, type FleetEntry, type MetricsSnapshot, type ServerMetrics } from '../core/index.js'
import type { DaemonView, FiguresSource, PrometheusView, ServerView } from '../metrics/index.js'
import { isConfigured } from './server-name.js'
import type { Supervisor } from './supervisor.js'

const NO_GATE: PrometheusView['gate'] = { waiting: 0, cacheEntries: 0, cacheBytes: 0, servers: [] }

/** Puts together what the supervisor, the keeper of figures and the daemon's own process say. What a server's processes for single sessions do counts into the server. */
export function toPrometheusView(supervisor: Supervisor, figures: FiguresSource, snapshot: MetricsSnapshot, daemon: DaemonView): PrometheusView {
  const measured = new Map(snapshot.servers.map((server) => [server.name, server]))
  const traffic = figures.traffic()
  const servers = [...supervisor.fleet.servers.values()].filter(isConfigured).map((entry): ServerView => {
    const { name } = entry.spec
    return { ...describeState(supervisor, entry), ...describeFigures(measured.get(name)), cpuSeconds: figures.cpuSeconds(name), traffic: traffic.get(name) ?? null }
  })
  return { daemon, servers, sessions: countSessions(snapshot), saved: snapshot.saved, alerts: snapshot.alerts, gate: snapshot.gate ?? NO_GATE }
}

type State = Omit<ServerView, 'cpuSeconds' | 'traffic' | keyof ReturnType<typeof describeFigures>>

function describeState(supervisor: Supervisor, { spec, state }: FleetEntry): State {
  const established = isActive(state) ? (supervisor.instance(spec.name)?.established ?? null) : null
  const { memoryBytes = null, cpuPercent = null, pids = null } = spec.limits
  return {
    name: spec.name, phase: state.phase, ready: state.phase === 'ready', wanted: state.desired === 'up',
    transport: spec.transport, era: established?.verdict.era ?? null, generation: state.generation,
    startedAt: isActive(state) ? state.startedAt : null, tools: established?.catalogue.tools.length ?? null,
    breaker: supervisor.breakers.of(spec.name),
    memoryLimitBytes: memoryBytes, cpuLimitPercent: cpuPercent, processesLimit: pids,
  }
}

function describeFigures(metrics: ServerMetrics | undefined) {
  return {
    restartsTotal: metrics?.restartsTotal ?? 0,
    cpuPercent: metrics?.cpuPercent ?? null, memoryBytes: metrics?.memoryBytes ?? null, processes: metrics?.processes ?? null,
    sessions: metrics?.sessions ?? 0, errorPercent: metrics?.traffic.errorPercent ?? null, lastCallAt: metrics?.traffic.lastCallAt ?? null,
  }
}

/** Every combination there can be, so that none is missing as long as nobody comes. */
function countSessions({ sessions }: MetricsSnapshot): PrometheusView['sessions'] {
  return (['stdio', 'http'] as const).flatMap((door) => (['legacy', 'modern'] as const).map((era) => (
    { door, era, count: sessions.filter((session) => session.door === door && session.era === era).length }
  )))
}
