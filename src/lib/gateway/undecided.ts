import type { Underway } from './contract.js'

/** A request whose server cannot be told yet. */
export interface Undecided {
  /** Null: still not to be told. Otherwise what sends it on its way; that gives null when the request is over already. */
  readonly decide: () => (() => Underway | null) | null
  /** It waited for nothing. */
  readonly giveUp: () => void
  /** It waits no more, one way or the other. */
  readonly onSettled: () => void
}

/** Requests for servers that have not been listed yet: looked at again whenever something changed, for as long as `limitMs`. */
export class UndecidedRequests {
  /** How to look at each again, and how to stop that. */
  readonly #open = new Map<() => void, () => void>()

  add(request: Undecided, limitMs: number): Underway {
    let next: Underway | null = null
    let isOver = false
    const stop = (): void => {
      isOver = true
      clearTimeout(timer)
      this.#open.delete(look)
      request.onSettled()
    }
    const timer = setTimeout(() => {
      stop()
      request.giveUp()
    }, limitMs)
    const look = (): void => {
      const send = isOver ? null : request.decide()
      if (send === null) return
      stop()
      next = send()
    }
    this.#open.set(look, stop)
    return {
      abort: (reason) => {
        if (!isOver) stop()
        next?.abort(reason)
      },
    }
  }

  look(): void {
    for (const look of [...this.#open.keys()]) look()
  }

  /** Nobody waits for any of them. */
  clear(): void {
    for (const stop of [...this.#open.values()]) stop()
  }
}
