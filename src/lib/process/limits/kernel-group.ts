import { watch, type FSWatcher } from 'node:fs'
import type { LimitsSpec } from '../../core/index.js'
import { KeptFile, killEach, listGroup, numberOf, readNumber, removeGroup, tryWrite } from './cgroup-file.js'
import { FILES, foldersOf, readCpuMs, readWorkingSet, writeLimits, type Layout } from './layout.js'
import type { GroupUsage, Resource } from './types.js'

/** How many times at once a group is read and killed when there is no way to do both in one step. */
const KILL_ROUNDS = 5

/** A control group of the kernel for one instance: made before it starts, removed when nothing of it is left. */
export interface KernelGroup {
  /** What the kernel limits here; the rest is sampled. */
  readonly holds: ReadonlySet<Resource>
  /** Folders whose group the launcher joins; the prefix already places it when there are none. */
  readonly joins: readonly string[]
  /** A program that runs the launcher, with its own environment; null when nothing is needed in front of it. */
  readonly prefix: LaunchPrefix | null
  /** The launcher has become the server: for groups that are found only now. */
  attach(leader: number): void
  /** Calls at a change of what is counted, where the kernel tells; elsewhere never. */
  watch(listener: (about: Resource) => void): void
  /** The group goes with its last process: what it counts has to be read all the time. */
  readonly vanishes: boolean
  /** Out-of-memory kills so far; null when the group does not exist any more. */
  countKills(): number | null
  /** When the group does not exist any more: whether an unexplained SIGKILL was most likely an out-of-memory kill. */
  suspectsOom(): boolean
  /** Processes and threads the group was not allowed to make so far. */
  countRefusals(): number
  /** Whether not one process or thread more is allowed now. */
  isFull(): boolean
  /** Whether memory was used up to its own limit: else an out-of-memory kill had its reason outside. */
  reachedMemoryLimit(): boolean
  /** @throws what the kernel answers. */
  write(limits: LimitsSpec): void
  workingSet(): number | null
  usage(): GroupUsage | null
  /** Sends SIGKILL to all; true when nothing was left to kill. */
  kill(): boolean
  /** Gives back descriptors; the kernel's group stays. */
  close(): void
  /** True when the kernel's group is gone. */
  remove(): boolean
}

export interface LaunchPrefix {
  readonly file: string
  readonly args: readonly string[]
  /** What it needs itself; the server gets only what it is configured with. */
  readonly env: Readonly<Record<string, string>>
}

/** A group whose folders are known. */
export class FolderGroup implements KernelGroup {
  readonly holds: ReadonlySet<Resource>
  readonly joins: readonly string[]
  readonly prefix = null
  readonly vanishes = false
  /** Called when the folders are gone. */
  onRemoved: () => void = () => undefined
  readonly #layout: Layout
  readonly #folders: readonly string[]
  #memory: KeptFile | null = null
  #pids: KeptFile | null = null
  #watchers: FSWatcher[] = []
  #limits: LimitsSpec = {}

  constructor(layout: Layout, holds: ReadonlySet<Resource>) {
    this.#layout = layout
    this.#folders = foldersOf(layout)
    this.joins = this.#folders
    this.holds = holds
  }

  attach(): void {
    // The launcher joined it before it became the server.
  }

  watch(listener: (about: Resource) => void): void {
    if (this.#layout.version !== 2) return
    const { memory, pids } = this.#layout.directories
    for (const [about, folder] of [['memory', memory], ['pids', pids]] as const) {
      if (folder === undefined) continue
      try {
        const watcher = watch(`${folder}/${about}.events`, { persistent: false }, (change) => {
          if (change === 'change') listener(about)
        })
        watcher.on('error', () => watcher.close())
        this.#watchers.push(watcher)
      } catch {
        // Out of watches: what is counted is read regularly as well.
      }
    }
  }

  countKills(): number | null {
    const text = this.#memory?.read()
    if (text === '') return null
    return text === undefined ? 0 : numberOf(text, 'oom_kill')
  }

  suspectsOom(): boolean {
    return false
  }

  countRefusals(): number {
    return this.#pids === null ? 0 : numberOf(this.#pids.read(), 'max')
  }

  isFull(): boolean {
    const { pids } = this.#layout.directories
    const limit = this.#limits.pids
    if (pids === undefined || limit === undefined) return false
    return (readNumber(`${pids}/pids.current`) ?? 0) >= limit
  }

  reachedMemoryLimit(): boolean {
    const { version, directories: { memory } } = this.#layout
    const limit = this.#limits.memoryBytes
    if (memory === undefined || limit === undefined) return false
    const peak = readNumber(`${memory}/${FILES[version].memoryPeak}`)
    // What was asked for last and not given is not in the peak.
    return peak === null || peak >= limit * 0.9
  }

  write(limits: LimitsSpec): void {
    writeLimits(this.#layout, limits)
    this.#limits = limits
    const { version, directories: { memory, pids } } = this.#layout
    if (limits.memoryBytes !== undefined && memory !== undefined) this.#memory ??= new KeptFile(`${memory}/${FILES[version].memoryEvents}`)
    if (limits.pids !== undefined && pids !== undefined) this.#pids ??= new KeptFile(`${pids}/pids.events`)
  }

  workingSet(): number | null {
    return readWorkingSet(this.#layout)
  }

  usage(): GroupUsage | null {
    const memoryBytes = readWorkingSet(this.#layout)
    const cpuMs = readCpuMs(this.#layout)
    const [any] = this.#folders
    return memoryBytes === null || cpuMs === null || any === undefined ? null : { memoryBytes, cpuMs, processes: listGroup(any).length }
  }

  kill(): boolean {
    const { version, directories: { freezer } } = this.#layout
    const [any] = this.#folders
    if (any === undefined) return true
    if (version === 2 && tryWrite(`${any}/cgroup.kill`, 1)) return listGroup(any).length === 0
    // Frozen, it cannot make new processes faster than they are found; what it was sent it gets when it thaws.
    const frozen = freezer !== undefined && tryWrite(`${freezer}/freezer.state`, 'FROZEN')
    let left = 1
    for (let round = frozen ? KILL_ROUNDS - 1 : 0; left > 0 && round < KILL_ROUNDS; round++) left = Math.max(0, ...this.#folders.map(killEach))
    if (frozen) tryWrite(`${freezer}/freezer.state`, 'THAWED')
    return left === 0
  }

  close(): void {
    this.#memory?.close()
    this.#pids?.close()
    for (const watcher of this.#watchers) watcher.close()
    this.#watchers = []
  }

  remove(): boolean {
    if (!this.#folders.map(removeGroup).every(Boolean)) return false
    this.onRemoved()
    this.onRemoved = () => undefined
    return true
  }
}
