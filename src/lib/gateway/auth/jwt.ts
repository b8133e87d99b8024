import { createPublicKey } from 'node:crypto'
import type * as jose from 'jose'
import type { JWTHeaderParameters, FlattenedJWSInput, CryptoKey, KeyObject } from 'jose'
import type { JwtAlgorithm, JwtSpec } from '../../core/index.js'
import { McpctlError } from '../../errors/index.js'
import type { Access } from '../access.js'
import type { Denial, Verdict } from './contract.js'
import { KeysUnavailable, RemoteKeys } from './jwks.js'
import { badToken, callerId, checkClaims } from './jwt-claims.js'

type Jose = typeof jose
type FindKey = (header: JWTHeaderParameters, token: FlattenedJWSInput) => CryptoKey | KeyObject | Uint8Array | Promise<CryptoKey>

/** Tokens that were verified are known for this long, so that one whose key the issuer took back does not stay good until it expires. */
const KNOWN_MS = 10 * 60_000
const MAX_KNOWN = 1000
const FORM = /^[\w-]+\.[\w-]+\.[\w-]*$/

interface Known {
  readonly access: Access
  readonly until: number
}

/** One issuer's tokens, as far as they are accepted. */
interface Issuer {
  readonly spec: JwtSpec
  readonly algorithms: readonly JwtAlgorithm[]
  readonly audiences: readonly string[]
  readonly findKey: (library: Jose) => FindKey
}

/** Whether a text has the form of a signed JSON web token. */
export function looksLikeJwt(text: string): boolean {
  return FORM.test(text)
}

/** Verifies JSON web tokens (RFC 7519, 8725). The library that does it is loaded with the first one. */
export class JwtVerifier {
  readonly #issuers: readonly Issuer[]
  readonly #now: () => number
  readonly #known = new Map<string, Known>()
  #jose: Promise<Jose> | null = null

  /** `resource`: what tokens have to be made for where the configuration of an issuer names no audience (RFC 8707). Throws CONFIG_INVALID. */
  constructor(specs: readonly JwtSpec[], resource: string | null, now: () => number) {
    this.#now = now
    this.#issuers = specs.map((spec) => toIssuer(spec, resource, now))
  }

  /** Who a token was verified to be, by its digest; null: it has to be verified. */
  known(digest: string): Access | null {
    const known = this.#known.get(digest)
    if (known === undefined) return null
    if (known.until > this.#now()) return known.access
    this.#known.delete(digest)
    return null
  }

  /** Never rejects. */
  async verify(token: string, digest: string): Promise<Verdict> {
    try {
      const library = await (this.#jose ??= import('jose'))
      const verdict = await this.#verify(library, token)
      if (verdict.access !== undefined) this.#remember(digest, verdict.access)
      return verdict
    } catch (error) {
      return { denial: explain(error) }
    }
  }

  sweep(): void {
    for (const [digest, { until }] of this.#known) if (until <= this.#now()) this.#known.delete(digest)
  }

  async #verify(library: Jose, token: string): Promise<Verdict> {
    const { alg } = library.decodeProtectedHeader(token)
    const { iss } = library.decodeJwt(token)
    const fitting = this.#issuers.filter(({ algorithms }) => algorithms.some((each) => each === alg))
    if (fitting.length === 0) return { denial: badToken('the token is signed in a way that is not accepted (alg)') }
    const asked = fitting.filter(({ spec }) => spec.issuer === null || spec.issuer === iss)
    if (asked.length === 0) return { denial: badToken('the token is of another issuer') }
    let last: Denial | null = null
    for (const issuer of asked) {
      const verdict = await this.#try(library, token, issuer)
      if (verdict.access !== undefined) return verdict
      // That it was signed with another issuer's key says least.
      if (last === null || last.status === 401) last = verdict.denial
    }
    return { denial: last ?? badToken('the token is not valid') }
  }

  async #try(library: Jose, token: string, { spec, algorithms, audiences, findKey }: Issuer): Promise<Verdict> {
    const now = this.#now()
    try {
      const { payload } = await library.jwtVerify(token, findKey(library), {
        algorithms: [...algorithms], requiredClaims: ['exp'], clockTolerance: spec.leewayMs / 1000, currentDate: new Date(now),
        ...(spec.issuer === null ? {} : { issuer: spec.issuer }),
        ...(audiences.length === 0 ? {} : { audience: [...audiences] }),
      })
      const checked = checkClaims(payload, spec, now)
      if ('status' in checked) return { denial: checked }
      const isOneOfMany = this.#issuers.length > 1 || spec.issuer === null
      const expiresAt = (payload.exp ?? 0) * 1000 + spec.leewayMs
      return { access: { id: callerId(checked.subject, isOneOfMany ? (payload.iss ?? '') : null), kind: 'jwt', grant: spec.grant, expiresAt } }
    } catch (error) {
      return { denial: explain(error) }
    }
  }

  #remember(digest: string, access: Access): void {
    if (this.#known.size >= MAX_KNOWN) {
      const [oldest] = this.#known.keys()
      if (oldest !== undefined) this.#known.delete(oldest)
    }
    const now = this.#now()
    this.#known.set(digest, { access, until: Math.min(access.expiresAt ?? now, now + KNOWN_MS) })
  }
}

/** A public key verifies no HMAC and a secret nothing else, whatever the configuration lists (RFC 8725 section 2.1). */
function toIssuer(spec: JwtSpec, resource: string | null, now: () => number): Issuer {
  const algorithms = spec.algorithms.filter((each) => each.startsWith('HS') === (spec.secret !== null))
  const audiences = spec.audiences.length > 0 || resource === null ? spec.audiences : [resource, resource.endsWith('/') ? resource.slice(0, -1) : `${resource}/`]
  return { spec, algorithms, audiences, findKey: keyFinder(spec, now) }
}

function keyFinder({ secret, publicKey, jwksUrl }: JwtSpec, now: () => number): Issuer['findKey'] {
  if (secret !== null) {
    const key = new TextEncoder().encode(secret)
    return () => () => key
  }
  if (publicKey !== null) {
    const key = readPublicKey(publicKey)
    return () => () => key
  }
  let remote: RemoteKeys | null = null
  const url = jwksUrl ?? ''
  return (library) => {
    const keys = (remote ??= openRemote(url, library, now))
    return (header, token) => keys.find(header, token)
  }
}

function openRemote(url: string, { createLocalJWKSet }: Jose, now: () => number): RemoteKeys {
  return new RemoteKeys(url, { createLocalJWKSet, now })
}

function readPublicKey(pem: string): KeyObject {
  try {
    return createPublicKey(pem)
  } catch {
    throw new McpctlError('CONFIG_INVALID', 'gateway.auth.jwt.publicKey is not a public key in PEM form', {
      hint: 'Give the text that begins with -----BEGIN PUBLIC KEY-----, for example with ${file:./issuer.pem}.', details: { field: 'gateway.auth.jwt.publicKey' },
    })
  }
}

const CLAIMS: Readonly<Record<string, string>> = {
  aud: 'the token was made for another resource (aud)', iss: 'the token is of another issuer', nbf: 'the token is not valid yet', exp: 'the token has no time at which it expires (exp)',
}
const TROUBLES: Readonly<Record<string, string>> = {
  ERR_JWT_EXPIRED: 'the token has expired',
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: 'the signature of the token is wrong',
  ERR_JWKS_NO_MATCHING_KEY: 'the token is signed with a key its issuer does not have',
  ERR_JWKS_MULTIPLE_MATCHING_KEYS: 'the token does not say which of several keys it is signed with (kid)',
}

/** What went wrong, without anything of the token. */
function explain(error: unknown): Denial {
  if (error instanceof KeysUnavailable) {
    return { status: 503, error: null, reason: 'issuer-keys', message: `the keys of the token's issuer cannot be had right now${error.message === '' ? '' : `: ${error.message}`}`, retryAfterMs: 30_000 }
  }
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
  const claim = error instanceof Error && 'claim' in error && typeof error.claim === 'string' ? error.claim : ''
  return badToken((Object.hasOwn(TROUBLES, code) ? TROUBLES[code] : Object.hasOwn(CLAIMS, claim) ? CLAIMS[claim] : undefined) ?? 'the token is not valid')
}
