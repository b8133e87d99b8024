import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

export interface ProcessEntry {
  readonly pid: number
  readonly parentPid: number
  readonly groupId: number
  readonly sessionId: number
  readonly zombie: boolean
  /** Command line, words joined by spaces; empty where it may not be read. */
  readonly commandLine: string
}

/** Whether a process runs. A zombie has ended: only its parent has not asked yet. */
export function alive(pid: number): boolean {
  const entry = lookUp(pid)
  return entry !== undefined && !entry.zombie
}

/** One process, or undefined when it is gone. */
export function lookUp(pid: number): ProcessEntry | undefined {
  if (process.platform !== 'linux') return listProcesses().find((entry) => entry.pid === pid)
  const text = read(`/proc/${pid}/stat`)
  if (text === '') return undefined
  // The name in parentheses may itself hold spaces and parentheses.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return {
    pid,
    parentPid: Number(fields[1]),
    groupId: Number(fields[2]),
    sessionId: Number(fields[3]),
    zombie: fields[0] === 'Z' || fields[0] === 'X',
    commandLine: read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim(),
  }
}

/** Every process that may be seen. */
export function listProcesses(): ProcessEntry[] {
  if (process.platform === 'linux') {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((name) => lookUp(Number(name)) ?? [])
  }
  const lines = execFileSync('ps', ['-axww', '-o', 'pid=,ppid=,pgid=,stat=,command='], { encoding: 'utf8' }).split('\n')
  return lines.flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line)
    if (!match) return []
    const [, pid, parentPid, groupId, state = '', commandLine = ''] = match
    return [{ pid: Number(pid), parentPid: Number(parentPid), groupId: Number(groupId), sessionId: 0, zombie: state.startsWith('Z'), commandLine }]
  })
}

/** Pids of the living direct children. */
export function children(pid: number): number[] {
  return listProcesses().filter((entry) => entry.parentPid === pid && !entry.zombie).map((entry) => entry.pid)
}

/** Pids of all living descendants, nearest first. */
export function descendants(pid: number): number[] {
  const entries = listProcesses().filter((entry) => !entry.zombie)
  const found = [pid]
  for (const parent of found) found.push(...entries.filter((entry) => entry.parentPid === parent).map((entry) => entry.pid))
  return found.slice(1)
}

/** The environment a process was started with; empty when it is gone or not ours to read (and outside Linux). */
export function environmentOf(pid: number): Record<string, string> {
  const pairs = read(`/proc/${pid}/environ`).split('\0').filter((pair) => pair.includes('='))
  return Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]))
}

/**
 * Living processes, this one excepted, that carry one of the texts in their environment, command line or working
 * directory. Outside Linux: command line and, where `ps` shows it, environment.
 */
export function processesCarrying(...texts: readonly string[]): ProcessEntry[] {
  const carries = process.platform === 'linux' ? carriesOnLinux : carriesByPs()
  return listProcesses().filter((entry) => !entry.zombie && entry.pid !== process.pid && texts.some((text) => carries(entry, text)))
}

function carriesOnLinux(entry: ProcessEntry, text: string): boolean {
  return entry.commandLine.includes(text) || read(`/proc/${entry.pid}/environ`).includes(text) || workingFolder(entry.pid).includes(text)
}

function carriesByPs(): (entry: ProcessEntry, text: string) => boolean {
  const lines = execFileSync('ps', ['-axwwE', '-o', 'pid=,command='], { encoding: 'utf8' }).split('\n')
  const lineOf = new Map(lines.map((line) => [Number.parseInt(line, 10), line]))
  return (entry, text) => lineOf.get(entry.pid)?.includes(text) ?? false
}

function workingFolder(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return ''
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
