import { join } from 'node:path'
import { isActive, type FleetEntry, type LimitsSnapshot, type ServerDetail, type ServerSnapshot, type Snapshot } from '../core/index.js'
import type { Home } from '../control/index.js'
import type { Supervisor } from './supervisor.js'
import type { Usage } from './usage.js'

/** Newest stderr lines shown with a server in trouble. */
const ERROR_LINES = 5

/** One server as the outside sees it; without usage, CPU and memory are unknown. */
export function toServerSnapshot(supervisor: Supervisor, entry: FleetEntry, now: number, usage?: Usage): ServerSnapshot {
  const { spec, state } = entry
  return {
    name: spec.name,
    phase: state.phase,
    ready: state.phase === 'ready',
    desired: state.desired,
    enabled: spec.enabled,
    transport: spec.transport,
    generation: state.generation,
    restarts: state.history.total,
    ...describeInstance(supervisor, entry, now),
    ...describeUsage(usage),
    since: state.since,
    reason: state.reason,
    retryAt: state.phase === 'backoff' ? state.until : null,
    dependsOn: spec.dependsOn,
    tags: spec.tags,
    source: spec.source,
    changed: entry.nextSpec !== null,
    removed: entry.removed,
    trouble: entry.trouble ?? (entry.nextSpec === null ? (supervisor.instance(spec.name)?.group?.note ?? null) : null),
    limits: describeLimits(supervisor, entry),
    ...describeBreaker(supervisor, spec.name),
    ...(spec.traffic.membership === null ? {} : { group: spec.traffic.membership.group, membership: spec.traffic.membership }),
    lastErrors: hasFailed(entry) ? (supervisor.log(spec.name)?.lastLines(ERROR_LINES, 'err') ?? []) : [],
    ...(Object.assign({}, ...[...supervisor.describers].map((describe) => describe(entry))) as Partial<ServerSnapshot>),
  }
}

/** Nothing as long as no call was made. */
function describeBreaker({ breakers }: Supervisor, name: string): Pick<ServerSnapshot, 'breaker'> {
  const breaker = breakers.of(name)
  return breaker === null ? {} : { breaker }
}

function describeLimits(supervisor: Supervisor, { spec }: FleetEntry): LimitsSnapshot | null {
  const { memoryBytes = null, cpuPercent = null, pids = null } = spec.limits
  if (memoryBytes === null && cpuPercent === null && pids === null) return null
  return { memoryBytes, cpuPercent, pids, backend: supervisor.instance(spec.name)?.group?.backend ?? null }
}

type InstanceFacts = Pick<ServerSnapshot, 'era' | 'pid' | 'uptimeSeconds' | 'tools' | 'progress'>

function describeInstance(supervisor: Supervisor, { spec, state }: FleetEntry, now: number): InstanceFacts {
  const instance = supervisor.instance(spec.name)
  if (!isActive(state) || !instance) return { era: null, pid: null, uptimeSeconds: null, tools: null, progress: null }
  const { established } = instance
  return {
    era: established?.verdict.era ?? null,
    pid: instance.pid,
    uptimeSeconds: Math.max(0, Math.round((now - state.startedAt) / 1000)),
    tools: established?.catalogue.tools.length ?? null,
    progress: state.phase === 'starting' ? instance.progress : null,
  }
}

function describeUsage(usage: Usage | undefined): Pick<ServerSnapshot, 'cpuPercent' | 'memoryBytes'> {
  const cpuPercent = usage?.cpuPercent ?? null
  return { cpuPercent: cpuPercent === null ? null : Math.round(cpuPercent * 10) / 10, memoryBytes: usage?.memoryBytes ?? null }
}

function hasFailed({ state }: FleetEntry): boolean {
  if (state.phase === 'failed' || state.phase === 'backoff' || state.phase === 'exited') return true
  return state.phase === 'starting' && state.history.streak > 0
}

function toServerDetail(supervisor: Supervisor, entry: FleetEntry, home: Home, usage?: Usage): ServerDetail {
  const { name } = entry.spec
  const instance = isActive(entry.state) ? supervisor.instance(name) : undefined
  return {
    name,
    target: describeTarget(entry),
    note: instance?.note ?? null,
    serverInfo: instance?.established?.serverInfo ?? null,
    protocolVersion: instance?.established?.verdict.protocolVersion ?? null,
    processes: usage?.processes ?? null,
    ends: entry.state.history.ends,
    logFile: join(home.logs, `${name}.log`),
    logTrouble: supervisor.log(name)?.status() ?? null,
    ...describeEnvironment(entry),
  }
}

function describeEnvironment({ spec: { launch } }: FleetEntry): Pick<ServerDetail, 'envNames'> {
  if (launch === null) return {}
  const own = new Set(launch.ownEnv)
  return { envNames: { own: [...own].sort(), inherited: Object.keys(launch.env).filter((name) => !own.has(name)).sort() } }
}

/** Command and arguments with secrets masked, or the URL without user, password and query: those are where secrets travel. */
function describeTarget({ spec }: FleetEntry): string {
  if (spec.launch !== null) return spec.launch.shown.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word))).join(' ')
  const { origin, pathname } = new URL(spec.endpoint?.url ?? 'about:blank')
  return `${origin}${pathname}`
}

export interface SnapshotRequest {
  readonly names: readonly string[]
  readonly detail: boolean
  readonly usage: ReadonlyMap<string, Usage>
  readonly now: number
  readonly daemon: Snapshot['daemon']
  readonly home: Home
}

/** Everything about the named servers at this moment, in configuration order. */
export function toSnapshot(supervisor: Supervisor, request: SnapshotRequest): Snapshot {
  const wanted = new Set(request.names)
  const entries = [...supervisor.fleet.servers].filter(([name]) => wanted.has(name))
  const servers = entries.map(([name, entry]) => toServerSnapshot(supervisor, entry, request.now, request.usage.get(name)))
  const base: Snapshot = { schemaVersion: 1, daemon: request.daemon, servers }
  if (!request.detail) return base
  return { ...base, details: entries.map(([name, entry]) => toServerDetail(supervisor, entry, request.home, request.usage.get(name))) }
}
