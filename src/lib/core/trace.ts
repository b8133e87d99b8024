import type { Phase } from './state.js'

/** Text of one message that is shown at most, in bytes. */
export const MAX_TRACED_BYTES = 1024 * 1024

/**
 * What a message is. `given-up`: none at all; a request that gets no answer any more. `unreadable`: it was over the size
 * that is looked into, and what it is does not stand at its ends.
 */
export type TraceKind = 'request' | 'notification' | 'result' | 'error' | 'given-up' | 'unreadable'

/** One message between the gateway and a server. Secrets are masked in every text. The wire form: fields are added, never renamed or removed. */
export interface TracedMessage {
  readonly type: 'message'
  /** Epoch milliseconds. */
  readonly time: number
  /** A process of its own for one session has a number behind the name. */
  readonly server: string
  readonly generation: number
  /** `in`: from the server, `out`: to it. */
  readonly direction: 'in' | 'out'
  readonly kind: TraceKind
  readonly id: number | string | null
  /** Of an answer: what it answers; null when that is not known. */
  readonly method: string | null
  /** The tool, the prompt or the URI it is about, by the server's own name. */
  readonly target: string | null
  /** Of an answer: since its request went over the link. */
  readonly durationMs: number | null
  /** Of the whole message. */
  readonly bytes: number
  /** An error, a tool result that says it failed, or a request given up. */
  readonly failed: boolean
  /** Of an error. */
  readonly code: number | null
  /** What it says, on one line. */
  readonly summary: string
  /** It went over the link before it was asked for. */
  readonly remembered: boolean
  readonly probe: boolean
  /** Its JSON, where it was asked for. */
  readonly text?: string
  /** The text is only its beginning. */
  readonly cut?: boolean
}

export type TraceEvent =
  | TracedMessage
  /** What became of a server meanwhile. */
  | { readonly type: 'phase'; readonly time: number; readonly server: string; readonly generation: number; readonly phase: Phase; readonly reason: string }
  /** So many messages were left out since the last event, because they came faster than they were read. */
  | { readonly type: 'lost'; readonly time: number; readonly count: number }
  /** The daemon ends. */
  | { readonly type: 'closing'; readonly time: number }
