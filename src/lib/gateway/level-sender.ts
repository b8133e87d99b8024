import type { Established, Link } from '../mcp/index.js'

const TIMEOUT_MS = 30_000

/** Tells one server how much its clients want to hear of its log. Modern requests carry the level themselves. */
export class LevelSender {
  #level: string | null = null
  /** Null: there is nobody to tell. */
  #link: Link | null = null

  /** The most verbose level its clients asked for. */
  set(level: string | null): void {
    if (level === this.#level) return
    this.#level = level
    this.#send()
  }

  /** The server is another instance, or takes nothing new (null). */
  adopt(link: Link | null, established: Established | null): void {
    this.#link = established?.capabilities['logging'] !== undefined && established.verdict.era === 'legacy' ? link : null
    this.#send()
  }

  #send(): void {
    if (this.#link === null || this.#level === null) return
    this.#link.request('logging/setLevel', { level: this.#level }, { timeoutMs: TIMEOUT_MS }).catch(() => undefined)
  }
}
