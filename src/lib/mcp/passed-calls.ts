import { Register } from '../base/index.js'
import type { PassedRequest } from './link.js'

interface PassedCall {
  readonly request: PassedRequest
  /** Milliseconds since `#epoch`: a small whole number, which takes no memory of its own. */
  readonly start: number
}

/** The requests under way that were passed on for others, each with its start. Ids grow, so the lowest is the oldest. */
export class PassedCalls {
  readonly #calls = new Register<PassedCall>()
  readonly #epoch: number

  /** `epoch`: no call starts before it, epoch milliseconds. */
  constructor(epoch: number) {
    this.#epoch = epoch
  }

  get size(): number {
    return this.#calls.size
  }

  add(id: number, request: PassedRequest, startedAt: number): void {
    this.#calls.set(id, { request, start: startedAt - this.#epoch })
  }

  /** The request, which then is over; undefined when it was before. */
  take(id: number): PassedRequest | undefined {
    const call = this.#calls.get(id)
    if (call === undefined) return undefined
    this.#calls.delete(id)
    return call.request
  }

  /** Oldest first; a copy. */
  ids(): number[] {
    return this.#calls.keys().map(Number)
  }

  /** Oldest first, at most `most`. */
  list(most: number): { method: string; startedAt: number }[] {
    return this.#calls.values().slice(0, most).map(({ request, start }) => ({ method: request.method, startedAt: this.#epoch + start }))
  }
}
