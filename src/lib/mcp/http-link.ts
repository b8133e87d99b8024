import type { Authorizer } from './authorizer.js'
import { Conversation, type ConversationOptions } from './conversation.js'
import type { Link } from './link.js'

export interface HttpLinkOptions extends ConversationOptions {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly transport: 'http' | 'sse'
  /** Bounds for its connections: kept for later, and open at once. Default: 8, and as many as calls need. */
  readonly pool?: { readonly min: number; readonly max: number }
  /** Credentials that change; they win over `headers`. Absent: what a request carries is the same for all. */
  readonly authorizer?: Authorizer
  /** The server is a local process that may still be booting: refused connections are tried again until `establish` is aborted. Default false. */
  readonly untilListening?: boolean
  /** Bound for one message. Default 64 MiB. */
  readonly maxMessageBytes?: number
}

/**
 * A link over HTTP, kept-alive connections included. Nothing is sent before `establish`. Loads the HTTP client only
 * when it is called. Rejects with LinkError `rejected` when the url is none.
 */
export async function openHttpLink(options: HttpLinkOptions): Promise<Link> {
  const { openEndpoint } = await import('./http-endpoint.js')
  const { authorizer, maxMessageBytes, untilListening = false } = options
  const plain = await openEndpoint(options.url, options.headers, options.pool)
  const endpoint = authorizer === undefined ? plain : (await import('./http-authorized.js')).authorizeEndpoint(plain, authorizer)
  const wireOptions = { endpoint, untilListening, ...(maxMessageBytes === undefined ? {} : { maxMessageBytes }) }
  if (options.transport === 'sse') {
    const { SseWire } = await import('./sse-wire.js')
    return new Conversation(options, (events) => new SseWire(wireOptions, events))
  }
  const { HttpWire } = await import('./http-wire.js')
  return new Conversation(options, (events) => new HttpWire(wireOptions, events))
}
