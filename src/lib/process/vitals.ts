import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { hasProc, isDead, listPids, readProcFile, readStat, type ProcStat } from './proc.js'

/** What one process is doing at this moment. */
export interface Vitals {
  readonly pid: number
  /** One letter as in proc_pid_stat(5): R runs, S sleeps, D waits in the kernel, T stopped by a signal, t by a debugger. */
  readonly state: string
  /** Used since its start, with the children it has waited for. */
  readonly cpuMs: number
}

/** USER_HZ is 100 on every platform Node runs on. */
const MS_PER_TICK = 10
const TURN_BUDGET_MS = 4
const PS_TIMEOUT_MS = 2000
const LARGEST_PS_BYTES = 32 * 1024 * 1024

/**
 * The processes of a tree, its leader first; empty when the leader is gone or nothing can be found out. Linux: reads the
 * tree alone, 15 µs a thread, and yields to the event loop every few ms; elsewhere `ps`, some milliseconds. Children
 * that lost their parent are missed.
 */
export async function readVitals(leader: number): Promise<Vitals[]> {
  if (!hasProc) return process.platform === 'win32' ? [] : selectTree(leader, await askPs())
  const first = readStat(leader)
  if (first === null || isDead(first)) return []
  const tree: ProcStat[] = [first]
  const seen = new Set([leader])
  let turnStartedAt = performance.now()
  // The list grows while it is walked through.
  for (const { pid } of tree) {
    for (const child of childrenOf(pid)) {
      const stat = seen.has(child) ? null : readStat(child)
      seen.add(child)
      if (stat !== null && !isDead(stat)) tree.push(stat)
    }
    if (performance.now() - turnStartedAt < TURN_BUDGET_MS) continue
    await nextTurn()
    turnStartedAt = performance.now()
  }
  return tree.map(({ pid, state, cpuTicks }) => ({ pid, state, cpuMs: cpuTicks * MS_PER_TICK }))
}

/** Each thread has its own children (proc_tid_children(5)); kernels without that list are asked for everything. */
function childrenOf(pid: number): number[] {
  const children: number[] = []
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      for (const word of (readProcFile(`/proc/${pid}/task/${thread}/children`) ?? '').split(' ')) if (word !== '') children.push(Number(word))
    }
    if (children.length > 0 || knowsChildren()) return children
    return listPids().filter((other) => readStat(other)?.parentPid === pid)
  } catch {
    // Gone meanwhile, or out of file descriptors.
    return children
  }
}

let known: boolean | undefined

function knowsChildren(): boolean {
  known ??= isThere(`/proc/self/task/${process.pid}`, 'children')
  return known
}

function isThere(folder: string, name: string): boolean {
  try {
    return readdirSync(folder).includes(name)
  } catch {
    return false
  }
}

interface PsProcess extends Vitals {
  readonly parentPid: number
}

function askPs(): Promise<PsProcess[]> {
  return new Promise((resolve) => {
    execFile(
      'ps',
      ['-axo', 'pid=,ppid=,stat=,time='],
      { env: { PATH: '/bin:/usr/bin', LC_ALL: 'C' }, encoding: 'latin1', maxBuffer: LARGEST_PS_BYTES, timeout: PS_TIMEOUT_MS },
      (_error, stdout) => resolve(parsePsVitals(stdout)),
    )
  })
}

/** Reads lines of `pid ppid stat time`; time is `[[days-]hours:]minutes:seconds[.hundredths]`, to a hundredth on macOS. */
export function parsePsVitals(text: string): PsProcess[] {
  const processes: PsProcess[] = []
  for (const line of text.split('\n')) {
    const match = /^\s*(\d+)\s+(\d+)\s+(\S)\S*\s+(?:(\d+)-)?([\d:]+(?:\.\d+)?)\s*$/.exec(line)
    if (match === null) continue
    const [, pid, parentPid, letter = '', days = '0', clock = ''] = match
    const seconds = clock.split(':').reduce((sum, part) => sum * 60 + Number(part), 0) + Number(days) * 86_400
    // macOS calls a wait in the kernel U, and a sleep of more than 20 s I.
    const state = letter === 'U' ? 'D' : letter === 'I' ? 'S' : letter
    if (state !== 'Z') processes.push({ pid: Number(pid), parentPid: Number(parentPid), state, cpuMs: Math.round(seconds * 1000) })
  }
  return processes
}

/** The leader and everything below it. */
export function selectTree(leader: number, processes: readonly PsProcess[]): Vitals[] {
  const tree = processes.filter(({ pid }) => pid === leader)
  const isIn = new Set(tree.map(({ pid }) => pid))
  for (const { pid } of tree) {
    for (const child of processes) {
      if (child.parentPid !== pid || isIn.has(child.pid)) continue
      isIn.add(child.pid)
      tree.push(child)
    }
  }
  return tree.map(({ pid, state, cpuMs }) => ({ pid, state, cpuMs }))
}
