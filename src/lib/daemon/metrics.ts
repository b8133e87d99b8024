import { isActive, judgeAlerts, type Alert, type FleetEntry, type GateMetrics, type MetricsSnapshot, type ServerAlertFacts, type ServerMetrics, type SessionMetrics } from '../core/index.js'
import type { ConfigSnapshot, LimitsBackendSnapshot } from '../core/index.js'
import { countUsers, sumSaved, type FiguresBook, type FiguresSource, type SharedServer, type TrafficView, type UsedNow } from '../metrics/index.js'
import { baseName, isConfigured } from './server-name.js'
import { toServerSnapshot } from './snapshot.js'
import type { Supervisor } from './supervisor.js'
import type { Usage, UsageMeter } from './usage.js'

export interface MetricsRequest {
  /** Servers as configured; null: all. Totals, sessions, alerts and what sharing saves are always of all. */
  readonly names: readonly string[] | null
  readonly history: boolean
  readonly tools: boolean
}

/** What figures have to be known about besides the servers; looked at anew each time. */
export interface MetricsSurroundings {
  sessions(): readonly SessionMetrics[]
  configs(): readonly ConfigSnapshot[]
  limits(): LimitsBackendSnapshot | null
  gate(): GateMetrics
}

export interface MetricsOptions {
  readonly supervisor: Supervisor
  readonly usage: UsageMeter
  readonly book: FiguresBook
  readonly surroundings: MetricsSurroundings
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** All figures of this daemon. Its owner calls `close`. */
export interface Metrics extends FiguresSource {
  read(request: MetricsRequest): Promise<MetricsSnapshot>
  /** A step of the recent past ended. */
  step(at: number, usage: ReadonlyMap<string, Usage>, isFirst: boolean): void
  /** A process tree used the processor. */
  usedCpu(name: string, cpuMs: number): void
  close(): void
}

const PLAIN: MetricsRequest = { names: null, history: false, tools: false }

/** Puts together what was counted, sampled and decided. */
export function createMetrics(options: MetricsOptions): Metrics {
  return new DaemonMetrics(options)
}

/** What all process trees of one server use together: processes of single sessions, and the second one while it is replaced. */
interface Trees {
  readonly cpuPercent: number | null
  readonly memoryBytes: number | null
  readonly processes: number | null
  readonly instances: number
}

const NO_TREES: Trees = { cpuPercent: null, memoryBytes: null, processes: null, instances: 0 }

class DaemonMetrics implements Metrics {
  readonly #options: MetricsOptions
  readonly #restarts = new Map<string, number>()
  readonly #cpuMs = new Map<string, number>()
  readonly #stopListening: () => void

  constructor(options: MetricsOptions) {
    this.#options = options
    const { supervisor, usage } = options
    this.#stopListening = supervisor.onChange((name, before) => {
      usage.wake()
      const restarts = (supervisor.fleet.servers.get(name)?.state.history.total ?? 0) - (before.servers.get(name)?.state.history.total ?? 0)
      // Set back when somebody starts it by hand.
      if (restarts > 0) add(this.#restarts, baseName(name), restarts)
      if (!supervisor.fleet.servers.has(name)) this.#forget(name)
    })
  }

  async read({ names, history, tools }: MetricsRequest): Promise<MetricsSnapshot> {
    const { book, usage, now, surroundings } = this.#options
    const trees = sumTrees(await usage.measure())
    const at = now()
    const sessions = surroundings.sessions()
    const users = countUsers(sessions)
    const entries = this.#entries()
    const all = entries.map((entry) => this.#server(entry, { trees, users, now: at }))
    const shown = names === null ? all : all.filter(({ name }) => names.includes(name))
    const known = all.filter(({ memoryBytes }) => memoryBytes !== null)
    return {
      schemaVersion: 1,
      sampledAt: usage.sampledAt,
      totals: {
        cpuPercent: sum(known.map(({ cpuPercent }) => cpuPercent)), memoryBytes: sum(known.map(({ memoryBytes }) => memoryBytes)), processes: sum(known.map(({ processes }) => processes)),
        sessions: sessions.length,
        restartsTotal: all.reduce((total, { restartsTotal }) => total + restartsTotal, 0),
        traffic: book.traffic(null, at),
        ...(history ? { history: book.history(null) } : {}),
      },
      servers: shown.map((server) => ({ ...server, ...(history ? { history: book.history(server.name) } : {}), ...(tools ? { tools: book.tools(server.name, at) } : {}) })),
      sessions,
      saved: sumSaved(entries.flatMap((entry) => toShared(entry, trees.get(entry.spec.name))), sessions),
      alerts: this.#alerts(entries, all, at),
      gate: surroundings.gate(),
    }
  }

  snapshot(): Promise<MetricsSnapshot> {
    return this.read(PLAIN)
  }

  traffic(): ReadonlyMap<string, TrafficView> {
    return this.#options.book.views()
  }

  cpuSeconds(server: string): number | null {
    const usedMs = this.#cpuMs.get(server)
    return usedMs === undefined ? null : usedMs / 1000
  }

  step(at: number, usage: ReadonlyMap<string, Usage>, isFirst: boolean): void {
    const { book } = this.#options
    const trees = sumTrees(usage)
    if (isFirst) book.beginStep(at)
    book.closeStep(at, new Map(this.#entries().map(({ spec }): [string, UsedNow | null] => [spec.name, trees.get(spec.name) ?? null])))
  }

  usedCpu(name: string, cpuMs: number): void {
    add(this.#cpuMs, baseName(name), cpuMs)
  }

  close(): void {
    this.#stopListening()
  }

  #entries(): FleetEntry[] {
    return [...this.#options.supervisor.fleet.servers.values()].filter(isConfigured)
  }

  #server({ spec: { name } }: FleetEntry, { trees, users, now }: { trees: ReadonlyMap<string, Trees>; users: ReadonlyMap<string, number>; now: number }): ServerMetrics {
    const { cpuPercent, memoryBytes, processes } = trees.get(name) ?? NO_TREES
    return {
      name, cpuPercent: round(cpuPercent), memoryBytes, processes,
      sessions: users.get(name) ?? 0,
      restartsTotal: this.#restarts.get(name) ?? 0,
      traffic: this.#options.book.traffic(name, now),
    }
  }

  #alerts(entries: readonly FleetEntry[], servers: readonly ServerMetrics[], now: number): Alert[] {
    const { supervisor, book, surroundings } = this.#options
    const facts = entries.map((entry, index): ServerAlertFacts | null => {
      const { name } = entry.spec
      const metrics = servers[index]
      if (metrics === undefined) return null
      const { cpuPercent, memoryBytes } = metrics
      return {
        server: { ...toServerSnapshot(supervisor, entry, now), cpuPercent, memoryBytes },
        traffic: metrics.traffic, recentCalls: book.recentCalls(name, now), history: book.history(name),
        ends: entry.state.history.ends, logTrouble: supervisor.log(name)?.status() ?? null,
      }
    })
    return judgeAlerts({ servers: facts.filter((one) => one !== null), configs: surroundings.configs(), limits: surroundings.limits(), now })
  }

  /** A server that is configured again begins anew. */
  #forget(name: string): void {
    if (name !== baseName(name)) return
    this.#restarts.delete(name)
    this.#cpuMs.delete(name)
  }
}

function sumTrees(usage: ReadonlyMap<string, Usage>): Map<string, Trees> {
  const trees = new Map<string, Trees>()
  for (const [name, { cpuPercent, memoryBytes, processes }] of usage) {
    const base = baseName(name)
    const before = trees.get(base) ?? NO_TREES
    trees.set(base, {
      cpuPercent: sum([before.cpuPercent, cpuPercent]), memoryBytes: (before.memoryBytes ?? 0) + memoryBytes, processes: (before.processes ?? 0) + processes, instances: before.instances + 1,
    })
  }
  return trees
}

/** A server that runs no process here, or none now, shares nothing. */
function toShared({ spec: { name, isolation, launch }, state }: FleetEntry, trees: Trees | undefined): SharedServer[] {
  if (launch === null || trees?.memoryBytes == null) return []
  // While it is replaced there are two, but only one is needed.
  const instances = isolation === 'shared' && isActive(state) ? 1 : trees.instances
  return [{ name, isolation, instances, memoryBytes: trees.memoryBytes }]
}

function add(counts: Map<string, number>, key: string, more: number): void {
  counts.set(key, (counts.get(key) ?? 0) + more)
}

/** Null when nothing is known of any. */
function sum(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null)
  return known.length === 0 ? null : known.reduce((total, value) => total + value, 0)
}

function round(percent: number | null): number | null {
  return percent === null ? null : Math.round(percent * 10) / 10
}
