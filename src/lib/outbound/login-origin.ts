import type { OutboundAuthSpec } from '../core/index.js'
import { isSameIssuer } from './discovery.js'
import type { Challenge } from './challenge.js'
import { OutboundError } from './failure.js'
import { GrantRefused, renewalOf, requestToken, type Grant, type OauthClient } from './token-endpoint.js'
import type { Token, TokenOrigin } from './token-keeper.js'
import { readLogin, stampOf, writeLogin, type Login } from './token-store.js'

export type OauthSpec = Extract<OutboundAuthSpec, { type: 'oauth' }>

export interface LoginOriginOptions {
  readonly server: string
  readonly spec: OauthSpec
  /** The file of the login. */
  readonly path: string
  readonly now: () => number
  readonly warn: (text: string) => void
}

/**
 * The token of somebody who has logged in (`mcpctl login`), renewed with its refresh token. The file is the truth: what a
 * login wrote meanwhile wins over what is in hand. Only `invalid_grant` takes a token away.
 */
export class LoginOrigin implements TokenOrigin {
  readonly hint: string
  readonly asksFirst = false
  readonly #options: LoginOriginOptions
  readonly #abort = new AbortController()
  #known: { readonly stamp: string | null; readonly login: Login | null } | null = null
  /** Refused, and not to be renewed: it is not sent any more. */
  #spentStamp: string | null = null

  constructor(options: LoginOriginOptions) {
    this.#options = options
    this.hint = `Log in again: mcpctl login ${options.server}`
  }

  begin(): void {
    this.#spentStamp = null
  }

  look(): Token | null {
    const login = this.#read()
    if (login?.grant == null) throw this.#needsLogin(login === null ? 'nobody has logged in' : 'the login has expired or was taken back')
    if (this.#known?.stamp === this.#spentStamp) throw this.#needsLogin('the server does not accept the token any more, and it cannot be renewed')
    return toToken(login.grant)
  }

  async renew(challenge: Challenge | null): Promise<Token> {
    const login = this.#read()
    if (login?.grant == null) throw this.#needsLogin(login === null ? 'nobody has logged in' : 'the login has expired or was taken back')
    if (challenge?.error === 'insufficient_scope') throw this.#lacksScope(login, challenge.scopes)
    const { refresh } = login.grant
    if (refresh === null) {
      this.#spentStamp = this.#known?.stamp ?? null
      throw this.#needsLogin('the token has run out or was refused, and there is none to renew it with')
    }
    const { tokenEndpoint, authMethods, resource } = login
    const { scopes } = login.grant
    const asked = requestToken({
      endpoint: tokenEndpoint, authMethods, client: this.#clientOf(login), now: this.#options.now, signal: this.#abort.signal,
      form: { grant_type: 'refresh_token', refresh_token: refresh, resource },
    })
    return asked.then(
      (grant) => this.#renewed(refresh, { ...grant, refresh: grant.refresh ?? refresh, scopes: grant.scopes ?? scopes }),
      (error: unknown) => this.#notRenewed(error, refresh),
    )
  }

  close(): void {
    this.#abort.abort()
  }

  /** Of the file as it is now; null where it belongs to another client or another authorization server than is configured. */
  #read(): Login | null {
    const { path, spec } = this.#options
    const stamp = stampOf(path)
    if (this.#known === null || this.#known.stamp !== stamp) {
      const login = stamp === null ? null : readLogin(path)
      const isOurs = login !== null && (spec.clientId === null ? login.registeredFor !== null : login.client.id === spec.clientId)
      const isTheirs = login !== null && (spec.authorizationServer === null || isSameIssuer(login.issuer, spec.authorizationServer))
      this.#known = { stamp, login: isOurs && isTheirs ? login : null }
    }
    return this.#known.login
  }

  #clientOf({ client }: Login): OauthClient {
    // The secret of a configured client stands in the configuration only.
    return this.#options.spec.clientId === null ? client : { ...client, secret: this.#options.spec.clientSecret }
  }

  /** A login that was written meanwhile is newer than what was renewed. */
  #renewed(refresh: string, grant: Grant): Token {
    const login = this.#read()
    if (login?.grant != null && login.grant.refresh !== refresh) return toToken(login.grant)
    if (login !== null) this.#write({ ...login, grant })
    return toToken(grant)
  }

  /** Throws, unless somebody has logged in meanwhile. */
  #notRenewed(error: unknown, refresh: string): Token {
    if (!(error instanceof GrantRefused)) throw error
    if (error.code === 'invalid_client') throw this.#needsLogin('the authorization server does not know this client any more')
    if (error.code !== 'invalid_grant') throw error
    const login = this.#read()
    if (login?.grant != null && login.grant.refresh !== refresh) return toToken(login.grant)
    if (login !== null) this.#write({ ...login, grant: null })
    throw this.#needsLogin('the login has expired or was taken back')
  }

  #lacksScope(login: Login, scopes: readonly string[]): OutboundError {
    const missing = [...new Set([...login.missingScopes, ...scopes])].slice(0, 100)
    if (missing.length > login.missingScopes.length) this.#write({ ...login, missingScopes: missing })
    const named = scopes.length === 0 ? 'a scope that was not granted' : `the scope ${scopes.join(' ').slice(0, 200)}`
    return new OutboundError('refused', `this needs ${named}; log in again to ask for it: mcpctl login ${this.#options.server}`, { hint: this.hint })
  }

  #write(login: Login): void {
    const { path, warn } = this.#options
    try {
      writeLogin(path, login)
      this.#known = { stamp: stampOf(path), login }
    } catch (error) {
      warn(`the renewed token cannot be kept (${(error as NodeJS.ErrnoException).code ?? 'error'}): it is lost when the daemon ends`)
      this.#known = { stamp: stampOf(path), login }
    }
  }

  #needsLogin(why: string): OutboundError {
    return new OutboundError('login-needed', `${why}; log in: mcpctl login ${this.#options.server}`, { hint: `Log in: mcpctl login ${this.#options.server}` })
  }
}

/** Without anything to renew it with, our clock is no reason not to try a token. */
function toToken(grant: Grant): Token {
  const { access, refresh, obtainedAt, expiresAt } = grant
  if (refresh === null) return { value: access, obtainedAt, renewAt: Number.POSITIVE_INFINITY, expiresAt: Number.POSITIVE_INFINITY }
  return { value: access, obtainedAt, renewAt: renewalOf(grant), expiresAt: expiresAt ?? Number.POSITIVE_INFINITY }
}
