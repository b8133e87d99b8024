import { type JsonObject, type Link, type LinkError, type PassedReceiver, type PassedRequest } from '../mcp/index.js'
import { isFailedResult, isMissingCapability, mayAskForInput, namesResources, readError, readInputRequired, toLegacyAnswer, toModernError, toModernResult, withId, type AnswerText } from './answer-text.js'
import { idText, type ClientId } from './client-id.js'
import type { CallReport, CallReporter } from './call-report.js'
import { NOT_SENT, type AnswerKeeper, type CallCarrier, type Setback } from './call-contract.js'
import { judgeExpiry } from './call-expiry.js'
import { CallFacts, type CallParts } from './call-facts.js'
import { CallRounds } from './call-rounds.js'
import { classOf, verdictOf } from './failure-class.js'
import type { Reply, RequestMessage, Underway } from './contract.js'
import type { Lane } from './lane.js'
import { CallClock } from './call-clock.js'
import { absent, failureText, linkTrouble, MISSING_CAPABILITY, URL_ELICITATION_REQUIRED, withUnknownOutcome, type Failure } from './failure.js'
import { progressTokenOf } from './origin.js'
import type { Parking } from './parking.js'
import type { Visitor } from './session-tally.js'
import { toPassedRequest, type Hop } from './request-text.js'

let serials = 0
const NOTHING: JsonObject = {}
const ANSWERED = { type: 'answered' } as const

/**
 * One request of a client on its way to one server. Whatever happens, its client gets one answer: the server's, or an
 * error that says whether the server may have acted.
 */
export class Call extends CallFacts implements PassedReceiver, Underway {
  /** Set while it counts as under way. */
  visitor: Visitor | null = null
  /** No other call has it. */
  readonly serial = ++serials
  /** The link it was last passed on, and its id there while it is. */
  link: Link | null = null
  linkId: number | null = null
  /** Stands in for the client's progress token on the link. */
  token: number | null = null
  repeated = false
  /** The server's side that let it in last; and where it is: `held`: it waits in the gate, and its carrier does not know of it yet; `free`: the gate has nothing to do with it. */
  lane: Lane | null = null
  stage: 'free' | 'held' | 'passed' = 'free'
  /** Keeps its answer for others; null: nobody wants it. */
  keeper: AnswerKeeper | null = null
  /** What the server answers must be translated from. */
  hop: Hop | null = null
  readonly #parking: Parking
  /** Null: nobody wants to know, or no server has it yet. */
  #report: CallReport | null
  readonly #reporter: CallReporter | null
  #reply: Reply | null
  #id: ClientId
  #progressToken: string | number | undefined
  #rounds: CallRounds | null = null
  #over = false
  #isBound = false
  #isRecalled = false
  /** Attempts that a server may have got to see. */
  #seen = 0
  #kept: (() => void) | null = null
  /** Capabilities its server asked for in vain, because the client did not declare them. */
  #lacking: JsonObject | null = null
  readonly #clock: CallClock

  constructor(parts: CallParts) {
    super(parts)
    this.#parking = parts.parking
    this.#report = parts.report ?? null
    this.#reporter = parts.reporter ?? null
    this.#reply = parts.reply
    this.#id = parts.message.id
    this.#progressToken = progressTokenOf(parts.message.params)
    this.#clock = new CallClock(parts.plan, (reason, limitMs) => { this.#expire(reason, limitMs) })
    this.#clock.armTotal()
  }

  /** The id of the client's request, which changes when it comes back with answers. */
  get id(): ClientId {
    return this.#id
  }

  get over(): boolean {
    return this.#over
  }

  get wantsProgress(): boolean {
    return this.#progressToken !== undefined
  }

  /** Its client was asked something meanwhile: it cannot go on with a server that knows nothing of that. */
  get isBound(): boolean {
    return this.#isBound
  }

  /** Its modern client is away, answering a question. */
  get isParked(): boolean {
    return this.#reply === null
  }

  /** The request as it goes out on a link. */
  toPassed(hop: Hop): PassedRequest {
    const { line, method, params } = this.message
    this.hop = hop
    return toPassedRequest({ line, method, params, replaced: this.plan.replaced, added: this.#rounds?.added ?? NOTHING, context: this.#report?.context ?? null }, this.origin, hop, this)
  }

  /** It waits for its server to come up, for as long as the plan allows. */
  waits(): void {
    this.#clock.stop('idle')
    this.#clock.armWait(() => {
      this.#clock.stop('wait')
      this.carrier.takeBack(this, 'the server did not come up in time')
      this.refused(absent(this.plan.server, this.plan.startWaitMs, this.carrier.absence))
    })
  }

  /** A server takes it on: the first one, or another one in its place. Limits count anew. */
  goesTo(server: string): void {
    this.#report?.moved()
    this.#report = this.#reporter?.(server) ?? null
    this.linkId = null
    this.#clock.restart()
  }

  /** It left for the server. */
  leaves(): void {
    this.#clock.stop('wait')
    this.#report?.left()
    this.keeper?.left(this)
    this.#seen++
    this.#clock.armIdle()
  }

  /** Whether something that takes so many milliseconds would end after its own time is over. */
  isTooLateFor(durationMs: number): boolean {
    return this.#clock.isTooLateFor(durationMs)
  }

  /** A sign of life: the limit on silence begins anew. */
  progress(params: JsonObject): void {
    this.#clock.armIdle()
    this.tell('notifications/progress', { ...params, progressToken: this.#progressToken })
  }

  /** A notification that belongs to this request. Nobody hears it while the client is away answering a question. */
  tell(method: string, params: JsonObject | undefined): void { this.send({ jsonrpc: '2.0', method, params }) }

  send(message: JsonObject): void {
    if (!this.#over) this.#reply?.send(JSON.stringify(message))
  }

  answered(text: Buffer, idStart: number, idEnd: number): void {
    this.linkId = null
    this.carrier.judged(this, ANSWERED)
    if (this.#over) return
    this.#clock.stop('idle')
    this.#take({ text, idStart, idEnd })
  }

  /** The answer to an equal call is given to this one, which was not sent. */
  recall(answer: AnswerText, hop: Hop): void {
    this.hop = hop
    this.#isRecalled = true
    this.#take(answer)
  }

  #take(answer: AnswerText): void {
    if (namesResources(answer)) this.client.named(this, answer.text)
    const from = this.hop?.era ?? this.origin.era
    if (from === 'modern' && this.#asksForInput(answer)) return
    if (from === 'legacy' && this.origin.era === 'modern') return this.#answeredToModern(answer)
    this.#deliver(answer, (id) => (from === this.origin.era ? withId(answer, id) : toLegacyAnswer(answer, this.message.method, id)), this.origin.era === 'modern' && isMissingCapability(answer) ? 400 : 200)
  }

  failed(error: LinkError): void {
    this.linkId = null
    if (error.isUndelivered) this.#seen--
    const failure = classOf(error)
    if (failure !== null) this.carrier.judged(this, verdictOf(error, failure))
    if (this.#over) return
    const isLost = error.reason === 'closed' || error.reason === 'unreachable'
    this.setBack({ failure, isLost, isUndelivered: error.isUndelivered }, linkTrouble(this.plan.server, error))
  }

  /** An attempt came to nothing. It goes on by another way where that does no harm; else its client gets this error. */
  setBack(setback: Setback, failure: Failure): void {
    if (!this.#over && (this.stage === 'held' || !this.carrier.goesOn(this, setback))) this.fail(failure)
  }

  /** A server that is away has it. True: another one takes it on meanwhile. */
  goesOnElsewhere(from: CallCarrier): boolean {
    return this.carrier !== from && this.carrier.goesOn(this, NOT_SENT)
  }

  /** Its server takes it not, and never saw it. */
  refused(failure: Failure): void {
    this.setBack(NOT_SENT, failure)
  }

  fail(reason: Failure): void {
    if (this.#over) return
    // That the last attempt did not arrive says nothing of those before it.
    const failure = this.#seen > 0 ? withUnknownOutcome(reason) : reason
    this.#told()?.lost(failure)
    this.#finish(() => { this.#reply?.answer([failureText(this.#id, failure)], failure.status, failure.retryAfterMs) })
  }

  abort(reason: string): void {
    if (this.#over && this.#kept === null) return
    this.carrier.takeBack(this, reason)
    this.#told()?.cancelled()
    this.#finish(() => undefined)
    this.#kept = null
    this.#settle()
  }

  /** A legacy server asks a modern client: the open request is answered with the question, and goes on when the client comes back. */
  park(method: string, params: JsonObject): Promise<JsonObject> {
    return this.holdsFor(this.#parking.ask(this, method, params))
  }

  /** While its client thinks, its server owes no sign of life. */
  holdsFor(answer: Promise<JsonObject>): Promise<JsonObject> {
    this.#isBound = true
    this.keeper?.bound(this)
    this.#clock.stop('idle')
    answer.then(() => { this.#clock.armIdle() }, () => { this.#clock.armIdle() })
    return answer
  }

  /** Its server asked for something the client did not declare; if the server fails for want of it, that is what a modern client is told. */
  lacks(capability: string, needed: JsonObject): void {
    this.#lacking = { ...this.#lacking, [capability]: needed }
  }

  /** Hands the questions over to the client; the request it had open is answered by that. False when nobody listens. */
  handOver(inputRequests: JsonObject, requestState: string): boolean {
    const reply = this.#reply
    if (reply === null || this.#over) return false
    this.client.paused(this)
    this.#reply = null
    reply.answer([Buffer.from(`{"jsonrpc":"2.0","id":${idText(this.#id)},"result":${JSON.stringify({ resultType: 'input_required', inputRequests, requestState })}}`)], 200)
    return true
  }

  /** The client came back with a new request that continues this one. */
  resume(message: RequestMessage, reply: Reply): void {
    this.#id = message.id
    this.#progressToken = progressTokenOf(message.params) ?? this.#progressToken
    this.#reply = reply
    const kept = this.#kept
    if (kept === null) return
    this.#kept = null
    kept()
    this.#settle()
  }

  /** A modern server needs something first. A modern client reads that itself; false: so the answer goes on to it. */
  #asksForInput(answer: AnswerText): boolean {
    const isLegacy = this.origin.era === 'legacy'
    if (!(isLegacy || this.carrier.paused !== undefined) || !mayAskForInput(answer)) return false
    const asked = readInputRequired(answer)
    if (asked === null) return false
    if (!isLegacy) this.carrier.paused?.(this, asked.requestState)
    else {
      this.#isBound = true
      this.keeper?.bound(this)
      void (this.#rounds ??= new CallRounds(this)).next(asked.requests, asked.requestState)
    }
    return isLegacy
  }

  #answeredToModern(answer: AnswerText): void {
    const error = readError(answer)
    if (this.#lacking !== null && (error !== null || isFailedResult(answer))) {
      this.#report?.answered(answer)
      return this.fail({ code: MISSING_CAPABILITY, message: `the server needs what the client did not declare: ${Object.keys(this.#lacking).join(', ')}`, data: { requiredCapabilities: this.#lacking }, status: 400 })
    }
    if (error === null) return this.#deliver(answer, (id) => toModernResult(answer, this.message.method, id), 200)
    if (error['code'] === URL_ELICITATION_REQUIRED && (this.#rounds ??= new CallRounds(this)).askForUrls(error)) return
    this.#deliver(answer, (id) => [Buffer.from(`{"jsonrpc":"2.0","id":${id.toString()},"error":${JSON.stringify(toModernError(error))}}`)], 200)
  }

  #deliver(answer: AnswerText, write: (id: Buffer) => readonly Buffer[], status: number): void {
    this.#told()?.answered(answer, this.#isRecalled)
    this.keeper?.answered(this, answer)
    this.#finish(() => { this.#reply?.answer(write(Buffer.from(idText(this.#id))), status) })
  }

  /** While the client is away answering a question, the outcome waits for it. */
  #finish(tell: () => void): void {
    this.#over = true
    this.#clock.stopAll()
    if (this.#reply === null) {
      // The id of the answer is that of the request the client comes back with.
      this.#kept = tell
      return this.carrier.settled(this)
    }
    tell()
    this.#settle()
  }

  #settle(): void {
    this.#parking.forget(this)
    this.client.settled(this)
  }

  /** Who is told how it ended: where no server had it, on behalf of the one that would have been asked first. */
  #told(): CallReport | null {
    return (this.#report ??= this.#reporter?.(null) ?? null)
  }

  #expire(reason: 'timeout' | 'idle-timeout', limitMs: number): void {
    const { verdict, setback, failure } = judgeExpiry({ server: this.plan.server, reason, limitMs, link: this.link, linkId: this.linkId, isUnsent: this.#seen === 0 })
    if (verdict !== null) this.carrier.judged(this, verdict)
    this.carrier.takeBack(this, reason)
    this.setBack(setback, failure)
  }
}
