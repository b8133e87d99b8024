import type { Era } from '../core/index.js'
import { FrameMemory, type Frame } from './frame-memory.js'
import { createHandshakeConfig } from './handshake.js'
import { HandshakeRun } from './handshake-run.js'
import { notification, request, type ErrorObject, type Incoming, type JsonObject, type Outgoing } from './json-rpc.js'
import type { CallOptions, ClientIdentity, Established, EstablishOptions, FrameTap, Link, LinkActivity, LinkCounters, LinkHooks, PassedReceiver, PassedRequest, ServerRequest, UnansweredCall } from './link.js'
import { LateAnswers } from './late-answers.js'
import { LinkError } from './link-error.js'
import { PassedCalls } from './passed-calls.js'
import { PendingCalls } from './pending.js'
import { createProbe, type Probe } from './probe.js'
import { findAnswerId, readDigits } from './scan.js'
import type { LearntTools } from './tool-headers.js'
import { defaultAnswer, eraParams, errorOf } from './wire-message.js'
import type { Wire, WireEvents } from './wire.js'

export interface ConversationOptions extends LinkHooks {
  readonly client: ClientIdentity
}

const MAX_UNANSWERED = 16

interface Speaks {
  readonly era: Era
  readonly protocolVersion: string
}

/**
 * The part of a link that is the same over every wire: numbering, waiting, handshake, answering what the server asks.
 * Owns the wire: `close` releases it.
 */
export class Conversation implements Link {
  readonly counters: { -readonly [Name in keyof LinkCounters]: number } = { unknownAnswers: 0, noise: 0, oversize: 0, unsent: 0 }
  tap: FrameTap | null = null
  readonly #options: ConversationOptions
  readonly #wire: Wire
  readonly #pending = new PendingCalls()
  readonly #frames = new FrameMemory()
  /** The daemon's clock from `establish` on; the same kind before that. */
  #now: () => number = () => Math.round(performance.timeOrigin + performance.now())
  #lastHeardAt = this.#now()
  #lastSentAt = this.#lastHeardAt
  /** What was passed on, not a probe; also when nobody waited for it any more. */
  #lastAnsweredAt = 0
  readonly #passed = new PassedCalls(this.#lastHeardAt)
  /** What is to be called when a request that was taken back is answered all the same. */
  readonly #late = new LateAnswers()
  readonly #idSlot = { start: 0, end: 0 }
  #probe: Probe | null = null
  #isProbing = false
  #handshake: HandshakeRun | null = null
  #speaks: Speaks | null = null
  #nextId = 1
  #ended: string | null = null
  /** What was under way when the link ended. */
  #atEnd: { readonly unanswered: readonly UnansweredCall[]; readonly queuedBytes: number } | null = null

  /** `openWire` gets the events to report to and returns the wire; it must not report before it returned. */
  constructor(options: ConversationOptions, openWire: (events: WireEvents) => Wire) {
    this.#options = options
    this.#wire = openWire({
      answered: (text) => this.#takeAnswer(text),
      message: (message, via) => {
        if ((message.type === 'result' || message.type === 'error') && typeof message.id === 'number') this.#frames.answered(message.id)
        this.#receive(message, via ?? null)
      },
      refused: (id, refusal) => { this.#refused(id, refusal) },
      failed: (id, error) => { this.#failed(id, error) },
      waiting: (stage) => { this.#handshake?.postpone(stage) },
      ended: (why) => { this.#end(why, true) },
      count: (what) => { this.counters[what]++ },
      heard: () => { this.#lastHeardAt = this.#now() },
      received: (text, bytes) => {
        this.#frames.received(this.#lastHeardAt, text, bytes)
        this.tap?.received(text, bytes ?? text.length, false)
      },
      leaving: () => { this.#lastSentAt = this.#now() },
      sent: (pieces, bytes) => {
        if (!this.#isProbing) this.#frames.sent(this.#lastSentAt, pieces, bytes)
        this.tap?.sent(pieces, bytes, this.#isProbing)
      },
    })
  }

  get closed(): boolean {
    return this.#ended !== null
  }

  get activity(): LinkActivity {
    const inFlight = this.#passed.owed + this.#pending.size
    const starts = inFlight === 0 ? [] : [...this.#passed.list(1), ...this.#pending.list()].map(({ startedAt }) => startedAt)
    return {
      lastHeardAt: this.#lastHeardAt,
      lastSentAt: this.#lastSentAt,
      inFlight,
      inFlightSince: starts.length === 0 ? null : Math.min(...starts),
      queuedBytes: this.#atEnd?.queuedBytes ?? this.#wire.queuedBytes,
    }
  }

  answeredSince(id: number): boolean {
    return this.#lastAnsweredAt > (this.#passed.startOf(id) ?? Infinity)
  }

  heldFor(id: number): number {
    const now = this.#now()
    return now - (this.#passed.startOf(id) ?? now)
  }

  lastFrames(): readonly Frame[] {
    return this.#frames.list()
  }

  unanswered(): readonly UnansweredCall[] {
    return this.#atEnd?.unanswered ?? [...this.#passed.list(MAX_UNANSWERED), ...this.#pending.list()].sort((a, b) => a.startedAt - b.startedAt).slice(0, MAX_UNANSWERED)
  }

  async establish(options: EstablishOptions): Promise<Established> {
    if (this.#handshake !== null) throw new LinkError('rejected', 'this link has been opened before; open a new one')
    if (this.#ended !== null) throw new LinkError('closed', `${this.#ended} before the handshake`)
    const { remembered, graceMs, now, signal } = options
    this.#now = now
    const era = this.#wire.onlyEra ?? options.era
    const config = createHandshakeConfig({ era, remembered, client: this.#options.client, pinned: this.#wire.pinned, ...(graceMs === undefined ? {} : { graceMs }) })
    this.#handshake = new HandshakeRun({
      config, wire: this.#wire, now, signal,
      onStage: (stage) => this.#options.onStage?.(stage),
      onAdopt: (speaks) => {
        this.#speaks = speaks
        this.#wire.adopt(speaks.era, speaks.protocolVersion)
      },
    })
    const established = await this.#handshake.start()
    this.#nextId = this.#handshake.nextId
    const { usable, warnings } = this.learnTools(established.catalogue.tools)
    if (warnings.length === 0) return established
    return { ...established, catalogue: { ...established.catalogue, tools: usable }, warnings: [...established.warnings, ...warnings] }
  }

  learnTools(tools: readonly unknown[]): LearntTools {
    return this.#wire.learnTools(tools)
  }

  async request(method: string, params: JsonObject | undefined, options: CallOptions): Promise<unknown> {
    const speaks = this.#ready()
    return this.#call(method, eraParams(params, speaks, this.#options.client), options)
  }

  pass(request: PassedRequest): number {
    this.#ready()
    const id = this.#nextId++
    this.#wire.sendPassed(id, request)
    this.#passed.add(id, request, this.#lastSentAt)
    return id
  }

  takeBack(id: number, reason: string, onLate?: () => void): boolean {
    const request = this.#passed.take(id)
    if (request === undefined) return false
    this.tap?.gaveUp(id, reason, request.isProbe === true)
    if (onLate !== undefined) this.#late.add(id, onLate)
    this.#giveUp(id, reason)
    return true
  }

  notify(method: string, params?: JsonObject): void {
    this.#sendQuietly(notification(method, params))
  }

  probe(receiver: PassedReceiver, method?: string): number {
    this.#probe = createProbe(this.#ready(), this.#options.client, { last: this.#probe, method })
    this.#isProbing = true
    try {
      return this.pass({ ...this.#probe, receiver, isProbe: true })
    } finally {
      this.#isProbing = false
    }
  }

  close(): void {
    this.#end('the link was closed', false)
  }

  #ready(): Speaks {
    if (this.#ended !== null) throw new LinkError('closed', this.#ended)
    if (this.#speaks === null || this.#handshake?.over !== true) throw new LinkError('rejected', 'the handshake with the server is not done yet')
    return this.#speaks
  }

  async #call(method: string, params: JsonObject | undefined, options: CallOptions): Promise<unknown> {
    if (options.signal?.aborted === true) throw new LinkError('aborted', `${method} was given up by the caller`)
    const id = this.#nextId++
    // Sent first: what cannot be sent rejects here and leaves nothing waiting.
    this.#wire.send(request(id, method, params))
    return this.#pending.add(id, { method, startedAt: this.#lastSentAt }, options, (why) => { this.#giveUp(id, why) })
  }

  #giveUp(id: number, why: string): void {
    this.#wire.abandon(id)
    if (this.#speaks !== null && this.#wire.cancelsByMessage(this.#speaks.era)) this.notify('notifications/cancelled', { requestId: id, reason: why })
  }

  /** The hot path: the answer to a passed request is handed on as it came, only its id is looked at. */
  #takeAnswer(text: Buffer): boolean {
    const slot = this.#idSlot
    if ((this.#passed.size === 0 && this.#late.size === 0) || this.#ended !== null || !findAnswerId(text, slot)) return false
    const id = readDigits(text, slot.start, slot.end)
    const request = this.#passed.take(id)
    if (request === undefined) {
      this.#late.came(id)
      return false
    }
    // Before the receiver, whose bytes they are then.
    if (request.isProbe !== true) {
      this.#lastAnsweredAt = this.#lastHeardAt
      this.#frames.received(this.#lastHeardAt, text, text.length, id)
    }
    this.tap?.received(text, text.length, request.isProbe === true)
    request.receiver.answered(text, slot.start, slot.end)
    return true
  }

  /** An answer whose id was not to be seen in its bytes, or that had to be put together here. */
  #answerPassed(id: number, outcome: { result: unknown } | { error: ErrorObject }): boolean {
    const request = this.#passed.take(id)
    if (request === undefined) return false
    if (request.isProbe !== true) this.#lastAnsweredAt = this.#lastHeardAt
    const text = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, ...outcome }))
    request.receiver.answered(text, ANSWER_ID_AT, ANSWER_ID_AT + String(id).length)
    return true
  }

  #failPassed(id: number, error: LinkError | ((method: string) => LinkError)): boolean {
    const request = this.#passed.take(id)
    if (request === undefined) return false
    const failure = typeof error === 'function' ? error(request.method) : error
    this.tap?.gaveUp(id, failure.message, request.isProbe === true)
    request.receiver.failed(failure)
    return true
  }

  #receive(message: Incoming, via: number | null): void {
    if (this.#ended !== null) return
    const handshake = this.#handshake
    if (handshake !== null && !handshake.over && message.type !== 'notification') {
      if (handshake.owns(message)) handshake.take({ type: 'message', message })
      else this.counters.unknownAnswers++
      return
    }
    switch (message.type) {
      case 'notification': this.#options.onNotification?.(message.method, message.params, via); break
      case 'request': this.#answer({ ...message, via }); break
      case 'result': if (!this.#answerPassed(idOf(message), { result: message.result }) && !this.#pending.resolve(idOf(message), message.result)) this.#answeredLate(); break
      case 'error': if (!this.#answerPassed(idOf(message), { error: message.error }) && !this.#pending.reject(idOf(message), message.error)) this.#answeredLate(); break
    }
  }

  #answeredLate(): void {
    this.#lastAnsweredAt = this.#lastHeardAt
    this.counters.unknownAnswers++
  }

  #answer(asked: ServerRequest): void {
    if (this.#speaks?.era === 'modern') return
    const answer = this.#options.onRequest?.(asked)
    if (answer === undefined) this.#sendQuietly(defaultAnswer(asked))
    else answer.then(
      (result) => { this.#sendQuietly({ jsonrpc: '2.0', id: asked.id, result }) },
      (error: unknown) => { this.#sendQuietly({ jsonrpc: '2.0', id: asked.id, error: errorOf(error) }) },
    )
  }

  #sendQuietly(message: Outgoing): void {
    try {
      if (this.#ended === null) this.#wire.send(message)
      else this.counters.unsent++
    } catch {
      this.counters.unsent++
    }
  }

  #refused(id: number, refusal: Parameters<WireEvents['refused']>[1]): void {
    const { hint, retryAfterMs, ...rest } = refusal
    if (this.#handshake !== null && !this.#handshake.over) this.#handshake.take({ type: 'refused', id, ...rest }, hint)
    else if (refusal.error !== null && refusal.reason !== 'unauthorised') {
      if (!this.#answerPassed(id, { error: refusal.error })) this.#pending.reject(id, refusal.error)
    } else {
      const error = new LinkError(refusal.reason, refusal.why, { status: refusal.status, ...(retryAfterMs === undefined ? {} : { retryAfterMs }), ...(hint === undefined ? {} : { hint }) })
      if (!this.#failPassed(id, error)) this.#pending.reject(id, error)
    }
  }

  #failed(id: number, error: LinkError): void {
    if (!this.#failPassed(id, error) && !this.#pending.reject(id, error)) this.#handshake?.fail(error)
  }

  #end(why: string, byServer: boolean): void {
    if (this.#ended !== null) return
    this.#atEnd = { unanswered: this.unanswered(), queuedBytes: this.#wire.queuedBytes }
    this.#ended = why
    // Only what the server did says anything about its era.
    if (byServer) this.#handshake?.take({ type: 'closed', why })
    else this.#handshake?.fail(new LinkError('closed', `${why} during the handshake`))
    this.#wire.close()
    const cutOff = (method: string): LinkError => new LinkError('closed', `${why} before it answered ${method}`)
    for (const id of this.#passed.ids()) this.#failPassed(id, cutOff)
    this.#pending.rejectAll(cutOff)
    if (byServer) this.#options.onClosed?.(why)
  }
}

/** Where the id stands in the text of an answer put together here. */
const ANSWER_ID_AT = '{"jsonrpc":"2.0","id":'.length

/** Ids of ours are numbers; anything else can belong to no request. */
function idOf(message: { id: number | string | null }): number {
  return typeof message.id === 'number' ? message.id : Number.NaN
}
