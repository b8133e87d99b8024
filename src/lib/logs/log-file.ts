import { mkdir, open, rename, rm, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { LogsSpec } from '../core/index.js'
import { formatPrefix } from './line.js'

/** What may wait for the disk, per server; beyond it the newest lines are dropped and counted. */
const MAX_QUEUED_BYTES = 1024 * 1024
/** How long a disk that refused is left alone. */
const RETRY_MS = 30_000
const NEWLINE = Buffer.from('\n')

/** An append-only file that is renamed to `.1`, `.2`, ... when it has grown to its size. */
export interface LogFile {
  append(prefix: Buffer, line: Buffer): void
  reconfigure(limits: LogsSpec): void
  trouble(): string | null
  close(): Promise<void>
}

export function openLogFile(path: string, limits: LogsSpec): LogFile {
  return new RotatingFile(path, limits)
}

class RotatingFile implements LogFile {
  readonly #path: string
  #limits: LogsSpec
  #queue: Buffer[] = []
  #queuedBytes = 0
  #droppedBytes = 0
  #handle: FileHandle | null = null
  #size = 0
  #writing: Promise<void> | null = null
  #trouble: string | null = null
  #retryAt = 0
  #closed = false

  constructor(path: string, limits: LogsSpec) {
    this.#path = path
    this.#limits = limits
  }

  append(prefix: Buffer, line: Buffer): void {
    if (this.#closed) return
    const bytes = prefix.length + line.length + 1
    if (this.#queuedBytes + bytes > MAX_QUEUED_BYTES || (this.#trouble !== null && performance.now() < this.#retryAt)) {
      this.#droppedBytes += bytes
      return
    }
    this.#queue.push(prefix, line, NEWLINE)
    this.#queuedBytes += bytes
    this.#writing ??= this.#drain()
  }

  reconfigure(limits: LogsSpec): void {
    this.#limits = limits
  }

  trouble(): string | null {
    return this.#trouble
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#writing
    await this.#handle?.close().catch(() => undefined)
    this.#handle = null
  }

  /** Writes all that waits in one go, again and again, until nothing does. */
  async #drain(): Promise<void> {
    // Lines of one turn leave in one write.
    await Promise.resolve()
    while (this.#queue.length > 0) {
      const batch = Buffer.concat(this.#droppedBytes > 0 ? [...this.#queue, this.#dropMark()] : this.#queue)
      this.#queue = []
      this.#queuedBytes = 0
      try {
        await this.#write(batch)
        this.#trouble = null
      } catch (error) {
        this.#droppedBytes += batch.length
        await this.#fail(error)
      }
    }
    this.#writing = null
  }

  #dropMark(): Buffer {
    const text = `${this.#droppedBytes} bytes dropped: written faster than the disk took them, or the disk refused`
    this.#droppedBytes = 0
    return Buffer.from(`${formatPrefix(new Date().toISOString(), 0, 'mark')}${text}\n`)
  }

  async #write(batch: Buffer): Promise<void> {
    if (this.#handle !== null && this.#size > 0 && this.#size + batch.length > this.#limits.maxBytes) await this.#rotate(this.#handle)
    this.#handle ??= await this.#open()
    if (this.#size > 0 && this.#size + batch.length > this.#limits.maxBytes) {
      await this.#rotate(this.#handle)
      this.#handle = await this.#open()
    }
    await this.#handle.appendFile(batch)
    this.#size += batch.length
  }

  async #open(): Promise<FileHandle> {
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 })
    const handle = await open(this.#path, 'a', 0o600)
    this.#size = (await handle.stat()).size
    return handle
  }

  async #rotate(handle: FileHandle): Promise<void> {
    this.#handle = null
    await handle.close()
    const { keep } = this.#limits
    if (keep === 0) await rm(this.#path, { force: true })
    for (let number = keep; number > 0; number--) {
      const from = number === 1 ? this.#path : `${this.#path}.${number - 1}`
      await rename(from, `${this.#path}.${number}`).catch(ignoreMissing)
    }
  }

  async #fail(error: unknown): Promise<void> {
    this.#trouble = `not written: ${error instanceof Error ? error.message : String(error)}`
    this.#retryAt = performance.now() + RETRY_MS
    await this.#handle?.close().catch(() => undefined)
    this.#handle = null
  }
}

function ignoreMissing(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
}
