import { setImmediate as nextTurn } from 'node:timers/promises'
import { hasProc, isDead, listPids, readProcFile, readStat, type ProcStat } from './proc.js'

/** What a server's whole process tree uses at one moment. */
export interface TreeSample {
  /** CPU time used since the processes started, ended children that were waited for included. */
  readonly cpuMs: number
  readonly memoryBytes: number
  readonly processes: number
}

/** What user space sees as a clock tick is 1/100 s on every platform Node runs on (USER_HZ). */
const MS_PER_TICK = 10
const TURN_BUDGET_MS = 4

/**
 * Samples the tree of each leader: its descendants and the members of its process group. Memory is the proportional
 * set size (shared pages divided among their users). A leader that no longer runs has no entry unless its group lives on.
 * Yields to the event loop every few ms.
 */
export async function sampleTrees(roots: ReadonlyMap<string, number>): Promise<Map<string, TreeSample>> {
  if (roots.size === 0) return new Map()
  if (!hasProc) return sampleByPidusage(roots)
  const members = collectTrees(roots, readTable())
  const samples = new Map<string, TreeSample>()
  let turnStartedAt = performance.now()
  for (const [name, stats] of members) {
    if (stats.length === 0) continue
    let memoryBytes = 0
    let cpuTicks = 0
    for (const stat of stats) {
      cpuTicks += stat.cpuTicks
      memoryBytes += readProportional(stat.pid)
      if (performance.now() - turnStartedAt < TURN_BUDGET_MS) continue
      await nextTurn()
      turnStartedAt = performance.now()
    }
    samples.set(name, { cpuMs: cpuTicks * MS_PER_TICK, memoryBytes, processes: stats.length })
  }
  return samples
}

/** All live processes. */
export function readTable(): ProcStat[] {
  const table: ProcStat[] = []
  for (const pid of listPidsIfPossible()) {
    const stat = readStat(pid)
    if (stat !== null && !isDead(stat)) table.push(stat)
  }
  return table
}

/** Out of file descriptors, usage is unknown for a while; nothing else may suffer from that. */
function listPidsIfPossible(): number[] {
  try {
    return listPids()
  } catch {
    return []
  }
}

/** Every process belongs to the nearest leader above it, so that a tree inside a tree is not counted twice. */
export function collectTrees(roots: ReadonlyMap<string, number>, table: readonly ProcStat[]): Map<string, ProcStat[]> {
  return collectMembers(new Map([...roots].map(([name, pid]) => [pid, name])), table)
}

/** The same for trees with any number of processes that are known to belong to them. */
export function collectMembers<T>(nameOf: ReadonlyMap<number, T>, table: readonly ProcStat[]): Map<T, ProcStat[]> {
  const byPid = new Map(table.map((stat) => [stat.pid, stat]))
  const members = new Map<T, ProcStat[]>([...nameOf.values()].map((name) => [name, []]))
  for (const stat of table) {
    const name = findOwner(stat, byPid, nameOf)
    if (name !== undefined) members.get(name)?.push(stat)
  }
  return members
}

function findOwner<T>(stat: ProcStat, byPid: ReadonlyMap<number, ProcStat>, nameOf: ReadonlyMap<number, T>): T | undefined {
  const seen = new Set<number>()
  for (let one: ProcStat | undefined = stat; one !== undefined && !seen.has(one.pid); one = byPid.get(one.parentPid)) {
    const name = nameOf.get(one.pid) ?? nameOf.get(one.group)
    if (name !== undefined) return name
    seen.add(one.pid)
  }
  return undefined
}

/** The kernel walks the page tables for this: 20 µs for a small process, up to a millisecond for a large one. */
export function readProportional(pid: number): number {
  const text = readProcFile(`/proc/${pid}/smaps_rollup`)
  const kib = text === null ? undefined : /^Pss:\s+(\d+) kB/m.exec(text)?.[1]
  return kib === undefined ? readResident(pid) : Number(kib) * 1024
}

function readResident(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB/m.exec(readProcFile(`/proc/${pid}/status`) ?? '')?.[1]
  return kib === undefined ? 0 : Number(kib) * 1024
}

/** Systems without /proc: the leader alone, by `ps` or its like. pidusage's clear() leaks descriptors: never called. */
async function sampleByPidusage(roots: ReadonlyMap<string, number>): Promise<Map<string, TreeSample>> {
  const { default: pidusage } = await import('pidusage')
  const entries = await Promise.all([...roots].map(async ([name, pid]) => {
    const usage = await pidusage(pid).catch(() => null)
    return usage === null ? null : ([name, { cpuMs: usage.ctime, memoryBytes: usage.memory, processes: 1 }] as const)
  }))
  return new Map(entries.filter((entry) => entry !== null))
}
