import type { Blocker } from './state.js'
import type { Breach, EndCause } from './end.js'
import type { ServerSpec } from './spec.js'

/** Events that belong to one instance; one of an older generation changes nothing. */
export type InstanceEvent =
  | { readonly type: 'spawned'; readonly generation: number; readonly pid: number }
  | { readonly type: 'launch-failed'; readonly generation: number; readonly reason: string; readonly permanent: boolean }
  /** Proven: handshake answered and lists read. */
  | { readonly type: 'established'; readonly generation: number }
  | { readonly type: 'link-failed'; readonly generation: number; readonly cause: Extract<EndCause, 'handshake-failed' | 'link-closed' | 'unauthorised' | 'login-needed'>; readonly reason: string }
  | { readonly type: 'exited'; readonly generation: number; readonly code: number | null; readonly signal: string | null; readonly duringProbe: boolean; readonly breach: Breach | null }
  | { readonly type: 'swept'; readonly generation: number; readonly remaining: number }
  /** It exceeded a limit and still runs, or a part of it does. */
  | { readonly type: 'breached'; readonly generation: number; readonly breach: Breach }
  /** No call is under way any more. */
  | { readonly type: 'drained'; readonly generation: number }
  | { readonly type: 'probed'; readonly generation: number; readonly ok: boolean; readonly reason: string }
  | { readonly type: 'unhealthy'; readonly generation: number; readonly reason: string }

export type ServerEvent =
  | InstanceEvent
  | { readonly type: 'want-up' }
  | { readonly type: 'want-down' }
  | { readonly type: 'restart' }
  /** From reconcile: nothing holds the server back any more. */
  | { readonly type: 'begin' }
  /** From reconcile: what holds it back. */
  | { readonly type: 'hold'; readonly blockers: readonly Blocker[]; readonly reason: string }
  /** From reconcile: it should be down and nothing above it runs any more. */
  | { readonly type: 'halt' }
  | { readonly type: 'timer'; readonly epoch: number }

/** What a decision may depend on besides state and event. `random` is a number in [0, 1). */
export interface Circumstance {
  readonly spec: ServerSpec
  readonly now: number
  readonly random: number
}

/** What the daemon is to do; data, performed elsewhere. */
export type Effect =
  /** Spawn the process (if the server has one) and open its link. */
  | { readonly type: 'launch'; readonly generation: number }
  /** Report when no call is under way any more. */
  | { readonly type: 'drain'; readonly generation: number }
  | { readonly type: 'end-input'; readonly generation: number }
  | { readonly type: 'signal'; readonly generation: number; readonly signal: 'SIGTERM' | 'SIGKILL' }
  /** End whatever of this generation is still alive: politely for graceMs, then by force. */
  | { readonly type: 'sweep'; readonly generation: number; readonly graceMs: number }
  | { readonly type: 'close-link'; readonly generation: number }
  | { readonly type: 'arm-timer'; readonly epoch: number; readonly delayMs: number }

export interface Step<State> {
  readonly state: State
  readonly effects: readonly Effect[]
}
