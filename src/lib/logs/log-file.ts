import { stat, type FileHandle } from 'node:fs/promises'
import type { LogsSpec } from '../core/index.js'
import { openForAppend, rotate } from './rotate.js'

/** An append-only file that is renamed to `.1`, `.2`, ... when it has grown to its size. No method throws or rejects. */
export interface LogFile {
  /**
   * Takes whole lines, `bytes` long before they are formatted. When the disk does not keep up or has refused, they are
   * dropped unformatted and counted, and the file says so as soon as it goes on.
   */
  append(bytes: number, format: () => Buffer): void
  reconfigure(limits: LogsSpec): void
  /** Why lines do not reach the disk, or null. */
  trouble(): string | null
  close(): Promise<void>
}

export interface LogFileOptions {
  readonly path: string
  readonly limits: LogsSpec
  readonly now: () => number
  /** The line that tells of bytes that were dropped. */
  readonly formatDropped: (bytes: number) => Buffer
}

/** What may wait for the disk, per server; beyond it the newest lines are dropped and counted. */
const MOST_QUEUED_BYTES = 1024 * 1024
/** How long a disk that refused is left alone. */
const RETRY_MS = 5_000
/** A file nobody wrote to for this long is closed: a thousand silent servers need no thousand descriptors. */
const IDLE_MS = 2_000
/** Lines that come within this time leave in one write; also, a burst of starting servers is not slowed by their logs. */
const GATHER_MS = 50
/** This much is worth a write of its own. */
const GATHER_BYTES = 128 * 1024
/** How often to look whether the file is still the one under its name: it may have been deleted or moved away. */
const CHECK_MS = 1000
const NEWLINE = 10

export function openLogFile(options: LogFileOptions): LogFile {
  return new RotatingFile(options)
}

class RotatingFile implements LogFile {
  readonly #options: LogFileOptions
  #limits: LogsSpec
  #queue: Buffer[] = []
  #queuedBytes = 0
  #dropped = 0
  /** Dropped bytes whose announcement is queued or being written. */
  #announced = 0
  #handle: FileHandle | null = null
  #size = 0
  #inode = 0
  #checkedAt = 0
  #draining: Promise<void> | null = null
  #hurry: (() => void) | null = null
  #trouble: string | null = null
  #failedAt = 0
  #closed = false
  #idle: NodeJS.Timeout | undefined

  constructor(options: LogFileOptions) {
    this.#options = options
    this.#limits = options.limits
  }

  append(bytes: number, format: () => Buffer): void {
    if (this.#closed) return
    if (this.#queuedBytes >= MOST_QUEUED_BYTES || this.#isResting()) {
      this.#dropped += bytes
      return
    }
    this.#announceDropped()
    this.#enqueue(format())
    if (this.#queuedBytes >= GATHER_BYTES) this.#hurry?.()
    clearTimeout(this.#idle)
    this.#draining ??= this.#drain()
  }

  reconfigure(limits: LogsSpec): void {
    this.#limits = limits
  }

  trouble(): string | null {
    if (this.#trouble === null || this.#dropped === 0) return this.#trouble
    return `${this.#trouble}; ${this.#dropped} bytes dropped so far`
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#idle)
    this.#hurry?.()
    await this.#draining
    await this.#release()
  }

  #isResting(): boolean {
    if (this.#trouble === null) return false
    const sinceMs = this.#options.now() - this.#failedAt
    return sinceMs >= 0 && sinceMs < RETRY_MS
  }

  #enqueue(block: Buffer): void {
    this.#queue.push(block)
    this.#queuedBytes += block.length
  }

  #announceDropped(): void {
    if (this.#dropped === 0) return
    this.#enqueue(this.#options.formatDropped(this.#dropped))
    this.#announced += this.#dropped
    this.#dropped = 0
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      if (!this.#closed && this.#queuedBytes < GATHER_BYTES) await this.#gather()
      const batch = Buffer.concat(this.#queue)
      const announced = this.#announced
      this.#queue = []
      this.#announced = 0
      try {
        await this.#write(batch)
        this.#queuedBytes -= batch.length
        this.#trouble = null
        // Nothing may come any more that would bring the news along.
        if (this.#queue.length === 0) this.#announceDropped()
      } catch (error) {
        this.#dropped += announced
        await this.#fail(error)
      }
    }
    this.#draining = null
    if (!this.#closed) this.#idle = setTimeout(() => void this.#release(), IDLE_MS).unref()
  }

  #gather(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, GATHER_MS)
      this.#hurry = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  /** What waits in memory is given up too: two hundred servers with a full queue each would be 200 MB. */
  async #fail(error: unknown): Promise<void> {
    const reason = error instanceof Error ? error.message : String(error)
    this.#trouble = `${this.#options.path} cannot be written: ${reason}`
    this.#failedAt = this.#options.now()
    this.#dropped += this.#queuedBytes + this.#announced
    this.#queuedBytes = 0
    this.#announced = 0
    this.#queue = []
    await this.#release()
  }

  async #write(batch: Buffer): Promise<void> {
    await this.#checkPlace()
    for (let rest = batch; rest.length > 0;) {
      const handle = this.#handle ?? (await this.#open())
      const length = this.#fitting(rest)
      if (length === 0) {
        await this.#release()
        await rotate(this.#options.path, this.#limits.keep)
        continue
      }
      await handle.appendFile(rest.subarray(0, length))
      this.#size += length
      rest = rest.subarray(length)
    }
  }

  /** How many bytes, in whole lines, still fit; 0 when it is time to rotate. A line larger than a whole file gets a file of its own. */
  #fitting(rest: Buffer): number {
    const room = this.#limits.maxBytes - this.#size
    if (rest.length <= room) return rest.length
    const length = room <= 0 ? 0 : rest.lastIndexOf(NEWLINE, room - 1) + 1
    if (length > 0 || this.#size > 0) return length
    const end = rest.indexOf(NEWLINE) + 1
    return end === 0 ? rest.length : end
  }

  async #open(): Promise<FileHandle> {
    const { handle, size, inode, torn } = await openForAppend(this.#options.path)
    this.#handle = handle
    this.#size = size
    this.#inode = inode
    if (torn) {
      await handle.appendFile('\n')
      this.#size++
    }
    return handle
  }

  async #checkPlace(): Promise<void> {
    const now = performance.now()
    if (this.#handle === null || now - this.#checkedAt < CHECK_MS) return
    this.#checkedAt = now
    const facts = await stat(this.#options.path).catch(() => null)
    if (facts?.ino !== this.#inode) await this.#release()
    else this.#size = facts.size
  }

  async #release(): Promise<void> {
    const handle = this.#handle
    this.#handle = null
    await handle?.close().catch(() => undefined)
  }
}
