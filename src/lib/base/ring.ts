/** Keeps the newest `capacity` items; older ones fall out. */
export class Ring<T> {
  #items: T[] = []
  readonly #capacity: number

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  push(item: T): void {
    this.#items.push(item)
    if (this.#items.length > this.#capacity) this.#items.shift()
  }

  /** Oldest first. */
  toArray(): T[] {
    return [...this.#items]
  }
}
