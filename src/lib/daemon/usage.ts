import { samplesCheaply, TreeSampler } from '../process/index.js'

/** Between two steps of the recent past; one pass over the process table each. */
const INTERVAL_MS = 10_000
/** Where that pass is dear (no /proc), it is made for so long after somebody asked and not otherwise. */
const WATCHED_MS = 60_000
/** Askers within this time get the same sample, however many they are. */
const FRESH_MS = 1000
/** How much later than planned a step may come on a busy machine and still follow the one before. */
const SLACK_MS = 500
/** A shorter span says more about the clock than about the server. */
const SHORTEST_SPAN_MS = 2000
const SHORTEST_LIFE_MS = 500
/** For the steps: 0.05 % of a core at most for looking into processes, and one that did not change is believed for five minutes. */
const CHEAP = { budgetMs: 5, maxAgeMs: 5 * 60_000 }
const EXACT = { budgetMs: null, maxAgeMs: 60_000 }

export interface Usage {
  readonly cpuPercent: number | null
  readonly memoryBytes: number
  readonly processes: number
}

/** The first process of a server; `startedAt` in epoch milliseconds. */
export interface Leader {
  readonly pid: number
  readonly startedAt: number
}

interface Sample {
  readonly at: number
  readonly cpuMs: number
  /** A new pid starts a new series. */
  readonly pid: number
}

export interface UsageOptions {
  readonly leadersOf: () => ReadonlyMap<string, Leader>
  /** Whether there is anything of which the recent past should be known. */
  readonly isWorth: () => boolean
  /** Epoch milliseconds; must not jump. */
  readonly now: () => number
  /** A step ended; `isFirst`: there was none right before it. */
  readonly onStep: (at: number, usage: ReadonlyMap<string, Usage>, isFirst: boolean) => void
  /** Processor time was used since the last look. */
  readonly onCpu: (name: string, cpuMs: number) => void
  /** Default: ten seconds. */
  readonly stepMs?: number
}

/** Knows what each server's process tree uses, and looks by itself every ten seconds while any runs. */
export interface UsageMeter {
  /** CPU is the mean of some seconds up to a step's length, at first since the start. At most one sample a second. */
  measure(): Promise<ReadonlyMap<string, Usage>>
  /** Epoch milliseconds of the newest sample; null before the first. */
  readonly sampledAt: number | null
  /** Something may have started. */
  wake(): void
  close(): void
}

/** Its owner calls `close`. */
export function startUsageMeter(options: UsageOptions): UsageMeter {
  return new Meter(options)
}

class Meter implements UsageMeter {
  sampledAt: number | null = null
  readonly #options: UsageOptions
  readonly #sampler = new TreeSampler()
  /** Samples at the ends of the last two steps. */
  #previous = new Map<string, Sample>()
  #latest = new Map<string, Sample>()
  /** The newest of each, whoever asked for it. */
  readonly #seen = new Map<string, Sample>()
  #fresh: { readonly pids: string; readonly at: number; readonly usage: Promise<ReadonlyMap<string, Usage>> } | null = null
  readonly #stepMs: number
  #watchedUntil = 0
  #stepAt: number | null = null
  #timer: NodeJS.Timeout | null = null
  #isClosed = false

  constructor(options: UsageOptions) {
    this.#options = options
    this.#stepMs = options.stepMs ?? INTERVAL_MS
  }

  async measure(): Promise<ReadonlyMap<string, Usage>> {
    const { leadersOf, now } = this.#options
    this.#watchedUntil = now() + WATCHED_MS
    this.wake()
    // What has just started is not in an older sample.
    const pids = [...leadersOf().values()].map(({ pid }) => pid).join()
    if (this.#fresh === null || this.#fresh.pids !== pids || now() - this.#fresh.at >= FRESH_MS) this.#renew(pids, now())
    return this.#fresh?.usage ?? new Map()
  }

  wake(): void {
    if (this.#timer !== null || this.#isClosed || !this.#isWanted()) return
    this.#timer = setTimeout(() => {
      this.#timer = null
      void this.#step().catch(() => undefined)
    }, this.#stepMs).unref()
  }

  close(): void {
    this.#isClosed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
  }

  #renew(pids: string, at: number): void {
    const fresh = { pids, at, usage: this.#sample(false) }
    this.#fresh = fresh
    // Whoever asked hears of it; the next one tries again.
    fresh.usage.catch(() => { if (this.#fresh === fresh) this.#fresh = null })
  }

  #isWanted(): boolean {
    const { isWorth, now } = this.#options
    return isWorth() && (samplesCheaply || now() < this.#watchedUntil)
  }

  async #step(): Promise<void> {
    if (!this.#isWanted()) {
      this.#stepAt = null
      return
    }
    this.wake()
    const usage = await this.#sample(true)
    const at = this.#options.now()
    // A machine that slept, or a while in which nothing ran, is no long step.
    const isFirst = this.#stepAt === null || at - this.#stepAt > 2 * this.#stepMs + SLACK_MS
    this.#stepAt = at
    if (!this.#isClosed) this.#options.onStep(at, usage, isFirst)
  }

  async #sample(isStep: boolean): Promise<ReadonlyMap<string, Usage>> {
    const { leadersOf, now } = this.#options
    const leaders = leadersOf()
    // Processor times are read first, before anything else may have its turn.
    const at = now()
    const trees = await this.#sampler.sample(new Map([...leaders].map(([name, { pid }]) => [name, pid])), isStep ? CHEAP : EXACT)
    const usage = new Map<string, Usage>()
    const samples = new Map<string, Sample>()
    for (const [name, { cpuMs, memoryBytes, processes }] of trees) {
      const { pid = 0, startedAt = at } = leaders.get(name) ?? {}
      const sample = { at, cpuMs, pid }
      samples.set(name, sample)
      usage.set(name, { cpuPercent: this.#cpuPercent(name, sample, startedAt), memoryBytes, processes })
      this.#count(name, sample)
    }
    for (const [name, seen] of this.#seen) if (!samples.has(name) && seen.at <= at) this.#seen.delete(name)
    if (isStep) {
      this.#previous = this.#latest
      this.#latest = samples
    }
    this.sampledAt = Math.max(at, this.sampledAt ?? at)
    return usage
  }

  #cpuPercent(name: string, { at, cpuMs, pid }: Sample, startedAt: number): number | null {
    const known = [this.#latest.get(name), this.#previous.get(name)].find((old) => old?.pid === pid && at - old.at >= SHORTEST_SPAN_MS)
    const base = known ?? (at - startedAt >= SHORTEST_LIFE_MS ? { at: startedAt, cpuMs: 0 } : null)
    return base === null ? null : Math.max(0, ((cpuMs - base.cpuMs) / (at - base.at)) * 100)
  }

  /** A tree can have used less than before: when a process of it ends for which nobody waits, what that one used is lost. */
  #count(name: string, sample: Sample): void {
    const before = this.#seen.get(name)
    // Two samples at a time: the older one was overtaken.
    if (before !== undefined && before.at > sample.at) return
    const usedMs = sample.cpuMs - (before?.pid === sample.pid ? before.cpuMs : 0)
    this.#seen.set(name, sample)
    if (usedMs > 0) this.#options.onCpu(name, usedMs)
  }
}
