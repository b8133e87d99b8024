import { sampleTrees } from '../process/index.js'

/** Between two samples nobody asked for; one pass over /proc each. */
const INTERVAL_MS = 10_000
/** A shorter span says more about the clock than about the server. */
const SHORTEST_SPAN_MS = 500

export interface Usage {
  readonly cpuPercent: number | null
  readonly memoryBytes: number
  readonly processes: number
}

interface Sample {
  readonly at: number
  readonly cpuMs: number
  /** A new pid starts a new series. */
  readonly pid: number
}

/** Knows what each server's process tree uses: CPU as the mean since the sample before. `close` ends its timer. */
export interface UsageMeter {
  measure(): Promise<ReadonlyMap<string, Usage>>
  close(): void
}

export function startUsageMeter(roots: () => ReadonlyMap<string, number>, now: () => number): UsageMeter {
  let previous = new Map<string, Sample>()
  let latest = new Map<string, Sample>()
  const remember = (samples: Map<string, Sample>): void => {
    previous = latest
    latest = samples
  }
  const sample = async (cheap: boolean) => {
    const pids = roots()
    const trees = pids.size === 0 ? new Map<string, never>() : await sampleTrees(pids, { cheap })
    const at = now()
    const samples = new Map([...trees].map(([name, tree]) => [name, { at, cpuMs: tree.cpuMs, pid: pids.get(name) ?? 0 }]))
    return { trees, samples, at }
  }
  const timer = setInterval(() => {
    if (roots().size > 0) void sample(true).then(({ samples }) => remember(samples))
  }, INTERVAL_MS)
  timer.unref()

  return {
    async measure() {
      const { trees, samples, at } = await sample(false)
      const usage = new Map<string, Usage>()
      for (const [name, tree] of trees) {
        const current = samples.get(name)
        const base = [latest.get(name), previous.get(name)].find((old) => old && current && old.pid === current.pid && at - old.at >= SHORTEST_SPAN_MS)
        const cpuPercent = base && current ? Math.max(0, ((current.cpuMs - base.cpuMs) / (at - base.at)) * 100) : null
        usage.set(name, { cpuPercent, memoryBytes: tree.memoryBytes, processes: tree.processes })
      }
      return usage
    },
    close: () => clearInterval(timer),
  }
}
