import type { Era } from '../core/index.js'
import { isJsonObject } from '../mcp/index.js'
import { outcomeOf } from './answer-outcome.js'
import type { AnswerText } from './answer-text.js'
import type { CallObserver, CallOutcome, ObservedCall, RefusedCall } from './call-observer.js'
import type { RequestMessage } from './contract.js'
import type { Failure } from './failure.js'
import type { Origin } from './request-text.js'
import { readTraceContext, type TraceContext } from './trace-context.js'

let serials = 0
const CACHED = { isCached: true } as const

export interface ReportedCall {
  readonly message: RequestMessage
  readonly server: string
  readonly target: string | null
  readonly session: string
  readonly caller: string
  readonly origin: Origin
  /** When the gateway took the request, on the clock of `performance.now`. */
  readonly startedOn: number
}

/** Begins the report of one attempt at a call; null: no server had it, and it is over. Gives null when nobody wants to know. */
export type CallReporter = (server: string | null) => CallReport | null

/** One call as its observer hears of it: its begin when it is made, its end once, whatever is said of it after that. */
export class CallReport implements ObservedCall {
  readonly serial = ++serials
  readonly server: string
  readonly method: string
  readonly target: string | null
  readonly session: string
  readonly caller: string
  readonly era: Era
  readonly client: ObservedCall['client']
  readonly startedAt: number
  readonly bytesIn: number
  readonly traceparent: string | null
  readonly tracestate: string | null
  /** What the request carries on to its server in place of the client's; null: nothing else. */
  readonly context: TraceContext | null
  readonly #observer: CallObserver
  readonly #startedOn: number
  #isOver = false
  /** When it first left for its server, as `#startedOn`. */
  #leftOn: number | null = null

  constructor(observer: CallObserver, { message, server, target, session, caller, origin, startedOn }: ReportedCall) {
    const given = readTraceContext(message.params)
    this.server = server
    this.method = message.method
    this.target = target
    this.session = session
    this.caller = caller
    this.era = origin.era
    this.client = origin.clientInfo
    this.startedAt = Math.round(performance.timeOrigin + startedOn)
    this.bytesIn = message.line.length
    this.traceparent = given?.traceparent ?? null
    this.tracestate = given?.tracestate ?? null
    this.#observer = observer
    this.#startedOn = startedOn
    observer.began(this)
    this.context = observer.contextFor?.(this) ?? null
  }

  /** It left for its server; it may do so again. */
  left(): void {
    this.#leftOn ??= performance.now()
  }

  /** Its server answered it, or (`isCached`) an equal call. */
  answered(answer: AnswerText, isCached = false): void {
    if (this.#isOver) return
    const { outcome, code } = outcomeOf(answer, this.method)
    this.#end(outcome, answer.text.length, code, isCached)
  }

  /** Its client gets an error that is ours. */
  lost({ code, data }: Failure): void {
    const reason = isJsonObject(data) ? data['reason'] : undefined
    this.#end('lost', 0, typeof reason === 'string' ? reason : String(code))
  }

  /** Another server takes the call on: this one did not answer it. */
  moved(): void {
    this.#end('lost', 0, 'moved')
  }

  /** Its client waits for it no more. */
  cancelled(): void {
    this.#end('cancelled', 0, null)
  }

  #end(outcome: CallOutcome, bytesOut: number, code: string | null, isCached = false): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#observer.ended(this, { outcome, durationMs: performance.now() - this.#startedOn, bytesOut, code, waitedMs: this.#leftOn === null ? null : this.#leftOn - this.#startedOn, ...(isCached && CACHED) })
  }
}

/** One observer that passes on what it hears to all of these. The first that has a context for a call decides it. */
export function joinObservers(observers: readonly CallObserver[]): CallObserver {
  const [only] = observers
  if (only !== undefined && observers.length === 1) return only
  const refusing = observers.filter((observer) => observer.refused !== undefined)
  const giving = observers.filter((observer) => observer.contextFor !== undefined)
  return {
    began: (call) => { for (const observer of observers) observer.began(call) },
    ended: (call, end) => { for (const observer of observers) observer.ended(call, end) },
    ...(refusing.length === 0 ? {} : { refused: (call: RefusedCall) => { for (const observer of refusing) observer.refused?.(call) } }),
    ...(giving.length === 0 ? {} : {
      contextFor: (call: ObservedCall) => {
        for (const observer of giving) {
          const context = observer.contextFor?.(call) ?? null
          if (context !== null) return context
        }
        return null
      },
    }),
  }
}
