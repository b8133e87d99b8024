import { closeSync, openSync, readdirSync, readSync } from 'node:fs'

/**
 * Reading /proc. Everything here is synchronous on purpose: procfs never waits for a disk, and a synchronous read
 * costs a fifth of one that goes through the thread pool.
 */

/** The fields of /proc/PID/stat that matter here (proc_pid_stat(5)). Times are in clock ticks. */
export interface ProcStat {
  readonly pid: number
  readonly state: string
  readonly parentPid: number
  readonly group: number
  /** Own time and that of children already waited for: user and system. */
  readonly cpuTicks: number
  readonly threads: number
  /** Resident memory, shared pages in full, a few hundred KiB behind. */
  readonly residentBytes: number
  /** Since boot; with the pid it names one process for ever. */
  readonly startTicks: number
}

const START_BUFFER_BYTES = 16 * 1024
const LARGEST_FILE_BYTES = 8 * 1024 * 1024

let buffer = Buffer.allocUnsafeSlow(START_BUFFER_BYTES)

/** True where /proc can be read the Linux way. */
export const hasProc = process.platform === 'linux'

/** Every visible process id. */
export function listPids(): number[] {
  const pids: number[] = []
  for (const name of readdirSync('/proc')) {
    const first = name.charCodeAt(0)
    if (first >= 0x31 && first <= 0x39) pids.push(Number(name))
  }
  return pids
}

/** A file of /proc as latin1 text, or null when it is absent, empty or not ours to read. Never throws. */
export function readProcFile(path: string): string | null {
  const length = readInto(path)
  return length <= 0 ? null : buffer.toString('latin1', 0, length)
}

/** The value of a variable in a NUL-separated list of `NAME=value` (environ), or null. `start` is `NAME=`. */
export function readVariable(path: string, start: Buffer): string | null {
  const length = readInto(path)
  for (let at = buffer.indexOf(start); at !== -1 && at < length; at = buffer.indexOf(start, at + 1)) {
    if (at > 0 && buffer[at - 1] !== 0) continue
    const end = buffer.indexOf(0, at)
    return buffer.toString('latin1', at + start.length, end === -1 || end > length ? length : end)
  }
  return null
}

/** Null when there is no such process. */
export function readStat(pid: number): ProcStat | null {
  const length = readInto(`/proc/${pid}/stat`, true)
  return length <= 0 ? null : parseStat(pid, buffer.toString('latin1', 0, length))
}

/** The name of the program stands in parentheses and may itself hold spaces and parentheses: fields are counted from the last one. */
export function parseStat(pid: number, text: string): ProcStat | null {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  if (fields.length < 22) return null
  const at = (index: number): number => Number(fields[index - 3])
  return {
    pid,
    state: fields[0] ?? '',
    parentPid: at(4),
    group: at(5),
    cpuTicks: at(14) + at(15) + at(16) + at(17),
    threads: at(20),
    residentBytes: at(24) * pageBytes(),
    startTicks: at(22),
  }
}

let ownPageBytes: number | undefined

/** 4 KiB, but up to 64 on some machines: the kernel tells each program in its auxiliary vector (getauxval(3), AT_PAGESZ). */
function pageBytes(): number {
  ownPageBytes ??= readPageBytes() ?? 4096
  return ownPageBytes
}

function readPageBytes(): number | null {
  const length = readInto('/proc/self/auxv')
  for (let at = 0; at + 16 <= length; at += 16) if (buffer.readBigUInt64LE(at) === 6n) return Number(buffer.readBigUInt64LE(at + 8))
  return null
}

/** A zombie, or a process between zombie and nothing: it runs no more code and holds nothing. */
export function isDead(stat: ProcStat): boolean {
  return stat.state === 'Z' || stat.state === 'X' || stat.state === 'x'
}

/** `isLine`: it is one line, which the kernel gives out whole; that saves asking whether there is more. */
function readInto(path: string, isLine = false): number {
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch {
    return -1
  }
  try {
    for (let length = 0; ;) {
      const count = readSync(fd, buffer, length, buffer.length - length, null)
      length += count
      if (count === 0 || isLine || length >= LARGEST_FILE_BYTES) return length
      if (length === buffer.length) grow()
    }
  } catch {
    return -1
  } finally {
    closeSync(fd)
  }
}

function grow(): void {
  const larger = Buffer.allocUnsafeSlow(buffer.length * 4)
  buffer.copy(larger)
  buffer = larger
}
