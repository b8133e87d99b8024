import type { IncomingMessage } from 'node:http'
import type { Era } from '../core/index.js'
import { DEFAULT_MAX_LINE_BYTES } from './framer.js'
import { brokenOff, readAnswer, readStream, type AnswerContext } from './http-answer.js'
import type { Endpoint, HttpRequest } from './http-endpoint.js'
import { networkCode, toLinkError, type Refusal } from './http-failure.js'
import { protocolHeaders, type HttpSpeaks } from './http-headers.js'
import { hear } from './http-events.js'
import { resumeStream } from './http-resume.js'
import { endSession } from './http-session-end.js'
import { UnaskedStream } from './http-unasked.js'
import type { PassedRequest } from './link.js'
import { encodeMessage, METHOD_NOT_FOUND, requestIdOf, type Outgoing } from './json-rpc.js'
import { LinkError } from './link-error.js'
import type { StreamPosition } from './sse-parser.js'
import { admitTools, readToolHeaders, type LearntTools, type ToolHeaders } from './tool-headers.js'
import type { Wire, WireEvents } from './wire.js'

export interface HttpWireOptions {
  readonly endpoint: Endpoint
  /** The server is a local process that may still be booting: refused connections are tried again until it listens. */
  readonly untilListening: boolean
  readonly maxMessageBytes?: number
}

/** One POST on its way, with everything that must be released when nobody wants it any more. */
interface Exchange {
  readonly message: Outgoing
  readonly body: string | Buffer
  readonly id: number | null
  attempts: number
  /** A kept connection turned out to be stale; the others may be so too. */
  fresh: boolean
  request: HttpRequest | null
  retryTimer: NodeJS.Timeout | null
  /** Its response broke off and is being taken up again. */
  stopResuming: (() => void) | null
}

const MAX_IN_FLIGHT = 1024
/** Notifications and answers of ours: each is a request of HTTP too, and a server with too much to do is not to be drowned in news of what nobody waits for any more. */
const MAX_NOTICES = 256
const RETRY_FIRST_MS = 25
const RETRY_MAX_MS = 250

/** Streamable HTTP of both eras: every message is a POST of its own, and its response carries the answer. */
export class HttpWire implements Wire {
  readonly pinned = false
  readonly onlyEra = null
  readonly #options: HttpWireOptions
  readonly #events: WireEvents
  readonly #requests = new Map<number, Exchange>()
  readonly #notices = new Set<Exchange>()
  readonly #unasked: UnaskedStream
  #speaks: HttpSpeaks | null = null
  #sessionId: string | null = null
  #toolHeaders: ToolHeaders = new Map()
  /** Messages waiting for `notifications/initialized` to arrive: separate connections do not keep their order. */
  #held: Outgoing[] | null = null
  #listening: boolean
  #closed = false

  constructor(options: HttpWireOptions, events: WireEvents) {
    this.#options = options
    this.#events = events
    this.#listening = !options.untilListening
    this.#unasked = new UnaskedStream({
      endpoint: options.endpoint, maxBytes: this.#maxBytes, events,
      headers: () => this.#sessionHeaders(),
      onSessionLost: () => { this.#loseSession() },
    })
  }

  get #maxBytes(): number {
    return this.#options.maxMessageBytes ?? DEFAULT_MAX_LINE_BYTES
  }

  send(message: Outgoing): void {
    this.#admit(requestIdOf(message) !== undefined)
    if (this.#held !== null) this.#held.push(message)
    else this.#dispatch(message)
  }

  sendPassed(id: number, { method, params: read, before, after }: PassedRequest): void {
    const params = read()
    const message: Outgoing = params === undefined ? { jsonrpc: '2.0', id, method } : { jsonrpc: '2.0', id, method, params }
    this.#admit(true)
    if (this.#held !== null) this.#held.push(message)
    else this.#dispatch(message, Buffer.concat([...before, Buffer.from(String(id), 'latin1'), ...after]))
  }

  abandon(id: number): void {
    if (this.#held !== null) this.#held = this.#held.filter((message) => requestIdOf(message) !== id)
    const exchange = this.#requests.get(id)
    if (exchange !== undefined) this.#drop(exchange)
  }

  cancelsByMessage(era: Era): boolean {
    return era === 'legacy'
  }

  adopt(era: Era, protocolVersion: string): void {
    this.#speaks = { era, protocolVersion }
  }

  learnTools(tools: readonly unknown[]): LearntTools {
    if (this.#speaks?.era !== 'modern') return { usable: tools, warnings: [] }
    const learnt = admitTools(tools)
    this.#toolHeaders = readToolHeaders(learnt.usable)
    return learnt
  }

  /** What waits, waits in the system's own queues. */
  get queuedBytes(): number {
    return 0
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#held = null
    this.#unasked.close()
    for (const exchange of [...this.#requests.values(), ...this.#notices]) this.#drop(exchange)
    if (this.#sessionId === null) this.#options.endpoint.close()
    else endSession(this.#options.endpoint, this.#sessionHeaders())
  }

  #admit(isRequest: boolean): void {
    if (this.#closed) throw new LinkError('closed', 'the link was closed')
    const [underWay, most] = isRequest ? [this.#requests.size + (this.#held?.length ?? 0), MAX_IN_FLIGHT] : [this.#notices.size, MAX_NOTICES]
    if (underWay < most) return this.#events.leaving()
    throw new LinkError('overloaded', `${most} ${isRequest ? 'requests' : 'notifications'} to ${this.#options.endpoint.host} are under way already`)
  }

  #dispatch(message: Outgoing, body: string | Buffer = encodeMessage(message)): void {
    const exchange: Exchange = { message, body, id: requestIdOf(message) ?? null, attempts: 0, fresh: false, request: null, retryTimer: null, stopResuming: null }
    if ('method' in message && message.method === 'notifications/initialized') this.#held = []
    if (exchange.id === null) this.#notices.add(exchange)
    else this.#requests.set(exchange.id, exchange)
    try {
      this.#attempt(exchange)
    } catch (error) {
      this.#forget(exchange)
      throw error
    }
    this.#events.sent([body], Buffer.byteLength(body))
  }

  #attempt(exchange: Exchange): void {
    const headers = protocolHeaders(exchange.message, this.#speaks, this.#sessionId, this.#toolHeaders)
    exchange.attempts++
    exchange.request = this.#options.endpoint.call(
      { method: 'POST', headers: { ...headers, 'content-type': 'application/json', accept: 'application/json, text/event-stream' }, body: exchange.body, fresh: exchange.fresh },
      {
        onResponse: (response) => { this.#answered(exchange, response) },
        onError: (error, reused) => { this.#broken(exchange, error, reused) },
      },
    )
  }

  #answered(exchange: Exchange, response: IncomingMessage): void {
    this.#listening = true
    hear(response, this.#events)
    const { message } = exchange
    if ('method' in message && message.method === 'initialize') this.#takeSession(response)
    readAnswer(response, this.#contextOf(exchange))
  }

  #contextOf(exchange: Exchange): AnswerContext {
    const { host, hasAuthorization, refusalHint } = this.#options.endpoint
    return {
      id: exchange.id,
      host,
      authorised: hasAuthorization,
      refusalHint,
      maxBytes: this.#maxBytes,
      events: { ...this.#events, refused: (id, refusal) => { this.#refused(exchange, id, refusal) } },
      onBroken: (position) => this.#resume(exchange, position),
      onDone: () => { this.#settle(exchange) },
    }
  }

  #takeSession(response: IncomingMessage): void {
    const id = response.headers['mcp-session-id']
    const accepted = response.statusCode !== undefined && response.statusCode < 300
    if (accepted && typeof id === 'string' && /^[\x21-\x7e]{1,4096}$/.test(id)) this.#sessionId = id
  }

  #refused(exchange: Exchange, id: number, refusal: Refusal): void {
    const sessionLost = refusal.status === 404 && this.#sessionId !== null && this.#speaks?.era === 'legacy' && refusal.error?.code !== METHOD_NOT_FOUND
    if (!sessionLost || exchange.id === null) {
      this.#events.refused(id, refusal)
      return
    }
    this.#loseSession()
  }

  #loseSession(): void {
    this.#sessionId = null
    this.#events.ended('the server no longer knows the session')
  }

  /** False when there is nothing to go on from. */
  #resume(exchange: Exchange, { lastEventId, retryMs }: StreamPosition): boolean {
    if (this.#closed || !this.#isOpen(exchange) || lastEventId === null || this.#speaks?.era !== 'legacy') return false
    exchange.stopResuming = resumeStream({ lastEventId, retryMs }, {
      endpoint: this.#options.endpoint,
      headers: () => this.#sessionHeaders(),
      onStream: (response) => {
        hear(response, this.#events)
        const onBroken = (next: StreamPosition): boolean => this.#resume(exchange, { lastEventId: next.lastEventId ?? lastEventId, retryMs: next.retryMs ?? retryMs })
        readStream(response, { ...this.#contextOf(exchange), onBroken })
      },
      onGone: () => {
        this.#settle(exchange)
        if (exchange.id !== null) this.#events.failed(exchange.id, brokenOff(this.#options.endpoint.host))
      },
    })
    return true
  }

  #broken(exchange: Exchange, error: Error, reused: boolean): void {
    if (!this.#isOpen(exchange)) return
    const code = networkCode(error)
    const refused = code === 'ECONNREFUSED' || code === 'ECONNRESET'
    if (!this.#listening && refused) {
      this.#retryLater(exchange)
      return
    }
    // An idle connection the server closed at the same moment: nothing was lost, unless the call may not happen twice.
    const repeatable = !('method' in exchange.message && exchange.message.method === 'tools/call')
    if (reused && code === 'ECONNRESET' && repeatable && !exchange.fresh) {
      exchange.fresh = true
      this.#attemptAgain(exchange)
      return
    }
    this.#settle(exchange)
    if (exchange.id !== null) this.#events.failed(exchange.id, toLinkError(error, this.#options.endpoint.host, exchange.attempts === 1))
  }

  #retryLater(exchange: Exchange): void {
    this.#events.waiting(`waiting for ${this.#options.endpoint.host} to listen`)
    const delayMs = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 1.5 ** (exchange.attempts - 1))
    exchange.retryTimer = setTimeout(() => {
      exchange.retryTimer = null
      this.#attemptAgain(exchange)
    }, delayMs)
  }

  #attemptAgain(exchange: Exchange): void {
    try {
      this.#attempt(exchange)
    } catch (error) {
      this.#settle(exchange)
      if (exchange.id !== null) this.#events.failed(exchange.id, toLinkError(error, this.#options.endpoint.host))
    }
  }

  /** The exchange is over; what waited behind `notifications/initialized` may go. */
  #settle(exchange: Exchange): void {
    if (!this.#forget(exchange)) return
    const { message } = exchange
    if (this.#held === null || !('method' in message) || message.method !== 'notifications/initialized') return
    const held = this.#held
    this.#held = null
    if (this.#speaks?.era === 'legacy') this.#unasked.open()
    for (const waiting of held) this.#dispatchHeld(waiting)
  }

  #dispatchHeld(message: Outgoing): void {
    try {
      this.#dispatch(message)
    } catch (error) {
      const id = requestIdOf(message)
      if (id !== undefined) this.#events.failed(id, error instanceof LinkError ? error : new LinkError('unsendable', 'the message could not be sent', { cause: error }))
    }
  }

  #isOpen(exchange: Exchange): boolean {
    return exchange.id === null ? this.#notices.has(exchange) : this.#requests.get(exchange.id) === exchange
  }

  /** False when it was over. */
  #forget(exchange: Exchange): boolean {
    return this.#isOpen(exchange) && (exchange.id === null ? this.#notices.delete(exchange) : this.#requests.delete(exchange.id))
  }

  #drop(exchange: Exchange): void {
    this.#forget(exchange)
    if (exchange.retryTimer !== null) clearTimeout(exchange.retryTimer)
    exchange.retryTimer = null
    exchange.request?.destroy()
    exchange.stopResuming?.()
  }

  /** What a request without a message carries. */
  #sessionHeaders(): Record<string, string> {
    return protocolHeaders({ jsonrpc: '2.0', method: '' }, this.#speaks, this.#sessionId, new Map())
  }
}
