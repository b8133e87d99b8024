import { FULL_GRANT, type AuthSettings } from '../../core/index.js'
import { ANONYMOUS, type Access } from '../access.js'
import type { Authenticator, AuthenticatorOptions, Denial, Shown, Verdict } from './contract.js'
import { digestOf, isSameDigest } from './digest.js'
import { JwtVerifier, looksLikeJwt } from './jwt.js'
import { KeyRing } from './key-ring.js'
import { readCredential, type Credential } from './shown.js'
import { Strikes } from './strikes.js'

const TOKEN: Access = { id: 'token', kind: 'token', grant: { ...FULL_GRANT, manage: true } }
const UNKNOWN: Verdict = { access: ANONYMOUS }
const AS_TOKEN: Verdict = { access: TOKEN }
/** Credentials that were right a short while ago are looked at even when others from the same address were wrong. */
const MAX_PROVEN = 1000
/** They are remembered for so many sweeps (minutes) at least, twice as many at most. */
const PROVEN_SWEEPS = 10

/** Throws CONFIG_INVALID for a public key that is none. */
export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  return new TheAuthenticator(options)
}

class TheAuthenticator implements Authenticator {
  readonly #token: Buffer | null
  readonly #keys: KeyRing
  readonly #jwt: JwtVerifier | null
  readonly #strikes: Strikes
  readonly #isExposed: boolean
  #isTokenOnly = false
  readonly #now: () => number
  #sweeps = 0
  /** Digests of credentials that were right a short while ago. */
  #proven = new Set<string>()
  #provenBefore = new Set<string>()

  constructor({ auth, token, keys, isExposed, now }: AuthenticatorOptions) {
    this.#token = token === null ? null : digestOf(token)
    this.#keys = new KeyRing({}, keys, now)
    this.#jwt = auth.jwt.length === 0 ? null : new JwtVerifier(auth.jwt, auth.resource, now)
    this.#strikes = new Strikes(now)
    this.#isExposed = isExposed
    this.#now = now
    this.takeKeys(auth.keys)
  }

  takeKeys(keys: AuthSettings['keys']): void {
    this.#keys.take(keys)
    this.#isTokenOnly = Object.keys(keys).length === 0 && this.#jwt === null
  }

  get isOpen(): boolean {
    return this.#token === null && this.#jwt === null && !this.#isExposed && this.#keys.isEmpty
  }

  identify(shown: Shown): Verdict | Promise<Verdict> {
    if (this.isOpen) return UNKNOWN
    const credential = readCredential(shown)
    if (credential === null) return { denial: this.#nothingShown() }
    if ('status' in credential) return this.#wrong(shown.address, credential)
    const digest = digestOf(credential.text)
    const key = digest.toString('base64')
    const waitMs = this.#strikes.waitMs(shown.address)
    if (waitMs > 0 && !this.#proven.has(key) && !this.#provenBefore.has(key)) return { denial: tooMany(waitMs) }
    return this.#look(credential, digest, key, shown.address)
  }

  stillHolds(access: Access): boolean {
    switch (access.kind) {
      case 'key': return this.#keys.holds(access)
      case 'jwt': return (access.expiresAt ?? 0) > this.#now()
      case 'token': return this.#token !== null
      case 'anonymous': return this.isOpen
      case 'local': return true
    }
  }

  sweep(): void {
    this.#strikes.sweep()
    this.#jwt?.sweep()
    if (++this.#sweeps % PROVEN_SWEEPS !== 0) return
    this.#provenBefore = this.#proven
    this.#proven = new Set()
  }

  #look(credential: Credential, digest: Buffer, key: string, address: string): Verdict | Promise<Verdict> {
    // All are looked at, so that the time does not tell which of them came near.
    const found = this.#keys.find(digest)
    const isToken = this.#token !== null && isSameDigest(this.#token, digest)
    if (isToken || (found !== null && found !== 'expired')) {
      this.#prove(key)
      return isToken || found === null || found === 'expired' ? AS_TOKEN : found
    }
    if (found === 'expired') return this.#wrong(address, { status: 401, error: 'invalid_token', reason: 'unauthorised', message: 'the key has expired' })
    if (this.#jwt === null || !credential.isBearer || !looksLikeJwt(credential.text)) return this.#wrong(address, this.#notKnown(credential))
    const access = this.#jwt.known(key)
    if (access !== null) {
      this.#prove(key)
      return { access }
    }
    return this.#verify(this.#jwt, credential, key, address)
  }

  async #verify(jwt: JwtVerifier, { text }: Credential, key: string, address: string): Promise<Verdict> {
    const verdict = await jwt.verify(text, key)
    if (verdict.denial !== undefined) return verdict.denial.status === 401 ? this.#wrong(address, verdict.denial) : verdict
    this.#prove(key)
    return verdict
  }

  #prove(key: string): void {
    if (this.#proven.size < MAX_PROVEN) this.#proven.add(key)
  }

  #wrong(address: string, denial: Denial): Verdict {
    this.#strikes.count(address)
    return { denial }
  }

  #nothingShown(): Denial {
    const message = this.#isTokenOnly && this.#keys.isEmpty ? 'a bearer token is needed (gateway.token)' : 'credentials are needed: a key or a token as Authorization: Bearer'
    return { status: 401, error: null, reason: 'unauthorised', message }
  }

  #notKnown({ isBearer }: Credential): Denial {
    const isToken = isBearer && this.#token !== null && this.#isTokenOnly && this.#keys.isEmpty
    return { status: 401, error: 'invalid_token', reason: 'unauthorised', message: isToken ? 'the bearer token is not the one in gateway.token' : 'the key or token is not known here' }
  }
}

function tooMany(waitMs: number): Denial {
  return { status: 429, error: null, reason: 'too-many-failures', message: 'too many wrong credentials came from this address', retryAfterMs: waitMs }
}
