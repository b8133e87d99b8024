import type { AuthSettings, KeySpec } from '../../core/index.js'
import type { Access } from '../access.js'

/** What a request shows of itself to prove who it comes from. */
export interface Shown {
  readonly authorization: string | undefined
  /** The header `x-api-key`. */
  readonly apiKey: string | undefined
  /** A header that says who it is was there more than once. */
  readonly isTwice: boolean
  /** IP address at the other end of the connection. */
  readonly address: string
}

/** Why somebody is not let in. `error`: as RFC 6750 section 3.1 names it; null: nothing was shown at all. */
export interface Denial {
  readonly status: 400 | 401 | 403 | 429 | 503
  readonly error: 'invalid_request' | 'invalid_token' | 'insufficient_scope' | null
  readonly reason: string
  /** Holds nothing of what was shown. */
  readonly message: string
  /** Scopes that would be needed. */
  readonly scopes?: readonly string[]
  readonly retryAfterMs?: number
}

export type Verdict = { readonly access: Access; readonly denial?: undefined } | { readonly access?: undefined; readonly denial: Denial }

/** Keys that can change while the front is open. Called for every request that is checked: must be quick, must not throw. */
export interface KeySource {
  /** By name; the same object as long as nothing changed. */
  current(): Readonly<Record<string, KeySpec>>
  /** False: there may be keys that could not be read, so nobody comes in unknown. As of the last `current`. */
  readonly isSure: boolean
}

export interface AuthenticatorOptions {
  readonly auth: AuthSettings
  /** `gateway.token`. */
  readonly token: string | null
  /** Keys of the home; null: there are none. */
  readonly keys: KeySource | null
  /** Others than this machine can come in: nobody is let in unknown, even when the last key was removed. */
  readonly isExposed: boolean
  /** Epoch ms. */
  readonly now: () => number
}

/** Says who a request comes from. */
export interface Authenticator {
  /** Nobody is asked who he is, now. */
  readonly isOpen: boolean
  /** At once, unless a token has to be verified that was not seen before. Never rejects. */
  identify(shown: Shown): Verdict | Promise<Verdict>
  /** Whether who was let in before would be let in still, with the same grant. */
  stillHolds(access: Access): boolean
  /** The configuration has other keys now. */
  takeKeys(keys: AuthSettings['keys']): void
  /** Forgets what is only kept for speed. Called once a minute. */
  sweep(): void
}
