import { MAX_LINE_BYTES } from './wire.js'

/** Splits a stream of bytes into lines. Throws when a line outgrows the protocol's bound. */
export class LineSplitter {
  #chunks: Buffer[] = []
  #bytes = 0

  push(chunk: Buffer): string[] {
    const lines: string[] = []
    let from = 0
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
      this.#chunks.push(chunk.subarray(from, at))
      lines.push(Buffer.concat(this.#chunks).toString('utf8'))
      this.#chunks = []
      this.#bytes = 0
      from = at + 1
    }
    if (from < chunk.length) {
      this.#chunks.push(chunk.subarray(from))
      this.#bytes += chunk.length - from
      if (this.#bytes > MAX_LINE_BYTES) throw new Error(`a control message is longer than ${MAX_LINE_BYTES} bytes`)
    }
    return lines
  }
}
