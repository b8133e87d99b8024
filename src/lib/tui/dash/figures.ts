import type { ControlClient } from '../../control/index.js'
import type { MetricsSnapshot, ServerMetrics, Snapshot } from '../../core/index.js'
import { McpctlError } from '../../errors/index.js'
import type { DashData, OpenServer } from './model.js'

/** Facts that rarely change (limits, configuration troubles, tools) are asked for again after this long. */
const SNAPSHOT_MS = 10_000
/** A daemon that just began its past has its first step by then. */
const HISTORY_RETRY_MS = 2000

export interface FiguresWanted {
  /** Servers on the screen: only their past is asked for. */
  readonly visible: readonly string[]
  readonly open: string | null
}

export interface Figures {
  readonly metrics: MetricsSnapshot | null
  readonly histories: MetricsSnapshot | null
  readonly snapshot: Snapshot | null
  readonly open: OpenServer | null
}

/**
 * Asks one daemon for figures, and for no more than is shown: the numbers of all servers each time, the past only of those
 * on the screen and only when it has a new step. Make a new one for each connection.
 */
export class FiguresReader {
  readonly #client: ControlClient
  /** An older daemon has no such request: it is asked once. */
  #counts = true
  #snapshotAt = -Infinity
  #historyAt = -Infinity
  #historyNames: ReadonlySet<string> = new Set()

  constructor(client: ControlClient) {
    this.#client = client
  }

  async read({ visible, open }: FiguresWanted, data: DashData, now: number): Promise<Figures> {
    const needsSnapshot = now - this.#snapshotAt >= SNAPSHOT_MS || !this.#counts
    if (needsSnapshot) this.#snapshotAt = now
    const [metrics, histories, snapshot, opened] = await Promise.all([
      this.#metrics(null, false),
      this.#needsHistory(visible, data, now) ? this.#metrics(visible, true) : null,
      needsSnapshot ? this.#client.request('snapshot', { names: null, detail: false }) : null,
      open === null ? null : this.#open(open),
    ])
    return { metrics, histories, snapshot, open: opened }
  }

  /** The past is asked for when a server came onto the screen, or when its next step is due. */
  #needsHistory(visible: readonly string[], { totals }: DashData, now: number): boolean {
    const dueAt = Math.max(totals === null ? 0 : totals.endedAt + totals.intervalMs, this.#historyAt + HISTORY_RETRY_MS)
    if (now < dueAt && visible.every((name) => this.#historyNames.has(name))) return false
    this.#historyAt = now
    this.#historyNames = new Set(visible)
    return true
  }

  async #metrics(names: readonly string[] | null, history: boolean): Promise<MetricsSnapshot | null> {
    if (!this.#counts) return null
    try {
      return await this.#client.request('metrics', { names, history, tools: false })
    } catch (error) {
      // A server that was just removed is no reason to show no figures at all.
      if (error instanceof McpctlError && error.code === 'SERVER_UNKNOWN') return null
      if (!(error instanceof McpctlError) || error.code !== 'DAEMON_INCOMPATIBLE') throw error
      this.#counts = false
      return null
    }
  }

  async #open(name: string): Promise<OpenServer | null> {
    try {
      const [{ details }, metrics] = await Promise.all([
        this.#client.request('snapshot', { names: [name], detail: true }),
        this.#counts ? this.#client.request('metrics', { names: [name], history: false, tools: true }).catch(ignoreOlder) : null,
      ])
      return { name, detail: details?.find((detail) => detail.name === name) ?? null, metrics: metrics?.servers.find((server) => server.name === name) ?? null }
    } catch (error) {
      if (error instanceof McpctlError && error.code === 'SERVER_UNKNOWN') return null
      throw error
    }
  }
}

function ignoreOlder(error: unknown): null {
  if (error instanceof McpctlError && error.code === 'DAEMON_INCOMPATIBLE') return null
  throw error
}

/** What is known with the figures added. */
export function withFigures(data: DashData, { metrics, histories, open }: Figures, now: number): DashData {
  return {
    ...data,
    figuresAt: now,
    ...(metrics === null ? {} : { metrics, metricsOf: new Map(metrics.servers.map((server) => [server.name, server])) }),
    ...(histories === null ? {} : { histories: mergeHistories(data, histories.servers), totals: histories.totals.history ?? data.totals }),
    ...(open === null ? {} : { open }),
  }
}

/** Those that left the screen are kept until their server goes: scrolling back shows them at once. */
function mergeHistories({ histories, servers }: DashData, newer: readonly ServerMetrics[]): DashData['histories'] {
  const merged = new Map([...histories].filter(([name]) => servers.has(name)))
  for (const { name, history } of newer) if (history !== undefined) merged.set(name, history)
  return merged
}
