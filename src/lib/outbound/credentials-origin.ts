import type { Challenge } from './challenge.js'
import { discover, requireOwnIssuer, type Discovery } from './discovery.js'
import { OutboundError } from './failure.js'
import type { OauthSpec } from './login-origin.js'
import { renewalOf, requestToken } from './token-endpoint.js'
import type { TokenOrigin } from './token-keeper.js'

export interface CredentialsOriginOptions {
  readonly url: string
  readonly spec: OauthSpec
  readonly now: () => number
}

/**
 * Tokens for the client itself (RFC 6749 section 4.4). Nothing is kept on disk: a new one costs one request. Where it is
 * had is found out at the first refusal and remembered; asked anew when the authorization server refuses.
 */
export function createCredentialsOrigin({ url, spec, now }: CredentialsOriginOptions): TokenOrigin {
  const abort = new AbortController()
  const wanted = new Set(spec.scopes)
  let discovery: Discovery | null = null
  let place: Challenge | null = null
  return {
    hint: 'The authorization server gave a token, but the server does not accept it; check auth.scopes and what this client is allowed.',
    get asksFirst() {
      return discovery === null
    },
    begin: () => undefined,
    look: () => null,
    async renew(challenge: Challenge | null) {
      const { clientId, clientSecret } = spec
      if (clientId === null || clientSecret === null) throw new OutboundError('refused', 'client credentials need auth.clientId and auth.clientSecret')
      if (challenge?.error === 'insufficient_scope' || spec.scopes.length === 0) for (const scope of challenge?.scopes ?? []) wanted.add(scope)
      place = challenge ?? place
      const found = discovery ?? await discover({ url: new URL(url), challenge: place, authorizationServer: spec.authorizationServer, signal: abort.signal })
      requireOwnIssuer(spec, new URL(url), found.authorizationServer)
      discovery = found
      const { tokenEndpoint, tokenAuthMethods } = found.authorizationServer
      const grant = await requestToken({
        endpoint: tokenEndpoint, authMethods: tokenAuthMethods, client: { id: clientId, secret: clientSecret, authMethod: null }, now, signal: abort.signal,
        form: { grant_type: 'client_credentials', resource: found.resource, ...(wanted.size === 0 ? {} : { scope: [...wanted].join(' ') }) },
      }).catch((error: unknown) => {
        discovery = null
        throw error
      })
      return { value: grant.access, obtainedAt: grant.obtainedAt, renewAt: renewalOf(grant), expiresAt: grant.expiresAt ?? Number.POSITIVE_INFINITY }
    },
    close: () => { abort.abort() },
  }
}
