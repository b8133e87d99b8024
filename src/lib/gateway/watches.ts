import { RpcError, type JsonObject } from '../mcp/index.js'
import { INTERNAL_ERROR, INVALID_PARAMS } from './failure.js'
import type { ResourceListener } from './interest.js'
import type { Upstream } from './upstream.js'

const MAX_WATCHED = 10_000

/** The resources one legacy client watches (`resources/subscribe`), and which server was asked for each. */
export class Watches implements ResourceListener {
  readonly #onUpdate: (params: JsonObject, by: Upstream) => void
  readonly #ownerOf: (uri: string) => Upstream | null
  readonly #watched = new Map<string, Upstream>()
  #closed = false

  constructor(ownerOf: (uri: string) => Upstream | null, onUpdate: (params: JsonObject, by: Upstream) => void) {
    this.#ownerOf = ownerOf
    this.#onUpdate = onUpdate
  }

  uris(): string[] {
    return [...this.#watched.keys()]
  }

  /** Rejects with RpcError or LinkError when the server does not take it. */
  async add(uri: string): Promise<void> {
    const upstream = this.#ownerOf(uri)
    if (upstream === null) throw new RpcError({ code: INVALID_PARAMS, message: `Resource not found: ${uri.slice(0, 1024)}` })
    if (this.#closed) return
    const before = this.#watched.get(uri)
    if (before === undefined && this.#watched.size >= MAX_WATCHED) throw new RpcError({ code: INTERNAL_ERROR, message: `${MAX_WATCHED} resources are watched by this client already` })
    if (before !== upstream) before?.interest.remove(uri, this)
    // From now on, so that it can be taken back while the server thinks about it.
    this.#watched.set(uri, upstream)
    try {
      await upstream.interest.add(uri, this)
    } catch (error) {
      if (this.#watched.get(uri) === upstream) this.#watched.delete(uri)
      throw error
    }
  }

  remove(uri: string): void {
    this.#watched.get(uri)?.interest.remove(uri, this)
    this.#watched.delete(uri)
  }

  /** Looks again at who has each of them. */
  follow(): void {
    for (const [uri, before] of this.#watched) {
      const now = this.#ownerOf(uri)
      if (now === null || now === before) continue
      before.interest.remove(uri, this)
      this.#watched.set(uri, now)
      now.interest.add(uri, this).catch(() => undefined)
    }
  }

  resourceUpdated(params: JsonObject, by: Upstream): void {
    this.#onUpdate(params, by)
  }

  close(): void {
    this.#closed = true
    for (const uri of this.uris()) this.remove(uri)
  }
}
