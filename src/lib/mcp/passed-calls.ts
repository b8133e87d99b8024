import { Register } from '../base/index.js'
import type { PassedRequest } from './link.js'

/** It stays open for as long as its client wants to hear of changes. */
const LISTEN = 'subscriptions/listen'

interface PassedCall {
  readonly request: PassedRequest
  /** Milliseconds since `#epoch`: a small whole number, which takes no memory of its own. */
  readonly start: number
}

/** The requests under way that were passed on for others, each with its start. Ids grow, so the lowest is the oldest. */
export class PassedCalls {
  readonly #calls = new Register<PassedCall>()
  readonly #epoch: number
  #listening = 0

  /** `epoch`: no call starts before it, epoch milliseconds. */
  constructor(epoch: number) {
    this.#epoch = epoch
  }

  get size(): number {
    return this.#calls.size
  }

  /** Those an answer is owed to: one that listens is answered when it is over. */
  get owed(): number {
    return this.#calls.size - this.#listening
  }

  add(id: number, request: PassedRequest, startedAt: number): void {
    if (request.method === LISTEN) this.#listening++
    this.#calls.set(id, { request, start: startedAt - this.#epoch })
  }

  /** The request, which then is over; undefined when it was before. */
  take(id: number): PassedRequest | undefined {
    const call = this.#calls.get(id)
    if (call === undefined) return undefined
    this.#calls.delete(id)
    if (call.request.method === LISTEN) this.#listening--
    return call.request
  }

  /** Epoch milliseconds; undefined when it is over. */
  startOf(id: number): number | undefined {
    const call = this.#calls.get(id)
    return call && this.#epoch + call.start
  }

  /** Oldest first; a copy. */
  ids(): number[] {
    return this.#calls.keys().map(Number)
  }

  /** Those an answer is owed to, oldest first, at most `most`. */
  list(most: number): { method: string; startedAt: number }[] {
    const owed = this.#calls.values().slice(0, most + this.#listening).filter(({ request }) => request.method !== LISTEN)
    return owed.slice(0, most).map(({ request, start }) => ({ method: request.method, startedAt: this.#epoch + start }))
  }
}
