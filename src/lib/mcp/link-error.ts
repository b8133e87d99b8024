import type { ErrorObject } from './json-rpc.js'

/**
 * Why a link could not do what was asked:
 * `exits-on-probe` the process ended on `server/discover` and needs a fresh start with a legacy verdict;
 * `closed` the other side, or its owner, ended the link;
 * `rejected` it answered, but not in a way that can be used;
 * `malformed` its answer breaks the protocol or a size bound;
 * `unreachable` the network or a 5xx is in the way;
 * `unauthorised` HTTP 401 or 403;
 * `aborted` the caller gave up;
 * `timeout` no answer in the time given;
 * `overloaded` the server does not read and the queue towards it is full;
 * `unsendable` our own message cannot be written as JSON or as HTTP headers.
 */
export type LinkFailure =
  | 'exits-on-probe' | 'closed' | 'rejected' | 'malformed' | 'unreachable' | 'unauthorised' | 'aborted' | 'timeout' | 'overloaded' | 'unsendable'

/** A failure of the link itself. The message is one sentence for people and never holds a header value or a credential. */
export class LinkError extends Error {
  override readonly name = 'LinkError'
  readonly reason: LinkFailure
  /** What the user can do about it, when there is something. */
  readonly hint: string | undefined
  /** What an HTTP server answered with, when it answered. */
  readonly status: number | undefined
  /** How long an HTTP server asked to be left alone, in milliseconds; undefined: it did not. */
  readonly retryAfterMs: number | undefined
  /** The request certainly did not reach the server. */
  readonly isUndelivered: boolean
  /** Nothing but a person who logs in mends it. */
  readonly needsLogin: boolean

  constructor(reason: LinkFailure, message: string, parts: { hint?: string; status?: number; retryAfterMs?: number; isUndelivered?: boolean; needsLogin?: boolean; cause?: unknown } = {}) {
    super(message, parts.cause === undefined ? undefined : { cause: parts.cause })
    this.reason = reason
    this.hint = parts.hint
    this.status = parts.status
    this.retryAfterMs = parts.retryAfterMs
    this.isUndelivered = parts.isUndelivered ?? (reason === 'overloaded' || reason === 'unsendable')
    this.needsLogin = parts.needsLogin ?? false
  }
}

/** A JSON-RPC error the server answered with, unchanged. */
export class RpcError extends Error {
  override readonly name = 'RpcError'
  readonly code: number
  readonly data: unknown

  constructor(error: ErrorObject) {
    super(error.message)
    this.code = error.code
    this.data = error.data
  }

  toObject(): ErrorObject {
    return this.data === undefined ? { code: this.code, message: this.message } : { code: this.code, message: this.message, data: this.data }
  }
}
