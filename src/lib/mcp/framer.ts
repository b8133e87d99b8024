/** A line that was longer than allowed: its whole size, and enough of both ends to find out what it answered. */
export interface OversizeLine {
  readonly bytes: number
  readonly head: Buffer
  readonly tail: Buffer
}

export interface FramerOptions {
  /** One line without its ending. May share memory with the chunk it came in. */
  readonly onLine: (line: Buffer) => void
  readonly onOversize?: (line: OversizeLine) => void
  /** Default 64 MiB. */
  readonly maxLineBytes?: number
  /** `lf`: newline, with or without a carriage return before it. `any`: also a bare carriage return, as in event streams. */
  readonly endings?: 'lf' | 'any'
  /** Empty lines are dropped unless they mean something to the reader. */
  readonly keepEmpty?: boolean
}

export const DEFAULT_MAX_LINE_BYTES = 64 * 1024 * 1024
const LF = 0x0a
const CR = 0x0d
const BLOCK_BYTES = 16 * 1024
const SMALL_BYTES = 4 * 1024
const END_BYTES = 256

/**
 * Cuts a stream of bytes into lines. Chunks of an unfinished line wait in a list and are joined once, and only the
 * new chunk is searched, so a long line costs linear time. Small chunks are packed into blocks: a line that drips in
 * byte by byte costs its size, not an object per byte. A line over the bound is dropped and reported, and the
 * next one is read as usual.
 */
export class LineFramer {
  readonly #options: FramerOptions
  readonly #maxLineBytes: number
  #parts: Buffer[] = []
  #block: Buffer | null = null
  #blockUsed = 0
  #bytes = 0
  #overflow: { head: Buffer; tail: Buffer } | null = null
  #afterCarriageReturn = false

  constructor(options: FramerOptions) {
    this.#options = options
    this.#maxLineBytes = options.maxLineBytes ?? DEFAULT_MAX_LINE_BYTES
  }

  /** Takes the next bytes and hands out every line they complete. */
  push(chunk: Buffer): void {
    let start = 0
    if (this.#afterCarriageReturn && chunk.length > 0) {
      this.#afterCarriageReturn = false
      if (chunk[0] === LF) start = 1
    }
    const any = this.#options.endings === 'any'
    let carriageReturn = any ? chunk.indexOf(CR, start) : -1
    let newline = chunk.indexOf(LF, start)
    while (newline >= 0 || carriageReturn >= 0) {
      const at = carriageReturn >= 0 && (newline < 0 || carriageReturn < newline) ? carriageReturn : newline
      this.#cut(chunk, start, at)
      start = at + 1
      if (at === carriageReturn) {
        if (newline === at + 1) start++
        else if (start === chunk.length) this.#afterCarriageReturn = true
        carriageReturn = chunk.indexOf(CR, start)
      }
      if (newline >= 0 && newline < start) newline = chunk.indexOf(LF, start)
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start))
  }

  /** The stream is over: what is left is handed out as a last line. */
  end(): void {
    if (this.#bytes > 0) this.#finishLine(Buffer.alloc(0))
  }

  /** A line ends at `to`. One that is whole in its chunk is not copied. */
  #cut(chunk: Buffer, from: number, to: number): void {
    if (this.#bytes === 0 && to - from <= this.#maxLineBytes) this.#deliver(chunk, from, to)
    else this.#finishLine(chunk.subarray(from, to))
  }

  #finishLine(rest: Buffer): void {
    this.#keep(rest)
    const bytes = this.#bytes
    const overflow = this.#overflow
    const line = overflow === null ? Buffer.concat(this.#takeParts(), bytes) : null
    this.#overflow = null
    this.#bytes = 0
    if (overflow !== null) this.#options.onOversize?.({ bytes, head: overflow.head, tail: overflow.tail })
    else if (line !== null) this.#deliver(line, 0, line.length)
  }

  /** The line from `from` to `to`, without what does not belong to it: a carriage return, a byte order mark. */
  #deliver(bytes: Buffer, from: number, to: number): void {
    const end = to > from && bytes[to - 1] === CR ? to - 1 : to
    const start = end - from >= 3 && bytes[from] === 0xef && bytes[from + 1] === 0xbb && bytes[from + 2] === 0xbf ? from + 3 : from
    if (end > start || this.#options.keepEmpty === true) this.#options.onLine(bytes.subarray(start, end))
  }

  #keep(piece: Buffer): void {
    this.#bytes += piece.length
    if (this.#overflow !== null) {
      this.#overflow.tail = lastBytes([this.#overflow.tail, piece])
    } else if (this.#bytes > this.#maxLineBytes) {
      const parts = [...this.#takeParts(), piece]
      this.#overflow = { head: firstBytes(parts), tail: lastBytes(parts) }
    } else if (piece.length >= SMALL_BYTES) {
      this.#closeBlock()
      this.#parts.push(piece)
    } else {
      this.#pack(piece)
    }
  }

  #pack(piece: Buffer): void {
    let rest = piece
    while (rest.length > 0) {
      this.#block ??= Buffer.allocUnsafe(BLOCK_BYTES)
      const copied = rest.copy(this.#block, this.#blockUsed)
      this.#blockUsed += copied
      rest = rest.subarray(copied)
      if (this.#blockUsed === BLOCK_BYTES) this.#closeBlock()
    }
  }

  #closeBlock(): void {
    if (this.#block !== null && this.#blockUsed > 0) {
      const used = this.#block.subarray(0, this.#blockUsed)
      this.#parts.push(this.#blockUsed < BLOCK_BYTES / 2 ? Buffer.from(used) : used)
    }
    this.#block = null
    this.#blockUsed = 0
  }

  #takeParts(): Buffer[] {
    this.#closeBlock()
    const parts = this.#parts
    this.#parts = []
    return parts
  }
}

function firstBytes(parts: readonly Buffer[]): Buffer {
  const head: Buffer[] = []
  for (let index = 0, missing = END_BYTES; index < parts.length && missing > 0; index++) {
    const piece = (parts[index] ?? Buffer.alloc(0)).subarray(0, missing)
    head.push(piece)
    missing -= piece.length
  }
  // A copy: a view would keep the whole dropped line in memory.
  return Buffer.concat(head)
}

function lastBytes(parts: readonly Buffer[]): Buffer {
  const tail: Buffer[] = []
  for (let index = parts.length - 1, missing = END_BYTES; index >= 0 && missing > 0; index--) {
    const part = parts[index] ?? Buffer.alloc(0)
    const piece = part.subarray(Math.max(0, part.length - missing))
    tail.unshift(piece)
    missing -= piece.length
  }
  return Buffer.concat(tail)
}
