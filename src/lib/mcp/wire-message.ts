import type { Era } from '../core/index.js'
import { INTERNAL_ERROR, isJsonObject, METHOD_NOT_FOUND, type ErrorObject, type JsonObject, type Outgoing } from './json-rpc.js'
import type { ClientIdentity, ServerInfo, ServerRequest } from './link.js'
import { RpcError } from './link-error.js'

const META = 'io.modelcontextprotocol'
const META_VERSION = `${META}/protocolVersion`
const META_CLIENT_INFO = `${META}/clientInfo`
const META_CLIENT_CAPABILITIES = `${META}/clientCapabilities`
const META_SERVER_INFO = `${META}/serverInfo`

/**
 * Params of a modern request: `_meta` carries the version, who we are and what we can do (2026-07-28, base protocol).
 * What the caller put into `_meta` is kept, except for the version, which belongs to this hop.
 */
export function modernParams(params: JsonObject | undefined, version: string, client: ClientIdentity): JsonObject {
  const own = { [META_CLIENT_INFO]: { name: client.name, version: client.version }, [META_CLIENT_CAPABILITIES]: client.capabilities ?? {} }
  const given = isJsonObject(params?.['_meta']) ? params['_meta'] : {}
  return { ...params, _meta: { ...own, ...given, [META_VERSION]: version } }
}

/** Params of a request in either era; a legacy request stays as it is. */
export function eraParams(params: JsonObject | undefined, speaks: { era: Era; protocolVersion: string }, client: ClientIdentity): JsonObject | undefined {
  return speaks.era === 'modern' ? modernParams(params, speaks.protocolVersion, client) : params
}

/** The modern version a request of ours names, or null when it is a legacy message. */
export function modernVersionOf(params: JsonObject | undefined): string | null {
  const version = isJsonObject(params?.['_meta']) ? params['_meta'][META_VERSION] : undefined
  return typeof version === 'string' ? version : null
}

export function initializeParams(version: string, client: ClientIdentity): JsonObject {
  return { protocolVersion: version, capabilities: client.capabilities ?? {}, clientInfo: { name: client.name, version: client.version } }
}

/** The identity in an InitializeResult (`serverInfo`) or a DiscoverResult (`_meta`); null when it has none. */
export function readServerInfo(result: JsonObject): ServerInfo | null {
  const meta = isJsonObject(result['_meta']) ? result['_meta'][META_SERVER_INFO] : undefined
  const info = isJsonObject(meta) ? meta : result['serverInfo']
  if (!isJsonObject(info) || typeof info['name'] !== 'string') return null
  return { name: info['name'], version: typeof info['version'] === 'string' ? info['version'] : '' }
}

/** What we answer a legacy server that asks us something nobody else answers: we live, have no roots and can do nothing more. */
export function defaultAnswer({ id, method }: Pick<ServerRequest, 'id' | 'method'>): Outgoing {
  if (method === 'ping') return { jsonrpc: '2.0', id, result: {} }
  if (method === 'roots/list') return { jsonrpc: '2.0', id, result: { roots: [] } }
  return { jsonrpc: '2.0', id, error: { code: METHOD_NOT_FOUND, message: `${method} is not supported here` } }
}

/** What a server is answered when its request cannot be: the error of whoever was to answer, nothing of our own insides. */
export function errorOf(error: unknown): ErrorObject {
  return error instanceof RpcError ? error.toObject() : { code: INTERNAL_ERROR, message: 'the request could not be answered' }
}
