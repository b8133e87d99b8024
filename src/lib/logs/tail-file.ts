import { stat, type FileHandle } from 'node:fs/promises'
import { parseLine, type LogLine } from './line.js'
import { closeFiles, currentPath, MODIFIED_SLACK_MS, openPastFiles, readForwards, type PastFile } from './past-file.js'
import type { ReadEnd } from './read-logs.js'

/**
 * Follows one server's log over rotation and deletion. It keeps the file it has come to open: what was written to it
 * before it was moved away or deleted is not lost.
 */
export class TailFile {
  readonly #directory: string
  readonly #name: string
  #handle: FileHandle | null = null
  #inode: number
  #offset: number
  #lastTime: number
  #lookedAt: number

  /** Begins behind `end`; without one, no current file existed and one that appears is new. `now`: epoch milliseconds. */
  constructor(directory: string, name: string, start: { readonly end: ReadEnd | undefined; readonly now: number }) {
    this.#directory = directory
    this.#name = name
    this.#inode = start.end?.inode ?? 0
    this.#offset = start.end?.offset ?? 0
    this.#lastTime = start.now - 1
    this.#lookedAt = start.now
  }

  /** What was written since the last time, in blocks. */
  async *readNew(): AsyncGenerator<LogLine[]> {
    const lookedAt = Date.now()
    if (this.#handle !== null) yield* this.#readOn(this.#handle)
    const facts = await stat(currentPath(this.#directory, this.#name)).catch(() => null)
    if (facts === null) return
    if (facts.ino !== this.#inode || this.#handle === null) {
      yield* this.#moveOn()
    } else if (facts.size < this.#offset) {
      this.#offset = 0
      yield* this.#readOn(this.#handle)
    }
    this.#lookedAt = lookedAt
  }

  async close(): Promise<void> {
    const handle = this.#handle
    this.#handle = null
    await handle?.close().catch(() => undefined)
  }

  /** To the newest file, through all that came and were moved away since the last look, oldest first. */
  async *#moveOn(): AsyncGenerator<LogLine[]> {
    const files = await openPastFiles(this.#directory, this.#name)
    try {
      // Between the last read and the move something may have been added.
      if (this.#handle !== null) yield* this.#readOn(this.#handle)
      for (const { file, start, after } of this.#findMissed(files).reverse()) {
        this.#inode = file.inode
        this.#offset = start
        for await (const texts of readForwards(file.handle, start, file.end)) yield this.#parse(texts, after)
        this.#offset = file.end
      }
      const newest = files.find((file) => file.inode === this.#inode)
      if (newest === undefined) return
      await this.close()
      this.#handle = newest.handle
    } finally {
      await closeFiles(files.filter((file) => file.handle !== this.#handle))
    }
  }

  /** The files not yet read, newest first. When our own is not among them any more, only time tells which those are. */
  #findMissed(files: readonly PastFile[]): { file: PastFile; start: number; after: number }[] {
    const own = files.findIndex((file) => file.inode === this.#inode)
    if (own !== -1) {
      const known = this.#handle === null ? own + 1 : own
      return files.slice(0, known).map((file, index) => ({ file, start: index === own ? this.#offset : 0, after: -Infinity }))
    }
    return files
      .filter((file) => file.number === 0 || file.modifiedAt >= this.#lookedAt - MODIFIED_SLACK_MS)
      .map((file) => ({ file, start: 0, after: file.number === 0 ? -Infinity : this.#lastTime }))
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
