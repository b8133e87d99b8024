import type { Breach, ExitStatus, LimitsSpec } from '../../core/index.js'
import type { LimitedLaunch } from '../child.js'
import type { ResolvedLaunch } from '../resolve-launch.js'
import { findHeapFailure, withHeapOption } from './heap.js'
import type { KernelGroup } from './kernel-group.js'
import { wrapLaunch } from './launcher.js'
import { PolledLimits } from './polled-limits.js'
import { memoryBreach, outerMemoryBreach, pidsBreach, softBreach } from './reason.js'
import { RefusalRow } from './refusals.js'
import type { Tick, Ticker } from './ticker.js'
import type { TreeWatch } from './tree-watch.js'
import { RESOURCES, type BackendName, type GroupUsage, type LimitGroup, type Resource } from './types.js'

/**
 * RLIMIT_DATA counts address space, stacks and what was never touched included, so it is a wall behind the limit and
 * not the limit: it stops a leak that is faster than the next look.
 */
const DATA_SHARE = 1.25
const DATA_EXTRA_BYTES = 96 * 1024 ** 2
/** Refused processes are looked at less often: they have a second. */
const PIDS_LOOK_MS = 250
/** Soft marks are looked at this often ... */
const SOFT_LOOK_MS = 1000
/** ... and reported this often. */
const SOFT_REPORT_MS = 5000
/** How a shell tells of it. */
const CODE_OF_SIGKILL = 137
const KILL_BOUND_MS = 2000
const KILL_PAUSE_MS = 10

export interface GroupParts {
  readonly limits: LimitsSpec
  readonly backend: BackendName
  readonly note: string | null
  readonly kernel: KernelGroup | null
  /** Whether processes can be given a limit of their own. */
  readonly rlimit: boolean
  readonly ticker: Ticker
  readonly trees: TreeWatch
  readonly onReleased: (group: LimitGroup, removed: boolean) => void
}

/** One instance's limits: what the kernel's group holds is read from it, the rest is sampled. */
export class Group implements LimitGroup {
  readonly backend: BackendName
  readonly note: string | null
  readonly #parts: GroupParts
  readonly #kernel: KernelGroup | null
  readonly #refusals = new RefusalRow()
  readonly #tick = (tick: Tick): void => this.#look(tick)
  #limits: LimitsSpec
  #polled: PolledLimits | null = null
  #leader: number | null = null
  #listener: ((breach: Breach) => void) | null = null
  #breach: Breach | null = null
  #told = false
  #pidsLookedAt = 0
  #softLookedAt = 0
  #softToldAt = Number.NEGATIVE_INFINITY
  /** The launch carries a limit that a running process cannot be given anew. */
  #memoryFixed = false
  #leaderEnded = false
  /** We did it: then it was no limit. */
  #killed = false
  #killing = false
  #released: Promise<void> | null = null

  constructor(parts: GroupParts) {
    this.#parts = parts
    this.#limits = parts.limits
    this.#kernel = parts.kernel
    this.backend = parts.backend
    this.note = parts.note
  }

  wrap(launch: ResolvedLaunch): LimitedLaunch {
    const { memoryBytes } = this.#limits
    const inKernel = this.#holds('memory')
    const env = memoryBytes === undefined || inKernel ? launch.env : withHeapOption(launch, memoryBytes)
    const dataKib = memoryBytes === undefined || inKernel || !this.#parts.rlimit ? null : Math.ceil((memoryBytes * DATA_SHARE + DATA_EXTRA_BYTES) / 1024)
    this.#memoryFixed = dataKib !== null || env !== launch.env
    const onWake = (): void => this.letRun()
    if (this.#kernel === null && !this.#parts.rlimit) return { ...launch, env, explainJoin: null, onWake }
    return wrapLaunch({ ...launch, env }, { joins: this.#kernel?.joins ?? [], prefix: this.#kernel?.prefix ?? null, dataKib }, onWake)
  }

  started({ pid }: { readonly pid: number }): void {
    this.#leader = pid
    this.#kernel?.attach(pid)
    this.#kernel?.watch(() => this.#look())
    this.#watch()
  }

  onBreach(listener: (breach: Breach) => void): void {
    this.#listener = listener
    if (this.#breach !== null) queueMicrotask(() => this.#tell())
  }

  verdict(exit: ExitStatus, lastErrors: readonly string[]): Breach | null {
    this.#leaderEnded = true
    this.#polled?.leaderEnded()
    if (this.#breach === null) this.#look()
    if (this.#breach !== null) return this.#breach
    const failed = exit.code !== 0
    if (!this.#killed && (exit.signal === 'SIGKILL' || exit.code === CODE_OF_SIGKILL) && this.#kernel?.countKills() === null && this.#kernel.suspectsOom()) {
      return memoryBreach('oom', this.#limits)
    }
    if (failed && this.#refusals.isRecent(performance.now())) return pidsBreach(this.#limits)
    return findHeapFailure(exit, lastErrors, this.#limits.memoryBytes)
  }

  update(limits: LimitsSpec): 'applied' | 'needs-restart' {
    if (!this.#canTake(limits)) return 'needs-restart'
    const old = this.#limits
    try {
      this.#kernel?.write(limits)
    } catch {
      this.#restore(old)
      return 'needs-restart'
    }
    this.#limits = limits
    this.#watch()
    return 'applied'
  }

  usage(): GroupUsage | null {
    return this.#kernel?.usage() ?? null
  }

  isThrottled(): boolean {
    return this.#polled?.throttled ?? false
  }

  letRun(): void {
    this.#polled?.letRun()
  }

  kill(): void {
    this.#killed = true
    this.#polled?.kill()
    if (this.#kernel === null || this.#kernel.kill() || this.#killing) return
    this.#killing = true
    void this.#killOn()
  }

  release(): Promise<void> {
    this.#released ??= this.#release()
    return this.#released
  }

  #holds(resource: Resource): boolean {
    return this.#kernel?.holds.has(resource) ?? false
  }

  /** What has to be sampled is: from the start, or since the limits changed. */
  #watch(): void {
    if (this.#leader === null || this.#released !== null) return
    if (this.#kernel !== null) this.#parts.ticker.add(this.#tick)
    const sampled = without(this.#limits, (resource) => this.#holds(resource))
    if (Object.keys(sampled).length === 0) {
      this.#polled?.close()
      this.#polled = null
    } else if (this.#polled !== null) this.#polled.limits = sampled
    else this.#polled = new PolledLimits({ leader: this.#leader, limits: sampled, watch: this.#parts.trees, report: (breach) => this.#exceeded(breach) })
  }

  #look({ now, oomPossible }: Tick = { now: performance.now(), oomPossible: true }): void {
    const kernel = this.#kernel
    if (kernel === null || this.#breach !== null || this.#released !== null) return
    if ((oomPossible || kernel.vanishes) && (kernel.countKills() ?? 0) > 0) return this.#exceeded(kernel.reachedMemoryLimit() ? memoryBreach('oom', this.#limits) : outerMemoryBreach(this.#limits))
    this.#lookAtPids(kernel, now)
    this.#lookAtSoftMark(kernel, now)
  }

  #lookAtPids(kernel: KernelGroup, now: number): void {
    if (this.#limits.pids === undefined || (!this.#leaderEnded && now - this.#pidsLookedAt < PIDS_LOOK_MS)) return
    this.#pidsLookedAt = now
    if (this.#refusals.observe(kernel.countRefusals(), now, () => kernel.isFull())) this.#exceeded(pidsBreach(this.#limits))
  }

  #lookAtSoftMark(kernel: KernelGroup, now: number): void {
    const { memorySoftBytes } = this.#limits
    if (memorySoftBytes === undefined || !this.#holds('memory') || now - this.#softLookedAt < SOFT_LOOK_MS) return
    this.#softLookedAt = now
    const used = kernel.workingSet() ?? 0
    if (used > memorySoftBytes) this.#exceeded(softBreach(this.#limits, used))
  }

  #exceeded(breach: Breach): void {
    if (this.#breach !== null || this.#released !== null) return
    if (breach.cause === 'recycled') return this.#tellSoft(breach)
    this.#breach = breach
    this.kill()
    this.#tell()
  }

  #tell(): void {
    if (this.#breach === null || this.#listener === null || this.#told || this.#leaderEnded) return
    this.#told = true
    this.#listener(this.#breach)
  }

  #tellSoft(breach: Breach): void {
    const now = performance.now()
    if (this.#listener === null || this.#leaderEnded || now - this.#softToldAt < SOFT_REPORT_MS) return
    this.#softToldAt = now
    this.#listener(breach)
  }

  #canTake({ memoryBytes, required }: LimitsSpec): boolean {
    const inKernel = this.#holds('memory')
    if (this.#leaderEnded || this.#breach !== null || this.#released !== null) return false
    if (required === true && memoryBytes !== undefined && !inKernel) return false
    if (memoryBytes === this.#limits.memoryBytes) return true
    if (this.#memoryFixed || (!inKernel && this.#parts.rlimit)) return false
    return memoryBytes === undefined || this.#fits(memoryBytes)
  }

  /** Below what is used now the kernel would kill at once. */
  #fits(memoryBytes: number): boolean {
    const old = this.#limits.memoryBytes
    const used = this.#kernel?.workingSet() ?? this.#polled?.usedBytes ?? 0
    return used < memoryBytes || (old !== undefined && memoryBytes > old)
  }

  #restore(old: LimitsSpec): void {
    try {
      this.#kernel?.write(old)
    } catch {
      // Then the group is gone, and so is what it was for.
    }
  }

  async #killOn(): Promise<void> {
    const deadline = performance.now() + KILL_BOUND_MS
    for (let empty = false; !empty && performance.now() < deadline;) {
      await pause(KILL_PAUSE_MS)
      empty = this.#kernel?.kill() ?? true
    }
    this.#killing = false
  }

  async #release(): Promise<void> {
    const kernel = this.#kernel
    this.#parts.ticker.remove(this.#tick)
    this.#polled?.close()
    kernel?.close()
    const removed = kernel === null || (await emptied(kernel))
    this.#parts.onReleased(this, removed)
  }
}

/** Ends what is left and takes the group away; the kernel keeps it for some milliseconds after the last process. */
async function emptied(kernel: KernelGroup): Promise<boolean> {
  const deadline = performance.now() + KILL_BOUND_MS
  for (;;) {
    if (kernel.kill() && kernel.remove()) return true
    if (performance.now() >= deadline) return false
    await pause(KILL_PAUSE_MS)
  }
}

/** Not unref'd: processes that have to be killed are a reason to go on. Bounded by its callers. */
function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs))
}

/** The limits on what is left when `held` is taken out; `required` is none. */
function without(limits: LimitsSpec, held: (resource: Resource) => boolean): LimitsSpec {
  const { memoryBytes, memorySoftBytes, cpuPercent, pids } = limits
  const [memory, cpu, tasks] = RESOURCES.map((resource) => !held(resource))
  return {
    ...(memory && memoryBytes !== undefined ? { memoryBytes } : {}),
    ...(memory && memorySoftBytes !== undefined ? { memorySoftBytes } : {}),
    ...(cpu && cpuPercent !== undefined ? { cpuPercent } : {}),
    ...(tasks && pids !== undefined ? { pids } : {}),
  }
}
