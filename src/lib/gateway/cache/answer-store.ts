import type { AnswerText } from '../answer-text.js'
import type { Hop } from '../request-text.js'
import { agedAnswer, type Keepable } from './keepable.js'

/** An answer that is kept. */
export interface Kept {
  readonly key: string
  readonly server: string
  /** The URI of the resource it is about; null: it is about something else. */
  readonly uri: string | null
  readonly answer: AnswerText
  /** What it has to be translated from. */
  readonly hop: Hop
  readonly ttlPlace: Keepable['ttlPlace']
  /** On the clock of `performance.now`. */
  readonly until: number
  readonly bytes: number
  /** Its neighbours in the order of their last use. */
  older: Kept | null
  newer: Kept | null
}

const MAX_ANSWER_BYTES = 1024 * 1024
/** What an entry needs besides its texts. */
const ENTRY_BYTES = 512
const SWEEP_MS = 60_000

/** Answers by key, for a time, within so many bytes; those that were not used for longest go first. Its owner calls `clear`. */
export class AnswerStore {
  readonly #maxBytes: () => number
  readonly #kept = new Map<string, Kept>()
  readonly #byServer = new Map<string, Set<Kept>>()
  readonly #serverBytes = new Map<string, number>()
  #oldest: Kept | null = null
  #newest: Kept | null = null
  #bytes = 0
  #timer: NodeJS.Timeout | null = null

  /** `maxBytes` is asked anew whenever something is kept. */
  constructor(maxBytes: () => number) {
    this.#maxBytes = maxBytes
  }

  get size(): number {
    return this.#kept.size
  }

  get bytes(): number {
    return this.#bytes
  }

  bytesOf(server: string): number {
    return this.#serverBytes.get(server) ?? 0
  }

  /** The answer that is kept under this key, as it has to be given now; null: none. */
  find(key: string): { readonly answer: AnswerText; readonly hop: Hop } | null {
    const kept = this.#kept.get(key)
    if (kept === undefined) return null
    const leftMs = kept.until - performance.now()
    if (leftMs <= 0) {
      this.#drop(kept)
      return null
    }
    if (kept !== this.#newest) {
      this.#unlink(kept)
      this.#link(kept)
    }
    const { answer, hop, ttlPlace } = kept
    return { answer: ttlPlace === null ? answer : agedAnswer(answer, ttlPlace, leftMs), hop }
  }

  /** Keeps a copy of it. Longer ones than 1 MB are not kept. */
  keep(of: Pick<Kept, 'key' | 'server' | 'uri' | 'answer' | 'hop'>, { ttlMs, ttlPlace }: Keepable): void {
    const { key, server, answer } = of
    const bytes = answer.text.length + key.length + ENTRY_BYTES
    const known = this.#kept.get(key)
    if (known !== undefined) this.#drop(known)
    const most = this.#maxBytes()
    if (answer.text.length > MAX_ANSWER_BYTES || bytes > most) return
    // The text may be a piece of a larger one, which must not be held by it.
    const text = Buffer.allocUnsafeSlow(answer.text.length)
    answer.text.copy(text)
    const kept: Kept = { ...of, answer: { ...answer, text }, ttlPlace, until: performance.now() + ttlMs, bytes, older: null, newer: null }
    this.#shrink(most - bytes)
    this.#kept.set(key, kept)
    this.#ofServer(server).add(kept)
    this.#count(server, bytes)
    this.#link(kept)
    this.#timer ??= setInterval(() => { this.#sweep() }, SWEEP_MS).unref()
  }

  /** Forgets what a server answered; with a URI only what is about that resource, a part of it, or what it is a part of. */
  forget(server: string, uri: string | null = null): void {
    for (const kept of [...(this.#byServer.get(server) ?? [])]) {
      if (uri === null || (kept.uri !== null && isPart(kept.uri, uri))) this.#drop(kept)
    }
  }

  clear(): void {
    for (const server of [...this.#byServer.keys()]) this.forget(server)
  }

  #sweep(): void {
    const now = performance.now()
    for (const kept of [...this.#kept.values()]) if (kept.until <= now) this.#drop(kept)
    this.#shrink(this.#maxBytes())
  }

  #shrink(most: number): void {
    while (this.#oldest !== null && this.#bytes > most) this.#drop(this.#oldest)
  }

  #drop(kept: Kept): void {
    const { key, server, bytes } = kept
    this.#kept.delete(key)
    this.#unlink(kept)
    this.#count(server, -bytes)
    const ofServer = this.#ofServer(server)
    ofServer.delete(kept)
    if (ofServer.size === 0) {
      this.#byServer.delete(server)
      this.#serverBytes.delete(server)
    }
    if (this.#kept.size > 0 || this.#timer === null) return
    clearInterval(this.#timer)
    this.#timer = null
  }

  #link(kept: Kept): void {
    kept.older = this.#newest
    kept.newer = null
    if (this.#newest === null) this.#oldest = kept
    else this.#newest.newer = kept
    this.#newest = kept
  }

  #unlink({ older, newer }: Kept): void {
    if (older === null) this.#oldest = newer
    else older.newer = newer
    if (newer === null) this.#newest = older
    else newer.older = older
  }

  #count(server: string, bytes: number): void {
    this.#bytes += bytes
    this.#serverBytes.set(server, this.bytesOf(server) + bytes)
  }

  #ofServer(server: string): Set<Kept> {
    const known = this.#byServer.get(server)
    if (known !== undefined) return known
    const made = new Set<Kept>()
    this.#byServer.set(server, made)
    return made
  }
}

function isPart(a: string, b: string): boolean {
  return a === b || a.startsWith(b.endsWith('/') ? b : `${b}/`) || b.startsWith(a.endsWith('/') ? a : `${a}/`)
}
