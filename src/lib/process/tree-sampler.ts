import { setImmediate as nextTurn } from 'node:timers/promises'
import { hasProc, type ProcStat } from './proc.js'
import { collectTrees, readProportional, readTable, sampleTrees, type TreeSample } from './sample.js'

/** Reading what processes use costs next to nothing: it can be done all the time. */
export const samplesCheaply = hasProc

const MS_PER_TICK = 10
const TURN_BUDGET_MS = 4
/** Less than this, or than this part of it, is what the kernel counts late. */
const NOISE_BYTES = 256 * 1024
const NOISE_SHARE = 0.02

/** What was found out about a process the last time it was looked into. */
interface Measured {
  readonly startTicks: number
  readonly residentBytes: number
  readonly proportionalBytes: number
  readonly at: number
}

export interface SampleOptions {
  /** So long, in milliseconds, processes may be looked into in one sample; null: as long as it takes. */
  readonly budgetMs: number | null
  /** So old, in milliseconds, a measurement may be of a process that has not grown or shrunk since. */
  readonly maxAgeMs: number
}

/**
 * Samples trees again and again at little cost. What a process really uses (its proportional set size) takes the kernel a
 * walk through the page tables, up to a millisecond; its resident size stands in the one line that is read of every
 * process anyway. So only those that changed are looked into, longest not seen first, and for the rest the change of the
 * resident size is added to what was measured before: what grows is its own.
 */
export class TreeSampler {
  readonly #measured = new Map<number, Measured>()

  /** One pass over the process table, 10 µs a process. A leader that no longer runs has no entry unless its group lives on. */
  async sample(roots: ReadonlyMap<string, number>, options: SampleOptions): Promise<Map<string, TreeSample>> {
    if (roots.size === 0) return new Map()
    if (!hasProc) return sampleTrees(roots)
    const trees = collectTrees(roots, readTable())
    const all = [...trees.values()].flat()
    this.#forgetOthers(all)
    await this.#look(all, options)
    const samples = new Map<string, TreeSample>()
    for (const [name, stats] of trees) {
      if (stats.length === 0) continue
      let [cpuTicks, memoryBytes] = [0, 0]
      for (const stat of stats) {
        cpuTicks += stat.cpuTicks
        memoryBytes += this.#estimate(stat)
      }
      samples.set(name, { cpuMs: cpuTicks * MS_PER_TICK, memoryBytes, processes: stats.length })
    }
    return samples
  }

  async #look(all: readonly ProcStat[], { budgetMs, maxAgeMs }: SampleOptions): Promise<void> {
    const startedAt = performance.now()
    const due = all.filter((stat) => this.#isDue(stat, startedAt - maxAgeMs)).sort((a, b) => this.#seenAt(a) - this.#seenAt(b))
    let turnStartedAt = startedAt
    let spentMs = 0
    for (const { pid, startTicks, residentBytes } of due) {
      const at = performance.now()
      this.#measured.set(pid, { startTicks, residentBytes, proportionalBytes: readProportional(pid), at })
      const now = performance.now()
      spentMs += now - at
      if (budgetMs !== null && spentMs >= budgetMs) return
      if (now - turnStartedAt < TURN_BUDGET_MS) continue
      await nextTurn()
      turnStartedAt = performance.now()
    }
  }

  #isDue(stat: ProcStat, oldest: number): boolean {
    const known = this.#known(stat)
    if (known === null || known.at < oldest) return true
    return Math.abs(stat.residentBytes - known.residentBytes) > Math.max(NOISE_BYTES, known.residentBytes * NOISE_SHARE)
  }

  #estimate(stat: ProcStat): number {
    const known = this.#known(stat)
    if (known === null) return stat.residentBytes
    return Math.min(stat.residentBytes, Math.max(0, known.proportionalBytes + stat.residentBytes - known.residentBytes))
  }

  /** A number may be another process's by now. */
  #known({ pid, startTicks }: ProcStat): Measured | null {
    const known = this.#measured.get(pid)
    return known?.startTicks === startTicks ? known : null
  }

  #seenAt(stat: ProcStat): number {
    return this.#known(stat)?.at ?? 0
  }

  #forgetOthers(all: readonly ProcStat[]): void {
    if (this.#measured.size === 0) return
    const living = new Set(all.map(({ pid }) => pid))
    for (const pid of this.#measured.keys()) if (!living.has(pid)) this.#measured.delete(pid)
  }
}
