import { spawnSync } from 'node:child_process'
import { hasProc, isDead, readProcFile, readStat } from './proc.js'

/** Names one process for ever: a pid alone is reused, within seconds on a busy machine. */
export interface ProcessIdentity {
  readonly pid: number
  /** Linux: clock ticks since boot. Elsewhere: epoch seconds. Null: unknown, and then never taken for the same process. */
  readonly startTicks: number | null
  readonly bootId: string
}

let ownBootId: string | undefined

/**
 * The identity of a process that exists now (a zombie too), or null when there is none. Linux: one small read,
 * about 20 µs. Elsewhere it runs `ps` and takes some milliseconds.
 */
export function identify(pid: number): ProcessIdentity | null {
  if (!isPid(pid)) return null
  const startTicks = hasProc ? readStat(pid)?.startTicks : askStartTime(pid)
  return startTicks === undefined ? null : { pid, startTicks, bootId: readBootId() }
}

/** True only when the process that runs under this pid is the one that was identified; a zombie counts as gone. */
export function isSameProcess(identity: ProcessIdentity): boolean {
  if (identity.startTicks === null || identity.bootId !== readBootId()) return false
  if (!hasProc) return askStartTime(identity.pid) === identity.startTicks
  const stat = readStat(identity.pid)
  return stat !== null && stat.startTicks === identity.startTicks && !isDead(stat)
}

/** The leader of a group may be signalled as `-pid`: 0 and 1 would mean "my own group" and "everything". */
export function isPid(pid: number): boolean {
  return Number.isSafeInteger(pid) && pid > 1
}

/** Changes with every boot; empty where it is not known. */
export function readBootId(): string {
  ownBootId ??= (hasProc ? readProcFile('/proc/sys/kernel/random/boot_id')?.trim() : undefined) ?? ''
  return ownBootId
}

function askStartTime(pid: number): number | undefined {
  if (process.platform === 'win32') return undefined
  const { stdout } = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', env: { PATH: '/bin:/usr/bin', LC_ALL: 'C' } })
  const seconds = Date.parse(stdout ?? '') / 1000
  return Number.isNaN(seconds) ? undefined : seconds
}
