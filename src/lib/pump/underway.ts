import type { IdKey } from './id-key.js'

/** A request the daemon has and has not answered. */
export interface Sent {
  readonly type: 'call' | 'repeatable' | 'listen' | 'initialize'
  /** The request with its line break, when another daemon may be asked the same; else null. */
  readonly line: Buffer | null
}

/** Every `tools/call`: asking twice may do it twice, so nothing of it is kept. */
const CALL: Sent = { type: 'call', line: null }

/** Lines kept for repeating; beyond that they are treated like calls. */
const MAX_KEPT_BYTES = 8 * 1024 * 1024
/** A client that sends what no server answers must not fill the memory. */
const MAX_REQUESTS = 100_000

/** The requests of the client that are with the daemon, by id. */
export class Underway {
  readonly #sent = new Map<IdKey, Sent>()
  #keptBytes = 0
  #listens = 0
  #initializes = 0

  /** Whether nothing but subscriptions is open. */
  get isQuiet(): boolean {
    return this.#sent.size === this.#listens
  }

  get hasInitialize(): boolean {
    return this.#initializes > 0
  }

  addCall(key: IdKey): void {
    this.#sent.set(key, CALL)
    if (this.#sent.size > MAX_REQUESTS) this.#forgetOldest()
  }

  /** `line` is kept as it is: hand in a copy. */
  add(key: IdKey, type: Sent['type'], line: Buffer): void {
    this.settle(key)
    if (this.#keptBytes + line.length > MAX_KEPT_BYTES) return this.addCall(key)
    this.#sent.set(key, { type, line })
    this.#keptBytes += line.length
    if (type === 'listen') this.#listens++
    if (type === 'initialize') this.#initializes++
    if (this.#sent.size > MAX_REQUESTS) this.#forgetOldest()
  }

  /** Answered, or not wanted any more. */
  settle(key: IdKey): Sent | undefined {
    const sent = this.#sent.get(key)
    if (sent === undefined) return undefined
    this.#sent.delete(key)
    if (sent.line === null) return sent
    this.#keptBytes -= sent.line.length
    if (sent.type === 'listen') this.#listens--
    if (sent.type === 'initialize') this.#initializes--
    return sent
  }

  /** All of them, oldest first; nothing is under way afterwards. */
  takeAll(): [IdKey, Sent][] {
    const all = [...this.#sent]
    for (const [key] of all) this.settle(key)
    return all
  }

  #forgetOldest(): void {
    for (const key of this.#sent.keys()) return void this.settle(key)
  }
}
