/**
 * Why there is nothing to authorise a request with: `login-needed` until a person has logged in; `refused`: it was asked
 * for and not given, or what there is cannot be used; `unreachable`: who gives it cannot be asked at present.
 */
export type OutboundFailure = 'login-needed' | 'refused' | 'unreachable'

/** No credentials for a server. The message is one sentence for people and never holds a credential. */
export class OutboundError extends Error {
  override readonly name = 'OutboundError'
  readonly reason: OutboundFailure
  /** What the user can do about it. */
  readonly hint: string | undefined

  constructor(reason: OutboundFailure, message: string, parts: { hint?: string; cause?: unknown } = {}) {
    super(message, parts.cause === undefined ? undefined : { cause: parts.cause })
    this.reason = reason
    this.hint = parts.hint
  }
}

/** Anything thrown on the way to a token, as one of ours: what is not ours says only that it happened. */
export function toOutboundError(error: unknown): OutboundError {
  return error instanceof OutboundError ? error : new OutboundError('refused', 'the credentials could not be read', { cause: error })
}
