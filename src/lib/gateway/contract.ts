import type { JsonObject, RequestId } from '../mcp/index.js'
import type { ClientId } from './client-id.js'
import type { PrefixMode } from '../core/index.js'
import type { Access } from './access.js'
import type { Sight } from './sight.js'
import type { Presence } from './source.js'

/** Which servers a client sees, and under which names. */
export interface View {
  /** Server names; null: all. */
  readonly servers: readonly string[] | null
  /** Servers with one of these tags are seen as well; used by profiles. */
  readonly tags: readonly string[]
  /** Null: as the daemon's configuration says. */
  readonly prefix: PrefixMode | null
  readonly separator: string | null
  /** The profile it belongs to: servers made for that one are seen, and those of others never. */
  readonly profile?: string | null
  /**
   * Whether the gateway's own tools are part of it. A front says `asked` or `never`, absent: as usual; a session's view
   * has what its caller may: `granted`, or `open`: if they are switched on for all.
   */
  readonly manages?: 'asked' | 'never' | 'granted' | 'open'
  /** What its caller may see of all this; absent: everything. */
  readonly only?: ViewLimits | null
}

/** Patterns over the names clients see; `*` stands for any text. */
export interface ViewLimits {
  readonly servers: readonly string[] | null
  readonly allow: readonly string[] | null
  readonly deny: readonly string[]
  /** Management tools are among what it sees. */
  readonly manage: boolean
}

/** Two views with the same key show the same. */
export function viewKey({ servers, tags, prefix, separator, profile = null, only = null, manages = 'never' }: View): string {
  return JSON.stringify([servers, tags, prefix, separator, profile, only, manages])
}

/** One message of a client, checked and parsed, with the bytes it came in. `line` holds no line break. */
export type ClientMessage =
  | { readonly type: 'request'; readonly line: Buffer; readonly id: ClientId; readonly method: string; readonly params: JsonObject | undefined }
  | { readonly type: 'notification'; readonly line: Buffer; readonly method: string; readonly params: JsonObject | undefined }
  | { readonly type: 'answer'; readonly line: Buffer; readonly id: RequestId; readonly result: JsonObject | undefined; readonly error: unknown }
  /** Nothing that could be passed on. `code` and `reason` are for the error answer; `id` is null unless the message has a usable one. */
  | { readonly type: 'bad'; readonly code: number; readonly reason: string; readonly id: ClientId | null }

export type RequestMessage = Extract<ClientMessage, { type: 'request' }>

/** Where the answer to one request goes; made by a front for each request. All methods are synchronous and never throw. */
export interface Reply {
  /**
   * The answer, once: the parts of one JSON text, in order. `status` is the HTTP status that goes with it (200 unless
   * it is an error of the protocol itself, 400 or 404, or a limit was reached: 429). `retryAfterMs`: when to ask again.
   */
  answer(parts: readonly Buffer[], status: number, retryAfterMs?: number): void
  /** Something that belongs to the request and comes before its answer: progress, a log line, a question of the server. JSON text. */
  send(text: string): void
}

/** How a session's client is told what belongs to no request. Must not throw; drops what nobody can hear. JSON text. */
export interface Channel {
  send(text: string): void
}

/** A request under way, in the hands of the front that brought it. */
export interface Underway {
  /** The client went away or took the request back: nothing is answered any more, and the server is told. */
  abort(reason: string): void
}

export interface SessionOptions {
  readonly view: View
  readonly channel: Channel
  /** `modern`: every request stands for itself (HTTP without a session). `any`: a connection of its own, whatever it speaks. */
  readonly kind: 'any' | 'modern'
  /** Where its client came in; default HTTP. */
  readonly door?: 'stdio' | 'http'
  /** Who asks; default: whoever may use this machine's socket, or an HTTP client nobody knows. */
  readonly access?: Access
  /** An earlier session this one continues: what its client said when it introduced itself, and what it had asked for. */
  readonly resume?: SessionState
}

/** What a legacy session must know again after the gateway was restarted. JSON. */
export interface SessionState {
  readonly protocolVersion: string
  readonly capabilities: JsonObject
  readonly clientInfo: { readonly name: string; readonly version: string } | null
  readonly logLevel: string | null
  readonly subscriptions: readonly string[]
}

/** A server a session can reach, and how it is. */
export interface ReachableServer {
  readonly name: string
  readonly presence: Presence
  /** Why it is not up; empty when it is. */
  readonly reason: string
  readonly tools: number
}

/** One client. The front that opened it closes it. */
export interface Session {
  /** Takes one message. `reply` is used for requests only; null when nothing is under way afterwards. */
  receive(message: ClientMessage, reply: Reply): Underway | null
  /** The protocol version agreed on with `initialize`; null before that and in the modern era. */
  readonly protocolVersion: string | null
  /** For continuing later; null before `initialize`. */
  readonly state: SessionState | null
  /** The parameter headers (`Mcp-Param-*`, lower case, without the prefix) a call of this tool must carry: name to argument path. */
  toolHeaders(tool: string): ReadonlyMap<string, readonly string[]>
  /** The servers it sees now. */
  reachable?(): readonly ReachableServer[]
  /** The same in detail, with its tools. */
  readonly sight?: Sight
  /** Those who listen for changes (`subscriptions/listen`) are told that it is over. */
  finishListening?(): void
  /** Everything under way is aborted, subscriptions are given back, processes of its own end. Idempotent. */
  close(reason: string): void
}

/** What fronts talk to. */
export interface Gateway {
  openSession(options: SessionOptions): Session
  /** The view of one server (by name) or profile; null when there is none. */
  viewOfServer(name: string): View | null
  viewOfProfile(name: string): View | null
}

export const EVERYTHING: View = { servers: null, tags: [], prefix: null, separator: null }
