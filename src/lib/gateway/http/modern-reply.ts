import type { Reply, RequestMessage, Underway } from '../contract.js'
import type { Accepted } from './accept.js'
import { failureText, INTERNAL_ERROR, sessionClosed } from '../failure.js'
import { EventStream, messageEvent } from './event-stream.js'
import { watch, type Exchange, type Outgoing } from './exchange.js'
import type { Heartbeat, Living } from './heartbeat.js'
import { sendAnswer } from './respond.js'
import type { SharedSession, SharedUser } from './shared-session.js'

export interface ModernReplyOptions {
  readonly message: RequestMessage
  readonly res: Outgoing
  readonly accepted: Accepted
  readonly shared: SharedSession
  readonly heartbeat: Heartbeat
}

/**
 * The answer to one modern request: one JSON body, or a stream once something has to be said before the answer or the
 * answer takes long. Its connection is the request: when that closes, the request is taken back.
 */
export class ModernReply implements Reply, Exchange, Living, SharedUser {
  readonly #res: Outgoing
  readonly #accepted: Accepted
  readonly #heartbeat: Heartbeat
  readonly #message: RequestMessage
  readonly #shared: SharedSession
  #stream: EventStream | null = null
  #underway: Underway | null = null
  #isWaiting = false
  #beats = 0
  #over = false

  constructor({ message, res, accepted, shared, heartbeat }: ModernReplyOptions) {
    this.#message = message
    this.#res = res
    this.#accepted = accepted
    this.#shared = shared
    this.#heartbeat = heartbeat
  }

  run(): void {
    const underway = this.#shared.session.receive(this.#message, this)
    if (this.#over) return
    this.#underway = underway
    this.#isWaiting = true
    this.#shared.join(this)
    this.#heartbeat.add(this)
    watch(this.#res, this)
  }

  answer(parts: readonly Buffer[], status: number, retryAfterMs?: number): void {
    if (this.#over) return
    this.#settle()
    // A client that takes streams only has to see a limit by the status all the same.
    if (this.#stream === null && (this.#accepted.json || retryAfterMs !== undefined)) return sendAnswer(this.#res, { parts, status, retryAfterMs })
    const stream = this.#open()
    stream.write(messageEvent(null, parts))
    stream.end()
  }

  send(text: string): void {
    if (this.#over || !this.#accepted.stream) return
    this.#open().write(messageEvent(null, [Buffer.from(text)]))
  }

  closed(): void {
    if (this.#over) return
    this.#settle()
    this.#stream?.end()
    this.#underway?.abort('the client disconnected')
  }

  /** A response without a byte for minutes is given up by HTTP clients: an answer that takes long gets a stream. */
  beat(): void {
    if (++this.#beats === 2 && this.#accepted.stream) this.#open()
  }

  stop(): void {
    this.answer([failureText(this.#message.id, { code: INTERNAL_ERROR, message: 'mcpctl was stopped', data: { reason: 'stopped', outcome: 'unknown' } })], 503)
  }

  sessionEnded(reason: string, isStop: boolean): void {
    if (isStop) this.stop()
    else this.answer([failureText(this.#message.id, sessionClosed(reason))], 200)
  }

  #open(): EventStream {
    return (this.#stream ??= new EventStream(this.#res, this.#heartbeat))
  }

  #settle(): void {
    this.#over = true
    if (!this.#isWaiting) return
    this.#heartbeat.delete(this)
    this.#shared.leave(this)
  }
}
