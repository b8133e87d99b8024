import type { Link } from '../mcp/index.js'

/** How long a server may take to notice that a call was taken back, when it says nothing about it. */
const LINGER_MS = 10_000

/**
 * The clients whose calls were taken back from a server a moment ago. It may not have noticed, or not care, and ask
 * something about such a call: that question is for nobody else.
 */
export class Withdrawn {
  readonly #calls = new Set<{ readonly clientKey: object; readonly link: Link; readonly until: number }>()

  /** `now`: epoch ms. Returns what is to be called when the server answers all the same: then it is through with it. */
  note(clientKey: object, link: Link, now: number): () => void {
    this.#tidy(now)
    const call = { clientKey, link, until: now + LINGER_MS }
    this.#calls.add(call)
    return () => { this.#calls.delete(call) }
  }

  /** Whether anybody but this one took a call back lately from an instance that is still there; `link` is null when any of them may ask. */
  hasOthers(clientKey: object | undefined, link: Link | null, now: number): boolean {
    this.#tidy(now)
    for (const call of this.#calls) if (call.clientKey !== clientKey && !call.link.closed && (link === null || call.link === link)) return true
    return false
  }

  /** The oldest come first. */
  #tidy(now: number): void {
    for (const call of this.#calls) {
      if (call.until > now) return
      this.#calls.delete(call)
    }
  }
}
