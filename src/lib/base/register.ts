/**
 * Things under way, by number or text: like a Map for entries that come and go by the thousand a second. A Map makes a new
 * table every few deletions, and V8 links each table to the next: a dead one that has grown old keeps all that follow
 * alive, with everything in them, until the whole heap is collected. An object's table has no such link. Not ordered.
 */
export class Register<T> {
  readonly #items: Record<number | string, T | undefined> = Object.create(null) as Record<number | string, T | undefined>
  #size = 0

  get size(): number {
    return this.#size
  }

  get(key: number | string | bigint): T | undefined {
    return this.#items[keyOf(key)]
  }

  set(key: number | string | bigint, item: T): void {
    const own = keyOf(key)
    if (this.#items[own] === undefined) this.#size++
    this.#items[own] = item
  }

  /** False when there was none. */
  delete(key: number | string | bigint): boolean {
    const own = keyOf(key)
    if (this.#items[own] === undefined) return false
     
    delete this.#items[own]
    this.#size--
    return true
  }

  /** A copy: entries may be removed while it is walked through. */
  values(): T[] {
    return Object.values(this.#items).filter((item) => item !== undefined)
  }

  keys(): (number | string | bigint)[] {
    return Object.keys(this.#items).map((key) => (key.startsWith(TEXT_MARK) ? key.slice(1) : key.startsWith(BIG_MARK) ? BigInt(key.slice(1)) : Number(key)))
  }
}

const TEXT_MARK = ':'
const BIG_MARK = '#'

/** The number 1 and the text "1" are two keys. */
function keyOf(key: number | string | bigint): number | string {
  if (typeof key === 'bigint') return BIG_MARK + key.toString()
  return typeof key === 'number' ? key : TEXT_MARK + key
}
