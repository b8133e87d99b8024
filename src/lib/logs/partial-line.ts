const START_BYTES = 256

/** The beginning of a line whose end has not come yet. Grows in place, so that byte-wise output costs no more than any other. */
export class PartialLine {
  #buffer: Buffer | null = null
  #length = 0
  /** Of the instance that wrote it. */
  generation = 0

  get length(): number {
    return this.#length
  }

  append(piece: Buffer): void {
    const length = this.#length + piece.length
    if (this.#buffer === null || this.#buffer.length < length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(START_BYTES, this.#buffer === null ? length : length * 2))
      this.#buffer?.copy(larger, 0, 0, this.#length)
      this.#buffer = larger
    }
    piece.copy(this.#buffer, this.#length)
    this.#length = length
  }

  /** What was held, which is now the caller's. */
  take(): Buffer {
    const held = this.#buffer?.subarray(0, this.#length) ?? Buffer.alloc(0)
    this.#buffer = null
    this.#length = 0
    return held
  }
}

/** Where to cut so that at most `most` bytes remain and no UTF-8 character is divided. */
export function cutAt(bytes: Buffer, most: number): number {
  if (bytes.length <= most) return bytes.length
  for (let at = most; at > most - 4 && at > 0; at--) {
    if (((bytes[at] ?? 0) & 0xc0) !== 0x80) return at
  }
  return most
}
