import { isJsonObject } from '../../mcp/index.js'
import { idText } from '../client-id.js'
import type { Reply, RequestMessage } from '../contract.js'
import type { Accepted } from './accept.js'
import { failureText, INTERNAL_ERROR, INVALID_REQUEST } from '../failure.js'
import { EventStream } from './event-stream.js'
import { isGone, watch, type Exchange, type Outgoing } from './exchange.js'
import type { Living } from './heartbeat.js'
import type { LegacySession, SessionUser } from './legacy-session.js'
import type { ResumableStream } from './resumable-stream.js'
import { sendAnswer } from './respond.js'
import type { SessionTable } from './session-table.js'

const CHANGES_STATE = new Set(['logging/setLevel', 'resources/subscribe', 'resources/unsubscribe'])
const MAX_TAG = 160

export interface LegacyReplyOptions {
  readonly table: SessionTable
  readonly session: LegacySession
  readonly message: RequestMessage
  readonly res: Outgoing
  readonly accepted: Accepted
}

/**
 * The answer to one request of a legacy session: one JSON body, or a stream that can be resumed. A connection that
 * breaks takes nothing back; what the stream was to carry is kept for a client that has seen an event of it.
 */
export class LegacyReply implements Reply, Exchange, Living, SessionUser {
  readonly #table: SessionTable
  readonly #session: LegacySession
  readonly #message: RequestMessage
  readonly #res: Outgoing
  readonly #accepted: Accepted
  readonly #introduces: boolean
  #stream: ResumableStream | null = null
  #connection: EventStream | null = null
  #beats = 0
  #isWatched = false
  #over = false

  constructor({ table, session, message, res, accepted }: LegacyReplyOptions) {
    this.#table = table
    this.#session = session
    this.#message = message
    this.#res = res
    this.#accepted = accepted
    this.#introduces = message.method === 'initialize'
  }

  run(): void {
    this.#session.receive(this.#message, this)
    if (this.#over) return
    this.#watch()
    this.#table.heartbeat.add(this)
  }

  answer(parts: readonly Buffer[], status: number, retryAfterMs?: number): void {
    if (this.#over) return
    this.#over = true
    this.#table.heartbeat.delete(this)
    this.#noteState()
    // A client that takes streams only has to see a limit by the status all the same.
    if (this.#stream === null && (this.#accepted.json || retryAfterMs !== undefined)) return sendAnswer(this.#res, { parts, status, headers: this.#headers(), retryAfterMs })
    const stream = this.#stream ?? this.#open()
    if (stream === null) return
    stream.push(parts)
    stream.end()
    this.#session.finishStream(stream, false)
  }

  send(text: string): void {
    if (this.#over) return
    const stream = this.#stream ?? (this.#accepted.stream ? this.#open() : null)
    const isConnected = stream?.isConnected === true
    // The request's own stream is the place for it. A question that waits there for a client to come back may wait for ever.
    if (stream !== null && (isConnected || !this.#session.standing.isConnected || !isQuestion(text))) stream.push([Buffer.from(text)])
    else if (!isConnected && isQuestion(text)) this.#session.send(text)
  }

  closed(): void {
    if (this.#isWatched) this.#session.leave(this, this.#table.now)
    this.#table.heartbeat.delete(this)
    const connection = this.#connection
    if (connection !== null) {
      connection.end()
      this.#stream?.detach(connection)
      if (this.#over && this.#stream !== null && this.#res.writableFinished) this.#session.finishStream(this.#stream, true)
    }
    // Nobody learned the id.
    if (this.#introduces && !this.#over && connection === null) {
      this.#over = true
      this.#session.close('the client went away before it had a session')
    }
  }

  /** A response without a byte for minutes is given up by HTTP clients: an answer that takes long gets a stream. */
  beat(): void {
    if (++this.#beats === 2 && this.#accepted.stream && this.#stream === null) this.#open()
  }

  stop(): void {
    this.#fail(503, INTERNAL_ERROR, 'mcpctl was stopped', 'stopped')
  }

  sessionEnded(isStop: boolean): void {
    if (isStop) this.stop()
    else this.#fail(404, INVALID_REQUEST, 'the session was ended', 'unknown-session')
  }

  #fail(status: number, code: number, message: string, reason: string): void {
    this.answer([failureText(this.#message.id, { code, message, data: { reason, outcome: 'unknown' } })], status)
  }

  /** Begins the stream of this response; null when nobody is there any more. */
  #open(): ResumableStream | null {
    if (isGone(this.#res)) return null
    this.#watch()
    const stream = this.#session.openStream(tagOf(this.#message))
    const connection = new EventStream(this.#res, this.#table.heartbeat, this.#headers())
    stream.attach(connection, null, this.#session.primes)
    this.#stream = stream
    this.#connection = connection
    return stream
  }

  /** The answer to `initialize` carries the id, and makes the session known. */
  #headers(): readonly string[] {
    if (!this.#introduces || this.#session.isClosed) return []
    if (this.#over && !this.#session.isIntroduced) return []
    if (!this.#over) this.#table.admit(this.#session)
    return ['mcp-session-id', this.#session.id]
  }

  #noteState(): void {
    if (this.#introduces) {
      if (this.#session.isIntroduced && !isGone(this.#res)) this.#table.admit(this.#session)
      else this.#table.end(this.#session, 'the client was not introduced')
    } else if (CHANGES_STATE.has(this.#message.method)) {
      this.#table.save(this.#session)
    }
  }

  #watch(): void {
    if (this.#isWatched) return
    this.#isWatched = true
    this.#session.join(this)
    watch(this.#res, this)
  }
}

function tagOf({ id }: RequestMessage): string {
  const tag = Buffer.from(idText(id)).toString('base64url')
  return tag.length <= MAX_TAG ? tag : ''
}

function isQuestion(text: string): boolean {
  const message: unknown = JSON.parse(text)
  return isJsonObject(message) && message['id'] !== undefined && typeof message['method'] === 'string'
}
