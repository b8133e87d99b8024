import { startWatchdog, type Watchdog } from '../process/index.js'
import type { Journal } from './journal.js'

/** A watchdog that cannot be kept alive is tried again at this pace. */
const RETRY_MS = 1_000

/** Keeps a watchdog alive and told: if it ends before it was dismissed, another one takes over the whole list. */
export class WatchdogKeeper {
  readonly #markerPrefix: string
  readonly #journal: Journal
  readonly #groups = new Set<number>()
  #retry: NodeJS.Timeout | undefined
  #watchdog: Watchdog

  constructor(markerPrefix: string, journal: Journal) {
    this.#markerPrefix = markerPrefix
    this.#journal = journal
    this.#watchdog = this.#start()
  }

  get pid(): number {
    return this.#watchdog.pid
  }

  record(group: number): void {
    this.#groups.add(group)
    this.#watchdog.record(group)
  }

  forget(group: number): void {
    this.#groups.delete(group)
    this.#watchdog.forget(group)
  }

  dismiss(): void {
    clearTimeout(this.#retry)
    this.#watchdog.dismiss()
  }

  #start(): Watchdog {
    const watchdog = startWatchdog({ markerPrefix: this.#markerPrefix })
    watchdog.onExit(() => this.#replace())
    return watchdog
  }

  #replace(): void {
    this.#journal.write('warn', 'the watchdog ended; another one takes over', { groups: this.#groups.size })
    this.#retry = setTimeout(() => {
      this.#watchdog = this.#start()
      for (const group of this.#groups) this.#watchdog.record(group)
    }, RETRY_MS)
    this.#retry.unref()
  }
}
