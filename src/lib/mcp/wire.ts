import type { Era } from '../core/index.js'
import type { ErrorObject, Incoming, Outgoing } from './json-rpc.js'
import type { PassedRequest } from './link.js'
import type { LinkError, LinkFailure } from './link-error.js'
import type { LearntTools } from './tool-headers.js'

/** What carries messages: a pair of pipes, or HTTP. It knows nothing about the handshake or about who waits for what. */
export interface Wire {
  /** One pipe serves one era (see `HandshakeConfig.pinned`). */
  readonly pinned: boolean
  /** Set where the transport exists in one era only. */
  readonly onlyEra: Era | null
  /** Throws LinkError (`overloaded`, `closed`, `unsendable`) when the message cannot be taken. */
  send(message: Outgoing): void
  /** A passed request under the id it gets here. Throws like `send`. */
  sendPassed(id: number, request: PassedRequest): void
  /** Nobody waits for the answer to request `id` any more. */
  abandon(id: number): void
  /** Whether giving up a request has to be told with a message, or is told by `abandon` alone. */
  cancelsByMessage(era: Era): boolean
  /** The handshake decided. */
  adopt(era: Era, protocolVersion: string): void
  /** The tools as listed, for wires whose headers depend on their schemas; says which of them can be called. */
  learnTools(tools: readonly unknown[]): LearntTools
  /** Bytes of messages that wait here because the server does not take them. */
  readonly queuedBytes: number
  /** Idempotent. */
  close(): void
}

/** What a wire tells the conversation above it. */
export interface WireEvents {
  /** Offers the bytes of one message before they are parsed; true when it was the answer to a passed request and is dealt with. */
  answered(text: Buffer): boolean
  /** `via`: the request on whose response it came, where the wire can tell. */
  message(message: Incoming, via?: number | null): void
  /** HTTP: request `id` was answered with a failing status, or with an error that names no id. */
  refused(id: number, refusal: { status: number; error: ErrorObject | null; reason: LinkFailure; why: string; hint?: string; retryAfterMs?: number }): void
  /** Request `id` got no answer and will get none. */
  failed(id: number, error: LinkError): void
  /** The server is not listening yet; the wire keeps trying. */
  waiting(stage: string): void
  /** The other side is gone; `why` is a clause about the server ("the server closed its output"). */
  ended(why: string): void
  count(what: 'noise' | 'oversize'): void
  /** Something came from the server, whatever it is: once a chunk. */
  heard(): void
  /** The text of messages that are not the answer to a passed request, before they are reported; `bytes` when it is only their beginning. */
  received(text: Buffer, bytes?: number): void
  /** Messages begin to leave: at least once a turn in which `sent` is called, before it. */
  leaving(): void
  /** The text of one message that leaves, in pieces, and its size. */
  sent(pieces: readonly (Buffer | string)[], bytes: number): void
}
