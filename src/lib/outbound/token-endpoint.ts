import { isToken } from './bearer.js'
import { OutboundError } from './failure.js'
import { isObject, textOf } from './read.js'
import { askWeb } from './web.js'

/** Who we are to an authorization server. */
export interface OauthClient {
  readonly id: string
  readonly secret: string | null
  /** As agreed on at registration; null: what the server can do. */
  readonly authMethod: string | null
}

export interface TokenRequest {
  readonly endpoint: string
  readonly client: OauthClient
  /** What the server can do; null: it does not say. */
  readonly authMethods: readonly string[] | null
  readonly form: Readonly<Record<string, string>>
  readonly now: () => number
  readonly signal?: AbortSignal
}

/** A token as it was given. Times in epoch milliseconds. */
export interface Grant {
  readonly access: string
  readonly refresh: string | null
  readonly obtainedAt: number
  /** Null: it is not said. */
  readonly expiresAt: number | null
  /** Null: those that were asked for. */
  readonly scopes: readonly string[] | null
}

/** The authorization server says no, in its own words (RFC 6749 section 5.2). */
export class GrantRefused extends OutboundError {
  readonly code: string

  constructor(code: string, host: string) {
    super('refused', `${host} gives no token (${code})`)
    this.code = code
  }
}

/** Codes that speak of the moment. */
const TEMPORARY: ReadonlySet<string> = new Set(['temporarily_unavailable', 'server_error', 'slow_down'])

/** Asks the token endpoint. Rejects with GrantRefused, or with OutboundError `unreachable` when it may be otherwise later. */
export async function requestToken({ endpoint, client, authMethods, form, now, signal }: TokenRequest): Promise<Grant> {
  const url = new URL(endpoint)
  const answer = await askWeb(url, { method: 'POST', ...formOf(client, authMethods, form), ...(signal === undefined ? {} : { signal }) })
  const { status, json } = answer
  if (status === 200 && isObject(json)) return readGrant(json, url.origin, now())
  const code = isObject(json) ? textOf(json['error']) : null
  if (code === null || status >= 500 || status === 429 || status === 408 || TEMPORARY.has(code)) throw new OutboundError('unreachable', `${url.origin} gives no token at present (HTTP ${status})`)
  throw new GrantRefused(/^[\x20-\x7e]{1,60}$/.test(code) ? code : 'an unknown error', url.origin)
}

/** Revokes a token (RFC 7009), as well as it can be done: false when the server did not take it. */
export async function revokeToken({ endpoint, client, authMethods, form }: Omit<TokenRequest, 'now'>): Promise<boolean> {
  const { status } = await askWeb(new URL(endpoint), { method: 'POST', ...formOf(client, authMethods, form) }).catch(() => ({ status: 0 }))
  return status === 200
}

/** The form and how the client proves itself (RFC 6749 section 2.3.1): in a header where the server takes that, which is the default. */
function formOf({ id, secret, authMethod }: OauthClient, authMethods: readonly string[] | null, form: Readonly<Record<string, string>>): { headers: Record<string, string>; body: string } {
  const headers: Record<string, string> = { 'content-type': 'application/x-www-form-urlencoded' }
  const values = new URLSearchParams(form)
  const method = secret === null ? 'none' : (authMethod ?? (authMethods === null || authMethods.includes('client_secret_basic') ? 'client_secret_basic' : 'client_secret_post'))
  if (secret !== null && method === 'client_secret_basic') headers['authorization'] = `Basic ${Buffer.from(`${encode(id)}:${encode(secret)}`).toString('base64')}`
  else values.set('client_id', id)
  if (secret !== null && method === 'client_secret_post') values.set('client_secret', secret)
  return { headers, body: values.toString() }
}

function encode(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1)
}

function readGrant(json: Readonly<Record<string, unknown>>, host: string, now: number): Grant {
  const access = textOf(json['access_token'])
  if (access === null || !isToken(access)) throw new OutboundError('refused', `${host} answered without a token that can be used`)
  if (textOf(json['token_type'])?.toLowerCase() !== 'bearer') throw new OutboundError('refused', `${host} gives tokens of a kind other than Bearer`)
  const seconds = Number(json['expires_in'])
  return {
    access,
    refresh: textOf(json['refresh_token']),
    obtainedAt: now,
    expiresAt: json['expires_in'] !== undefined && Number.isFinite(seconds) && seconds > 0 ? now + seconds * 1000 : null,
    scopes: textOf(json['scope'])?.split(/\s+/).filter((scope) => scope !== '') ?? null,
  }
}

const MARGIN_MS = 30_000
const MARGIN_SHARE = 0.1

/** When a token is renewed that runs out: a little before. */
export function renewalOf({ obtainedAt, expiresAt }: Pick<Grant, 'obtainedAt' | 'expiresAt'>): number {
  if (expiresAt === null) return Number.POSITIVE_INFINITY
  return expiresAt - Math.min(MARGIN_MS, (expiresAt - obtainedAt) * MARGIN_SHARE)
}
