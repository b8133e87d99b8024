import type { Era } from '../core/index.js'

/** One request of a client for one server, as those who count and trace see it. */
export interface ObservedCall {
  /** No other call of this gateway has it. */
  readonly serial: number
  /** The server's own name, also when a process of one session answers. */
  readonly server: string
  readonly method: string
  /** The server's own name of the tool or prompt, or the URI of the resource; null for other methods. */
  readonly target: string | null
  readonly session: string
  /** Who asked: the id of its `Access`. */
  readonly caller: string
  /** The client's era; and what it calls itself. */
  readonly era: Era
  readonly client: { readonly name: string; readonly version: string } | null
  /** Epoch milliseconds at which the gateway took it. */
  readonly startedAt: number
  readonly bytesIn: number
  /** W3C trace context the client sent in `_meta`; null: none that is valid. */
  readonly traceparent: string | null
  readonly tracestate: string | null
}

/** `ok`; `failed`: a tool result with `isError`; `error`: an error answer of the server; `lost`: no answer of the server, the client got an error of ours; `cancelled`: the client took it back. */
export type CallOutcome = 'ok' | 'failed' | 'error' | 'lost' | 'cancelled'

export interface CallEnd {
  readonly outcome: CallOutcome
  readonly durationMs: number
  readonly bytesOut: number
  /** Error code of the answer, or our own reason (`down`, `timeout`, ...); null when it went well. */
  readonly code: string | null
  /** Milliseconds until it first left for its server; null: it never did. Absent: nobody kept the time. */
  readonly waitedMs?: number | null
  /** Answered with what was kept of an earlier call; the server did not see it. */
  readonly isCached?: true
}

/** A call that was turned away before any server was chosen: what it names is not there for its caller. */
export interface RefusedCall {
  readonly method: string
  /** The name or URI the client asked for. */
  readonly target: string | null
  readonly session: string
  readonly caller: string
  readonly client: ObservedCall['client']
}

/** Hears of every call. Called synchronously on the message path: cheap, and must not throw. */
export interface CallObserver {
  began(call: ObservedCall): void
  ended(call: ObservedCall, end: CallEnd): void
  refused?(call: RefusedCall): void
  /** Trace context the request carries on to the server in place of the client's; null: the client's own goes on untouched. */
  contextFor?(call: ObservedCall): { readonly traceparent: string; readonly tracestate: string | null } | null
}
