import { formatBytes } from '../../base/index.js'
import type { Breach, LimitsSpec } from '../../core/index.js'

/** "200 MiB": sizes of limits are powers of 1024, and people compare them with what they wrote. */
export function inBytes(bytes: number): string {
  return formatBytes(bytes).replace(/([KMGT])B$/, '$1iB')
}

export function memoryBreach(cause: 'oom' | 'limit-poll', limits: LimitsSpec): Breach {
  return { cause, reason: limits.memoryBytes === undefined ? 'exceeded its memory limit' : `exceeded its memory limit of ${inBytes(limits.memoryBytes)}` }
}

/** The kernel chose it although it was within its own limit. */
export function outerMemoryBreach(limits: LimitsSpec): Breach {
  const own = limits.memoryBytes === undefined ? '' : `; its own limit is ${inBytes(limits.memoryBytes)}`
  return { cause: 'oom', reason: `was killed because the machine, or a group around it, ran out of memory${own}` }
}

export function pidsBreach(limits: LimitsSpec): Breach {
  return { cause: 'pids', reason: `hit its limit of ${limits.pids ?? 0} processes and threads` }
}

export function softBreach(limits: LimitsSpec, usedBytes: number): Breach {
  return { cause: 'recycled', reason: `uses ${inBytes(usedBytes)}, more than its soft memory limit of ${inBytes(limits.memorySoftBytes ?? 0)}` }
}
