import { execFile } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { MARKER_VARIABLE } from './marker.js'
import { hasProc, isDead, listPids, readProcFile, readStat, readVariable } from './proc.js'
import { listByPs } from './ps.js'
import { readProportional } from './sample.js'

/** One live process of this user. */
export interface ListedProcess {
  readonly pid: number
  readonly parentPid: number
  /** The program its parent runs ("systemd", "cursor"); null when it cannot be seen. */
  readonly parentName: string | null
  /** Program and arguments. Arguments may be secrets: never shown as they are. */
  readonly args: readonly string[]
  /** Resident, shared pages in full. */
  readonly memoryBytes: number
  /** Epoch milliseconds; null when unknown. */
  readonly startedAt: number | null
  /** What a daemon of ours wrote into its environment; null: none did. */
  readonly marker: string | null
  /** The service manager of the system runs it on purpose. */
  readonly isService: boolean
}

const MARKER_START = Buffer.from(`${MARKER_VARIABLE}=`)
const TICKS_PER_SECOND = 100
const PS_TIMEOUT_MS = 2000
const LARGEST_PS_BYTES = 32 * 1024 * 1024

/** The processes of this user, this one left out. Empty where nothing can be found out (Windows). Never rejects. */
export async function listProcesses(): Promise<ListedProcess[]> {
  if (hasProc) return listProc()
  if (process.platform === 'win32') return []
  const [text, marked] = await Promise.all([askPs(), listByPs()])
  return parseList(text, { owner: process.geteuid?.() ?? 0, markers: new Map(marked.map(({ pid, marker }) => [pid, marker])) }).filter(({ pid }) => pid !== process.pid)
}

/** What these processes use together, shared pages divided among their users (Linux); elsewhere null. */
export function measureProcesses(pids: readonly number[]): number | null {
  return hasProc ? pids.reduce((sum, pid) => sum + readProportional(pid), 0) : null
}

/** A variable of another process of this user, as it was at its start; null when it cannot be read. Linux only. */
export function readEnvironmentOf(pid: number, name: string): string | null {
  return readEnvironmentBelow(pid, `${name}=`)?.[name] ?? null
}

/** All variables of another process of this user whose names begin so; null when they cannot be read. Linux only. */
export function readEnvironmentBelow(pid: number, prefix: string): Record<string, string> | null {
  const text = hasProc ? readProcFile(`/proc/${pid}/environ`) : null
  if (text === null) return null
  const entries = Buffer.from(text, 'latin1').toString('utf8').split('\0').filter((entry) => entry.startsWith(prefix) && entry.includes('='))
  return Object.fromEntries(entries.map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]))
}

function listProc(): ListedProcess[] {
  const owner = process.geteuid?.() ?? 0
  const bootedAt = readBootTime()
  const names = new Map<number, string | null>()
  const nameOf = (pid: number): string | null => {
    if (!names.has(pid)) names.set(pid, readProcFile(`/proc/${pid}/comm`)?.trim() ?? null)
    return names.get(pid) ?? null
  }
  return listPids().flatMap((pid) => {
    if (pid === process.pid || ownerOf(pid) !== owner) return []
    const stat = readStat(pid)
    const args = readArguments(pid)
    // Threads of the kernel have no command line.
    if (stat === null || isDead(stat) || args.length === 0) return []
    return [{
      pid, parentPid: stat.parentPid, parentName: nameOf(stat.parentPid), args, memoryBytes: stat.residentBytes,
      startedAt: bootedAt === null ? null : bootedAt + (stat.startTicks / TICKS_PER_SECOND) * 1000,
      marker: readVariable(`/proc/${pid}/environ`, MARKER_START),
      isService: isServiceGroup(readProcFile(`/proc/${pid}/cgroup`) ?? ''),
    }]
  })
}

/** Text of /proc is read as latin1, whatever the encoding of the arguments. */
function readArguments(pid: number): string[] {
  const words = Buffer.from(readProcFile(`/proc/${pid}/cmdline`) ?? '', 'latin1').toString('utf8').split('\0')
  while (words.at(-1) === '') words.pop()
  return words
}

/**
 * Whether a unit of systemd holds it (systemd.unit(5)): what a session started is in a scope instead, and
 * `user@1000.service` is that of all sessions.
 */
export function isServiceGroup(text: string): boolean {
  return text.split('\n').some((line) => {
    const last = line.split('/').at(-1) ?? ''
    return last.endsWith('.service') && !last.startsWith('user@')
  })
}

function ownerOf(pid: number): number | null {
  try {
    return statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid ?? null
  } catch {
    return null
  }
}

function readBootTime(): number | null {
  try {
    const seconds = /^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'latin1'))?.[1]
    return seconds === undefined ? null : Number(seconds) * 1000
  } catch {
    return null
  }
}

function askPs(): Promise<string> {
  return new Promise((resolve) => {
    execFile(
      'ps',
      ['-axww', '-o', 'pid=,ppid=,uid=,rss=,lstart=,command='],
      { env: { PATH: '/bin:/usr/bin', LC_ALL: 'C' }, encoding: 'utf8', maxBuffer: LARGEST_PS_BYTES, timeout: PS_TIMEOUT_MS },
      (_error, stdout) => resolve(stdout),
    )
  })
}

/** Reads lines of `pid ppid uid rss lstart command` (rss in KiB; lstart five words) and keeps those of one user. */
export function parseList(text: string, { owner, markers }: { readonly owner: number; readonly markers: ReadonlyMap<number, string | null> }): ListedProcess[] {
  const rows = text.split('\n').flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+(\w{3}\s+\w{3}\s+\d+\s+[\d:]+\s+\d{4})\s+(\S.*)$/.exec(line)
    return match === null ? [] : [{ pid: Number(match[1]), parentPid: Number(match[2]), uid: Number(match[3]), kib: Number(match[4]), started: match[5] ?? '', command: match[6] ?? '' }]
  })
  const names = new Map(rows.map(({ pid, command }) => [pid, command.split(' ')[0]?.split('/').at(-1) ?? null]))
  return rows.filter(({ uid }) => uid === owner).map(({ pid, parentPid, kib, started, command }) => ({
    pid, parentPid, parentName: names.get(parentPid) ?? null, args: command.split(' '), memoryBytes: kib * 1024,
    startedAt: Number.isNaN(Date.parse(started)) ? null : Date.parse(started), marker: markers.get(pid) ?? null, isService: false,
  }))
}
