import { startWatchdog, type Watchdog } from '../process/index.js'
import type { Journal } from './journal.js'

/** A watchdog that keeps dying is not started for ever. */
const MOST_RESTARTS = 5

/** Keeps a watchdog alive and told: if it ends before it was dismissed, another one takes over the whole list. */
export class WatchdogKeeper {
  readonly #markerPrefix: string
  readonly #journal: Journal
  readonly #groups = new Set<number>()
  #restarts = 0
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
    this.#watchdog.dismiss()
  }

  #start(): Watchdog {
    const watchdog = startWatchdog({ markerPrefix: this.#markerPrefix })
    watchdog.onExit(() => this.#replace())
    return watchdog
  }

  #replace(): void {
    this.#restarts++
    if (this.#restarts > MOST_RESTARTS) return this.#journal.write('error', 'no watchdog: servers may outlive a daemon that is killed', { restarts: this.#restarts })
    this.#journal.write('warn', 'the watchdog ended; another one takes over', { groups: this.#groups.size })
    this.#watchdog = this.#start()
    for (const group of this.#groups) this.#watchdog.record(group)
  }
}
