import type { IdKey } from './id-key.js'

const MAX_REQUESTS = 1000
const MAX_BYTES = 16 * 1024 * 1024
const LIMIT_MS = 30_000

interface Waiting {
  readonly line: Buffer
  readonly since: number
  /** A subscription stays open until somebody serves it again. */
  readonly isPatient: boolean
}

/** Requests that wait for a daemon, in the order they came: bounded in number, bytes and time. */
export class WaitingRoom {
  readonly #onLate: (key: IdKey) => void
  readonly #waiting = new Map<IdKey, Waiting>()
  #bytes = 0
  #timer: NodeJS.Timeout | undefined

  /** `onLate` gets every request that waited too long; it is out by then. */
  constructor(onLate: (key: IdKey) => void) {
    this.#onLate = onLate
  }

  /** Whether anybody waits who will not wait for ever. */
  get isPressed(): boolean {
    for (const { isPatient } of this.#waiting.values()) if (!isPatient) return true
    return false
  }

  /** `line` with its line break. False: it is full. */
  add(key: IdKey, line: Buffer, isPatient: boolean): boolean {
    if (this.#waiting.size >= MAX_REQUESTS || this.#bytes + line.length > MAX_BYTES) return false
    this.remove(key)
    this.#waiting.set(key, { line, since: performance.now(), isPatient })
    this.#bytes += line.length
    if (!isPatient) this.#timer ??= setTimeout(() => this.#expire(), LIMIT_MS)
    return true
  }

  remove(key: IdKey): void {
    const entry = this.#waiting.get(key)
    if (entry === undefined) return
    this.#waiting.delete(key)
    this.#bytes -= entry.line.length
  }

  /** Everybody, in order; the room is empty afterwards. */
  takeAll(): { key: IdKey; line: Buffer }[] {
    const all = [...this.#waiting].map(([key, { line }]) => ({ key, line }))
    this.clear()
    return all
  }

  /** Those who do not wait for ever, in order; the others stay. */
  takeImpatient(): IdKey[] {
    const keys = [...this.#waiting].flatMap(([key, { isPatient }]) => (isPatient ? [] : [key]))
    for (const key of keys) this.remove(key)
    return keys
  }

  clear(): void {
    this.#waiting.clear()
    this.#bytes = 0
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #expire(): void {
    this.#timer = undefined
    const now = performance.now()
    let next = Infinity
    for (const [key, { since, isPatient }] of [...this.#waiting]) {
      if (isPatient) continue
      if (now - since >= LIMIT_MS - 5) {
        this.remove(key)
        this.#onLate(key)
      } else {
        next = Math.min(next, since + LIMIT_MS - now)
      }
    }
    if (next < Infinity) this.#timer = setTimeout(() => this.#expire(), next)
  }
}
