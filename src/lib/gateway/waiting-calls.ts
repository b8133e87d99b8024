import type { Call } from './call.js'
import { undelivered } from './failure.js'
import type { SourceServer } from './source.js'

const MAX_WAITING = 1000

/** Calls that wait for their server, in the order in which they came. */
export class WaitingCalls {
  readonly #calls = new Set<Call>()

  get size(): number {
    return this.#calls.size
  }

  /** False when it was refused: the server is down, or so many wait already. */
  add(call: Call, server: SourceServer | null): boolean {
    if (server === null || server.presence === 'down') {
      const why = server === null ? 'it is not configured any more' : server.reason
      call.refused(undelivered(call.plan.server, `server "${call.plan.server}" is down: ${why}`, 'down', server?.retryAfterMs ?? null))
      return false
    }
    if (this.#calls.size >= MAX_WAITING) {
      call.refused(undelivered(call.plan.server, `${MAX_WAITING} requests wait for server "${call.plan.server}" already`, 'overloaded', 1000))
      return false
    }
    this.#calls.add(call)
    call.waits()
    return true
  }

  delete(call: Call): void {
    this.#calls.delete(call)
  }

  /** Nobody waits any more after this. */
  take(): readonly Call[] {
    const calls = [...this.#calls]
    this.#calls.clear()
    return calls
  }

  fail(message: string, reason: string, retryAfterMs: number | null): void {
    for (const call of this.take()) call.refused(undelivered(call.plan.server, message, reason, retryAfterMs))
  }
}
