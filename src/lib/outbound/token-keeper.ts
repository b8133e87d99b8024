import { bearerHeaders, type HeaderSet } from './bearer.js'
import { parseChallenge, type Challenge } from './challenge.js'
import { toOutboundError, type OutboundError } from './failure.js'

/** A bearer token and what is known of it. Times in epoch milliseconds. */
export interface Token {
  readonly value: string
  readonly obtainedAt: number
  /** From then on it is looked whether there is a newer one, or a new one is got. */
  readonly renewAt: number
  /** From then on it is of no use. */
  readonly expiresAt: number
}

/** Where tokens come from. What it throws or rejects with is an OutboundError. */
export interface TokenOrigin {
  /** What a person can do when the server refuses the token. */
  readonly hint: string
  /** Requests go out without a token at first: the server's refusal tells where one is to be had. */
  readonly asksFirst: boolean
  /** A new connection is about to be opened: what failed before may be tried again. */
  begin(): void
  /** The token that is there already, perhaps put there by somebody else; null: there is none that could be looked for. Cheap. */
  look(): Token | null
  /** Gets a new one. Called once at a time. */
  renew(challenge: Challenge | null): Promise<Token>
  close(): void
}

/** A request that was not let in. */
export interface AccessRefusal {
  readonly status: number
  readonly challenge: string | null
  readonly headers: HeaderSet
}

const NOTHING: HeaderSet = {}
/** Before an origin that failed is asked again; doubled with each failure. */
const PAUSE_MS = 1_000
const MAX_PAUSE_MS = 30_000
/** A token that is refused so soon after it was got would be followed by one that is refused as well. */
const NEW_MS = 5_000
const KEPT_SECRETS = 3

/**
 * Keeps the token for one server: hands it out at once while it is good, sees to a new one before it runs out and when it
 * is refused, one at a time however many requests wait for it. A failure never throws away a token that may still be good.
 */
export class TokenKeeper {
  readonly hint: string
  readonly #origin: TokenOrigin
  readonly #now: () => number
  #held: { readonly token: Token; readonly headers: HeaderSet } | null = null
  #secrets: readonly string[] = []
  #renewing: Promise<void> | null = null
  #failure: OutboundError | null = null
  #failures = 0
  #pausedUntil = 0

  constructor(origin: TokenOrigin, now: () => number) {
    this.hint = origin.hint
    this.#origin = origin
    this.#now = now
  }

  /** A new connection is about to be opened, perhaps because somebody has mended what was wrong. */
  begin(): void {
    this.#failures = 0
    this.#pausedUntil = 0
    this.#origin.begin()
    try {
      const found = this.#origin.look()
      if (found !== null) this.#hold(found)
    } catch {
      // Taken away, as by a logout: told when it is asked for.
      this.#held = null
    }
  }

  /** For the next request. Throws or rejects with OutboundError. */
  headers(): HeaderSet | Promise<HeaderSet> {
    const held = this.#held
    return held !== null && this.#now() < held.token.renewAt ? held.headers : this.#next()
  }

  /** True: there is another token now than the one that was refused. Rejects with OutboundError when it is known why there is none. */
  async refused({ status, challenge: header, headers }: AccessRefusal): Promise<boolean> {
    const held = this.#held
    if (held !== null && held.headers !== headers) return true
    const found = this.#origin.look()
    if (found !== null && found.value !== held?.token.value) {
      this.#hold(found)
      return true
    }
    const now = this.#now()
    if (held !== null && status === 401 && this.#renewing === null && now - held.token.obtainedAt < NEW_MS && now < held.token.expiresAt) return false
    if (this.#failure !== null && now < this.#pausedUntil) throw this.#failure
    await this.#renew(parseChallenge(header))
    return true
  }

  /** What must not be seen in any text: the newest tokens, also those that are not used any more. */
  get secrets(): readonly string[] {
    return this.#secrets
  }

  close(): void {
    this.#origin.close()
  }

  #next(): HeaderSet | Promise<HeaderSet> {
    const found = this.#origin.look()
    if (found !== null) this.#hold(found)
    const held = this.#held
    const now = this.#now()
    if (held !== null && now < held.token.renewAt) return held.headers
    if (held === null && this.#origin.asksFirst) return NOTHING
    if (this.#failure !== null && now < this.#pausedUntil) return this.#instead(this.#failure)
    return this.#renew(null).then(() => this.#held?.headers ?? NOTHING, (error: unknown) => this.#instead(toOutboundError(error)))
  }

  /** The old token, as long as it may still be good. Throws the failure otherwise. */
  #instead(failure: OutboundError): HeaderSet {
    if (this.#held === null || failure.reason === 'login-needed' || this.#now() >= this.#held.token.expiresAt) throw failure
    return this.#held.headers
  }

  #renew(challenge: Challenge | null): Promise<void> {
    this.#renewing ??= this.#origin
      .renew(challenge)
      .then(
        (token) => {
          this.#failures = 0
          this.#failure = null
          this.#hold(token)
        },
        (error: unknown) => {
          throw this.#failed(toOutboundError(error))
        },
      )
      .finally(() => {
        this.#renewing = null
      })
    return this.#renewing
  }

  #failed(failure: OutboundError): OutboundError {
    this.#failure = failure
    this.#pausedUntil = this.#now() + Math.min(MAX_PAUSE_MS, PAUSE_MS * 2 ** this.#failures++)
    if (failure.reason === 'login-needed') this.#held = null
    return failure
  }

  #hold(token: Token): void {
    if (!this.#secrets.includes(token.value)) this.#secrets = [token.value, ...this.#secrets].slice(0, KEPT_SECRETS)
    this.#held = { token, headers: this.#held?.token.value === token.value ? this.#held.headers : bearerHeaders(token.value) }
  }
}
