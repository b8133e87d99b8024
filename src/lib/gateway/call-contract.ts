import type { BreakerVerdict, CacheSpec, FailureClass } from '../core/index.js'
import type { JsonObject } from '../mcp/index.js'
import type { Access } from './access.js'
import type { AnswerText } from './answer-text.js'
import type { Call } from './call.js'
import type { Inside } from './inside.js'
import type { Sight } from './sight.js'

/** Where a request goes and what holds for it on the way. */
export interface CallPlan {
  /** The server as clients know it, for messages. */
  readonly server: string
  /** Members of params that get another value there: the tool's own name. */
  readonly replaced: Readonly<JsonObject>
  /** Asking again does no harm: it may be repeated when the server is lost under it. */
  readonly repeatable: boolean
  readonly idleTimeoutMs: number | null
  readonly timeoutMs: number | null
  readonly startWaitMs: number
  /** Which of its server's answers are kept; null: none. */
  readonly cache: CacheSpec | null
}

/** The client session a call came from, as the server's side sees it. */
export interface CallClient {
  /** Who it is; absent: nobody known. */
  readonly access?: Access
  /** What it sees; absent: nothing. */
  readonly sight?: Sight
  /** Calls tools for it; absent: nobody does. */
  readonly inside?: Inside
  /** A question of a server, about one of the session's calls if that is known. Rejects with RpcError when the client says no, cannot, or is gone. */
  ask(call: Call | null, method: string, params: JsonObject): Promise<JsonObject>
  /** What a server said in its log. `call`: while it worked on that call. */
  logged(server: string, call: Call | null, params: JsonObject): void
  /** The answer names resources by URI. */
  named(call: Call, text: Buffer): void
  /** The request it came with was answered with questions; it goes on under the next one. */
  paused(call: Call): void
  /** The call is over; it may be forgotten. */
  settled(call: Call): void
}

export type { FailureClass }

/** How one attempt at a call ended, as far as it tells of its server. Errors the server itself answers with are answers. */
export type CallVerdict = Exclude<BreakerVerdict, { readonly type: 'withdrawn' }>

/** Why an attempt at a call came to nothing. */
export interface Setback {
  /** What it says of the server; null: nothing. */
  readonly failure: FailureClass | null
  /** The server certainly did not get to see the request. */
  readonly isUndelivered: boolean
  /** Its connection is lost, or something in between is in the way: once more may go well. */
  readonly isLost: boolean
}

/** The request never left for its server. */
export const NOT_SENT: Setback = { failure: null, isUndelivered: true, isLost: false }

/** Who keeps the answer of a call for equal ones. */
export interface AnswerKeeper {
  /** It left for its server; it may do so again. */
  left(call: Call): void
  /** Its client was asked something: what it is answered is for this client alone. */
  bound(call: Call): void
  /** Called before its client gets the answer. */
  answered(call: Call, answer: AnswerText): void
}

/** The server's side of a call. */
export interface CallCarrier {
  /** Its answers are the same whichever session asks: no process of one session's own. */
  readonly isShared: boolean
  submit(call: Call): void
  /** Nobody waits for it any more. */
  takeBack(call: Call, reason: string): void
  /** An attempt that had left for the server is over. Called before what follows from it: an answer, another attempt, an error. */
  judged(call: Call, verdict: CallVerdict): void
  /** An attempt came to nothing. True: the call goes on by another way, so nothing is to be answered yet. */
  goesOn(call: Call, setback: Setback): boolean
  /** The answer is a question, and whoever comes back with this state continues the call. Only asked of carriers that have it. */
  paused?(call: Call, requestState: unknown): void
  settled(call: Call): void
  /** Why the server takes nothing right now, for people; empty when there is nothing to say. */
  readonly absence: string
}
