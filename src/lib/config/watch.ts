import { basename, join, resolve } from 'node:path'
import type { ChokidarOptions, FSWatcher } from 'chokidar'
import { describeFailure, errorCode } from './failure.js'
import { MISSING, readFileState, type FileState } from './file-state.js'
import { planWatch, type WatchPlan } from './watch-plan.js'

export interface WatchOptions {
  readonly files: readonly string[]
  /** Epoch milliseconds before the files were read: one that changed since counts as changed. Absent: none does. */
  readonly since?: number
  /** Those of them that were not there when the others were read. */
  readonly absent?: readonly string[]
  /** The content of at least one file is another than when it was last told, and has settled. */
  readonly onChange: () => void
  /** Changes may go unnoticed, or be noticed late; in words. */
  readonly onTrouble: (message: string) => void
  /** Nothing may happen for this long, in milliseconds, before the content counts as settled; default 200. */
  readonly quietMs?: number
  /** What goes on and on, or is gone, is told after this many milliseconds; default 2000. */
  readonly mostMs?: number
}

export interface ConfigWatcher {
  /**
   * Watches these files from now on, which were all read after `since`. What was known of a file that stays is kept, so
   * that no change gets lost; without `since` nothing of it was read. `absent`: those that were not there then.
   */
  update(files: readonly string[], since?: number, absent?: readonly string[]): void
  /** Calls nothing back any more. Resolves when everything is released. */
  close(): Promise<void>
}

const QUIET_MS = 200
const MOST_MS = 2_000
/** The kernel stamps files with a clock that moves in ticks of up to 10 ms. */
const CLOCK_SLACK_MS = 20
const POLL_MS = 2_000

/** Errors of a system that has run out of watches or descriptors. */
const EXHAUSTED = new Set(['ENOSPC', 'EMFILE', 'ENFILE'])

/**
 * Watches exactly these files, wherever they are: missing ones, and ones reached through symbolic links, too. Editors
 * that write by rename, truncate first or save twice cause one call, and only if the content really differs. Costs
 * nothing while nothing happens.
 */
export function watchConfig(options: WatchOptions): ConfigWatcher {
  return new FileWatcher(options)
}

/**
 * A watch is only relied upon for the first event: then everything is looked at, and watched anew as it is by then.
 * A file that was replaced, a link that leads elsewhere or a folder that came back needs no case of its own.
 */
class FileWatcher implements ConfigWatcher {
  readonly #options: WatchOptions
  readonly #quietMs: number
  readonly #mostMs: number
  #files: readonly string[] = []
  /** Content by file, as it was last told; a file that is not in it was never looked at. */
  #known = new Map<string, string>()
  #since: number | undefined
  #watcher: FSWatcher | null = null
  /** Counts the watches: what an older one reports late does not matter. */
  #round = 0
  #timer: NodeJS.Timeout | undefined
  /** When the changes under way began; null: there are none. */
  #stirredAt: number | null = null
  #isPolling = false
  #trouble = ''
  #isClosed = false

  constructor(options: WatchOptions) {
    this.#options = options
    this.#quietMs = options.quietMs ?? QUIET_MS
    this.#mostMs = options.mostMs ?? MOST_MS
    this.update(options.files, options.since, options.absent)
  }

  update(files: readonly string[], since?: number, absent: readonly string[] = []): void {
    const wanted = [...new Set(files.map((file) => resolve(file)))]
    this.#since = since
    // When a file went nobody knows, but of these it is known that they were gone.
    for (const file of absent.map((each) => resolve(each))) if (!this.#known.has(file)) this.#known.set(file, MISSING)
    if (wanted.length !== this.#files.length || !wanted.every((file) => this.#files.includes(file))) {
      this.#files = wanted
      this.#known = new Map([...this.#known].filter(([file]) => wanted.includes(file)))
      void this.#arm()
    }
    if (since !== undefined) void this.#adopt(since)
  }

  /** What was read after its last change needs not be told. */
  async #adopt(since: number): Promise<void> {
    const states = await this.#look()
    if (since !== this.#since) return
    for (const [file, state] of states) if (!changedSince(state, since)) this.#known.set(file, state.content)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#watcher?.close()
  }

  async #arm(): Promise<void> {
    const round = ++this.#round
    const old = this.#watcher
    this.#watcher = null
    try {
      await old?.close()
      const { watch } = await import('chokidar')
      if (!this.#isCurrent(round)) return
      const plan = planWatch(this.#files)
      this.#watcher = watch([...plan.targets], chokidarOptions(plan, this.#isPolling))
      this.#listen(this.#watcher, plan, round)
    } catch (error) {
      if (this.#isCurrent(round)) this.#tell(`changes of the configuration cannot be noticed: ${describeFailure(error)}`)
    }
  }

  #listen(watcher: FSWatcher, plan: WatchPlan, round: number): void {
    let isReady = false
    const stir = (): void => {
      if (isReady && this.#isCurrent(round)) this.#stir()
    }
    watcher.on('error', (error) => {
      if (this.#isCurrent(round)) this.#fail(error)
    })
    watcher.on('ready', () => {
      isReady = true
      // What happened until now was seen by no watch.
      void this.#look().then((states) => {
        if (this.#differ(states)) stir()
        // A folder on the way has come or gone since it was planned: what matters now is watched by nobody.
        else if (this.#isCurrent(round) && !isSamePlan(plan, planWatch(this.#files))) void this.#arm()
      })
    })
    watcher.on('all', stir)
    watcher.on('raw', (_event, name, details: unknown) => {
      if (concerns(plan, readWatched(details), name)) stir()
    })
  }

  #isCurrent(round: number): boolean {
    return !this.#isClosed && round === this.#round
  }

  #fail(error: unknown): void {
    const code = errorCode(error) ?? ''
    if (!EXHAUSTED.has(code) || this.#isPolling) return this.#tell(`changes of the configuration may go unnoticed: ${describeFailure(error)}`)
    this.#isPolling = true
    this.#tell(`the system allows no more watches of files (${code}): changes of the configuration are looked for every ${POLL_MS / 1000} s`)
    void this.#arm()
  }

  /** The same again with every new watch is no news. */
  #tell(trouble: string): void {
    if (trouble === this.#trouble) return
    this.#trouble = trouble
    this.#options.onTrouble(trouble)
  }

  #stir(): void {
    const now = performance.now()
    this.#stirredAt ??= now
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#settle(), Math.max(0, Math.min(this.#quietMs, this.#stirredAt + this.#mostMs - now)))
  }

  async #settle(): Promise<void> {
    const startedAt = this.#stirredAt ?? 0
    const states = await this.#look()
    if (this.#isClosed) return
    const isChanged = this.#differ(states)
    // Deleted or truncated, and written anew in a moment: editors do.
    if (isChanged && this.#vanishes(states) && performance.now() < startedAt + this.#mostMs) return this.#stir()
    this.#stirredAt = null
    for (const [file, { content }] of states) this.#known.set(file, content)
    if (isChanged) this.#options.onChange()
    if (!this.#isClosed) await this.#arm()
  }

  /** The first look at a file says what is known of it. */
  async #look(): Promise<Map<string, FileState>> {
    const files = this.#files
    const states = new Map(await Promise.all(files.map(async (file): Promise<[string, FileState]> => [file, await readFileState(file)])))
    if (files !== this.#files) return this.#look()
    for (const [file, state] of states) {
      const isLate = this.#since !== undefined && changedSince(state, this.#since)
      if (!this.#known.has(file)) this.#known.set(file, isLate ? 'unknown' : state.content)
    }
    return states
  }

  #differ(states: ReadonlyMap<string, FileState>): boolean {
    return [...states].some(([file, { content }]) => this.#known.get(file) !== content)
  }

  #vanishes(states: ReadonlyMap<string, FileState>): boolean {
    return [...states].some(([file, { content, isEmpty }]) => isEmpty && this.#known.get(file) !== content)
  }
}

/** Nobody knows when a file went: it counts as late. */
function changedSince({ changedAt }: FileState, since: number): boolean {
  return changedAt === null || changedAt >= since - CLOCK_SLACK_MS
}

function isSamePlan(one: WatchPlan, other: WatchPlan): boolean {
  return isSameSet(one.targets, other.targets) && isSameSet(one.names, other.names)
}

function isSameSet(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  return one.size === other.size && [...one].every((each) => other.has(each))
}

/** Chokidar speaks with slashes on every system. */
const slashed = (path: string): string => path.replaceAll('\\', '/')

function chokidarOptions({ names, targets }: WatchPlan, isPolling: boolean): ChokidarOptions {
  const wanted = new Set([...names, ...targets].map(slashed))
  return {
    ignored: (path) => !wanted.has(slashed(path)),
    ignoreInitial: true,
    followSymlinks: false,
    depth: 0,
    // Settling is done here; with it chokidar would pass over names that look like those of editors.
    atomic: false,
    usePolling: isPolling,
    interval: POLL_MS,
    binaryInterval: POLL_MS,
  }
}

function readWatched(details: unknown): unknown {
  return typeof details === 'object' && details !== null && 'watchedPath' in details ? details.watchedPath : undefined
}

/** Whether an event of the system concerns a name that matters: chokidar says nothing when the folder it watches goes itself. */
function concerns({ names }: WatchPlan, watched: unknown, name: unknown): boolean {
  if (typeof watched !== 'string') return false
  return names.has(watched) || (typeof name === 'string' && (name === basename(watched) || names.has(join(watched, name))))
}
