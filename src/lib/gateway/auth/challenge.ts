import type { AuthSettings } from '../../core/index.js'
import type { JsonObject } from '../../mcp/index.js'
import type { Denial } from './contract.js'

/** RFC 9728 section 3: stands between the host and the path of the resource. */
const WELL_KNOWN = '/.well-known/oauth-protected-resource'
/** Places where MCP is served, and nothing that would have to be escaped in a header. */
const PLACE = /^\/(?:mcp(?:\/[\w.~@%-]+)?|profiles\/[\w.~@%-]+\/mcp|sse(?:\/[\w.~@%-]+)?)$/

/** Tells those who are not let in where they can get what lets them in: RFC 9728, and the header of RFC 6750 section 3. */
export class Challenge {
  readonly #resource: string | null
  readonly #servers: readonly string[]
  readonly #scopes: readonly string[]
  readonly #isOAuth: boolean

  constructor({ jwt, resource, authorizationServers }: AuthSettings) {
    this.#resource = resource
    this.#servers = authorizationServers.length > 0 ? authorizationServers : [...new Set(jwt.flatMap(({ issuer, jwksUrl }) => (issuer !== null && jwksUrl !== null && URL.canParse(issuer) ? [issuer] : [])))]
    this.#scopes = [...new Set(jwt.flatMap(({ scopes }) => scopes))]
    this.#isOAuth = jwt.length > 0 || authorizationServers.length > 0
  }

  /** The metadata at that path; null: it is no place for any. `host`: what the request was sent to, checked before. */
  metadata(path: string, host: string): JsonObject | null {
    if (!this.#isOAuth || !path.startsWith(WELL_KNOWN)) return null
    const place = path.slice(WELL_KNOWN.length)
    if (place !== '' && place !== '/' && !PLACE.test(place)) return null
    return {
      resource: this.#resource ?? `http://${host}${place === '' ? '/' : place}`,
      ...(this.#servers.length === 0 ? {} : { authorization_servers: [...this.#servers] }),
      ...(this.#scopes.length === 0 ? {} : { scopes_supported: [...this.#scopes] }),
      bearer_methods_supported: ['header'],
      resource_name: 'mcpctl',
    }
  }

  /** The value of `WWW-Authenticate`; null: the answer needs none. */
  header({ status, error, message, scopes }: Denial, path: string, host: string): string | null {
    if (status !== 401 && status !== 403) return null
    const wanted = scopes ?? (error === null ? this.#scopes : [])
    const parts = [
      ...(error === null ? [] : [`error="${error}"`]),
      ...(error === null || !this.#isOAuth ? [] : [`error_description="${message.replaceAll(/["\\]/g, "'")}"`]),
      ...(wanted.length === 0 ? [] : [`scope="${wanted.join(' ').replaceAll(/["\\]/g, '')}"`]),
      ...(this.#isOAuth ? [`resource_metadata="${this.#metadataUrl(path, host)}"`] : []),
    ]
    return parts.length === 0 ? 'Bearer' : `Bearer ${parts.join(', ')}`
  }

  #metadataUrl(path: string, host: string): string {
    if (this.#resource === null) return `http://${host}${WELL_KNOWN}${PLACE.test(path) ? path : ''}`
    const { origin, pathname } = new URL(this.#resource)
    return `${origin}${WELL_KNOWN}${pathname === '/' ? '' : pathname}`
  }
}
