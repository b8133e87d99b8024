import type { Era } from '../core/index.js'
import type { Frame } from './frame-memory.js'
import type { JsonObject, RequestId } from './json-rpc.js'
import type { LinkError } from './link-error.js'
import type { LearntTools } from './tool-headers.js'

/** What was found out about a server; worth storing, so that the next start need not ask again. */
export interface EraVerdict {
  readonly era: Era
  readonly protocolVersion: string
  /** The process ends when it is asked `server/discover`: open it with `initialize` only. */
  readonly exitsOnProbe: boolean
  /** Epoch ms. */
  readonly decidedAt: number
}

export interface ServerInfo {
  readonly name: string
  readonly version: string
}

export interface Catalogue {
  readonly tools: readonly unknown[]
  readonly prompts: readonly unknown[]
  readonly resources: readonly unknown[]
  readonly resourceTemplates: readonly unknown[]
}

/** The proof of readiness: the handshake was answered and the lists were read. */
export interface Established {
  /** What this link speaks. */
  readonly verdict: EraVerdict
  /** What to store for the next start. Differs from `verdict` only when a slow server of both eras had to be opened as legacy. */
  readonly remember: EraVerdict
  readonly serverInfo: ServerInfo | null
  readonly capabilities: Readonly<JsonObject>
  readonly instructions: string | null
  readonly catalogue: Catalogue
  /** Oddities that do not keep the server from being used, one sentence each. */
  readonly warnings: readonly string[]
}

export interface EstablishOptions {
  readonly era: 'auto' | Era
  readonly remembered: EraVerdict | null
  /** Epoch ms. */
  readonly now: () => number
  readonly signal: AbortSignal
  /** How long `server/discover` may stay unanswered before `initialize` is sent as well. Default 2500. */
  readonly graceMs?: number
}

export interface CallOptions {
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

export interface LinkCounters {
  /** Answers to nothing we asked, or second answers. */
  readonly unknownAnswers: number
  /** Lines (stdio) or bodies (HTTP) that were no message. */
  readonly noise: number
  /** Messages dropped because they were over the size bound. */
  readonly oversize: number
  /** Notifications and answers of ours that could not be sent. */
  readonly unsent: number
}

/** What goes on over a link. Times in epoch milliseconds; before the first byte, the opening of the link. */
export interface LinkActivity {
  /** Anything the server wrote: bytes on its stdout, an HTTP response or a part of one. */
  readonly lastHeardAt: number
  readonly lastSentAt: number
  /** Calls without an answer, passed on for others or our own (pings too). The handshake does not count. */
  readonly inFlight: number
  /** Start of the oldest of them. */
  readonly inFlightSince: number | null
  /** Bytes of messages that wait because the server does not read its input. When the link is closed: at its end. */
  readonly queuedBytes: number
}

export interface UnansweredCall {
  readonly method: string
  /** Epoch milliseconds. */
  readonly startedAt: number
}

/** A request that is passed on for somebody else, as the text around the place of its id. Both parts hold no line break. */
export interface PassedRequest {
  readonly method: string
  /** As the server gets them. Only HTTP looks: it mirrors some of them in headers. */
  readonly params: () => JsonObject | undefined
  readonly before: readonly Buffer[]
  readonly after: readonly Buffer[]
  readonly receiver: PassedReceiver
  /** Tells nothing about what the server was doing: not to be remembered among its last messages. */
  readonly isProbe?: true
}

/** Who waits for the outcome of a passed request. Exactly one of the two is called, once and never from inside `pass`. */
export interface PassedReceiver {
  /** The answer as the server wrote it: one JSON text whose id stands from `idStart` to `idEnd`. The bytes are the receiver's to keep. */
  answered(text: Buffer, idStart: number, idEnd: number): void
  failed(error: LinkError): void
}

/** Hears every message of a link. Called synchronously on the message path: it copies what it wants to keep, is quick and must not throw. */
export interface FrameTap {
  /** To the server, in the pieces it is written in; what they hold behind its `bytes` (a line ending) is left out. */
  sent(pieces: readonly (Buffer | string)[], bytes: number, isProbe: boolean): void
  /** From the server. `bytes`: its size, when `text` is only its beginning. The text may share memory that is used again. */
  received(text: Buffer, bytes: number, isProbe: boolean): void
  /** Request `id`, passed on for somebody, is given up: no answer of the server is waited for any more. */
  gaveUp(id: number, why: string, isProbe: boolean): void
}

/** One conversation with one instance of a server. Its owner calls `close`. */
export interface Link {
  /** Handshake and lists, once per link. Rejects with LinkError. After a rejection the owner closes the link. */
  establish(options: EstablishOptions): Promise<Established>
  /** One request, one answer. Rejects with RpcError (the server's own answer) or LinkError. */
  request(method: string, params: JsonObject | undefined, options: CallOptions): Promise<unknown>
  /**
   * Passes a request on and returns the id it got on this link, which is also the progress token to use for it. Throws
   * LinkError when it was not sent.
   */
  pass(request: PassedRequest): number
  /**
   * Nobody waits for a passed request any more: the server is told, its receiver hears nothing. False when it was over.
   * `onLate` is called if the server answers all the same.
   */
  takeBack(id: number, reason: string, onLate?: () => void): boolean
  /** Whether the server answered anything else passed on to it since this request, which is under way, left: then it does not hang. */
  answeredSince(id: number): boolean
  /** How long the server has had this request, which is under way, in milliseconds; 0 when it is over. */
  heldFor(id: number): number
  /** A list of tools that was read after `establish`: says which of them can be called over this link, and how. */
  learnTools(tools: readonly unknown[]): LearntTools
  /** Best effort: what cannot be sent is counted in `counters.unsent`. */
  notify(method: string, params?: JsonObject): void
  /**
   * Asks what every server has to answer (`ping`, since 2026-07-28 `server/discover`), or a method without parameters.
   * Any answer proves that the server lives, even an error. Otherwise as `pass`; `lastFrames` does not show it.
   */
  probe(receiver: PassedReceiver, method?: string): number
  /** Idempotent. Pending requests reject with reason `closed`. */
  close(): void
  readonly closed: boolean
  readonly counters: LinkCounters
  /** Made for each look. */
  readonly activity: LinkActivity
  /** The newest messages, at most 8 each way, oldest first. Also when the link is closed. Holds whatever the messages hold. */
  lastFrames(): readonly Frame[]
  /** Somebody who looks on; null: nobody, which costs nothing. */
  tap: FrameTap | null
  /** Calls without an answer, the oldest 16; once the link is closed, those it had at its end. */
  unanswered(): readonly UnansweredCall[]
}

export interface ServerRequest {
  readonly id: RequestId
  readonly method: string
  readonly params: JsonObject | undefined
  /** The passed request on whose response it came (HTTP); null when the wire does not tell. */
  readonly via: number | null
}

/** What the owner of a link may want to hear. All of them are called synchronously and must not throw. */
export interface LinkHooks {
  /** What the handshake waits for, in words for people. */
  readonly onStage?: (stage: string) => void
  readonly onNotification?: (method: string, params: JsonObject | undefined, via: number | null) => void
  /** Answers a request of a legacy server: a promise of the result (an RpcError becomes its error), or undefined for the default answer. */
  readonly onRequest?: (request: ServerRequest) => Promise<JsonObject> | undefined
  /** The other side ended the link; not called for `close()`. */
  readonly onClosed?: (reason: string) => void
}

/** Who we say we are, and what the server may ask of us. */
export interface ClientIdentity {
  readonly name: string
  readonly version: string
  /** Default: nothing. */
  readonly capabilities?: Readonly<JsonObject>
}
