import { createHash, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What a test may change while it runs. */
export interface OauthKnobs {
  /** Null: the answer names no time. */
  accessSeconds: number | null
  /** What the token endpoint makes of a refresh token. `break`: it drops the connection. */
  refresh: 'rotate' | 'keep' | 'none' | 'outage' | 'break' | 'invalid_grant' | 'invalid_client' | 'unauthorized_client'
  /** The issuer the metadata and the browser's answer name, instead of the own one. */
  metadataIssuer: string | null
  answerIssuer: string | null | undefined
  /** What the server's metadata say it is, instead of what it is. */
  resource: string | null
  tokenEndpoint: string | null
  pkce: boolean
  registers: boolean
  /** Scope without which a `tools/call` is refused with 403. */
  neededScope: string | null
  /** Answers every request of the MCP server with this status. */
  refuseAll: number | null
  /** The MCP server sends every request elsewhere. */
  redirectTo: string | null
}

export interface OauthServer {
  readonly issuer: string
  readonly url: string
  readonly knobs: OauthKnobs
  /** Every form the token endpoint got. */
  readonly tokenRequests: Record<string, string>[]
  /** Every `Authorization` header the MCP server got, by method of HTTP; null: it had none. */
  readonly authorizations: { method: string; rpc: string | null; authorization: string | null }[]
  readonly registrations: Record<string, unknown>[]
  readonly revoked: string[]
  /** Every secret that ever went over the wires. */
  readonly secrets: Set<string>
  /** The access tokens that were given are not good any more. */
  expireAll(): void
  close(): Promise<void>
}

const CLIENT = { id: 'machine', secret: 'machine-s3cret-of-the-client' }
export const OAUTH_CLIENT = CLIENT

/** A small authorization server and an MCP server that takes its tokens, each on a port of its own. */
export async function startOauth(changes: Partial<OauthKnobs> = {}): Promise<OauthServer> {
  const knobs: OauthKnobs = {
    accessSeconds: 3600, refresh: 'rotate', metadataIssuer: null, answerIssuer: undefined, resource: null, tokenEndpoint: null, pkce: true, registers: true, neededScope: null, refuseAll: null, redirectTo: null,
    ...changes,
  }
  const state = { access: new Map<string, string>(), refresh: new Set<string>(), codes: new Map<string, URLSearchParams>(), clients: new Map<string, string>() }
  const seen: Pick<OauthServer, 'tokenRequests' | 'authorizations' | 'registrations' | 'revoked' | 'secrets'> = { tokenRequests: [], authorizations: [], registrations: [], revoked: [], secrets: new Set() }
  const make = (kind: string): string => {
    const text = `${kind}-${randomBytes(18).toString('base64url')}`
    seen.secrets.add(text)
    return text
  }
  const issue = (scope: string): Record<string, unknown> => {
    const access = make('access')
    state.access.set(access, scope)
    const refresh = knobs.refresh === 'none' ? undefined : make('refresh')
    if (refresh !== undefined) state.refresh.add(refresh)
    return { access_token: access, token_type: 'Bearer', scope, ...(knobs.accessSeconds === null ? {} : { expires_in: knobs.accessSeconds }), ...(refresh === undefined ? {} : { refresh_token: refresh }) }
  }

  const token = (form: Record<string, string>, authorization: string | undefined, response: ServerResponse): void => {
    seen.tokenRequests.push(form)
    const refuse = (error: string, status = 400): void => json(response, status, { error })
    if (form['grant_type'] === 'client_credentials') {
      const basic = `Basic ${Buffer.from(`${CLIENT.id}:${CLIENT.secret}`).toString('base64')}`
      if (authorization !== basic) return refuse('invalid_client', 401)
      const { refresh_token: _none, ...given } = issue(form['scope'] ?? 'mcp')
      return json(response, 200, given)
    }
    if (form['grant_type'] === 'authorization_code') {
      const asked = state.codes.get(form['code'] ?? '')
      state.codes.delete(form['code'] ?? '')
      const verified = asked?.get('code_challenge') === createHash('sha256').update(form['code_verifier'] ?? '').digest('base64url')
      const isSame = ['client_id', 'redirect_uri', 'resource'].every((name) => asked?.get(name) === form[name])
      return verified && isSame ? json(response, 200, issue(asked?.get('scope') ?? '')) : refuse('invalid_grant')
    }
    const old = form['refresh_token'] ?? ''
    if (knobs.refresh === 'outage') return refuse('', 503)
    if (knobs.refresh === 'break') return void response.destroy()
    if (knobs.refresh === 'invalid_client') return refuse('invalid_client', 401)
    if (knobs.refresh === 'unauthorized_client') return refuse('unauthorized_client')
    if (knobs.refresh === 'invalid_grant' || !state.refresh.has(old)) return refuse('invalid_grant')
    if (knobs.refresh === 'rotate') {
      state.refresh.delete(old)
      return json(response, 200, issue('mcp'))
    }
    const { refresh_token: _same, ...given } = issue('mcp')
    json(response, 200, given)
  }

  const authorize = (asked: URLSearchParams, response: ServerResponse): void => {
    const code = make('code')
    state.codes.set(code, asked)
    const back = new URL(asked.get('redirect_uri') ?? '')
    back.searchParams.set('code', code)
    back.searchParams.set('state', asked.get('state') ?? '')
    const from = knobs.answerIssuer === undefined ? issuer : knobs.answerIssuer
    if (from !== null) back.searchParams.set('iss', from)
    response.writeHead(302, { location: back.href }).end()
  }

  const metadata = (): Record<string, unknown> => ({
    issuer: knobs.metadataIssuer ?? issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: knobs.tokenEndpoint ?? `${issuer}/token`,
    revocation_endpoint: `${issuer}/revoke`,
    ...(knobs.registers ? { registration_endpoint: `${issuer}/register` } : {}),
    ...(knobs.pkce ? { code_challenge_methods_supported: ['S256'] } : {}),
    response_types_supported: ['code'],
    scopes_supported: ['mcp', 'offline_access'],
    authorization_response_iss_parameter_supported: true,
  })

  const authorizationServer = createServer((request, response) => void readBody(request).then((body) => {
    const address = new URL(request.url ?? '/', 'http://a')
    const form = (): Record<string, string> => Object.fromEntries(new URLSearchParams(body))
    switch (address.pathname) {
      case '/tenant/.well-known/openid-configuration':
      case '/.well-known/oauth-authorization-server/tenant': return json(response, 404, {})
      case '/.well-known/openid-configuration/tenant': return json(response, 200, metadata())
      case '/tenant/authorize': return authorize(address.searchParams, response)
      case '/tenant/token': return token(form(), request.headers.authorization, response)
      case '/tenant/revoke':
        seen.revoked.push(form()['token'] ?? '')
        return json(response, 200, {})
      case '/tenant/register': {
        const asked = JSON.parse(body) as Record<string, unknown>
        seen.registrations.push(asked)
        return json(response, 201, { ...asked, client_id: `client-${seen.registrations.length}` })
      }
      default: return json(response, 404, {})
    }
  }))

  const mcp = (request: IncomingMessage, body: string, response: ServerResponse): void => {
    if (request.url === '/.well-known/oauth-protected-resource') return json(response, 404, {})
    if (request.url === '/meta') return json(response, 200, { resource: knobs.resource ?? url, authorization_servers: [issuer], scopes_supported: ['mcp'] })
    if (knobs.redirectTo !== null) return void response.writeHead(307, { location: knobs.redirectTo }).end()
    const message = body === '' ? null : (JSON.parse(body) as { id?: number; method?: string; params?: { name?: string } })
    const authorization = request.headers.authorization ?? null
    seen.authorizations.push({ method: request.method ?? '', rpc: message?.method ?? null, authorization })
    const scope = state.access.get(authorization?.replace(/^Bearer /, '') ?? '')
    const metadataAt = `resource_metadata="${new URL('/meta', url).href}"`
    if (knobs.refuseAll !== null) return json(response, knobs.refuseAll, {}, { 'www-authenticate': `Bearer error="invalid_token", ${metadataAt}` })
    if (scope === undefined) return json(response, 401, {}, { 'www-authenticate': `Bearer ${authorization === null ? '' : 'error="invalid_token", '}scope="mcp", ${metadataAt}` })
    if (message?.method === 'tools/call' && knobs.neededScope !== null && !scope.split(' ').includes(knobs.neededScope)) {
      return json(response, 403, {}, { 'www-authenticate': `Bearer error="insufficient_scope", scope="${knobs.neededScope}", ${metadataAt}` })
    }
    if (request.method !== 'POST') return void response.writeHead(request.method === 'DELETE' ? 200 : 405).end()
    if (message?.id === undefined) return void response.writeHead(202).end()
    json(response, 200, { jsonrpc: '2.0', id: message.id, ...answerTo(message.method ?? '') }, message.method === 'initialize' ? { 'mcp-session-id': 'the-session' } : {})
  }
  const resourceServer = createServer((request, response) => void readBody(request).then((body) => mcp(request, body, response)))

  const issuer = `http://127.0.0.1:${await listen(authorizationServer)}/tenant`
  const url = `http://127.0.0.1:${await listen(resourceServer)}/mcp`
  seen.secrets.add(CLIENT.secret)
  return {
    issuer, url, knobs, ...seen,
    expireAll: () => state.access.clear(),
    close: async () => {
      for (const server of [authorizationServer, resourceServer]) server.closeAllConnections()
      await Promise.all([authorizationServer, resourceServer].map((server) => new Promise((resolve) => server.close(resolve))))
    },
  }
}

/** What a browser does with the address: follows redirects to the end. `change` may meddle with the last one. */
export async function followLogin(address: URL, change: (back: URL) => void = () => undefined): Promise<Response> {
  const first = await fetch(address, { redirect: 'manual' })
  const back = new URL(first.headers.get('location') ?? '')
  change(back)
  return fetch(back)
}

function answerTo(method: string): Record<string, unknown> {
  switch (method) {
    case 'initialize': return { result: { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'guarded', version: '1' } } }
    case 'tools/list': return { result: { tools: [{ name: 'hello', inputSchema: { type: 'object' } }] } }
    case 'tools/call': return { result: { content: [{ type: 'text', text: 'hello' }] } }
    case 'ping': return { result: {} }
    default: return { error: { code: -32601, message: 'Method not found' } }
  }
}

function json(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}

async function readBody(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return Buffer.concat(parts).toString('utf8')
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)))
}
