const LF = 0x0a
const LINE_BREAK = Buffer.from('\n')
/** A line that is longer than this when its first part is here is not waited for. */
const HOLD_BYTES = 64 * 1024
const HEAD_BYTES = 1024
const TAIL_BYTES = 512
/** Pieces of an unfinished line are joined when there are so many: a line that drips in must not cost an object a byte. */
const MAX_PIECES = 64

/** What becomes of a long line whose beginning was seen: it waits for its end, goes on as it comes, or is thrown away. */
export type LongVerdict = 'hold' | 'pass' | 'drop'

export interface TapTarget {
  /** A whole line, without its line break. False: it does not go on. */
  line(bytes: Buffer, start: number, end: number): boolean
  /** The beginning of a line that is not complete yet; asked again while the answer is `hold` and the line grows. */
  long(head: Buffer, bytes: number): LongVerdict
  /** The end of a line that did not wait for it, by its last bytes; whether all of it went on. */
  longEnd(tail: Buffer, isPassed: boolean): void
  /** What goes on, in as few pieces as it came in. */
  write(bytes: Buffer): void
}

/**
 * Lets a stream of lines through while every line is looked at. Whole lines of one chunk go on as the chunk they came
 * in; nothing is copied but lines that lie across two chunks. Long lines go on as they arrive, and only their first and last bytes are kept.
 */
export class Tap {
  readonly #target: TapTarget
  #held: Buffer[] = []
  #heldBytes = 0
  /** What was decided about the long line that is passing, and its last bytes so far. */
  #long: 'pass' | 'drop' | null = null
  #tail: Buffer = Buffer.alloc(0)

  constructor(target: TapTarget) {
    this.#target = target
  }

  push(piece: Buffer): void {
    let chunk = piece
    let start = 0
    let at = chunk.indexOf(LF)
    if (this.#long !== null) {
      if (at < 0) return this.#passOn(chunk)
      this.#finishLong(chunk, at)
      start = at + 1
      at = chunk.indexOf(LF, start)
    } else if (this.#heldBytes > 0) {
      if (at < 0) return this.#hold(chunk)
      at += this.#heldBytes
      chunk = Buffer.concat([...this.#held, chunk])
      this.#held = []
      this.#heldBytes = 0
    }
    let from = start
    while (at >= 0) {
      if (at > start && !this.#target.line(chunk, start, at)) {
        if (start > from) this.#target.write(chunk.subarray(from, start))
        from = at + 1
      }
      start = at + 1
      at = chunk.indexOf(LF, start)
    }
    if (start > from) this.#target.write(from === 0 && start === chunk.length ? chunk : chunk.subarray(from, start))
    if (start < chunk.length) this.#hold(chunk.subarray(start))
  }

  /** The stream is over: what is left is a line of its own. */
  end(): void {
    if (this.#long !== null || this.#heldBytes > 0) this.push(LINE_BREAK)
  }

  /** Where the lines went is gone: the rest of a long line that was passing is thrown away. Its end is still told. */
  divert(): void {
    if (this.#long === 'pass') this.#long = 'drop'
  }

  /** Where the lines came from is gone. Returns whether a part of a line went on whose rest will never come. */
  abandon(): boolean {
    const isCut = this.#long === 'pass'
    this.#held = []
    this.#heldBytes = 0
    this.#long = null
    return isCut
  }

  /** The long line that is passing ends at `at` of this chunk. */
  #finishLong(chunk: Buffer, at: number): void {
    const isPassed = this.#long === 'pass'
    if (isPassed) this.#target.write(chunk.subarray(0, at + 1))
    const tail = at >= TAIL_BYTES ? chunk.subarray(at - TAIL_BYTES, at) : Buffer.concat([this.#tail, chunk.subarray(0, at)])
    this.#long = null
    this.#tail = Buffer.alloc(0)
    this.#target.longEnd(tail, isPassed)
  }

  #passOn(piece: Buffer): void {
    if (this.#long === 'pass') this.#target.write(piece)
    this.#keepTail(piece)
  }

  /** The beginning, or more, of a line whose end is not here yet. */
  #hold(piece: Buffer): void {
    this.#held.push(piece)
    this.#heldBytes += piece.length
    if (this.#held.length > MAX_PIECES) this.#held = [Buffer.concat(this.#held)]
    if (this.#heldBytes <= HOLD_BYTES) return
    const [first = piece] = this.#held
    const head = first.length >= HEAD_BYTES || this.#held.length === 1 ? first.subarray(0, HEAD_BYTES) : Buffer.concat(this.#held).subarray(0, HEAD_BYTES)
    const verdict = this.#target.long(head, this.#heldBytes)
    if (verdict === 'hold') return
    const held = this.#held
    this.#held = []
    this.#heldBytes = 0
    this.#long = verdict
    for (const part of held) this.#passOn(part)
  }

  /** A copy: a view would keep the whole chunk in memory. */
  #keepTail(piece: Buffer): void {
    this.#tail = piece.length >= TAIL_BYTES ? Buffer.from(piece.subarray(piece.length - TAIL_BYTES)) : Buffer.from(Buffer.concat([this.#tail, piece]).subarray(-TAIL_BYTES))
  }
}
