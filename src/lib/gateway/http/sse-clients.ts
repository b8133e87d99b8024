import { randomBytes } from 'node:crypto'
import { parseClientMessage } from '../client-message.js'
import { NOT_LET_IN, type Access } from '../access.js'
import type { Channel, Gateway, Reply, Session, View } from '../contract.js'
import { isSameLimits, limitsOf } from '../view-limits.js'
import { INTERNAL_ERROR, INVALID_REQUEST } from '../failure.js'
import { EventStream, messageEvent } from './event-stream.js'
import { watch, type Exchange, type Incoming, type Outgoing } from './exchange.js'
import type { Heartbeat } from './heartbeat.js'
import { RefusedReply } from './legacy-endpoint.js'
import { sendEmpty, sendRefusal, type Refusal } from './respond.js'
import type { Target } from './target.js'

const MAX_CLIENTS = 10_000
const PARAMETER = /(?:^|&)sessionId=([A-Za-z0-9_-]{1,64})(?:&|$)/
/** For a POST that names no client. */
export const UNKNOWN_CLIENT: Refusal = { status: 404, code: INVALID_REQUEST, message: 'there is no such session (any more); open the event stream first', data: { reason: 'unknown-session' } }
const FULL: Refusal = { status: 503, code: INTERNAL_ERROR, message: 'too many clients are connected', data: { reason: 'too-many-sessions', retryAfterMs: 60_000 }, headers: ['retry-after', '60'] }

/** Clients of the HTTP+SSE transport (2024-11-05): one stream each, which is their session. Owns them. */
export class SseClients {
  readonly #gateway: Gateway
  readonly #heartbeat: Heartbeat
  readonly #clients = new Map<string, SseClient>()

  constructor(gateway: Gateway, heartbeat: Heartbeat) {
    this.#gateway = gateway
    this.#heartbeat = heartbeat
  }

  /** Answers a GET with the stream, whose first event says where to post. */
  open(view: View, access: Access, res: Outgoing): void {
    if (this.#clients.size >= MAX_CLIENTS) return sendRefusal(res, FULL)
    const id = randomBytes(24).toString('base64url')
    const client = new SseClient(this.#gateway, { view, access }, res, { heartbeat: this.#heartbeat, onClosed: () => this.#clients.delete(id) })
    this.#clients.set(id, client)
    client.begin(`/messages?sessionId=${id}`)
  }

  /** Where a POST with this query goes; null: the client it names is not connected, or somebody else. */
  find(query: string, access: Access): Target | null {
    const client = this.#clients.get(PARAMETER.exec(query)?.[1] ?? '')
    return client?.greet(access) === true ? client : null
  }

  /** Called once a minute. `holds`: whether somebody would still be let in. */
  sweep(holds: (access: Access) => boolean): void {
    for (const client of [...this.#clients.values()]) client.check(holds)
  }

  close(): void {
    for (const client of [...this.#clients.values()]) client.stop()
  }
}

/** One connected client: every answer goes out on its stream, with the messages that belong to no request. */
class SseClient implements Target, Reply, Channel, Exchange {
  readonly #stream: EventStream
  readonly #session: Session
  readonly #onClosed: () => void
  /** As its client was let in last. */
  #access: Access
  #isClosed = false

  constructor(gateway: Gateway, { view, access }: { view: View; access: Access }, res: Outgoing, { heartbeat, onClosed }: { heartbeat: Heartbeat; onClosed: () => void }) {
    this.#onClosed = onClosed
    this.#access = access
    this.#session = gateway.openSession({ view, kind: 'any', channel: this, access })
    this.#stream = new EventStream(res, heartbeat)
    watch(res, this)
  }

  /** False: it belongs to somebody else, or to somebody who may see something else by now. */
  greet(access: Access): boolean {
    const isOf = access.id === this.#access.id && isSameLimits(limitsOf(access.grant), limitsOf(this.#access.grant))
    if (isOf && access.grant === this.#access.grant) this.#access = access
    return isOf
  }

  /** Its stream is all there is of it. */
  check(holds: (access: Access) => boolean): void {
    if (!holds(this.#access)) this.#close(NOT_LET_IN)
  }

  begin(endpoint: string): void {
    this.#stream.write([Buffer.from(`event: endpoint\ndata: ${endpoint}\n\n`)])
  }

  take(body: Buffer, _req: Incoming, res: Outgoing): void {
    const message = parseClientMessage(body)
    if (message.type === 'bad') {
      this.#session.receive(message, new RefusedReply(res))
      if (!res.headersSent) sendRefusal(res, { status: 400, code: message.code, message: message.reason }, message.id)
      return
    }
    this.#session.receive(message, this)
    sendEmpty(res, 202)
  }

  answer(parts: readonly Buffer[], _status: number): void {
    if (!this.#isClosed) this.#stream.write(messageEvent(null, parts))
  }

  send(text: string): void {
    if (!this.#isClosed) this.#stream.write(messageEvent(null, [Buffer.from(text)]))
  }

  closed(): void {
    this.#close('the client went away')
  }

  stop(): void {
    this.#close('mcpctl was stopped')
  }

  #close(reason: string): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#onClosed()
    this.#session.close(reason)
    this.#stream.end()
  }
}
