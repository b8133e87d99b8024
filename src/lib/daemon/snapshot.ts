import { join } from 'node:path'
import { isActive, type FleetEntry, type ServerDetail, type ServerSnapshot, type Snapshot } from '../core/index.js'
import type { Home } from '../control/index.js'
import type { Supervisor } from './supervisor.js'
import type { Usage } from './usage.js'

/** Newest stderr lines shown with a server in trouble. */
const ERROR_LINES = 5

/** One server as the outside sees it. */
export function toServerSnapshot(supervisor: Supervisor, name: string, entry: FleetEntry, now: number, usage?: Usage): ServerSnapshot {
  const { spec, state } = entry
  const instance = supervisor.instance(name)
  const active = isActive(state)
  const established = active ? instance?.established : undefined
  return {
    name,
    phase: state.phase,
    ready: state.phase === 'ready',
    desired: state.desired,
    enabled: spec.enabled,
    transport: spec.transport,
    era: established?.verdict.era ?? null,
    pid: active ? (instance?.pid ?? null) : null,
    generation: state.generation,
    restarts: state.history.total,
    uptimeSeconds: active ? Math.max(0, Math.round((now - state.startedAt) / 1000)) : null,
    cpuPercent: usage?.cpuPercent == null ? null : Math.round(usage.cpuPercent * 10) / 10,
    memoryBytes: usage?.memoryBytes ?? null,
    tools: established ? established.catalogue.tools.length : null,
    since: state.since,
    reason: state.reason,
    progress: state.phase === 'starting' ? (instance?.progress ?? null) : null,
    retryAt: state.phase === 'backoff' ? state.until : null,
    dependsOn: spec.dependsOn,
    tags: spec.tags,
    source: spec.source,
    changed: entry.nextSpec !== null,
    removed: entry.removed,
    lastErrors: hasFailed(entry) ? (supervisor.log(name)?.lastLines(ERROR_LINES, 'err') ?? []) : [],
  }
}

function hasFailed({ state }: FleetEntry): boolean {
  if (state.phase === 'failed' || state.phase === 'backoff' || state.phase === 'exited') return true
  return state.phase === 'starting' && state.history.streak > 0
}

function toServerDetail(supervisor: Supervisor, name: string, entry: FleetEntry, home: Home, usage?: Usage): ServerDetail {
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
  }
}

/** Command and arguments, or the URL without user, password and query: those are where secrets travel. */
function describeTarget({ spec }: FleetEntry): string {
  if (spec.launch !== null) return [spec.launch.command, ...spec.launch.args].map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word))).join(' ')
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
  const servers = entries.map(([name, entry]) => toServerSnapshot(supervisor, name, entry, request.now, request.usage.get(name)))
  const base: Snapshot = { schemaVersion: 1, daemon: request.daemon, servers }
  if (!request.detail) return base
  return { ...base, details: entries.map(([name, entry]) => toServerDetail(supervisor, name, entry, request.home, request.usage.get(name))) }
}
