import type { DecodedMessage } from './trace-message.js'

/** Requests without an answer that are remembered, each way. */
const MAX_OPEN = 4096

interface OpenRequest {
  readonly at: number
  readonly method: string
  readonly target: string | null
}

/** What an answer belongs to. */
export interface AnsweredRequest {
  readonly method: string | null
  readonly target: string | null
  /** Milliseconds since its request; null when that was not seen. */
  readonly durationMs: number | null
}

const UNKNOWN: AnsweredRequest = { method: null, target: null, durationMs: null }

/** Puts answers and requests of one link together, by their ids. */
export class TraceCalls {
  /** By the direction of the request. */
  readonly #open = { in: new Map<number | string, OpenRequest>(), out: new Map<number | string, OpenRequest>() }

  /** `at`: milliseconds, from the same clock always. */
  request(direction: 'in' | 'out', { id, method, target }: DecodedMessage, at: number): void {
    const open = this.#open[direction]
    if (id === null || method === null) return
    open.set(id, { at, method, target })
    const [oldest] = open.keys()
    if (open.size > MAX_OPEN && oldest !== undefined) open.delete(oldest)
  }

  /** `direction`: of the answer. */
  answer(direction: 'in' | 'out', id: number | string | null, at: number): AnsweredRequest {
    const open = this.#open[direction === 'in' ? 'out' : 'in']
    const request = id === null ? undefined : open.get(id)
    if (id === null || request === undefined) return UNKNOWN
    open.delete(id)
    return { method: request.method, target: request.target, durationMs: Math.max(0, Math.round((at - request.at) * 10) / 10) }
  }

  /** A request of ours that was given up; the server may answer it all the same. */
  peek(id: number, at: number): AnsweredRequest {
    const request = this.#open.out.get(id)
    return request === undefined ? UNKNOWN : { method: request.method, target: request.target, durationMs: Math.max(0, Math.round((at - request.at) * 10) / 10) }
  }
}
