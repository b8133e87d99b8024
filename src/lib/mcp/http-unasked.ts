import type { IncomingMessage } from 'node:http'
import type { Endpoint, HttpRequest } from './http-endpoint.js'
import { hear, isEventStream, readEvents } from './http-events.js'
import { parseMessages } from './json-rpc.js'
import { isTemporaryStatus } from './era.js'
import { toOneLine } from './one-line.js'
import type { StreamPosition } from './sse-parser.js'
import type { WireEvents } from './wire.js'

export interface UnaskedOptions {
  readonly endpoint: Endpoint
  /** Protocol headers as they are now. */
  readonly headers: () => Readonly<Record<string, string>>
  readonly maxBytes: number
  readonly events: WireEvents
  /** The server does not know the session any more. */
  readonly onSessionLost: () => void
}

const RETRY_MS = 1000
const RETRY_MAX_MS = 30_000
/** A server may ask for haste or patience within these. */
const RETRY_LEAST_MS = 50
const RETRY_MOST_MS = 300_000
/** So often a server that never opened the stream is asked again after a temporary failure. */
const MAX_FIRST_TRIES = 5

/**
 * The standing stream of a legacy session (Streamable HTTP): what the server says without being asked comes here.
 * Servers may have none (405 and the like), and may end it at any time; then it is opened again where it broke off,
 * after the time the server named (2025-11-25, transports).
 */
export class UnaskedStream {
  readonly #options: UnaskedOptions
  #request: HttpRequest | null = null
  #timer: NodeJS.Timeout | null = null
  #position: StreamPosition = { lastEventId: null, retryMs: null }
  #failures = 0
  #wasOpen = false
  #closed = false

  constructor(options: UnaskedOptions) {
    this.#options = options
  }

  open(): void {
    if (this.#closed || this.#request !== null) return
    const { lastEventId } = this.#position
    const headers = { ...this.#options.headers(), accept: 'text/event-stream', ...(lastEventId === null ? {} : { 'last-event-id': lastEventId }) }
    try {
      this.#request = this.#options.endpoint.call({ method: 'GET', headers }, {
        onResponse: (response) => { this.#answered(response) },
        onError: () => { this.#failed() },
      })
    } catch {
      // A header that cannot be sent fails every request, and is told there.
      this.close()
    }
  }

  close(): void {
    this.#closed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#request?.destroy()
    this.#request = null
  }

  #answered(response: IncomingMessage): void {
    if (isEventStream(response)) return this.#read(response)
    const status = response.statusCode ?? 0
    response.on('error', () => undefined)
    response.destroy()
    if (this.#closed) return
    if (status === 404 && this.#wasOpen) this.#options.onSessionLost()
    else if (isTemporaryStatus(status)) this.#failed()
    else this.close()
  }

  #read(response: IncomingMessage): void {
    const { events, maxBytes } = this.#options
    let heard = false
    this.#wasOpen = true
    hear(response, events)
    readEvents(response, {
      maxBytes,
      onData: (data) => {
        heard = true
        if (events.answered(toOneLine(data))) return
        const messages = parseMessages(data)
        if (messages === null) events.count('noise')
        events.received(data)
        for (const message of messages ?? []) events.message(message, null)
      },
      onOversize: () => { events.count('oversize') },
      onEnd: (position) => {
        this.#position = { lastEventId: position.lastEventId ?? this.#position.lastEventId, retryMs: position.retryMs ?? this.#position.retryMs }
        if (heard || position.retryMs !== null) this.#failures = 0
        this.#again()
      },
    })
  }

  #failed(): void {
    if (!this.#wasOpen && this.#failures + 1 >= MAX_FIRST_TRIES) this.close()
    else this.#again()
  }

  /** Streams that end as soon as they are open are opened less and less often. */
  #again(): void {
    this.#request = null
    if (this.#closed) return
    const patienceMs = Math.max(RETRY_LEAST_MS, Math.min(this.#position.retryMs ?? RETRY_MS, RETRY_MOST_MS))
    const delayMs = Math.max(patienceMs, Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** this.#failures - RETRY_MS))
    this.#failures++
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.open()
    }, delayMs).unref()
  }
}
