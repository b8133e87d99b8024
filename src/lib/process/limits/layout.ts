import { existsSync } from 'node:fs'
import type { LimitsSpec } from '../../core/index.js'
import type { Resource } from './types.js'
import { numberOf, readNumber, readText, tryWrite, writeValue } from './cgroup-file.js'

/**
 * The folders of one group: version 2 has one, version 1 one per hierarchy (several controllers may share it).
 * `cpuacct` and `freezer` are controllers of their own only in version 1.
 */
export interface Layout {
  readonly version: 1 | 2
  readonly directories: Readonly<Partial<Record<Resource | 'cpuacct' | 'freezer', string>>>
}

/** Files and keys of the two versions: kernel documentation, admin-guide/cgroup-v1/ and admin-guide/cgroup-v2.rst. */
export const FILES = {
  1: { memoryEvents: 'memory.oom_control', memoryUsage: 'memory.usage_in_bytes', memoryPeak: 'memory.max_usage_in_bytes', unusedCache: 'total_inactive_file' },
  2: { memoryEvents: 'memory.events', memoryUsage: 'memory.current', memoryPeak: 'memory.peak', unusedCache: 'inactive_file' },
} as const

/** Longer periods let a server run in jerks, shorter ones cost ten times the switches. */
const PERIOD_US = 100_000
const SMALLEST_QUOTA_US = 1000
/** Version 1 reads -1 as "no limit". */
const UNLIMITED = -1

/** Every folder once. */
export function foldersOf({ directories }: Layout): string[] {
  return [...new Set(Object.values(directories))]
}

/** Writes the limits this layout has controllers for; what `limits` does not name is unlimited. @throws what the kernel answers. */
export function writeLimits(layout: Layout, limits: LimitsSpec): void {
  const { memory, cpu, pids } = layout.directories
  if (memory !== undefined) (layout.version === 1 ? writeMemory1 : writeMemory2)(memory, limits.memoryBytes)
  // systemd enables the controller only for a scope that was made with a quota.
  const hasCpu = cpu !== undefined && (layout.version === 1 || limits.cpuPercent !== undefined || existsSync(`${cpu}/cpu.max`))
  if (hasCpu) writeCpu(layout.version, cpu, limits.cpuPercent)
  if (pids !== undefined) writeValue(`${pids}/pids.max`, limits.pids ?? 'max')
}

/** Memory with swap must never be below memory alone, so the order depends on the direction. Not every kernel counts swap. */
function writeMemory1(directory: string, bytes: number = UNLIMITED): void {
  const [memory, withSwap] = [`${directory}/memory.limit_in_bytes`, `${directory}/memory.memsw.limit_in_bytes`]
  if (tryWrite(memory, bytes)) {
    tryWrite(withSwap, bytes)
  } else {
    tryWrite(withSwap, bytes)
    writeValue(memory, bytes)
  }
}

function writeMemory2(directory: string, bytes: number | 'max' = 'max'): void {
  writeValue(`${directory}/memory.max`, bytes)
  tryWrite(`${directory}/memory.swap.max`, bytes === 'max' ? 'max' : 0)
  // Half a server is worse than none: when one of its processes must go, all go. Kernels before 4.19 do not know it.
  tryWrite(`${directory}/memory.oom.group`, 1)
}

function writeCpu(version: 1 | 2, directory: string, percent: number | undefined): void {
  const quota = percent === undefined ? undefined : Math.max(SMALLEST_QUOTA_US, Math.round((percent / 100) * PERIOD_US))
  if (version === 2) return writeValue(`${directory}/cpu.max`, `${quota ?? 'max'} ${PERIOD_US}`)
  tryWrite(`${directory}/cpu.cfs_period_us`, PERIOD_US)
  // A group above with less leaves no room for this quota: then that one holds.
  if (!tryWrite(`${directory}/cpu.cfs_quota_us`, quota ?? UNLIMITED) && !isTighterAbove(directory, quota)) {
    writeValue(`${directory}/cpu.cfs_quota_us`, quota ?? UNLIMITED)
  }
}

function isTighterAbove(directory: string, quota: number | undefined): boolean {
  for (let above = directory; above.lastIndexOf('/') > 0;) {
    above = above.slice(0, above.lastIndexOf('/'))
    const allowed = readNumber(`${above}/cpu.cfs_quota_us`)
    if (allowed === null) return false
    const period = readNumber(`${above}/cpu.cfs_period_us`) ?? PERIOD_US
    if (allowed > 0 && (quota === undefined || allowed / period < quota / PERIOD_US)) return true
  }
  return false
}

/** Bytes that cannot be given back at once; null without a memory controller. Reads two files, 30 µs. */
export function readWorkingSet({ version, directories: { memory } }: Layout): number | null {
  if (memory === undefined) return null
  const usage = readNumber(`${memory}/${FILES[version].memoryUsage}`)
  return usage === null ? null : Math.max(0, usage - numberOf(readText(`${memory}/memory.stat`), FILES[version].unusedCache))
}

/** CPU time used by everything that is or was in the group, in ms; null when nobody counts it. */
export function readCpuMs(layout: Layout): number | null {
  const { version, directories } = layout
  // Version 2 counts it in every group, with or without the controller.
  if (version === 2) return numberOf(readText(`${foldersOf(layout)[0]}/cpu.stat`), 'usage_usec') / 1000
  const nanoseconds = directories.cpuacct === undefined ? null : readNumber(`${directories.cpuacct}/cpuacct.usage`)
  return nanoseconds === null ? null : nanoseconds / 1e6
}
