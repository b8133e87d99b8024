import type { Era } from '../core/index.js'
import type { ListProgress } from './catalogue.js'
import type { ErrorObject, Incoming, JsonObject, Outgoing } from './json-rpc.js'
import type { ClientIdentity, Established, EraVerdict } from './link.js'
import type { LinkFailure } from './link-error.js'

export interface HandshakeConfig {
  readonly era: 'auto' | Era
  readonly remembered: EraVerdict | null
  readonly client: ClientIdentity
  readonly graceMs: number
  /** One pipe serves one era, decided by the first message that counts (stdio, HTTP+SSE); false where each request stands alone. */
  readonly pinned: boolean
  /** Newest first. */
  readonly modernVersions: readonly string[]
  readonly legacyVersions: readonly string[]
}

export type HandshakeInput =
  | { readonly type: 'start' }
  | { readonly type: 'message'; readonly message: Incoming }
  /** HTTP: request `id` was answered with a failing status; `why` is a sentence for people. */
  | { readonly type: 'refused'; readonly id: number; readonly status: number; readonly error: ErrorObject | null; readonly reason: LinkFailure; readonly why: string }
  | { readonly type: 'grace-elapsed' }
  | { readonly type: 'closed'; readonly why: string }

export type HandshakeOutput =
  | { readonly type: 'send'; readonly message: Outgoing }
  /** Starts the one grace timer, or starts it anew. */
  | { readonly type: 'arm-grace'; readonly delayMs: number }
  | { readonly type: 'stage'; readonly stage: string }
  /** From here on the link speaks this. */
  | { readonly type: 'adopt'; readonly era: Era; readonly protocolVersion: string }
  | { readonly type: 'established'; readonly established: Established }
  | { readonly type: 'rejected'; readonly reason: LinkFailure; readonly why: string }

/** `server/discover`: asked, judged not modern, or answered while `initialize` is still open. */
export type Probe =
  | { readonly at: 'none' }
  | { readonly at: 'asked'; readonly id: number }
  | { readonly at: 'failed'; readonly why: string }
  | { readonly at: 'answered'; readonly version: string; readonly result: JsonObject }

export type Initialize =
  | { readonly at: 'none' }
  | { readonly at: 'asked'; readonly id: number }
  | { readonly at: 'failed'; readonly why: string }

export interface Opening {
  readonly phase: 'opening'
  readonly nextId: number
  readonly probe: Probe
  readonly initialize: Initialize
  /** Modern revisions asked for so far. */
  readonly askedVersions: readonly string[]
}

export interface Reading {
  readonly phase: 'reading'
  readonly nextId: number
  readonly era: Era
  readonly protocolVersion: string
  /** The InitializeResult or DiscoverResult; null when a modern server did not describe itself. */
  readonly described: JsonObject | null
  readonly alsoModern: string | null
  /** Lists with a page under way, by request id. */
  readonly open: ReadonlyMap<number, ListProgress>
  readonly finished: readonly ListProgress[]
  readonly warnings: readonly string[]
}

export interface Over {
  readonly phase: 'over'
  readonly nextId: number
}

export type HandshakeState = { readonly phase: 'new'; readonly nextId: number } | Opening | Reading | Over

export interface HandshakeStep {
  readonly state: HandshakeState
  readonly outputs: readonly HandshakeOutput[]
}

export function over(state: HandshakeState, reason: LinkFailure, why: string): HandshakeStep {
  return { state: { phase: 'over', nextId: state.nextId }, outputs: [{ type: 'rejected', reason, why }] }
}

export function stay(state: HandshakeState): HandshakeStep {
  return { state, outputs: [] }
}
