import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { openCallback, type Callback } from './callback.js'
import { parseChallenge, type Challenge } from './challenge.js'
import { discover, isSameIssuer, requireOwnIssuer, type AuthorizationServer, type Discovery } from './discovery.js'
import { OutboundError } from './failure.js'
import type { Keychain } from './keychain.js'
import type { OauthSpec } from './login-origin.js'
import { registerClient } from './registration.js'
import { requestToken, type Grant, type OauthClient } from './token-endpoint.js'
import { LoginStore, type LoginPlace } from './login-store.js'
import type { Login } from './token-store.js'
import { askWeb } from './web.js'

export interface LogInOptions {
  readonly url: string
  /** Headers the server gets besides. */
  readonly headers: Readonly<Record<string, string>>
  readonly spec: OauthSpec
  /** Where the login is kept. */
  readonly path: string
  readonly now: () => number
  /** Shows the page where the person logs in. */
  readonly show: (address: URL) => Promise<void>
  readonly signal: AbortSignal
  /** Default: that of this system. */
  readonly keychain?: Keychain
}

/**
 * Logs a person in to a server: the authorization code grant of OAuth 2.1 with PKCE (S256), the state and issuer of the
 * answer checked (RFC 9207), the token asked for this server alone (RFC 8707). Resolves when the login is on disk.
 * Rejects with OutboundError; an abort ends it with `unreachable`.
 */
export async function logIn(options: LogInOptions): Promise<Login> {
  const { url, spec, path, signal, keychain } = options
  const challenge = await askForChallenge(options)
  const discovery = await discover({ url: new URL(url), challenge, authorizationServer: spec.authorizationServer, signal })
  const server = requireCodeGrant(discovery.authorizationServer)
  requireOwnIssuer(spec, new URL(url), server)
  const store = new LoginStore({ path, where: spec.store ?? 'file', ...(keychain && { keychain }) })
  const before = await store.unlock(signal).catch(unlessNeeded)
  const known = before !== null && isSameIssuer(before.issuer, server.issuer) ? before : null
  const callback = await openOwnCallback(spec, known)
  let place: LoginPlace | null = null
  let isKept = false
  try {
    // Before somebody takes the trouble: that the keychain takes nothing is better known now.
    place = await store.prepare(signal)
    const scopes = scopesOf(spec, challenge, { discovery, missing: known?.missingScopes ?? [] })
    const client = await clientOf({ spec, known, server, callback, scopes, signal })
    const grant = await exchange({ options, discovery, client, callback, scopes })
    const login: Login = {
      resource: discovery.resource, issuer: server.issuer, tokenEndpoint: server.tokenEndpoint, revocationEndpoint: server.revocationEndpoint,
      authMethods: server.tokenAuthMethods,
      client: spec.clientId === null ? client : { ...client, secret: null },
      registeredFor: spec.clientId === null ? callback.redirectUri : null,
      grant: { ...grant, scopes: grant.scopes ?? scopes, obtainedAt: options.now() }, missingScopes: [],
    }
    place.put(login)
    isKept = true
    return login
  } finally {
    callback.close()
    if (!isKept) await place?.giveUp()
  }
}

/** A login that cannot be opened any more is none. */
function unlessNeeded(error: unknown): null {
  if (error instanceof OutboundError && error.reason === 'login-needed') return null
  throw error
}

/** What the server says to somebody without a token: that tells where one is to be had. */
async function askForChallenge({ url, headers, signal }: LogInOptions): Promise<Challenge | null> {
  const { status, headers: answered } = await askWeb(new URL(url), {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' }),
    signal,
  })
  return status === 401 ? parseChallenge(answered['www-authenticate'] ?? null) : null
}

function requireCodeGrant(server: AuthorizationServer): AuthorizationServer & { readonly authorizationEndpoint: string } {
  const { authorizationEndpoint, issuer, knowsPkce } = server
  const host = new URL(issuer).origin
  if (authorizationEndpoint === null) throw new OutboundError('refused', `${host} names no page to log in at`, { hint: 'For a client that has credentials of its own, set auth.grant to client-credentials.' })
  if (!knowsPkce) throw new OutboundError('refused', `${host} does not say that it knows PKCE with S256, without which a login could be stolen on its way`)
  return { ...server, authorizationEndpoint }
}

/** A client that was registered is used again as long as it can come back to the same port. */
async function openOwnCallback(spec: OauthSpec, known: Login | null): Promise<Callback> {
  if (spec.redirectPort !== null) return openCallback(spec.redirectPort)
  const port = spec.clientId !== null || known?.registeredFor == null ? 0 : Number(new URL(known.registeredFor).port)
  return openCallback(port).catch(() => openCallback(0))
}

/** Those that are configured; else those the server asks for; and what it has missed before. */
function scopesOf(spec: OauthSpec, challenge: Challenge | null, { discovery, missing }: { readonly discovery: Discovery; readonly missing: readonly string[] }): string[] {
  const asked = challenge !== null && challenge.scopes.length > 0 ? challenge.scopes : discovery.scopes
  if (spec.scopes.length > 0) return [...new Set([...spec.scopes, ...missing])]
  // Without it some give no token to renew with.
  const offline = discovery.authorizationServer.scopes.includes('offline_access') ? ['offline_access'] : []
  return [...new Set([...asked, ...missing, ...offline])]
}

interface ClientFacts {
  readonly spec: OauthSpec
  readonly known: Login | null
  readonly server: AuthorizationServer
  readonly callback: Callback
  readonly scopes: readonly string[]
  readonly signal: AbortSignal
}

function clientOf({ spec, known, server, callback, scopes, signal }: ClientFacts): OauthClient | Promise<OauthClient> {
  if (spec.clientId !== null) return { id: spec.clientId, secret: spec.clientSecret, authMethod: null }
  if (known?.registeredFor === callback.redirectUri) return known.client
  return registerClient(server, callback.redirectUri, { scopes, signal })
}

interface Exchange {
  readonly options: LogInOptions
  readonly discovery: Discovery
  readonly client: OauthClient
  readonly callback: Callback
  readonly scopes: readonly string[]
}

async function exchange({ options, discovery, client, callback, scopes }: Exchange): Promise<Grant> {
  const { signal, now, show } = options
  const { resource, authorizationServer } = discovery
  const server = requireCodeGrant(authorizationServer)
  const verifier = randomBytes(32).toString('base64url')
  const state = randomBytes(32).toString('base64url')
  const address = new URL(server.authorizationEndpoint)
  const values = {
    response_type: 'code', client_id: client.id, redirect_uri: callback.redirectUri, state, resource,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256',
    ...(scopes.length === 0 ? {} : { scope: scopes.join(' ') }),
    // OpenID Connect: without it a token to renew with is not given a second time.
    ...(scopes.includes('offline_access') ? { prompt: 'consent' } : {}),
  }
  for (const [name, value] of Object.entries(values)) address.searchParams.set(name, value)
  const redeem = async (brought: URLSearchParams): Promise<Grant> => requestToken({
    endpoint: server.tokenEndpoint, client, authMethods: server.tokenAuthMethods, now, signal,
    form: { grant_type: 'authorization_code', code: takeCode(brought, server), code_verifier: verifier, redirect_uri: callback.redirectUri, resource },
  })
  const given = callback.wait((brought) => {
    if (!isSameText(brought.get('state') ?? '', state)) return null
    return redeem(brought)
  })
  given.catch(() => undefined)
  await show(address)
  return await Promise.race([given, aborted(signal)])
}

/** The code in the answer, when it comes from whom it was asked of (RFC 9207). */
function takeCode(brought: URLSearchParams, { issuer, namesItself }: AuthorizationServer): string {
  const from = brought.get('iss')
  if (from === null ? namesItself : from !== issuer) throw new OutboundError('refused', `the answer does not come from ${new URL(issuer).origin}, where the login was begun`, { hint: 'Somebody may have mixed up two logins on purpose; nothing was sent to anybody.' })
  const error = brought.get('error')
  if (error !== null) throw new OutboundError('refused', error === 'access_denied' ? 'access was not granted' : `${new URL(issuer).origin} did not log you in (${/^[\x20-\x7e]{1,60}$/.test(error) ? error : 'an unknown error'})`)
  const code = brought.get('code')
  if (code === null || code === '') throw new OutboundError('refused', `${new URL(issuer).origin} answered without a code`)
  return code
}

function isSameText(one: string, other: string): boolean {
  const [a, b] = [createHash('sha256').update(one).digest(), createHash('sha256').update(other).digest()]
  return timingSafeEqual(a, b)
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const fail = (): void => reject(new OutboundError('unreachable', 'nobody logged in in the time there was'))
    if (signal.aborted) fail()
    else signal.addEventListener('abort', fail, { once: true })
  })
}
