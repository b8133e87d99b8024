import { join } from 'node:path'
import { Ring } from '../base/index.js'
import type { LogsSpec } from '../core/index.js'
import { formatPrefix, type LogStream } from './line.js'
import { openLogFile, type LogFile } from './log-file.js'

const RING_LINES = 40
const RING_LINE_CHARS = 2048
/** A "line" without end is cut here. */
const MAX_LINE_BYTES = 64 * 1024
const NEWLINE = 10

/** What one server says and what happens to it, in a file that rotates and in a short memory of the newest lines. */
export interface ServerLog {
  write(stream: 'out' | 'err', chunk: Buffer, generation: number): void
  mark(text: string, generation: number): void
  /** Newest lines from memory, oldest first; works when the disk does not. */
  lastLines(count: number, stream?: 'out' | 'err'): string[]
  reconfigure(limits: LogsSpec): void
  /** Why lines are not reaching the disk, or null. */
  status(): string | null
  /** Resolves when what was accepted is written. */
  close(): Promise<void>
}

export interface ServerLogOptions {
  readonly directory: string
  readonly name: string
  readonly limits: LogsSpec
  readonly now: () => number
}

interface Partial {
  chunks: Buffer[]
  bytes: number
  generation: number
}

/** Opens no file before the first line. Never throws: a log that cannot be written must not stop its server. */
export function openServerLog(options: ServerLogOptions): ServerLog {
  return new FileServerLog(options)
}

class FileServerLog implements ServerLog {
  readonly #now: () => number
  readonly #file: LogFile
  readonly #ring = new Ring<{ stream: LogStream; text: string }>(RING_LINES)
  readonly #partial: Record<'out' | 'err', Partial> = { out: { chunks: [], bytes: 0, generation: 0 }, err: { chunks: [], bytes: 0, generation: 0 } }
  #stampedAt = -1
  #stamp = ''

  constructor({ directory, name, limits, now }: ServerLogOptions) {
    this.#now = now
    this.#file = openLogFile(join(directory, `${name}.log`), limits)
  }

  write(stream: 'out' | 'err', chunk: Buffer, generation: number): void {
    const partial = this.#partial[stream]
    // What the former instance left unfinished is not the beginning of this one's line.
    if (partial.bytes > 0 && partial.generation !== generation) this.#flush(stream)
    partial.generation = generation
    let from = 0
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      this.#take(partial, chunk.subarray(from, at))
      this.#flush(stream)
      from = at + 1
    }
    for (; chunk.length - from + partial.bytes > MAX_LINE_BYTES; from += MAX_LINE_BYTES) {
      this.#take(partial, chunk.subarray(from, from + MAX_LINE_BYTES))
      this.#flush(stream)
    }
    if (from < chunk.length) this.#take(partial, Buffer.from(chunk.subarray(from)))
  }

  mark(text: string, generation: number): void {
    for (const stream of ['out', 'err'] as const) if (this.#partial[stream].bytes > 0) this.#flush(stream)
    this.#append('mark', Buffer.from(text.replaceAll('\n', ' ')), generation)
  }

  lastLines(count: number, stream?: 'out' | 'err'): string[] {
    const lines = this.#ring.toArray().filter((line) => (stream === undefined ? line.stream !== 'mark' : line.stream === stream))
    return lines.slice(-count).map((line) => line.text)
  }

  reconfigure(limits: LogsSpec): void {
    this.#file.reconfigure(limits)
  }

  status(): string | null {
    return this.#file.trouble()
  }

  close(): Promise<void> {
    for (const stream of ['out', 'err'] as const) if (this.#partial[stream].bytes > 0) this.#flush(stream)
    return this.#file.close()
  }

  #take(partial: Partial, piece: Buffer): void {
    partial.chunks.push(piece)
    partial.bytes += piece.length
  }

  #flush(stream: 'out' | 'err'): void {
    const partial = this.#partial[stream]
    let line = partial.chunks.length === 1 ? (partial.chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(partial.chunks)
    partial.chunks = []
    partial.bytes = 0
    if (line.at(-1) === 13) line = line.subarray(0, -1)
    this.#append(stream, line, partial.generation)
  }

  #append(stream: LogStream, line: Buffer, generation: number): void {
    this.#ring.push({ stream, text: line.toString('utf8', 0, RING_LINE_CHARS) })
    this.#file.append(Buffer.from(formatPrefix(this.#time(), generation, stream)), line)
  }

  /** Formatting a time costs more than writing the line. */
  #time(): string {
    const now = this.#now()
    if (now !== this.#stampedAt) {
      this.#stampedAt = now
      this.#stamp = new Date(now).toISOString()
    }
    return this.#stamp
  }
}
