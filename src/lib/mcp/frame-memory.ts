/** The beginning of one message that went over a link. */
export interface Frame {
  /** Epoch milliseconds, of the turn it came or went in. */
  readonly at: number
  readonly direction: 'in' | 'out'
  /** Size of the whole message. */
  readonly bytes: number
  /** Its first bytes (at most HEAD_BYTES) as text. */
  readonly head: string
  /** Of an answer that was passed on: the id it answers, which may stand behind its head. */
  readonly answers?: number
}

/** Messages remembered each way. */
export const KEPT_FRAMES = 8
/** What is kept of each. */
export const HEAD_BYTES = 512

/**
 * The newest messages of one link, for the day its server dies. Heads are copied into one block a direction, which is
 * made with the first message: 4 KiB each, whatever the traffic, and no message is kept alive by being remembered.
 */
export class FrameMemory {
  readonly #in = new FrameRing('in')
  readonly #out = new FrameRing('out')

  /** A message from the server. `bytes`: its size, when `text` is only its beginning. `answers`: the id, where it is known. */
  received(at: number, text: Buffer, bytes = text.length, answers = NO_ID): void {
    this.#in.put(at, text, bytes, answers)
  }

  /** The newest message from the server answers request `id`. */
  answered(id: number): void {
    this.#in.answered(id)
  }

  /** A message to the server, in the pieces it is written in; what they hold behind its `bytes` (a line ending) is left out. */
  sent(at: number, pieces: readonly (Buffer | string)[], bytes: number): void {
    this.#out.putPieces(at, pieces, bytes)
  }

  /** Oldest first, both directions together. */
  list(): Frame[] {
    return [...this.#in.list(), ...this.#out.list()].sort((a, b) => a.at - b.at)
  }
}

/** Ids are counted from 1. */
const NO_ID = 0

class FrameRing {
  readonly #direction: Frame['direction']
  #heads: Buffer | null = null
  readonly #times: number[] = []
  readonly #sizes: number[] = []
  readonly #answers: number[] = []
  /** Bytes kept of each. */
  readonly #kept: number[] = []
  /** Place of the newest. */
  #place = KEPT_FRAMES - 1

  constructor(direction: Frame['direction']) {
    this.#direction = direction
  }

  /** A place for the next message; returns where its head begins. */
  #advance(at: number, bytes: number): number {
    const place = (this.#place + 1) % KEPT_FRAMES
    this.#place = place
    this.#times[place] = at
    this.#sizes[place] = bytes
    return place * HEAD_BYTES
  }

  put(at: number, text: Buffer, bytes: number, answers: number): void {
    const start = this.#advance(at, bytes)
    this.#answers[this.#place] = answers
    this.#kept[this.#place] = text.copy(this.#block, start, 0, Math.min(HEAD_BYTES, text.length))
  }

  answered(id: number): void {
    this.#answers[this.#place] = id
  }

  putPieces(at: number, pieces: readonly (Buffer | string)[], bytes: number): void {
    const start = this.#advance(at, bytes)
    const block = this.#block
    const end = start + Math.min(HEAD_BYTES, bytes)
    let next = start
    for (let index = 0; index < pieces.length && next < end; index++) {
      const piece = pieces[index] ?? ''
      next += typeof piece === 'string' ? block.write(piece, next, end - next) : piece.copy(block, next, 0, Math.min(end - next, piece.length))
      // What did not fit whole is not gone on with: the place may be a few bytes short of a character.
      if (typeof piece === 'string' && next + 3 >= end) break
    }
    this.#kept[this.#place] = next - start
  }

  get #block(): Buffer {
    // Not from the shared pool: a view of it would keep eight kilobytes of others alive.
    this.#heads ??= Buffer.allocUnsafeSlow(KEPT_FRAMES * HEAD_BYTES)
    return this.#heads
  }

  list(): Frame[] {
    const frames: Frame[] = []
    for (let step = 1; step <= KEPT_FRAMES; step++) {
      const place = (this.#place + step) % KEPT_FRAMES
      const at = this.#times[place]
      if (at === undefined) continue
      const answers = this.#answers[place] ?? NO_ID
      frames.push({ at, direction: this.#direction, bytes: this.#sizes[place] ?? 0, head: this.#head(place), ...(answers === NO_ID ? {} : { answers }) })
    }
    return frames
  }

  #head(place: number): string {
    if (this.#heads === null) return ''
    const start = place * HEAD_BYTES
    const head = this.#heads.subarray(start, start + (this.#kept[place] ?? 0))
    return head.toString('utf8', 0, head.length < (this.#sizes[place] ?? 0) ? wholeCharacters(head) : head.length)
  }
}

/** Where the last whole UTF-8 character ends; text that is none is left as it is. */
function wholeCharacters(bytes: Buffer): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back] ?? 0
    if (byte < 0x80) return bytes.length
    if (byte < 0xc0) continue
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
    return length > back ? bytes.length - back : bytes.length
  }
  return bytes.length
}
