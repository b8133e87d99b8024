import { isJsonObject, LinkError, type JsonObject, type Link } from '../mcp/index.js'
import type { Upstream } from './upstream.js'

/** Who wants to hear of changes of resources. */
export interface ResourceListener {
  resourceUpdated(params: JsonObject, by: Upstream): void
}

interface Watched {
  readonly listeners: Set<ResourceListener>
  /** What the server said to it. */
  asked: Promise<void>
}

const SUBSCRIBE_TIMEOUT_MS = 30_000
const LISTEN_AGAIN_MS = [1_000, 5_000, 30_000]

/**
 * Which resources of one server clients watch. The server is asked once for each, however many watch it, and again
 * after a restart. A modern server is asked with one `subscriptions/listen` for everything; a new one is opened before
 * the old one is closed.
 */
export class Interest {
  readonly #upstream: Upstream
  readonly #watched = new Map<string, Watched>()
  #listening: { readonly link: Link; readonly id: number } | null = null
  #isPlanned = false
  #retryTimer: NodeJS.Timeout | null = null
  #failures = 0

  constructor(upstream: Upstream) {
    this.#upstream = upstream
  }

  /** Whether somebody watches. */
  get isAlive(): boolean {
    return this.#watched.size > 0
  }

  /** Resolves when the server took it, or at once when it is not up: then it is asked when it comes. Rejects with RpcError or LinkError. */
  add(uri: string, listener: ResourceListener): Promise<void> {
    const known = this.#watched.get(uri)
    if (known !== undefined) {
      known.listeners.add(listener)
      return known.asked
    }
    const watched: Watched = { listeners: new Set([listener]), asked: Promise.resolve() }
    this.#watched.set(uri, watched)
    watched.asked = this.#ask(uri, watched)
    return watched.asked
  }

  async #ask(uri: string, watched: Watched): Promise<void> {
    const { link, era } = this.#upstream
    if (link === null) return
    if (era === 'modern') return this.#listenSoon()
    try {
      await link.request('resources/subscribe', { uri }, { timeoutMs: SUBSCRIBE_TIMEOUT_MS })
    } catch (error) {
      if (error instanceof LinkError && error.reason === 'closed') return
      if (this.#watched.get(uri) === watched) this.#watched.delete(uri)
      throw error
    }
  }

  remove(uri: string, listener: ResourceListener): void {
    const known = this.#watched.get(uri)?.listeners
    if (known === undefined || !known.delete(listener) || known.size > 0) return
    this.#watched.delete(uri)
    const { link, era } = this.#upstream
    if (link === null) return
    if (era === 'modern') this.#listenSoon()
    else link.request('resources/unsubscribe', { uri }, { timeoutMs: SUBSCRIBE_TIMEOUT_MS }).catch(() => undefined)
  }

  updated(params: JsonObject | undefined): void {
    const uri = params?.['uri']
    if (params === undefined || typeof uri !== 'string') return
    const told = new Set<ResourceListener>()
    for (const [watched, { listeners }] of this.#watched) {
      // A server may tell of a part of what is watched.
      if (uri === watched || uri.startsWith(watched.endsWith('/') ? watched : `${watched}/`)) for (const listener of listeners) told.add(listener)
    }
    for (const listener of told) listener.resourceUpdated(params, this.#upstream)
  }

  /** The server is another instance: it knows nothing of what was asked of the last one. */
  renew(): void {
    const { link, era } = this.#upstream
    if (link === null) return
    this.#failures = 0
    if (era === 'modern') return this.#listen(link)
    this.#stopListening('the server was replaced')
    for (const uri of this.#watched.keys()) {
      link.request('resources/subscribe', { uri }, { timeoutMs: SUBSCRIBE_TIMEOUT_MS }).catch(() => undefined)
    }
  }

  close(): void {
    if (this.#retryTimer !== null) clearTimeout(this.#retryTimer)
    this.#retryTimer = null
    this.#watched.clear()
    this.#stopListening('the gateway lost interest')
  }

  #stopListening(reason: string): void {
    const listening = this.#listening
    this.#listening = null
    listening?.link.takeBack(listening.id, reason)
  }

  /** What one turn of the event loop adds and removes is asked for at once: one request of a client can name thousands. */
  #listenSoon(): void {
    if (this.#isPlanned) return
    this.#isPlanned = true
    setImmediate(() => {
      this.#isPlanned = false
      const { link, era } = this.#upstream
      if (link !== null && era === 'modern') this.#listen(link)
    })
  }

  #listen(link: Link): void {
    const uris = [...this.#watched.keys()]
    const notifications = { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true, ...(uris.length === 0 ? {} : { resourceSubscriptions: uris }) }
    const params = this.#upstream.ownParams({ notifications })
    try {
      const id = link.pass({
        method: 'subscriptions/listen',
        params: () => params,
        before: [Buffer.from('{"jsonrpc":"2.0","id":')],
        after: [Buffer.from(`,"method":"subscriptions/listen","params":${JSON.stringify(params)}}`)],
        receiver: {
          answered: (text) => { this.#listenEnded(link, id, !text.includes('-32601')) },
          failed: (error) => { this.#listenEnded(link, id, error.reason !== 'closed') },
        },
      })
      this.#stopListening('replaced by a new subscription')
      this.#listening = { link, id }
    } catch {
      // What was asked before still holds.
      if (!link.closed) this.#listenAgain(link)
    }
  }

  /** The server ended the stream. A server that knows the method gets another one, after a while. */
  #listenEnded(link: Link, id: number, again: boolean): void {
    if (this.#listening?.link !== link || this.#listening.id !== id) return
    this.#listening = null
    if (again) this.#listenAgain(link)
  }

  #listenAgain(link: Link): void {
    if (link !== this.#upstream.link || this.#retryTimer !== null) return
    const delayMs = LISTEN_AGAIN_MS[Math.min(this.#failures++, LISTEN_AGAIN_MS.length - 1)]
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = null
      if (link === this.#upstream.link) this.#listen(link)
    }, delayMs).unref()
  }
}

/** The URIs in a filter of `subscriptions/listen`. */
export function readWatchedUris(filter: unknown): string[] {
  const uris = isJsonObject(filter) ? filter['resourceSubscriptions'] : undefined
  return Array.isArray(uris) ? [...new Set(uris.filter((uri) => typeof uri === 'string'))].slice(0, 10_000) : []
}
