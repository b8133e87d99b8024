import { join } from 'node:path'
import { Ring } from '../base/index.js'
import type { LogsSpec } from '../core/index.js'
import { formatBlock, formatPrefix } from './line.js'
import { openLogFile, type LogFile } from './log-file.js'
import { cutAt, PartialLine } from './partial-line.js'

const RING_LINES = 40
const RING_LINE_BYTES = 2048
/** A "line" without end is cut here. */
const MAX_LINE_BYTES = 64 * 1024
const NEWLINE = 10
const RETURN = 13
const NEWLINE_BUFFER = Buffer.from('\n')

type OwnStream = 'out' | 'err'

/** What one server says and what happens to it, in a file that rotates and in a short memory of the newest lines. */
export interface ServerLog {
  write(stream: OwnStream, chunk: Buffer, generation: number): void
  /** Notes an event; what the server left unfinished is written first. */
  mark(text: string, generation: number): void
  /**
   * Newest lines from memory, oldest first, of the latest instance that wrote any (at most 40 of each stream, each cut
   * at 2 KB); works when the disk does not.
   */
  lastLines(count: number, stream?: OwnStream): string[]
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
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** One stream of the server: its unfinished line and its newest ones. */
interface Channel {
  readonly partial: PartialLine
  readonly ring: Ring<{ order: number; generation: number; text: string }>
}

/** Opens no file before the first line. Never throws: a log that cannot be written must not stop its server. */
export function openServerLog(options: ServerLogOptions): ServerLog {
  return new FileServerLog(options)
}

class FileServerLog implements ServerLog {
  readonly #now: () => number
  readonly #file: LogFile
  readonly #channels: Record<OwnStream, Channel> = { out: createChannel(), err: createChannel() }
  #order = 0
  #generation = 0

  constructor({ directory, name, limits, now }: ServerLogOptions) {
    this.#now = now
    this.#file = openLogFile({
      path: join(directory, `${name}.log`),
      limits,
      now,
      formatDropped: (bytes) => Buffer.from(`${formatPrefix(now(), this.#generation, 'mark')}${bytes} bytes dropped\n`),
    })
  }

  write(stream: OwnStream, chunk: Buffer, generation: number): void {
    this.#generation = generation
    const { partial } = this.#channels[stream]
    // What the former instance left unfinished is not the beginning of this one's line.
    if (partial.generation !== generation) this.#flush(stream)
    partial.generation = generation
    for (let rest = chunk; rest.length > 0;) {
      const length = cutAt(rest, MAX_LINE_BYTES)
      this.#take(stream, rest.subarray(0, length))
      rest = rest.subarray(length)
    }
  }

  mark(text: string, generation: number): void {
    this.#flush('out')
    this.#flush('err')
    this.#generation = generation
    const line = Buffer.from(`${text.replaceAll(/[\r\n]+/g, ' ')}\n`)
    const prefix = formatPrefix(this.#now(), generation, 'mark')
    this.#file.append(line.length, () => formatBlock(line, prefix))
  }

  lastLines(count: number, stream?: OwnStream): string[] {
    if (count <= 0) return []
    const { out, err } = this.#channels
    const lines = stream === undefined ? [...out.ring.toArray(), ...err.ring.toArray()].sort((a, b) => a.order - b.order) : this.#channels[stream].ring.toArray()
    const newest = lines.at(-1)?.generation
    return lines.filter((line) => line.generation === newest).slice(-count).map((line) => line.text)
  }

  reconfigure(limits: LogsSpec): void {
    this.#file.reconfigure(limits)
  }

  status(): string | null {
    return this.#file.trouble()
  }

  close(): Promise<void> {
    this.#flush('out')
    this.#flush('err')
    return this.#file.close()
  }

  /** At most MAX_LINE_BYTES at a time: so no line, joined with what was held, is longer than that. */
  #take(stream: OwnStream, piece: Buffer): void {
    const { partial } = this.#channels[stream]
    const first = piece.indexOf(NEWLINE)
    if (partial.length + (first === -1 ? piece.length : first) > MAX_LINE_BYTES) this.#flush(stream)
    if (first === -1) return partial.append(piece)
    const end = piece.lastIndexOf(NEWLINE) + 1
    const whole = piece.subarray(0, end)
    this.#emit(stream, partial.length === 0 ? whole : Buffer.concat([partial.take(), whole]))
    if (end < piece.length) partial.append(piece.subarray(end))
  }

  #flush(stream: OwnStream): void {
    const { partial } = this.#channels[stream]
    if (partial.length > 0) this.#emit(stream, Buffer.concat([partial.take(), NEWLINE_BUFFER]))
  }

  /** `block` is whole lines. */
  #emit(stream: OwnStream, block: Buffer): void {
    const { partial, ring } = this.#channels[stream]
    for (const text of newestLines(block)) ring.push({ order: this.#order++, generation: partial.generation, text })
    const prefix = formatPrefix(this.#now(), partial.generation, stream)
    this.#file.append(block.length, () => formatBlock(block, prefix))
  }
}

function createChannel(): Channel {
  return { partial: new PartialLine(), ring: new Ring(RING_LINES) }
}

/** The last lines of a block, as many as are remembered, oldest first; the others need not even be looked at. */
function newestLines(block: Buffer): string[] {
  const lines: string[] = []
  for (let end = block.length - 1; end >= 0 && lines.length < RING_LINES;) {
    const start = end === 0 ? 0 : block.lastIndexOf(NEWLINE, end - 1) + 1
    const line = block.subarray(start, end > start && block[end - 1] === RETURN ? end - 1 : end)
    lines.push(line.toString('utf8', 0, cutAt(line, RING_LINE_BYTES)))
    end = start - 1
  }
  return lines.reverse()
}
