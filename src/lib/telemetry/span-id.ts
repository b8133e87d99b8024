import { randomFillSync } from 'node:crypto'

/** Random bytes are made for so many ids at once: each request for them costs more than the bytes. */
const POOL_BYTES = 4096
const ALL_ZERO = /^0+$/

/** Makes ids of traces and spans: random, in lower-case hexadecimal, never all zero. */
export class IdSource {
  readonly #pool = Buffer.alloc(POOL_BYTES)
  #next = POOL_BYTES

  traceId(): string {
    return this.#hex(16)
  }

  spanId(): string {
    return this.#hex(8)
  }

  #hex(bytes: number): string {
    if (this.#next + bytes > POOL_BYTES) {
      randomFillSync(this.#pool)
      this.#next = 0
    }
    const id = this.#pool.toString('hex', this.#next, this.#next + bytes)
    this.#next += bytes
    return ALL_ZERO.test(id) ? this.#hex(bytes) : id
  }
}
