import type { LogEntry } from './model.js'
import type { DashServices } from './services.js'

/** Lines kept of a log that is followed. */
const KEPT_LINES = 5000
const FIRST_LINES = 1000
/** Whoever holds an arrow key down reads no log on the way. */
const SETTLE_MS = 120
/** Lines that come close together are shown together. */
const GATHER_MS = 30

export interface LogWanted {
  readonly name: string
  readonly directory: string
  readonly follow: boolean
  /** Newest lines wanted where the log is not followed. */
  readonly tail: number
}

/** Reads or follows the log of one server at a time. `close` ends it. */
export class LogWatch {
  readonly #services: DashServices
  readonly #onLines: (name: string, lines: readonly LogEntry[]) => void
  #wanted: LogWanted | null = null
  #abort: AbortController | null = null
  #timer: NodeJS.Timeout | undefined

  constructor(services: DashServices, onLines: (name: string, lines: readonly LogEntry[]) => void) {
    this.#services = services
    this.#onLines = onLines
  }

  want(wanted: LogWanted | null): void {
    const before = this.#wanted
    this.#wanted = wanted
    if (wanted === null) return this.#end()
    if (before !== null && before.name === wanted.name && before.follow === wanted.follow && before.directory === wanted.directory && before.tail >= wanted.tail) return
    this.#end()
    this.#timer = setTimeout(() => this.#begin(), before === null || wanted.follow ? 0 : SETTLE_MS)
  }

  /** Something may have been written. */
  refresh(): void {
    if (this.#wanted === null || this.#wanted.follow || this.#timer !== undefined) return
    this.#timer = setTimeout(() => this.#begin(), GATHER_MS)
  }

  close(): void {
    this.#wanted = null
    this.#end()
  }

  #end(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#abort?.abort()
    this.#abort = null
  }

  #begin(): void {
    this.#timer = undefined
    const wanted = this.#wanted
    if (wanted === null) return
    this.#abort?.abort()
    const abort = new AbortController()
    this.#abort = abort
    const work = wanted.follow ? this.#follow(wanted, abort.signal) : this.#read(wanted, abort.signal)
    // A log that cannot be read shows nothing; the daemon's own trouble with it is told on the page.
    work.catch(() => undefined)
  }

  async #read({ directory, name, tail }: LogWanted, signal: AbortSignal): Promise<void> {
    const lines = await this.#services.readLog({ directory, name, tail })
    if (!signal.aborted) this.#onLines(name, lines)
  }

  async #follow({ directory, name }: LogWanted, signal: AbortSignal): Promise<void> {
    let lines: LogEntry[] = []
    let timer: NodeJS.Timeout | undefined
    const tell = (): void => {
      timer = undefined
      if (!signal.aborted) this.#onLines(name, lines)
    }
    tell()
    try {
      for await (const entry of this.#services.followLog({ directory, name, tail: FIRST_LINES, signal })) {
        lines = lines.length < KEPT_LINES * 1.2 ? lines : lines.slice(-KEPT_LINES)
        lines.push(entry)
        timer ??= setTimeout(tell, GATHER_MS)
      }
    } finally {
      clearTimeout(timer)
    }
  }
}
