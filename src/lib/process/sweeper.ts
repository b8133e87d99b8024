import { setTimeout as delay } from 'node:timers/promises'
import { isPid, isSameProcess, type ProcessIdentity } from './identity.js'
import { checkMatch, type MarkerMatch } from './marker.js'
import { scanProcesses, type Finding, type ScanTarget } from './scan.js'

/** Whose leftovers: carriers of the marker, and members of the group that `leader` led. */
export type SweepTarget = MarkerMatch & { readonly leader?: ProcessIdentity | null }

export interface SweepReport {
  /** Processes that ran at the first look and are gone now. */
  readonly ended: number
  /** Still there after the bound: another user's, or stuck in the kernel. */
  readonly remaining: readonly number[]
}

/** Finds and ends what a server left behind, also when it left the process group or its parent. */
export interface Sweeper {
  /** The live processes of a target, without touching them. */
  find(target: SweepTarget): Promise<ProcessIdentity[]>
  /**
   * Ends every process of the target: SIGTERM and up to `graceMs` (default 0) of patience, then SIGKILL, and waits, at most
   * 2 s more, until they and all they started meanwhile are gone.
   */
  end(target: SweepTarget, graceMs?: number): Promise<SweepReport>
}

interface Pending {
  readonly target: ScanTarget
  readonly resolve: (finding: Finding) => void
}

const BOUND_MS = 2000
const POLL_MS = [2, 4, 8, 16, 20] as const
/** While requests keep coming, scanning takes at most a quarter of the time ... */
const IDLE_RATIO = 3
/** ... but a few in a row are served at once, and none waits longer than this. */
const LARGEST_DEBT_MS = 60
const LONGEST_PAUSE_MS = 40
const NOTHING: Finding = { processes: [], group: null }

/**
 * Requests of one turn of the event loop share one scan of the process table (about 2 ms for 300 processes); a single
 * request is served at once. `excluded` names processes never to touch besides this one, such as the watchdog.
 */
export function createSweeper(excluded: () => Iterable<number> = () => []): Sweeper {
  const scanner = new SharedScanner(excluded)
  return {
    find: async (target) => [...(await scanner.scan(toScanTarget(target))).processes],
    end: async (target, graceMs = 0) => endAll(scanner, toScanTarget(target), graceMs),
  }
}

class SharedScanner {
  #pending: Pending[] = []
  #scheduled = false
  /** The moment until which the scans made so far would have to be spread. */
  #paidAt = 0
  readonly #excluded: () => Iterable<number>

  constructor(excluded: () => Iterable<number>) {
    this.#excluded = excluded
  }

  scan(target: ScanTarget): Promise<Finding> {
    return new Promise((resolve) => {
      this.#pending.push({ target, resolve })
      this.#schedule()
    })
  }

  #schedule(): void {
    if (this.#scheduled || this.#pending.length === 0) return
    this.#scheduled = true
    const pauseMs = Math.min(LONGEST_PAUSE_MS, this.#paidAt - performance.now() - LARGEST_DEBT_MS)
    if (pauseMs > 0) setTimeout(() => void this.#run(), pauseMs)
    else setImmediate(() => void this.#run())
  }

  async #run(): Promise<void> {
    const served = this.#pending
    this.#pending = []
    const startedAt = performance.now()
    const findings = await scanProcesses(served.map((one) => one.target), new Set([process.pid, ...this.#excluded()])).catch(() => [])
    const tookMs = performance.now() - startedAt
    this.#paidAt = Math.max(this.#paidAt, startedAt) + tookMs * (1 + IDLE_RATIO)
    this.#scheduled = false
    served.forEach((one, index) => one.resolve(findings[index] ?? NOTHING))
    this.#schedule()
  }
}

async function endAll(scanner: SharedScanner, target: ScanTarget, graceMs: number): Promise<SweepReport> {
  const killed = new Map<string, ProcessIdentity>()
  const refused = new Set<number>()
  if (graceMs > 0) {
    const asked = await endPolitely(scanner, target, performance.now() + graceMs)
    if (asked.length === 0) return { ended: 0, remaining: [] }
    for (const identity of asked) killed.set(keyOf(identity), identity)
  }
  const deadline = performance.now() + BOUND_MS
  for (;;) {
    const { processes, group } = await scanner.scan(target)
    const found = processes.filter((identity) => !refused.has(identity.pid))
    if (found.length === 0 || performance.now() >= deadline) {
      const remaining = [...found.map((identity) => identity.pid), ...refused]
      return { ended: [...killed.values()].filter((identity) => !remaining.includes(identity.pid)).length, remaining }
    }
    // The group first: its members cannot out-run that by forking.
    if (group !== null && found.length > 0) killGroup(group)
    for (const identity of found) {
      if (kill(identity)) killed.set(keyOf(identity), identity)
      else refused.add(identity.pid)
    }
    await waitUntilGone(found, deadline)
  }
}

/** Asks every process once and waits for those; what they start meanwhile is left to the second look. */
async function endPolitely(scanner: SharedScanner, target: ScanTarget, deadline: number): Promise<readonly ProcessIdentity[]> {
  const { processes } = await scanner.scan(target)
  for (const identity of processes) kill(identity, 'SIGTERM')
  await waitUntilGone(processes, deadline)
  return processes
}

function keyOf(identity: ProcessIdentity): string {
  return `${identity.pid}@${identity.startTicks}`
}

function killGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL')
  } catch {
    // Its members are killed one by one next, and that tells who remains.
  }
}

/** False only when the system refuses; a process that has ended by itself counts as killed. */
function kill(identity: ProcessIdentity, signal: NodeJS.Signals = 'SIGKILL'): boolean {
  if (!isPid(identity.pid) || !isSameProcess(identity)) return true
  try {
    process.kill(identity.pid, signal)
    if (signal === 'SIGTERM') process.kill(identity.pid, 'SIGCONT')
    return true
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'EPERM')
  }
}

async function waitUntilGone(processes: readonly ProcessIdentity[], deadline: number): Promise<void> {
  for (let round = 0; performance.now() < deadline; round++) {
    if (!processes.some(isSameProcess)) return
    await delay(POLL_MS[Math.min(round, POLL_MS.length - 1)])
  }
}

function toScanTarget(target: SweepTarget): ScanTarget {
  checkMatch(target)
  return { match: target, leader: target.leader ?? null }
}
