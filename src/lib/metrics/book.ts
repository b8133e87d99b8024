import type { History, ToolFigures, TrafficFigures } from '../core/index.js'
import { HistoryRing } from './history-ring.js'
import { LATENCY_BUCKETS, latencyBucket, latencyQuantile } from './latency.js'
import type { TrafficView } from './prometheus-view.js'
import { percent } from './recent.js'
import { ToolBook } from './tool-book.js'
import { isAside, Traffic, type CountedEnd } from './traffic.js'

/** What is counted of a request; the gateway's own record of it has more. */
export interface CountedCall {
  readonly server: string
  readonly method: string
  readonly target: string | null
  /** Epoch milliseconds. */
  readonly startedAt: number
  readonly bytesIn: number
}

/** What a server's process trees used at one moment; null: not known. */
export interface UsedNow {
  readonly cpuPercent: number | null
  readonly memoryBytes: number | null
}

const NOT_USED: UsedNow = { cpuPercent: null, memoryBytes: null }

/** Calls since the last step of the history. */
class Step {
  calls = 0
  answered = 0
  errors = 0
  readonly #counts = new Uint32Array(LATENCY_BUCKETS)

  add(end: CountedEnd): void {
    const { outcome, durationMs } = end
    this.calls++
    if (isAside(end)) return
    this.answered++
    if (outcome !== 'ok') this.errors++
    const bucket = latencyBucket(durationMs)
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1
  }

  get p95Ms(): number | null {
    return latencyQuantile(this.#counts, 0.95)
  }

  clear(): void {
    if (this.calls > 0) this.#counts.fill(0)
    this.calls = this.answered = this.errors = 0
  }
}

/** Traffic and recent past of one server, or of all together: 3 KiB before the first call. */
class Account {
  readonly traffic = new Traffic()
  readonly history = new HistoryRing()
  #step: Step | null = null
  /** Where the step that is under way began. */
  #stepFrom: number | null = null

  ended(now: number, call: CountedCall, end: CountedEnd): void {
    this.traffic.ended(now, call.bytesIn, end)
    this.#step ??= new Step()
    this.#step.add(end)
  }

  close(at: number, { cpuPercent, memoryBytes }: UsedNow): void {
    const { calls = 0, answered = 0, errors = 0, p95Ms = null } = this.#step ?? {}
    const spanMs = this.#stepFrom === null ? 0 : at - this.#stepFrom
    this.history.push(at, {
      cpuPercent, memoryBytes, p95Ms,
      callsPerSecond: spanMs <= 0 ? null : (calls / spanMs) * 1000,
      errorPercent: answered === 0 ? null : percent(errors, answered),
    })
    this.begin(at)
  }

  begin(at: number): void {
    this.#step?.clear()
    this.#stepFrom = at
  }
}

class ServerAccount extends Account {
  readonly tools = new ToolBook()
}

/**
 * Keeps count of every call and of what servers use, in fixed memory for each. Time is passed in: epoch milliseconds of a
 * clock that does not run backwards. Hears of calls from the gateway; `close` a step of the history every ten seconds.
 */
export class FiguresBook {
  readonly #servers = new Map<string, ServerAccount>()
  readonly #total = new Account()

  began(call: CountedCall): void {
    this.#total.traffic.began(call.startedAt)
    const account = this.#account(call.server)
    account.traffic.began(call.startedAt)
    account.tools.began(call.startedAt, call.method, call.target)
  }

  ended(call: CountedCall, end: CountedEnd): void {
    const now = call.startedAt + end.durationMs
    this.#total.ended(now, call, end)
    const account = this.#account(call.server)
    account.ended(now, call, end)
    account.tools.ended(now, call, end)
  }

  /** A step of the history begins: what was counted before belongs to no step. After a while without steps. */
  beginStep(at: number): void {
    this.#total.begin(at)
    for (const account of this.#servers.values()) account.begin(at)
  }

  /** Ends a step of the history for these servers, and for all together. Servers that are not among them are forgotten as soon as no call is under way. */
  closeStep(at: number, servers: ReadonlyMap<string, UsedNow | null>): void {
    for (const [name, { traffic }] of this.#servers) if (!servers.has(name) && traffic.inFlight === 0) this.#servers.delete(name)
    for (const [name, used] of servers) this.#account(name).close(at, used ?? NOT_USED)
    this.#total.close(at, sumUsed([...servers.values()]))
  }

  /** The server is gone. */
  forget(server: string): void {
    this.#servers.delete(server)
  }

  /** `server` null: all together. */
  traffic(server: string | null, now: number): TrafficFigures {
    return this.#find(server)?.traffic.figures(now) ?? NO_TRAFFIC.figures(now)
  }

  /** Calls of the last five minutes that their clients did not take back. */
  recentCalls(server: string | null, now: number): number {
    return this.#find(server)?.traffic.recentCalls(now) ?? 0
  }

  history(server: string | null): History {
    return (this.#find(server)?.history ?? NO_HISTORY).read()
  }

  tools(server: string, now: number): ToolFigures[] {
    return this.#servers.get(server)?.tools.figures(now) ?? []
  }

  /** By server; those nobody called are missing. */
  views(): Map<string, TrafficView> {
    const called = [...this.#servers].filter(([, { traffic }]) => traffic.calls + traffic.inFlight > 0)
    return new Map(called.map(([name, { traffic, tools }]) => [name, { ...traffic.view(), tools: tools.views() }]))
  }

  #find(server: string | null): Account | undefined {
    return server === null ? this.#total : this.#servers.get(server)
  }

  #account(server: string): ServerAccount {
    const known = this.#servers.get(server)
    if (known !== undefined) return known
    const made = new ServerAccount()
    this.#servers.set(server, made)
    return made
  }
}

const NO_TRAFFIC = new Traffic()
const NO_HISTORY = new HistoryRing()

/** Unknown when nothing is known of any. */
function sumUsed(all: readonly (UsedNow | null)[]): UsedNow {
  const sum = (values: readonly (number | null | undefined)[]): number | null => {
    const known = values.filter((value) => value != null)
    return known.length === 0 ? null : known.reduce((total, value) => total + value, 0)
  }
  return { cpuPercent: sum(all.map((used) => used?.cpuPercent)), memoryBytes: sum(all.map((used) => used?.memoryBytes)) }
}
