import type { Home } from '../control/index.js'
import { STAND_IN_MARK } from '../core/index.js'
import { removePidFile, writePidFile } from '../process/index.js'
import type { Journal } from './journal.js'
import { notePidName, readPidNames } from './pid-names.js'

/** The longest a PID file comes after its process. */
const DELAY_MS = 200

/** Keeps a PID file for every process. One that cannot be written is said, and nothing else suffers. */
export class PidKeeper {
  readonly #home: Home
  readonly #journal: Journal
  readonly #names: Set<string>
  /** Spawned, and no PID file written yet. */
  readonly #waiting = new Map<string, number>()
  #timer: NodeJS.Timeout | undefined

  constructor(home: Home, journal: Journal) {
    this.#home = home
    this.#journal = journal
    this.#names = new Set(readPidNames(home))
  }

  spawned(name: string, pid: number): void {
    if (!isStandIn(name)) this.#waiting.set(name, pid)
  }

  gone(name: string, pid: number): void {
    if (this.#waiting.get(name) === pid) return void this.#waiting.delete(name)
    try {
      removePidFile(this.#home.pids, name, pid)
    } catch (error) {
      this.#journal.write('warn', `${name}: PID file not removed`, { reason: String(error) })
    }
  }

  /** Two hundred small files take longer than a dozen spawns: they wait until nothing is starting, but not for long. */
  flush(isBusy: () => boolean): void {
    if (this.#waiting.size === 0) return
    if (isBusy()) this.#timer ??= setTimeout(() => this.#writeAll(), DELAY_MS)
    else this.#writeAll()
  }

  /** A process has another name from now on. */
  renamed(name: string, pid: number): void {
    this.#waiting.delete(name)
    this.#write(name, pid)
  }

  close(): void {
    clearTimeout(this.#timer)
  }

  #writeAll(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    for (const [name, pid] of this.#waiting) this.#write(name, pid)
    this.#waiting.clear()
  }

  #write(name: string, pid: number): void {
    if (isStandIn(name)) return
    try {
      notePidName(this.#home, this.#names, name)
      writePidFile(this.#home.pids, name, pid)
    } catch (error) {
      this.#journal.write('warn', `${name}: no PID file`, { reason: String(error) })
    }
  }
}

/** The second instance of a server that is being replaced: whoever reads PID files wants to know the one that serves. */
function isStandIn(name: string): boolean {
  return name.includes(STAND_IN_MARK)
}
