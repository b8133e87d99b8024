import type { JsonObject } from '../mcp/index.js'
import type { Reply, RequestMessage, Underway } from './contract.js'
import { INVALID_PARAMS, refuse } from './failure.js'
import { readWatchedUris } from './interest.js'
import { startLater } from './later.js'
import { Listen } from './listen.js'
import { answer, answerError, toFailure } from './reply.js'
import type { Upstream } from './upstream.js'
import type { ListKind } from './view-catalogue.js'
import { Watches } from './watches.js'

export interface SubscriptionsOptions {
  /** The server of a resource; null when it is not known. */
  readonly ownerOf: (uri: string) => Upstream | null
  /** Whether the client may hear of this server at all. */
  readonly isSeen: (upstream: Upstream) => boolean
  /** Calls back when servers have been listed; returns what takes that wish back. */
  readonly whenListed: (proceed: () => void) => () => void
  /** A resource that the legacy client watches changed. */
  readonly onUpdate: (params: JsonObject) => void
}

/** What one client wants to be told of: the resources a legacy one subscribed to, and each open `subscriptions/listen` of a modern one. */
export class Subscriptions {
  readonly #options: SubscriptionsOptions
  readonly #watches: Watches
  readonly #listens = new Set<Listen>()

  constructor(options: SubscriptionsOptions) {
    this.#options = options
    this.#watches = new Watches(options.ownerOf, (params, by) => { if (options.isSeen(by)) options.onUpdate(params) })
  }

  /** What the legacy client watches. */
  uris(): string[] {
    return this.#watches.uris()
  }

  subscribe(message: RequestMessage, reply: Reply): null {
    const uri = message.params?.['uri']
    if (typeof uri !== 'string') return answerError(message, reply, refuse(INVALID_PARAMS, '"params.uri" has to be the URI of a resource'))
    const succeed = (): void => void answer(message, reply, {})
    this.#whenKnown([uri], () => { this.#watches.add(uri).then(succeed, (error: unknown) => { answerError(message, reply, toFailure(error)) }) })
    return null
  }

  unsubscribe(message: RequestMessage, reply: Reply): null {
    this.#watches.remove(String(message.params?.['uri']))
    return answer(message, reply, {})
  }

  /** Goes on with what an earlier session watched. */
  resume(uris: readonly string[]): void {
    for (const uri of uris) this.#whenKnown([uri], () => { this.#watches.add(uri).catch(() => undefined) })
  }

  /** What is honoured is told first and holds from then on, so a server that is still to be listed is waited for. */
  listen(message: RequestMessage, reply: Reply, onOver: () => void): Underway {
    const start = (): Listen => {
      const listen = new Listen({ id: message.id, params: message.params, reply, ownerOf: this.#options.ownerOf, isSeen: this.#options.isSeen, onOver: (over) => { this.#listens.delete(over); onOver() } })
      this.#listens.add(listen)
      return listen
    }
    return startLater((begin) => this.#whenKnown(readWatchedUris(message.params?.['notifications']), begin), start, onOver)
  }

  listsChanged(kinds: readonly ListKind[]): void {
    for (const listen of this.#listens) listen.changed(kinds)
  }

  /** Servers came or went: resources of a group are watched where they can be. */
  follow(): void {
    this.#watches.follow()
    for (const listen of this.#listens) listen.follow()
  }

  /** The gateway ends: those who listen are told so. */
  finish(): void {
    for (const listen of [...this.#listens]) listen.finish()
  }

  close(): void {
    for (const listen of [...this.#listens]) listen.abort()
    this.#watches.close()
  }

  /** Calls back when it is known whose these resources are, as far as that can be known; returns what takes that wish back. */
  #whenKnown(uris: readonly string[], proceed: () => void): () => void {
    if (uris.some((uri) => this.#options.ownerOf(uri) === null)) return this.#options.whenListed(proceed)
    proceed()
    return () => undefined
  }
}
