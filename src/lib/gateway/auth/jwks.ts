import type { createLocalJWKSet, JSONWebKeySet, JWTHeaderParameters, FlattenedJWSInput, CryptoKey } from 'jose'
import { isLoopback } from '../../base/index.js'

/** So long keys are used before they are asked for again; and the shortest time between two questions. */
const FRESH_MS = 10 * 60_000
const COOLDOWN_MS = 30_000
/** Keys that could not be renewed for this long are used no more: the issuer may have taken them back. */
const STALE_MS = 24 * 3600_000
const TIMEOUT_MS = 5_000
const MAX_BYTES = 512 * 1024
const MAX_KEYS = 100

/** The issuer's keys cannot be had: nobody is to blame for it who shows a token. */
export class KeysUnavailable extends Error {}

export interface JwksOptions {
  readonly createLocalJWKSet: typeof createLocalJWKSet
  readonly now: () => number
}

type Resolve = (header: JWTHeaderParameters, token: FlattenedJWSInput) => Promise<CryptoKey>

/**
 * The public keys of an issuer (RFC 7517), asked for when first needed, when they are old, and, not more often than every
 * 30 s, when a token names one that is not among them. One question at a time, of bounded length and size, without redirects.
 */
export class RemoteKeys {
  readonly #url: string
  readonly #options: JwksOptions
  #resolve: Resolve | null = null
  #readAt = 0
  #triedAt: number | null = null
  #trouble = ''
  #reading: Promise<void> | null = null

  /** Throws RangeError when others could read or change what the address answers. */
  constructor(url: string, options: JwksOptions) {
    const { protocol, hostname } = new URL(url)
    if (protocol !== 'https:' && !(protocol === 'http:' && isLoopback(hostname))) throw new RangeError('the keys of an issuer are only asked for over https, or from this machine')
    this.#url = url
    this.#options = options
  }

  /** The key a token names. Rejects with KeysUnavailable, and with what `jose` says of a token no key fits. */
  async find(header: JWTHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey> {
    const ageMs = this.#options.now() - this.#readAt
    if (this.#resolve === null || ageMs >= FRESH_MS) await this.#renew()
    const known = this.#newest()
    if (known === null || this.#options.now() - this.#readAt >= STALE_MS) throw new KeysUnavailable(this.#trouble)
    try {
      return await known(header, token)
    } catch (error) {
      if (!isNoMatch(error)) throw error
      await this.#renew()
      const renewed = this.#newest()
      if (renewed === null || renewed === known) throw error
      return renewed(header, token)
    }
  }

  /** Looked at anew after a wait, in which it may have changed. */
  #newest(): Resolve | null {
    return this.#resolve
  }

  #renew(): Promise<void> {
    if (this.#reading !== null) return this.#reading
    const now = this.#options.now()
    if (this.#triedAt !== null && now - this.#triedAt < COOLDOWN_MS) return Promise.resolve()
    this.#triedAt = now
    this.#reading = this.#read().then(
      (keys) => {
        this.#resolve = this.#options.createLocalJWKSet(keys)
        this.#readAt = now
      },
      (error: unknown) => { this.#trouble = describe(error) },
    ).finally(() => { this.#reading = null })
    return this.#reading
  }

  async #read(): Promise<JSONWebKeySet> {
    const response = await fetch(this.#url, { redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS), headers: { accept: 'application/jwk-set+json, application/json' } })
    if (response.status !== 200 || response.body === null) {
      await response.body?.cancel()
      throw new Error(`it answers ${String(response.status)}`)
    }
    const chunks: Uint8Array[] = []
    let bytes = 0
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      bytes += chunk.length
      if (bytes > MAX_BYTES) throw new Error(`its answer is longer than ${String(MAX_BYTES)} bytes`)
      chunks.push(chunk)
    }
    return toKeySet(JSON.parse(Buffer.concat(chunks).toString('utf8')))
  }
}

/** Secrets that two sides share have no place among public keys: one that stands there is left out. */
function toKeySet(value: unknown): JSONWebKeySet {
  const keys: unknown = typeof value === 'object' && value !== null && 'keys' in value ? value.keys : null
  if (!Array.isArray(keys) || keys.length > MAX_KEYS) throw new Error('it does not answer with a set of keys')
  return { keys: keys.filter((key: unknown): key is JSONWebKeySet['keys'][number] => typeof key === 'object' && key !== null && 'kty' in key && typeof key.kty === 'string' && key.kty !== 'oct') }
}

/** What `fetch` says of a failure stands in its cause. */
function describe(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return cause instanceof Error ? cause.message : String(cause)
}

function isNoMatch(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_JWKS_NO_MATCHING_KEY'
}
