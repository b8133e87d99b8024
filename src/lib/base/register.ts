const FIRST_CAPACITY = 64
const FREE = -1

/**
 * Things under way, by number or text: like a Map for entries that come and go by the hundred thousand a second. A Map
 * makes a new table every few deletions, and V8 links each table to the next: a dead one that has grown old keeps all
 * that follow alive, with everything in them, until the whole heap is collected. Here whole numbers from 0 on stand in one
 * table with open addressing (Knuth, The Art of Computer Programming, 6.4, algorithms L and R); other keys are rare and
 * stand in a Map. Not ordered.
 */
export class Register<T> {
  #keys: number[] = new Array<number>(FIRST_CAPACITY).fill(FREE)
  #items: (T | undefined)[] = new Array<T | undefined>(FIRST_CAPACITY).fill(undefined)
  #count = 0
  readonly #others = new Map<number | string | bigint, T>()

  get size(): number {
    return this.#count + this.#others.size
  }

  get(key: number | string | bigint): T | undefined {
    if (!isPlain(key)) return this.#others.get(key)
    return this.#items[this.#find(key)]
  }

  set(key: number | string | bigint, item: T): void {
    if (!isPlain(key)) {
      this.#others.set(key, item)
      return
    }
    const at = this.#find(key)
    if (this.#keys[at] === FREE) {
      this.#count++
      this.#keys[at] = key
    }
    this.#items[at] = item
    if (this.#count * 2 > this.#keys.length) this.#resize(this.#keys.length * 2)
  }

  /** False when there was none. */
  delete(key: number | string | bigint): boolean {
    if (!isPlain(key)) return this.#others.delete(key)
    const at = this.#find(key)
    if (this.#keys[at] === FREE) return false
    this.#count--
    if (this.#count === 0 && this.#keys.length > FIRST_CAPACITY * 64) this.#resize(FIRST_CAPACITY)
    else this.#close(at)
    return true
  }

  /** A copy: entries may be removed while it is walked through. Numbers in ascending order, then the others. */
  values(): T[] {
    return this.keys().map((key) => this.get(key)).filter((item) => item !== undefined)
  }

  keys(): (number | string | bigint)[] {
    return [...this.#keys.filter((key) => key !== FREE).sort((a, b) => a - b), ...this.#others.keys()]
  }

  /** Where the key stands, or the free place where it would. */
  #find(key: number): number {
    const mask = this.#keys.length - 1
    let at = key & mask
    for (let found = this.#keys[at]; found !== key && found !== FREE; found = this.#keys[at]) at = (at + 1) & mask
    return at
  }

  /** Frees a place, and moves into it what stands behind it only because it was taken. */
  #close(freed: number): void {
    const mask = this.#keys.length - 1
    let hole = freed
    for (let at = (hole + 1) & mask; ; at = (at + 1) & mask) {
      const key = this.#keys[at] ?? FREE
      if (key === FREE) break
      // Whether its own place lies at or before the hole, on the way around to where it stands.
      if (((at - (key & mask)) & mask) < ((at - hole) & mask)) continue
      this.#keys[hole] = key
      this.#items[hole] = this.#items[at]
      hole = at
    }
    this.#keys[hole] = FREE
    this.#items[hole] = undefined
  }

  #resize(capacity: number): void {
    const [keys, items] = [this.#keys, this.#items]
    this.#keys = new Array<number>(capacity).fill(FREE)
    this.#items = new Array<T | undefined>(capacity).fill(undefined)
    if (this.#count === 0) return
    for (const [index, key] of keys.entries()) {
      if (key === FREE) continue
      const at = this.#find(key)
      this.#keys[at] = key
      this.#items[at] = items[index]
    }
  }
}

function isPlain(key: number | string | bigint): key is number {
  return typeof key === 'number' && key >= 0 && Number.isInteger(key)
}
