import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { waitFor } from '../helpers/wait.js'

const MIB = 1024 * 1024

/** What one process holds right now. */
export interface Holdings {
  readonly descriptors: number
  readonly residentMib: number
}

/** Files that are written to are left out: they are opened with their next line and closed when it is quiet. */
export function holdingsOf(pid: number): Holdings {
  return { descriptors: readdirSync(`/proc/${pid}/fd`).filter((fd) => !targetOf(`/proc/${pid}/fd/${fd}`).endsWith('.log')).length, residentMib: statusMib(pid, 'VmRSS') }
}

/** What the descriptors lead to, each kind with its number: what a leak consists of. */
export function describeDescriptors(pid: number): string {
  const kinds = new Map<string, number>()
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    const kind = targetOf(`/proc/${pid}/fd/${fd}`).replaceAll(/\d+/g, 'N')
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
  }
  return [...kinds].map(([kind, count]) => `${count} ${kind}`).join(', ')
}

function targetOf(link: string): string {
  try {
    return readlinkSync(link)
  } catch {
    // Closed meanwhile.
    return '.log'
  }
}

/** Waits until the number of descriptors has been the same for a moment. */
export async function settledHoldings(pid: number): Promise<Holdings> {
  let last = -1
  let same = 0
  return waitFor(
    () => {
      const now = holdingsOf(pid)
      same = now.descriptors === last ? same + 1 : 0
      last = now.descriptors
      return same >= 4 ? now : undefined
    },
    { pollMs: 30, what: `the descriptors of ${pid} to stay the same` },
  )
}

/** The most memory a process has held since `forgetPeak`. */
export function peakMib(pid: number): number {
  return statusMib(pid, 'VmHWM')
}

export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5')
}

function statusMib(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const match = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(match?.[1]) / 1024
}

/** CPU time of one process so far, in ms. */
export function cpuMs(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

export interface Delays {
  readonly p50: number
  readonly p99: number
  readonly worst: number
  readonly count: number
}

/** How long `ask` takes, again and again every `everyMs` until `work` is done; in ms. */
export async function delaysWhile(ask: () => Promise<unknown>, work: Promise<unknown>, everyMs = 5): Promise<Delays> {
  const taken: number[] = []
  let over = false
  const done = work.finally(() => (over = true))
  // Told below, when it is awaited.
  done.catch(() => undefined)
  while (!over || taken.length === 0) {
    const from = performance.now()
    await ask()
    taken.push(performance.now() - from)
    await delay(everyMs)
  }
  await done
  taken.sort((a, b) => a - b)
  const at = (share: number): number => taken[Math.min(taken.length - 1, Math.floor(taken.length * share))] ?? Number.NaN
  return { p50: at(0.5), p99: at(0.99), worst: at(1), count: taken.length }
}

/** The same while nothing happens: what other work on this machine does to a delay. */
export function calmDelays(ask: () => Promise<unknown>, everyMs = 5): Promise<Delays> {
  return delaysWhile(ask, delay(CALM_MS), everyMs)
}

const CALM_MS = process.env['MCP_FAULTS'] === 'full' ? 1500 : 500

/** Groups of ours below the cgroup mounts: `mcpctl-*` with what belongs to single servers. */
export function controlGroups(): string[] {
  return hierarchies().flatMap((folder) => groupsBelow(folder, 4)).sort()
}

function hierarchies(): string[] {
  const root = '/sys/fs/cgroup'
  if (!existsSync(root)) return []
  return existsSync(join(root, 'cgroup.procs')) ? [root] : foldersIn(root)
}

function groupsBelow(folder: string, depth: number): string[] {
  if (depth === 0) return []
  return foldersIn(folder).flatMap((path) => {
    const own = /\/mcpctl[^/]*$/.test(path) ? [path, ...allBelow(path)] : []
    return own.length > 0 ? own : groupsBelow(path, depth - 1)
  })
}

function allBelow(folder: string): string[] {
  return foldersIn(folder).flatMap((path) => [path, ...allBelow(path)])
}

function foldersIn(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => join(folder, entry.name))
  } catch {
    // Removed meanwhile.
    return []
  }
}

/** The size of everything below a folder, in bytes. */
export function bytesBelow(folder: string): number {
  const sizes = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => readFileSync(join(entry.parentPath, entry.name)).length)
  return sizes.reduce((sum, size) => sum + size, 0)
}

export { MIB }
