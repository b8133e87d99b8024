import type { Era } from '../core/index.js'
import { isJsonObject, LinkError, type JsonObject, type PassedReceiver, type PassedRequest } from '../mcp/index.js'
import { cutAround, findRequestPlaces, insertMembers, replaceMember, type Edit } from './edit.js'

/** What the modern envelope of a request says about its client (2026-07-28, base protocol). */
export const META = {
  version: 'io.modelcontextprotocol/protocolVersion',
  clientInfo: 'io.modelcontextprotocol/clientInfo',
  capabilities: 'io.modelcontextprotocol/clientCapabilities',
  logLevel: 'io.modelcontextprotocol/logLevel',
  subscription: 'io.modelcontextprotocol/subscriptionId',
} as const

/** What a request needs to know about the client it comes from. */
export interface Origin {
  readonly era: Era
  readonly capabilities: JsonObject
  readonly clientInfo: JsonObject | null
  /** Of a legacy session; a modern request carries its own. */
  readonly logLevel: string | null
}

export interface Hop {
  readonly era: Era
  readonly protocolVersion: string
  /** Stands in for the client's progress token; null when it asked for none. */
  readonly token: number | null
}

export interface RequestText {
  readonly line: Buffer
  readonly method: string
  readonly params: JsonObject | undefined
  /** Members of params that get another value: the tool's own name, for example. */
  readonly replaced: Readonly<JsonObject>
  /** Members that are added: answers to a server's questions. */
  readonly added: Readonly<JsonObject>
}

/**
 * The request as the server gets it. Only the id, the members named and `_meta` differ from what the client wrote;
 * everything else keeps its bytes. Throws LinkError `unsendable` when that cannot be done.
 */
export function toPassedRequest(request: RequestText, origin: Origin, hop: Hop, receiver: PassedReceiver): PassedRequest {
  const { line, method, replaced, added } = request
  const given = isJsonObject(request.params?.['_meta']) ? request.params['_meta'] : undefined
  const meta = toHopMeta(given, origin, hop)
  const changed = { ...replaced, ...(meta === given || meta === undefined ? {} : { _meta: meta }) }
  const params = nextParams(request.params, changed, added)
  const cut = splice(line, request.params, changed, added) ?? rewrite(line, params)
  return { method, params, ...cut, receiver }
}

function nextParams(params: JsonObject | undefined, changed: Readonly<JsonObject>, added: Readonly<JsonObject>): JsonObject | undefined {
  const isSame = Object.keys(changed).length === 0 && Object.keys(added).length === 0
  return isSame ? params : { ...params, ...changed, ...added }
}

function splice(line: Buffer, params: JsonObject | undefined, changed: Readonly<JsonObject>, added: Readonly<JsonObject>): { before: Buffer; after: Buffer } | null {
  const places = findRequestPlaces(line, params !== undefined)
  if (places === null) return null
  const edits: Edit[] = []
  const fresh: JsonObject = { ...added }
  for (const [key, value] of Object.entries(changed)) {
    if (params === undefined || !Object.hasOwn(params, key)) {
      fresh[key] = value
      continue
    }
    const edit = places.params === null ? null : replaceMember(line, places.params, key, value)
    if (edit === null) return null
    edits.push(edit)
  }
  if (Object.keys(fresh).length > 0) {
    if (places.params === null) return null
    // A member of that name the client wrote itself would stand there twice.
    if (Object.keys(fresh).some((key) => params !== undefined && Object.hasOwn(params, key))) return null
    edits.push(insertMembers(line, places.params, fresh))
  }
  return cutAround(line, places.id, edits)
}

/** The slow way, for text in which the places cannot be found. */
function rewrite(line: Buffer, params: JsonObject | undefined): { before: Buffer; after: Buffer } {
  try {
    const { id: _replaced, ...rest } = JSON.parse(line.toString('utf8')) as JsonObject
    const text = JSON.stringify(params === undefined ? rest : { ...rest, params })
    return { before: Buffer.from('{"id":'), after: Buffer.from(`,${text.slice(1)}`) }
  } catch (error) {
    throw new LinkError('unsendable', 'the request could not be written again', { cause: error })
  }
}

function toHopMeta(given: JsonObject | undefined, origin: Origin, hop: Hop): JsonObject | undefined {
  if (origin.era === 'legacy' && hop.era === 'legacy') return hop.token === null ? given : { ...given, progressToken: hop.token }
  const meta: JsonObject = { ...given }
  if (hop.token !== null) meta['progressToken'] = hop.token
  if (hop.era === 'legacy') {
    // The envelope of the modern era means nothing to a legacy server.
    for (const key of [META.version, META.clientInfo, META.capabilities, META.logLevel]) Reflect.deleteProperty(meta, key)
    return given === undefined && Object.keys(meta).length === 0 ? undefined : meta
  }
  meta[META.version] = hop.protocolVersion
  meta[META.capabilities] = withoutTasks(origin.capabilities)
  if (origin.clientInfo !== null) meta[META.clientInfo] = origin.clientInfo
  if (origin.era === 'legacy' && origin.logLevel !== null) meta[META.logLevel] = origin.logLevel
  return meta
}

/** Tasks are not passed on (they belong to one era and one server), so servers must not be told that a client can do them. */
function withoutTasks(capabilities: JsonObject): JsonObject {
  const { tasks: _legacy, ...rest } = capabilities
  if (!isJsonObject(rest['extensions'])) return rest
  const { 'io.modelcontextprotocol/tasks': _modern, ...extensions } = rest['extensions']
  return { ...rest, extensions }
}
