import type { ConfigWatcher } from '../config/index.js'
import type { ConfigOrigin, Home } from '../control/index.js'
import { runReload, type ProcessGroups, type ReloadOutcome, type RunReload } from './config-watch-run.js'
import type { Journal } from './journal.js'

/** Notices when configurations change and has them reloaded. The daemon itself never loads one: see docs/decisions/0002. */
export interface ConfigWatch {
  /** This configuration is in effect. Null: nobody said how it was loaded, and what was known before still counts. */
  applied(source: string, origin: ConfigOrigin | null): void
  /** Its newest version could not be loaded; these files were looked into. */
  failed(source: string, files: readonly string[]): void
  /** A change of this file takes effect by itself, also where it stands beneath another one. */
  isWatched(source: string): boolean
  /** Why that is not so although it is wanted, or why the last attempt came to nothing; null when all is well. */
  trouble(source: string): string | null
  /** Ends watchers and commands under way. Resolves when nothing of them is left. */
  close(): Promise<void>
}

export interface ConfigWatchOptions {
  readonly home: Home
  readonly journal: Journal
  /** Ends the commands should this process be killed; the daemon's watchdog. */
  readonly groups?: ProcessGroups
  readonly run?: RunReload
}

interface Watched {
  origin: ConfigOrigin
  watcher: ConfigWatcher | null
  /** Set while a reload is under way. */
  run: { readonly abort: AbortController; readonly ended: Promise<void>; readonly startedAt: number } | null
  /** Changed once more while a reload was under way. */
  isStale: boolean
  watchTrouble: string | null
  runTrouble: string | null
}

/** The servers that have just been ordered come first. What changes until then is noticed all the same: see `since` of the watcher. */
const OPEN_DELAY_MS = 500

const NO_GROUPS: ProcessGroups = { record: () => undefined, forget: () => undefined }

export function createConfigWatch(options: ConfigWatchOptions): ConfigWatch {
  return new SourceWatch(options)
}

class SourceWatch implements ConfigWatch {
  readonly #options: ConfigWatchOptions
  readonly #watched = new Map<string, Watched>()
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: ConfigWatchOptions) {
    this.#options = options
  }

  applied(source: string, origin: ConfigOrigin | null): void {
    if (origin === null || this.#isClosed) return
    if (!origin.watch) {
      void this.#drop(source)
      return
    }
    const known = this.#watched.get(source)
    if (known) {
      Object.assign(known, { origin, runTrouble: null })
      known.watcher?.update(origin.files, origin.loadedAt, origin.absent)
      return
    }
    this.#watched.set(source, { origin, watcher: null, run: null, isStale: false, watchTrouble: null, runTrouble: null })
    this.#timer ??= setTimeout(() => void this.#open(), OPEN_DELAY_MS)
  }

  failed(source: string, files: readonly string[]): void {
    const known = this.#watched.get(source)
    // The files of the last version that worked stay: what the broken one needs is added for as long as it is broken.
    known?.watcher?.update([...known.origin.files, source, ...files], known.run?.startedAt)
  }

  isWatched(source: string): boolean {
    return this.#watched.has(source) || [...this.#watched.values()].some(({ origin }) => origin.files.includes(source))
  }

  trouble(source: string): string | null {
    const known = this.#watched.get(source)
    return known?.runTrouble ?? known?.watchTrouble ?? null
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    const ends = [...this.#watched.keys()].map((source) => this.#drop(source))
    await Promise.all(ends)
  }

  #drop(source: string): Promise<unknown> {
    const known = this.#watched.get(source)
    this.#watched.delete(source)
    known?.run?.abort.abort()
    return Promise.all([known?.watcher?.close(), known?.run?.ended])
  }

  /** The package that watches is loaded when the first configuration asks for it. */
  async #open(): Promise<void> {
    try {
      const { watchConfig } = await import('../config/watch.js')
      if (this.#isClosed) return
      for (const [source, known] of this.#watched) {
        const { files, loadedAt, absent = [] } = known.origin
        known.watcher ??= watchConfig({ files, since: loadedAt, absent, onChange: () => this.#changed(source, known), onTrouble: (message) => this.#troubled(source, known, message) })
      }
    } catch (error) {
      // The files of this program may have been removed while it runs.
      for (const [source, known] of this.#watched) if (!known.watcher) this.#troubled(source, known, `changes of the configuration cannot be noticed: ${String(error)}`)
    } finally {
      this.#timer = undefined
    }
  }

  #troubled(source: string, known: Watched, message: string): void {
    known.watchTrouble = message
    this.#options.journal.write('warn', message, { source })
  }

  #changed(source: string, known: Watched): void {
    if (this.#watched.get(source) !== known) return
    if (known.run) known.isStale = true
    else this.#reload(source, known)
  }

  #reload(source: string, known: Watched): void {
    const { home, groups = NO_GROUPS, run = runReload } = this.#options
    const abort = new AbortController()
    known.isStale = false
    const ended = run({ source, origin: known.origin, home, groups }, abort.signal).then((outcome) => this.#finished(source, known, outcome))
    known.run = { abort, ended, startedAt: Date.now() }
  }

  #finished(source: string, known: Watched, outcome: ReloadOutcome): void {
    known.run = null
    if (this.#watched.get(source) !== known) return
    known.runTrouble = outcome.type === 'failed' ? outcome.trouble : null
    if (outcome.type === 'reloaded') this.#options.journal.write('info', 'configuration reloaded', { source, changes: outcome.summary })
    else this.#options.journal.write('warn', 'configuration not reloaded: everything stays as it was', { source, reason: outcome.trouble })
    if (known.isStale) this.#reload(source, known)
  }
}
