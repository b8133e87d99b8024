import type { Era } from '../core/index.js'
import { isJsonObject, LinkError, type JsonObject, type PassedReceiver, type PassedRequest } from '../mcp/index.js'
import { withTraceContext, type TraceContext } from './trace-context.js'
import { cutAround, findRequestPlaces, insertMembers, isEmptyObject, type Edit } from './edit.js'

/** What the modern era says in `_meta` (2026-07-28, base protocol). */
export const META = {
  version: 'io.modelcontextprotocol/protocolVersion',
  clientInfo: 'io.modelcontextprotocol/clientInfo',
  capabilities: 'io.modelcontextprotocol/clientCapabilities',
  logLevel: 'io.modelcontextprotocol/logLevel',
  serverInfo: 'io.modelcontextprotocol/serverInfo',
  subscription: 'io.modelcontextprotocol/subscriptionId',
} as const

/** What a request needs to know about the client it comes from. */
export interface Origin {
  readonly era: Era
  readonly capabilities: JsonObject
  readonly clientInfo: { readonly name: string; readonly version: string } | null
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
  /** Stands in `_meta` in place of the client's own; null: that goes on as it is. */
  readonly context?: TraceContext | null
}

/**
 * The request as the server gets it. Only the id, the members named and `_meta` differ from what the client wrote;
 * everything else keeps its bytes. Throws LinkError `unsendable` when that cannot be done.
 */
export function toPassedRequest(request: RequestText, origin: Origin, hop: Hop, receiver: PassedReceiver): PassedRequest {
  const { line, method, params, replaced, added, context = null } = request
  const given = isJsonObject(params?.['_meta']) ? params['_meta'] : undefined
  const envelope = context === null && given === undefined && hop.token === null && origin.era === 'legacy' && hop.era === 'modern' ? envelopeOf(origin, hop) : null
  const carried = envelope?.meta ?? toHopMeta(given, origin, hop)
  const meta = context === null ? carried : withTraceContext(carried, context)
  const changesMeta = meta !== given && meta !== undefined
  const changed = changesMeta && envelope === null ? { ...replaced, _meta: meta } : replaced
  const cut = splice(line, params, { changed, added, envelope })
  const read = (): JsonObject | undefined => nextParams(params, changesMeta ? { ...replaced, _meta: meta } : replaced, added)
  return { method, params: read, ...(cut ?? rewrite(line, read())), receiver }
}

/** What a legacy session's requests carry to a modern server is always the same, so its text is made once. */
interface Envelope {
  readonly meta: JsonObject
  readonly version: string
  /** `"_meta":{...}`, and the same with a comma. */
  readonly text: Buffer
  readonly textBefore: Buffer
}

const envelopes = new WeakMap<Origin, Envelope>()

function envelopeOf(origin: Origin, hop: Hop): Envelope {
  const known = envelopes.get(origin)
  if (known?.version === hop.protocolVersion) return known
  const meta = toHopMeta(undefined, origin, hop) ?? {}
  const text = `"_meta":${JSON.stringify(meta)}`
  const made: Envelope = { meta, version: hop.protocolVersion, text: Buffer.from(text), textBefore: Buffer.from(`${text},`) }
  envelopes.set(origin, made)
  return made
}

function nextParams(params: JsonObject | undefined, changed: Readonly<JsonObject>, added: Readonly<JsonObject>): JsonObject | undefined {
  return isEmpty(changed) && isEmpty(added) ? params : { ...params, ...changed, ...added }
}

/** Most requests change their name and nothing else, through the same object. */
function keysOf(object: Readonly<JsonObject>): readonly string[] {
  const known = keyLists.get(object)
  if (known !== undefined) return known
  const keys = Object.keys(object)
  keyLists.set(object, keys)
  return keys
}

const keyLists = new WeakMap<Readonly<JsonObject>, readonly string[]>()

function isEmpty(object: Readonly<JsonObject>): boolean {
  for (const _key in object) return false
  return true
}

interface Changes {
  readonly changed: Readonly<JsonObject>
  readonly added: Readonly<JsonObject>
  readonly envelope: Envelope | null
}

/** Null when the text is too odd to be cut: it is written anew then. */
function splice(line: Buffer, params: JsonObject | undefined, { changed, added, envelope }: Changes): { before: readonly Buffer[]; after: readonly Buffer[] } | null {
  const keys = keysOf(changed)
  const places = findRequestPlaces(line, keys)
  if (places === null) return null
  const edits: Edit[] = []
  let fresh = added
  for (const [index, key] of keys.entries()) {
    const place = places.members[index]
    if (place !== undefined) edits.push({ start: place.start, end: place.end, text: textOf(changed[key]) })
    else if (params !== undefined && Object.hasOwn(params, key)) return null
    else fresh = { ...fresh, [key]: changed[key] }
  }
  if (isEmpty(fresh) && envelope === null) return cutAround(line, places.id, edits)
  // What the client wrote itself under such a name would stand there twice.
  if (places.params < 0 || (params !== undefined && Object.keys(fresh).some((key) => Object.hasOwn(params, key)))) return null
  const at = places.params
  if (!isEmpty(fresh)) edits.push(insertMembers(line, at, Buffer.from(`${JSON.stringify(fresh).slice(1, -1)}${envelope === null ? '' : `,${envelope.text.toString()}`}`)))
  else if (envelope !== null) edits.push({ start: at + 1, end: at + 1, text: isEmptyObject(line, at) ? envelope.text : envelope.textBefore })
  return cutAround(line, places.id, edits)
}

/** Names of tools are put in all the time: their text is made once. */
function textOf(value: unknown): Buffer {
  if (typeof value !== 'string') return Buffer.from(JSON.stringify(value))
  const known = texts.get(value)
  if (known !== undefined) return known
  const text = Buffer.from(JSON.stringify(value))
  if (texts.size >= MAX_TEXTS) texts.clear()
  if (value.length <= 256) texts.set(value, text)
  return text
}

const texts = new Map<string, Buffer>()
const MAX_TEXTS = 10_000

/** The slow way, for text in which the places cannot be found. */
function rewrite(line: Buffer, params: JsonObject | undefined): { before: readonly Buffer[]; after: readonly Buffer[] } {
  try {
    const { id: _replaced, ...rest } = JSON.parse(line.toString('utf8')) as JsonObject
    const text = JSON.stringify(params === undefined ? rest : { ...rest, params })
    return { before: [Buffer.from('{"id":')], after: [Buffer.from(`,${text.slice(1)}`)] }
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
