import { isLoopback } from '../base/index.js'
import type { Challenge } from './challenge.js'
import { OutboundError } from './failure.js'
import { isObject, textOf, textsOf } from './read.js'
import { askWeb, requireSafe } from './web.js'

/** What an authorization server says about itself (RFC 8414, OpenID Connect Discovery 1.0). Addresses are checked. */
export interface AuthorizationServer {
  readonly issuer: string
  readonly authorizationEndpoint: string | null
  readonly tokenEndpoint: string
  readonly registrationEndpoint: string | null
  readonly revocationEndpoint: string | null
  /** It proves that it knows PKCE with S256 (RFC 7636). */
  readonly knowsPkce: boolean
  /** How clients may prove who they are to the token endpoint; null: it does not say. */
  readonly tokenAuthMethods: readonly string[] | null
  /** Its answers to the browser name it (RFC 9207). */
  readonly namesItself: boolean
  readonly scopes: readonly string[]
}

export interface Discovery {
  /** What a token is for, as the server is called in requests for one (RFC 8707). */
  readonly resource: string
  /** Scopes the server says there are. */
  readonly scopes: readonly string[]
  readonly authorizationServer: AuthorizationServer
}

export interface DiscoverOptions {
  /** The server's own address. */
  readonly url: URL
  readonly challenge: Challenge | null
  /** As configured; null: the server says. */
  readonly authorizationServer: string | null
  readonly signal?: AbortSignal
}

interface ResourceMetadata {
  readonly resource: string
  readonly issuers: readonly string[]
  readonly scopes: readonly string[]
}

/**
 * Finds out where a token for a server is to be had, in the order the MCP specification names (authorization, 2025-11-25
 * and later): the server's metadata where its refusal says (RFC 9728), else at the well-known places; then those of the
 * authorization server. A server without metadata of its own is asked as in 2025-03-26: it is its own authorization
 * server. Rejects with OutboundError.
 */
export async function discover({ url, challenge, authorizationServer, signal }: DiscoverOptions): Promise<Discovery> {
  const isLocal = isLoopback(url.hostname)
  requireSafe(url.href, 'the url of the server', isLocal)
  const metadata = await findResource(url, challenge, signal)
  const issuer = authorizationServer ?? metadata?.issuers[0] ?? url.origin
  const server = await findAuthorizationServer(requireSafe(issuer, 'the authorization server', isLocal), issuer, { isLocal, signal })
  return { resource: metadata?.resource ?? nameOf(url), scopes: metadata?.scopes ?? [], authorizationServer: server }
}

/** The address without what may be a secret in it. */
function nameOf(url: URL): string {
  return url.pathname === '/' ? url.origin : `${url.origin}${url.pathname}`
}

async function findResource(url: URL, challenge: Challenge | null, signal: AbortSignal | undefined): Promise<ResourceMetadata | null> {
  const named = challenge?.resourceMetadata ?? null
  const path = url.pathname.replace(/\/$/, '')
  const places = named !== null ? [requireSafe(named, 'the metadata of the server', isLoopback(url.hostname)).href]
    : [...new Set([`${url.origin}/.well-known/oauth-protected-resource${path}`, `${url.origin}/.well-known/oauth-protected-resource`])]
  for (const place of places) {
    const { status, json } = await get(new URL(place), signal)
    if (status !== 200 || !isObject(json)) continue
    const resource = textOf(json['resource'])
    if (resource === null || !covers(resource, url)) throw new OutboundError('refused', `the metadata of ${url.origin} is about another server`, { hint: 'A token for another server is not asked for; tell who runs the server.' })
    return { resource, issuers: textsOf(json['authorization_servers']) ?? [], scopes: textsOf(json['scopes_supported']) ?? [] }
  }
  if (named !== null) throw new OutboundError('unreachable', `${new URL(named).origin} does not show the metadata the server points to`)
  return null
}

/** The same origin, and a path that the server's lies in. */
function covers(resource: string, url: URL): boolean {
  if (!URL.canParse(resource)) return false
  const named = new URL(resource)
  const prefix = named.pathname.endsWith('/') ? named.pathname : `${named.pathname}/`
  return named.origin === url.origin && `${url.pathname}/`.startsWith(prefix)
}

interface Surroundings {
  readonly isLocal: boolean
  readonly signal: AbortSignal | undefined
}

async function findAuthorizationServer(at: URL, issuer: string, { isLocal, signal }: Surroundings): Promise<AuthorizationServer> {
  for (const place of placesOf(at)) {
    const { status, json } = await get(new URL(place), signal)
    if (status >= 500) throw new OutboundError('unreachable', `${at.origin} answered with HTTP ${status}`)
    if (status === 200 && isObject(json)) return readServer(json, issuer, isLocal)
  }
  throw new OutboundError('refused', `${at.origin} does not say how to get a token: it shows no metadata of an authorization server`, { hint: 'Name the right one in auth.authorizationServer, or use a token of your own: auth: { type: bearer, ... }.' })
}

/** With a path in the issuer, the order of the MCP specification; the last of the three is OpenID Connect's own. */
function placesOf(at: URL): string[] {
  const path = at.pathname.replace(/\/$/, '')
  const places = [`${at.origin}/.well-known/oauth-authorization-server${path}`, `${at.origin}/.well-known/openid-configuration${path}`]
  return path === '' ? places : [...places, `${at.origin}${path}/.well-known/openid-configuration`]
}

function readServer(json: Readonly<Record<string, unknown>>, expected: string, isLocal: boolean): AuthorizationServer {
  const issuer = textOf(json['issuer'])
  // RFC 8414 section 3.3: whoever answers for another issuer is not to be trusted with anything.
  if (issuer === null || !isSameIssuer(issuer, expected)) throw new OutboundError('refused', `${new URL(expected).origin} says it is another authorization server than the one that was asked for`)
  const address = (name: string): string | null => {
    const value = textOf(json[name])
    return value === null ? null : requireSafe(value, `the ${name.replaceAll('_', ' ')} of ${new URL(expected).origin}`, isLocal).href
  }
  const tokenEndpoint = address('token_endpoint')
  if (tokenEndpoint === null) throw new OutboundError('refused', `${new URL(expected).origin} names no token endpoint`)
  return {
    issuer,
    tokenEndpoint,
    authorizationEndpoint: address('authorization_endpoint'),
    registrationEndpoint: address('registration_endpoint'),
    revocationEndpoint: address('revocation_endpoint'),
    knowsPkce: (textsOf(json['code_challenge_methods_supported']) ?? []).includes('S256'),
    tokenAuthMethods: textsOf(json['token_endpoint_auth_methods_supported']),
    namesItself: json['authorization_response_iss_parameter_supported'] === true,
    scopes: textsOf(json['scopes_supported']) ?? [],
  }
}

/**
 * A secret goes only to whom the configuration names, or to the server's own host: where its server says its tokens come
 * from is no reason to send a secret there. Throws OutboundError `refused`.
 */
export function requireOwnIssuer({ clientSecret, authorizationServer }: { readonly clientSecret: string | null; readonly authorizationServer: string | null }, url: URL, { issuer }: AuthorizationServer): void {
  if (clientSecret === null || authorizationServer !== null || new URL(issuer).origin === url.origin) return
  throw new OutboundError('refused', `${url.origin} says its tokens come from ${issuer}; a client secret is sent only where the configuration says`, { hint: `If that is right, set auth.authorizationServer to ${issuer}.` })
}

/** The same text; an origin may be written with or without the slash behind it. */
export function isSameIssuer(one: string, other: string): boolean {
  return one === other || (URL.canParse(one) && URL.canParse(other) && new URL(one).href === new URL(other).href && new URL(one).pathname === '/')
}

function get(url: URL, signal: AbortSignal | undefined): Promise<{ status: number; json: unknown }> {
  return askWeb(url, { method: 'GET', ...(signal === undefined ? {} : { signal }) })
}
