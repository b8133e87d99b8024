import { statSync } from 'node:fs'
import { isPid, readBootId, type ProcessIdentity } from './identity.js'
import { MARKER_VARIABLE, matchesMarker, type MarkerMatch } from './marker.js'
import { childMarker } from './own-children.js'
import { hasProc, isDead, listPids, readStat, readVariable, type ProcStat } from './proc.js'
import { listByPs, type PsRow } from './ps.js'

/** What to look for: carriers of a marker and, when given, the members of the process group that `leader` led. */
export interface ScanTarget {
  readonly match: MarkerMatch
  readonly leader: ProcessIdentity | null
}

/** What was found for a target: live processes only. */
export interface Finding {
  readonly processes: readonly ProcessIdentity[]
  /** The group, when it has live members and all of them are the target's: it may be signalled as a whole. */
  readonly group: number | null
}

const MARKER_START = Buffer.from(`${MARKER_VARIABLE}=`)

/** Looks once for all targets; zombies do not count. The answer has one finding per target, in order. Never throws. */
export async function scanProcesses(targets: readonly ScanTarget[], excluded: ReadonlySet<number>): Promise<Finding[]> {
  if (hasProc) return scanProc(targets, excluded)
  if (process.platform === 'win32') return targets.map(() => ({ processes: [], group: null }))
  return sortRows(await listByPs(), targets, excluded)
}

/** One synchronous pass over /proc: one `environ` per process of this user, one `stat` only where something matched. */
function scanProc(targets: readonly ScanTarget[], excluded: ReadonlySet<number>): Finding[] {
  const owner = process.geteuid?.() ?? 0
  const groups = targets.some((target) => target.leader !== null && isGroupAlive(target.leader.pid))
  const rows: PsRow[] = []
  for (const pid of listPids()) {
    if (!isPid(pid)) continue
    const marker = childMarker(pid) ?? (isReadable(pid, owner) ? readVariable(`/proc/${pid}/environ`, MARKER_START) : null)
    if (!groups && (marker === null || !targets.some((target) => matchesMarker(target.match, marker)))) continue
    const stat = readStat(pid)
    if (stat !== null) rows.push(toRow(stat, marker))
  }
  return sortRows(rows, targets, excluded)
}

function toRow(stat: ProcStat, marker: string | null): PsRow {
  return { pid: stat.pid, group: stat.group, startTicks: stat.startTicks, dead: isDead(stat), marker }
}

function sortRows(rows: readonly PsRow[], targets: readonly ScanTarget[], excluded: ReadonlySet<number>): Finding[] {
  const live = rows.filter((row) => !row.dead)
  const byPid = new Map(rows.map((row) => [row.pid, row]))
  const bootId = readBootId()
  return targets.map((target) => {
    const group = trustedGroup(target, byPid)
    const found = live.filter((row) => !excluded.has(row.pid) && (row.group === group || isMarked(row, target)))
    const members = live.filter((row) => row.group === group)
    return {
      processes: found.map((row) => ({ pid: row.pid, startTicks: row.startTicks, bootId })),
      group: members.length > 0 && members.every((row) => !excluded.has(row.pid)) ? group : null,
    }
  })
}

function isMarked(row: PsRow, target: ScanTarget): boolean {
  return row.marker !== null && matchesMarker(target.match, row.marker)
}

/**
 * A group keeps its number reserved while it has members. So when a process runs under the number that is neither our
 * leader nor one of ours, our group has ended and the number belongs to somebody else.
 */
function trustedGroup(target: ScanTarget, byPid: ReadonlyMap<number, PsRow>): number | null {
  if (target.leader === null || !isPid(target.leader.pid)) return null
  const holder = byPid.get(target.leader.pid)
  if (holder === undefined || holder.startTicks === target.leader.startTicks) return target.leader.pid
  return isMarked(holder, target) ? target.leader.pid : null
}

function isGroupAlive(group: number): boolean {
  if (!isPid(group)) return false
  try {
    process.kill(-group, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** Asking for the owner is far cheaper than a refused open; root may read everything. */
function isReadable(pid: number, owner: number): boolean {
  if (owner === 0) return true
  try {
    return statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid === owner
  } catch {
    return false
  }
}
