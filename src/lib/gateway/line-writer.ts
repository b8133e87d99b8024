import type { Writable } from 'node:stream'
import { join, JOIN_BYTES } from './join.js'

const LF = Buffer.from('\n')

/** Collects the lines of one turn of the event loop and hands them to the stream as one write. */
export class LineWriter {
  readonly #output: Writable
  readonly #onWaiting: (waitingBytes: number) => void
  #parts: Buffer[] = []
  #bytes = 0
  #isPlanned = false
  readonly #onTurn = (): void => {
    this.#isPlanned = false
    this.flush()
  }

  /** `onWaiting` is told after every write how much the stream has not passed on yet, if anything. */
  constructor(output: Writable, onWaiting: (waitingBytes: number) => void) {
    this.#output = output
    this.#onWaiting = onWaiting
  }

  /** One line in pieces, without its line break. */
  line(pieces: readonly Buffer[]): void {
    for (const piece of pieces) {
      this.#parts.push(piece)
      this.#bytes += piece.length
    }
    this.#parts.push(LF)
    this.#bytes++
    if (this.#isPlanned) return
    this.#isPlanned = true
    setImmediate(this.#onTurn)
  }

  /** Writes what was collected, now. */
  flush(): void {
    const parts = this.#parts
    if (parts.length === 0) return
    const bytes = this.#bytes
    this.#parts = []
    this.#bytes = 0
    const output = this.#output
    if (output.destroyed || output.writableEnded) return
    if (bytes <= JOIN_BYTES) {
      output.write(join(parts, bytes))
    } else {
      output.cork()
      for (const run of joinSmall(parts)) output.write(run)
      output.uncork()
    }
    if (output.writableLength > 0) this.#onWaiting(output.writableLength)
  }
}

/** Large pieces as they are, the small ones between them joined. */
function* joinSmall(parts: readonly Buffer[]): Generator<Buffer> {
  let small: Buffer[] = []
  let bytes = 0
  for (const part of parts) {
    if (part.length <= JOIN_BYTES) {
      small.push(part)
      bytes += part.length
    }
    if (bytes > 0 && (part.length > JOIN_BYTES || bytes > JOIN_BYTES)) {
      yield join(small, bytes)
      small = []
      bytes = 0
    }
    if (part.length > JOIN_BYTES) yield part
  }
  if (bytes > 0) yield join(small, bytes)
}
