import { stat, type FileHandle } from 'node:fs/promises'
import { parseLine, type LogLine } from './line.js'
import { currentPath, listNumbers, openPastFile, readForwards } from './past-file.js'
import type { ReadEnd } from './read-logs.js'

/** Follows one server's log over rotation and deletion. It keeps the current file open: what was written to it before it was moved away is not lost. */
export class TailFile {
  readonly #directory: string
  readonly #name: string
  #handle: FileHandle | null = null
  #inode: number
  #offset: number
  #lastTime: number
  #lookedAt: number

  /** Begins behind `end`; without one, no current file existed and everything in one that appears is new. `now`: epoch milliseconds. */
  constructor(directory: string, name: string, start: { readonly end: ReadEnd | undefined; readonly now: number }) {
    this.#directory = directory
    this.#name = name
    this.#inode = start.end?.inode ?? 0
    this.#offset = start.end?.offset ?? 0
    this.#lastTime = -Infinity
    this.#lookedAt = start.now
  }

  /** What was written since the last time, in blocks. */
  async *readNew(): AsyncGenerator<LogLine[]> {
    const path = currentPath(this.#directory, this.#name)
    const lookedAt = Date.now()
    for (;;) {
      if (this.#handle !== null) yield* this.#readOn(this.#handle)
      const facts = await stat(path).catch(() => null)
      if (facts === null) break
      if (this.#handle !== null && facts.ino === this.#inode) {
        if (facts.size >= this.#offset) break
        this.#offset = 0
        continue
      }
      // Between the last read and the move something may have been added.
      if (this.#handle !== null) yield* this.#readOn(this.#handle)
      if (this.#inode !== 0 && facts.ino !== this.#inode) yield* this.#readMissed(path)
      await this.#openNext(path)
    }
    this.#lookedAt = lookedAt
  }

  async close(): Promise<void> {
    const handle = this.#handle
    this.#handle = null
    await handle?.close().catch(() => undefined)
  }

  /** Files that came and were moved away since the last look, oldest first. */
  async *#readMissed(path: string): AsyncGenerator<LogLine[]> {
    const files: { number: number; inode: number; modifiedAt: number }[] = []
    for (const number of await listNumbers(this.#directory, this.#name)) {
      const facts = number === 0 ? null : await stat(`${path}.${number}`).catch(() => null)
      if (facts !== null) files.push({ number, inode: facts.ino, modifiedAt: facts.mtimeMs })
    }
    const own = files.find((file) => file.inode === this.#inode)
    const missed = own === undefined ? files.filter((file) => file.modifiedAt >= this.#lookedAt) : files.filter((file) => file.number <= own.number)
    for (const { number, inode } of missed.reverse()) {
      const file = await openPastFile(`${path}.${number}`, number)
      if (file === null) continue
      try {
        const start = file.inode === this.#inode ? this.#offset : 0
        // Without our own file among them, only time tells what is new.
        const after = own === undefined ? this.#lastTime : -Infinity
        if (inode !== this.#inode || this.#handle === null) yield* this.#emit(readForwards(file.handle, start, file.end), after)
      } finally {
        await file.handle.close()
      }
    }
  }

  async #openNext(path: string): Promise<void> {
    await this.close()
    const file = await openPastFile(path, 0)
    if (file === null) return
    if (file.inode !== this.#inode) this.#offset = 0
    this.#inode = file.inode
    this.#handle = file.handle
  }

  async *#readOn(handle: FileHandle): AsyncGenerator<LogLine[]> {
    const blocks = readForwards(handle, this.#offset, Infinity)
    for (;;) {
      const { done, value } = await blocks.next()
      if (done === true) {
        this.#offset = value
        return
      }
      yield this.#parse(value, -Infinity)
    }
  }

  async *#emit(blocks: AsyncIterable<string[]>, after: number): AsyncGenerator<LogLine[]> {
    for await (const texts of blocks) yield this.#parse(texts, after)
  }

  #parse(texts: readonly string[], after: number): LogLine[] {
    const lines: LogLine[] = []
    for (const text of texts) {
      const line = parseLine(text, this.#name)
      if (line === null || line.time <= after) continue
      lines.push(line)
      this.#lastTime = Math.max(this.#lastTime, line.time)
    }
    return lines
  }
}
