import { sampleTrees } from '../process/index.js'

/** After somebody asked, samples go on for this long, so that the next answer has a recent one to compare with. */
const WATCHED_MS = 60_000
/** Between two samples; one pass over /proc each. */
const INTERVAL_MS = 10_000
/** A shorter span says more about the clock than about the server. */
const SHORTEST_SPAN_MS = 500

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

/** Knows what each server's process tree uses: CPU as the mean since the sample before, at first since its start. `close` ends its timer. */
export interface UsageMeter {
  measure(): Promise<ReadonlyMap<string, Usage>>
  close(): void
}

export function startUsageMeter(leadersOf: () => ReadonlyMap<string, Leader>, now: () => number): UsageMeter {
  let previous = new Map<string, Sample>()
  let latest = new Map<string, Sample>()
  const remember = (samples: Map<string, Sample>): void => {
    previous = latest
    latest = samples
  }
  const sample = async (cheap: boolean) => {
    const leaders = leadersOf()
    const trees = await sampleTrees(new Map([...leaders].map(([name, { pid }]) => [name, pid])), { cheap })
    const at = now()
    const samples = new Map([...trees].map(([name, tree]) => [name, { at, cpuMs: tree.cpuMs, pid: leaders.get(name)?.pid ?? 0 }]))
    return { leaders, trees, samples, at }
  }
  let watchedUntil = 0
  let timer: NodeJS.Timeout | undefined
  // Nobody looks: nothing is sampled, and an idle daemon sleeps.
  const tick = (): void => {
    timer = undefined
    if (leadersOf().size === 0 || now() > watchedUntil) return
    void sample(true).then(({ samples }) => remember(samples)).catch(() => undefined)
    arm()
  }
  const arm = (): void => {
    timer ??= setTimeout(tick, INTERVAL_MS).unref()
  }

  return {
    async measure() {
      const { leaders, trees, samples, at } = await sample(false)
      const usage = new Map<string, Usage>()
      for (const [name, tree] of trees) {
        const { pid = 0, startedAt = at } = leaders.get(name) ?? {}
        const birth: Sample = { at: startedAt, cpuMs: 0, pid }
        const base = [latest.get(name), previous.get(name), birth].find((old) => old?.pid === pid && at - old.at >= SHORTEST_SPAN_MS)
        const cpuPercent = base ? Math.max(0, ((tree.cpuMs - base.cpuMs) / (at - base.at)) * 100) : null
        usage.set(name, { cpuPercent, memoryBytes: tree.memoryBytes, processes: tree.processes })
      }
      if (now() > watchedUntil || latest.size === 0) remember(samples)
      watchedUntil = now() + WATCHED_MS
      arm()
      return usage
    },
    close: () => clearTimeout(timer),
  }
}
