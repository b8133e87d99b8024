import { hasProc, type ProcStat } from '../proc.js'
import { collectMembers, readProportional, readTable, sampleTrees } from '../sample.js'

/** A tree at one look. */
export interface TreeReading {
  /** Empty where processes cannot be listed. */
  readonly members: readonly ProcStat[]
  /** Shared pages count for each process: never less than what is really used. */
  readonly residentBytes: number
  /** What is really used; costs up to a millisecond for a large process. */
  readonly measureBytes: () => number
  /** Grows, except when a process ends that nobody waits for. */
  readonly cpuMs: number
  /** Processes and threads; where threads cannot be seen, processes. */
  readonly tasks: number
  /** A steady clock, in ms. */
  readonly at: number
}

/** A tree that is looked at. */
export interface WatchedTree {
  readonly leader: number
  /** True asks for the next look soon. Must not throw. */
  take(reading: TreeReading): boolean
}

/** A leak of 50 MB/s gets 40 MB over its limit at a look a second, and 25 MB at four. */
const CALM_MS = 1000
const HURRY_MS = 250
const MS_PER_TICK = 10

/**
 * Looks at all watched trees together: descendants of the leader, members of its process group, and what was either
 * at an earlier look. One pass over the process table (3 ms for 300 processes) a second, or four when a tree is close
 * to a limit. No timer while nothing is watched.
 */
export class TreeWatch {
  readonly #trees = new Map<WatchedTree, readonly ProcStat[]>()
  #timer: NodeJS.Timeout | undefined
  #looking = false

  add(tree: WatchedTree): void {
    this.#trees.set(tree, [])
    if (!this.#looking) this.#schedule(HURRY_MS)
  }

  remove(tree: WatchedTree): void {
    this.#trees.delete(tree)
    if (this.#trees.size === 0) clearTimeout(this.#timer)
  }

  /** Members at the last look; their numbers may have been reused since. */
  membersOf(tree: WatchedTree): readonly ProcStat[] {
    return this.#trees.get(tree) ?? []
  }

  #schedule(delayMs: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#look(), delayMs)
    this.#timer.unref()
  }

  async #look(): Promise<void> {
    this.#looking = true
    let hurry = false
    try {
      const readings = hasProc ? this.#readProc() : await this.#readOtherwise()
      for (const [tree, reading] of readings) if (this.#trees.has(tree) && tree.take(reading)) hurry = true
    } finally {
      this.#looking = false
      if (this.#trees.size > 0) this.#schedule(hurry ? HURRY_MS : CALM_MS)
    }
  }

  #readProc(): Map<WatchedTree, TreeReading> {
    const table = readTable()
    const at = performance.now()
    const starts = new Map(table.map(({ pid, startTicks }) => [pid, startTicks]))
    const owners = new Map<number, WatchedTree>()
    for (const [tree, known] of this.#trees) {
      for (const { pid, startTicks } of known) if (starts.get(pid) === startTicks) owners.set(pid, tree)
    }
    for (const tree of this.#trees.keys()) owners.set(tree.leader, tree)
    const readings = new Map<WatchedTree, TreeReading>()
    for (const [tree, members] of collectMembers(owners, table)) {
      this.#trees.set(tree, members)
      readings.set(tree, describe(members, at))
    }
    return readings
  }

  async #readOtherwise(): Promise<Map<WatchedTree, TreeReading>> {
    const trees = new Map([...this.#trees.keys()].map((tree) => [String(tree.leader), tree]))
    const samples = await sampleTrees(new Map([...trees].map(([name, { leader }]) => [name, leader]))).catch(() => new Map<string, never>())
    const readings = new Map<WatchedTree, TreeReading>()
    for (const [name, { memoryBytes, cpuMs, processes }] of samples) {
      const tree = trees.get(name)
      const reading = { members: [], residentBytes: memoryBytes, measureBytes: () => memoryBytes, cpuMs, tasks: processes, at: performance.now() }
      if (tree !== undefined) readings.set(tree, reading)
    }
    return readings
  }
}

function describe(members: readonly ProcStat[], at: number): TreeReading {
  return {
    members,
    residentBytes: sum(members, ({ residentBytes }) => residentBytes),
    measureBytes: () => sum(members, ({ pid }) => readProportional(pid)),
    cpuMs: sum(members, ({ cpuTicks }) => cpuTicks) * MS_PER_TICK,
    tasks: sum(members, ({ threads }) => threads),
    at,
  }
}

function sum(members: readonly ProcStat[], value: (stat: ProcStat) => number): number {
  return members.reduce((total, stat) => total + value(stat), 0)
}
