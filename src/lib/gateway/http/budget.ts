/** A number of bytes that many share, so that none of them has to be small for the sum to be bounded. */
export class Budget {
  readonly #most: number
  #used = 0

  constructor(mostBytes: number) {
    this.#most = mostBytes
  }

  /** False: there is no room, nothing was taken. */
  take(bytes: number): boolean {
    if (this.#used + bytes > this.#most) return false
    this.#used += bytes
    return true
  }

  give(bytes: number): void {
    this.#used -= bytes
  }

  get used(): number {
    return this.#used
  }
}
