import type { AuthorizationServer } from './discovery.js'
import { OutboundError } from './failure.js'
import { isObject, textOf } from './read.js'
import type { OauthClient } from './token-endpoint.js'
import { askWeb } from './web.js'

const CONFIGURE = 'Register mcpctl there by hand and set auth.clientId (and auth.clientSecret, auth.redirectPort where it asks for them).'

/** Makes us known to an authorization server (RFC 7591), as a public client that comes back to this address. Rejects with OutboundError. */
export async function registerClient({ registrationEndpoint, issuer }: AuthorizationServer, redirectUri: string, options: { readonly scopes: readonly string[]; readonly signal: AbortSignal }): Promise<OauthClient> {
  const host = new URL(issuer).origin
  if (registrationEndpoint === null) throw new OutboundError('refused', `${host} does not let clients register themselves`, { hint: CONFIGURE })
  const { status, json } = await askWeb(new URL(registrationEndpoint), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    signal: options.signal,
    body: JSON.stringify({
      client_name: 'mcpctl',
      application_type: 'native',
      redirect_uris: [redirectUri],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      ...(options.scopes.length === 0 ? {} : { scope: options.scopes.join(' ') }),
    }),
  })
  const id = isObject(json) ? textOf(json['client_id']) : null
  if ((status === 200 || status === 201) && id !== null && isObject(json)) return { id, secret: textOf(json['client_secret']), authMethod: textOf(json['token_endpoint_auth_method']) }
  if (status >= 500) throw new OutboundError('unreachable', `${host} cannot register a client at present (HTTP ${status})`)
  const code = isObject(json) ? textOf(json['error']) : null
  throw new OutboundError('refused', `${host} does not register this client (HTTP ${status}${code !== null && /^[\x20-\x7e]{1,60}$/.test(code) ? `, ${code}` : ''})`, { hint: CONFIGURE })
}
