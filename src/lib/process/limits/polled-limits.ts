import type { Breach, LimitsSpec } from '../../core/index.js'
import { isSameProcess, readBootId } from '../identity.js'
import type { ProcStat } from '../proc.js'
import { memoryBreach, pidsBreach, softBreach } from './reason.js'
import { Throttle } from './throttle.js'
import type { TreeReading, TreeWatch, WatchedTree } from './tree-watch.js'

/** Above this share of a limit a tree is looked at more often. */
const CLOSE = 0.7
/** Looks in a row above the CPU quota before the server is held back: a busy second is nobody's problem. */
const LOOKS_ABOVE_QUOTA = 3

/** The limits of one instance that the kernel does not hold, by looking at its processes. */
export class PolledLimits implements WatchedTree {
  readonly leader: number
  readonly #report: (breach: Breach) => void
  readonly #watch: TreeWatch
  readonly #throttle: Throttle
  #limits: LimitsSpec
  #newest: TreeReading | null = null
  #above = 0
  #mayThrottle = true
  #leaderEnded = false

  constructor(options: { leader: number; limits: LimitsSpec; watch: TreeWatch; report: (breach: Breach) => void }) {
    this.leader = options.leader
    this.#limits = options.limits
    this.#report = options.report
    this.#watch = options.watch
    this.#throttle = new Throttle({ percent: () => this.#limits.cpuPercent ?? 0, members: () => this.#members, signal: (signal) => this.#signal(signal) })
    this.#watch.add(this)
  }

  get throttled(): boolean {
    return this.#throttle.active
  }

  /** At the last look, and never less than really used; null before the first. */
  get usedBytes(): number | null {
    return this.#newest?.residentBytes ?? null
  }

  set limits(limits: LimitsSpec) {
    this.#limits = limits
    if (limits.cpuPercent === undefined) this.#throttle.stop()
  }

  /** The soft mark is reported at every look above it: how often it is passed on is decided where it is. */
  take(reading: TreeReading): boolean {
    const previous = this.#newest
    this.#newest = reading
    const { memoryBytes = Infinity, memorySoftBytes = Infinity, pids = Infinity } = this.#limits
    if (reading.tasks > pids) this.#report(pidsBreach(this.#limits))
    if (reading.residentBytes > Math.min(memoryBytes, memorySoftBytes)) {
      const used = reading.measureBytes()
      if (used > memoryBytes) this.#report(memoryBreach('limit-poll', this.#limits))
      else if (used > memorySoftBytes) this.#report(softBreach(this.#limits, used))
    }
    const busy = this.#judgeCpu(previous, reading)
    return busy || reading.tasks > pids * CLOSE || reading.residentBytes > memoryBytes * CLOSE
  }

  letRun(): void {
    this.#mayThrottle = false
    this.#throttle.stop()
  }

  /** From now on the leader's number, and that of its group, may be somebody else's. */
  leaderEnded(): void {
    this.#leaderEnded = true
    this.letRun()
  }

  kill(): void {
    this.letRun()
    this.#signal('SIGKILL')
  }

  close(): void {
    this.letRun()
    this.#watch.remove(this)
  }

  get #members(): readonly ProcStat[] {
    return this.#watch.membersOf(this)
  }

  #judgeCpu(previous: TreeReading | null, { cpuMs, at, members }: TreeReading): boolean {
    const { cpuPercent } = this.#limits
    if (cpuPercent === undefined || previous === null || members.length === 0 || !this.#mayThrottle) return false
    const above = ((cpuMs - previous.cpuMs) / (at - previous.at)) * 100 > cpuPercent
    this.#above = above ? this.#above + 1 : 0
    if (this.#above >= LOOKS_ABOVE_QUOTA) this.#throttle.start()
    return above && !this.#throttle.active
  }

  /** The group in one step, then what has left it. */
  #signal(signal: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL'): void {
    if (!this.#leaderEnded) trySignal(-this.leader, signal)
    const bootId = readBootId()
    for (const { pid, group, startTicks } of this.#members) {
      if ((this.#leaderEnded || group !== this.leader) && isSameProcess({ pid, startTicks, bootId })) trySignal(pid, signal)
    }
  }
}

function trySignal(target: number, signal: NodeJS.Signals): void {
  try {
    process.kill(target, signal)
  } catch {
    // It has ended.
  }
}
