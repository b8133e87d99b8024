import type { OutboundAuthSpec } from '../core/index.js'
import { isSameIssuer } from './discovery.js'
import type { Challenge } from './challenge.js'
import { OutboundError } from './failure.js'
import type { LoginStore } from './login-store.js'
import { GrantRefused, renewalOf, requestToken, type Grant, type OauthClient } from './token-endpoint.js'
import type { Token, TokenOrigin } from './token-keeper.js'
import type { Login } from './token-store.js'

export type OauthSpec = Extract<OutboundAuthSpec, { type: 'oauth' }>

export interface LoginOriginOptions {
  readonly server: string
  readonly spec: OauthSpec
  readonly store: LoginStore
  readonly now: () => number
  readonly warn: (text: string) => void
}

/**
 * The token of somebody who has logged in (`mcpctl login`), renewed with its refresh token. The store is the truth: what a
 * login wrote meanwhile wins over what is in hand. Only `invalid_grant` takes a token away.
 */
export class LoginOrigin implements TokenOrigin {
  readonly hint: string
  readonly asksFirst = false
  readonly #options: LoginOriginOptions
  readonly #abort = new AbortController()
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
    if (this.#options.store.look() === 'sealed') return null
    const { grant } = this.#require(this.#read())
    if (this.#options.store.stamp === this.#spentStamp) throw this.#needsLogin('the server does not accept the token any more, and it cannot be renewed')
    return toToken(grant)
  }

  async renew(challenge: Challenge | null): Promise<Token> {
    const isSealed = this.#options.store.look() === 'sealed'
    if (isSealed) await this.#unlock()
    const login = this.#require(this.#read())
    const found = toToken(login.grant)
    // Nobody has tried this one yet.
    if (isSealed && this.#options.now() < found.renewAt) return found
    if (challenge?.error === 'insufficient_scope') throw this.#lacksScope(login, challenge.scopes)
    const { refresh } = login.grant
    if (refresh === null) {
      this.#spentStamp = this.#options.store.stamp
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

  /** As it is kept now; null where it belongs to another client or another authorization server than is configured. */
  #read(): Login | null {
    const { store, spec } = this.#options
    const login = store.look()
    if (login === null || login === 'sealed') return null
    const isOurs = spec.clientId === null ? login.registeredFor !== null : login.client.id === spec.clientId
    const isTheirs = spec.authorizationServer === null || isSameIssuer(login.issuer, spec.authorizationServer)
    return isOurs && isTheirs ? login : null
  }

  #require(login: Login | null): Login & { readonly grant: Grant } {
    if (login === null) throw this.#needsLogin(this.#options.store.whyNone)
    const { grant } = login
    if (grant === null) throw this.#needsLogin('the login has expired or was taken back')
    return { ...login, grant }
  }

  async #unlock(): Promise<void> {
    try {
      await this.#options.store.unlock(this.#abort.signal)
    } catch (error) {
      throw error instanceof OutboundError && error.reason === 'login-needed' ? this.#needsLogin(error.message) : error
    }
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
    const { store, warn } = this.#options
    try {
      store.write(login)
    } catch (error) {
      warn(`the renewed token cannot be kept (${(error as NodeJS.ErrnoException).code ?? 'error'}): it is lost when the daemon ends`)
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
