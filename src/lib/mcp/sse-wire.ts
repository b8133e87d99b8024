import type { IncomingMessage } from 'node:http'
import { DEFAULT_MAX_LINE_BYTES } from './framer.js'
import { collectBody, type Endpoint, type HttpRequest } from './http-endpoint.js'
import { hear } from './http-events.js'
import { networkCode, toLinkError, toRefusal } from './http-failure.js'
import type { HttpWireOptions } from './http-wire.js'
import { encodeMessage, parseMessages, requestIdOf, type Outgoing } from './json-rpc.js'
import type { PassedRequest } from './link.js'
import { LinkError } from './link-error.js'
import { toOneLine } from './one-line.js'
import { SseParser, type ServerSentEvent } from './sse-parser.js'
import type { LearntTools } from './tool-headers.js'
import type { Wire, WireEvents } from './wire.js'

const MAX_WAITING = 1024
const MAX_REPLY_BYTES = 64 * 1024
const RETRY_FIRST_MS = 25
const RETRY_MAX_MS = 250

/** A message on its way, already as text; `id` is undefined when nothing is answered. */
interface Letter {
  readonly id: number | undefined
  readonly body: string | Buffer
}

/**
 * The HTTP+SSE transport of revision 2024-11-05: one event stream carries everything from the server, its first event
 * (`endpoint`) names the address to POST to. Messages leave one after the other, so their order is kept.
 */
export class SseWire implements Wire {
  readonly pinned = true
  readonly onlyEra = 'legacy'
  readonly #options: HttpWireOptions
  readonly #events: WireEvents
  readonly #endpoint: Endpoint
  #stream: HttpRequest | null = null
  #post: HttpRequest | null = null
  #target: URL | null = null
  #waiting: Letter[] = []
  #attempts = 0
  #retryTimer: NodeJS.Timeout | null = null
  #closed = false

  constructor(options: HttpWireOptions, events: WireEvents) {
    this.#options = options
    this.#events = events
    this.#endpoint = options.endpoint
  }

  send(message: Outgoing): void {
    this.#enqueue({ id: requestIdOf(message), body: encodeMessage(message) })
  }

  sendPassed(id: number, { before, after }: PassedRequest): void {
    this.#enqueue({ id, body: Buffer.concat([...before, Buffer.from(String(id), 'latin1'), ...after]) })
  }

  #enqueue(letter: Letter): void {
    if (this.#closed) throw new LinkError('closed', 'the link was closed')
    if (this.#waiting.length >= MAX_WAITING) throw new LinkError('overloaded', `${MAX_WAITING} messages wait for ${this.#endpoint.host} already`)
    this.#waiting.push(letter)
    this.#events.leaving()
    this.#events.sent([letter.body], Buffer.byteLength(letter.body))
    if (this.#stream === null && this.#retryTimer === null) this.#openStream()
    else this.#pump()
  }

  get queuedBytes(): number {
    return this.#waiting.reduce((bytes, { body }) => bytes + Buffer.byteLength(body), 0)
  }

  abandon(id: number): void {
    this.#waiting = this.#waiting.filter((letter) => letter.id !== id)
  }

  cancelsByMessage(): boolean {
    return true
  }

  adopt(): void {
    // This transport exists in the legacy era only.
  }

  learnTools(tools: readonly unknown[]): LearntTools {
    return { usable: tools, warnings: [] }
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#waiting = []
    if (this.#retryTimer !== null) clearTimeout(this.#retryTimer)
    this.#stream?.destroy()
    this.#post?.destroy()
    this.#endpoint.close()
  }

  #openStream(): void {
    this.#attempts++
    this.#stream = this.#endpoint.call({ method: 'GET', headers: { accept: 'text/event-stream' } }, {
      onResponse: (response) => { this.#streamOpened(response) },
      onError: (error) => { this.#streamFailed(error) },
    })
  }

  #streamFailed(error: Error): void {
    if (this.#closed) return
    const code = networkCode(error)
    if (!this.#options.untilListening || (code !== 'ECONNREFUSED' && code !== 'ECONNRESET')) {
      this.#failWaiting(toLinkError(error, this.#endpoint.host))
      this.#events.ended('the event stream could not be opened')
      return
    }
    this.#events.waiting(`waiting for ${this.#endpoint.host} to listen`)
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = null
      this.#reopenStream()
    }, Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 1.5 ** (this.#attempts - 1)))
  }

  #reopenStream(): void {
    try {
      this.#openStream()
    } catch (error) {
      this.#failWaiting(toLinkError(error, this.#endpoint.host))
      this.#events.ended('the event stream could not be opened')
    }
  }

  #streamOpened(response: IncomingMessage): void {
    const status = response.statusCode ?? 0
    if (status !== 200 || !(response.headers['content-type'] ?? '').toLowerCase().startsWith('text/event-stream')) {
      this.#streamRefused(response, status)
      return
    }
    hear(response, this.#events)
    const parser = new SseParser({
      maxEventBytes: this.#options.maxMessageBytes ?? DEFAULT_MAX_LINE_BYTES,
      onEvent: (event) => { this.#event(event) },
      onOversize: () => { this.#events.count('oversize') },
    })
    response.on('data', (chunk: Buffer) => { parser.push(chunk) })
    response.on('error', () => { response.destroy() })
    response.once('close', () => { if (!this.#closed) this.#events.ended('the server ended its event stream') })
  }

  #streamRefused(response: IncomingMessage, status: number): void {
    collectBody(response, MAX_REPLY_BYTES, (body) => {
      if (this.#closed) return
      const refusal = toRefusal(status, body ?? Buffer.alloc(0), this.#refusalContext())
      const why = status === 200 ? `${this.#endpoint.host} answered with something else than an event stream` : refusal.why
      const hint = status === 405 || status === 404 || status === 200 ? 'If the server speaks Streamable HTTP, set transport: http.' : refusal.hint
      this.#failWaiting(new LinkError(status === 200 ? 'rejected' : refusal.reason, why, hint === undefined ? {} : { hint }))
      this.#events.ended('the event stream could not be opened')
    })
  }

  #refusalContext(): Parameters<typeof toRefusal>[2] {
    const { host, hasAuthorization, refusalHint } = this.#endpoint
    return { host, authorised: hasAuthorization, refusalHint }
  }

  #event({ event, data }: ServerSentEvent): void {
    if (event === 'endpoint') {
      this.#takeTarget(data.toString('utf8').trim())
    } else if (event === 'message') {
      if (this.#events.answered(toOneLine(data))) return
      const messages = parseMessages(data)
      if (messages === null) this.#events.count('noise')
      this.#events.received(data)
      for (const message of messages ?? []) this.#events.message(message)
    }
  }

  /** Another origin would get our headers and our data, so it is refused. */
  #takeTarget(address: string): void {
    const target = URL.canParse(address, this.#endpoint.url.href) ? new URL(address, this.#endpoint.url) : null
    if (target?.origin !== this.#endpoint.url.origin) {
      this.#failWaiting(new LinkError('rejected', `${this.#endpoint.host} names an address of another host to send messages to`))
      this.#events.ended('the event stream named no usable address')
      return
    }
    this.#target = target
    this.#pump()
  }

  #pump(): void {
    if (this.#closed || this.#post !== null || this.#target === null) return
    const letter = this.#waiting.shift()
    if (letter === undefined) return
    const { id, body } = letter
    try {
      this.#post = this.#endpoint.call({ method: 'POST', url: this.#target, headers: { 'content-type': 'application/json' }, body }, {
        onResponse: (response) => { this.#posted(response, id) },
        onError: (error) => {
          this.#post = null
          if (id !== undefined) this.#events.failed(id, toLinkError(error, this.#endpoint.host))
          this.#pump()
        },
      })
    } catch (error) {
      if (id !== undefined) this.#events.failed(id, error instanceof LinkError ? error : new LinkError('unsendable', 'the message could not be sent', { cause: error }))
      this.#pump()
    }
  }

  /** The next message may leave once this one was taken; the body, if any, is of no interest unless it was refused. */
  #posted(response: IncomingMessage, id: number | undefined): void {
    const status = response.statusCode ?? 0
    hear(response, this.#events)
    collectBody(response, MAX_REPLY_BYTES, (body) => {
      if (status >= 200 && status < 300) return
      if (body !== null && body.length > 0) this.#events.received(body)
      const refusal = toRefusal(status, body ?? Buffer.alloc(0), this.#refusalContext())
      if (id !== undefined && !this.#closed) this.#events.refused(id, refusal)
    })
    this.#post = null
    this.#pump()
  }

  #failWaiting(error: LinkError): void {
    const ids = this.#waiting.map((letter) => letter.id).filter((id) => id !== undefined)
    this.#waiting = []
    for (const id of ids) this.#events.failed(id, error)
  }
}
