import type { TrafficSpec } from '../core/index.js'
import { isJsonObject, type JsonObject } from '../mcp/index.js'
import type { CallPlan } from './call-contract.js'
import { INVALID_PARAMS, RESOURCE_NOT_FOUND, type Failure } from './failure.js'
import { toMatcher } from './tool-filter.js'
import { nearestTools, type Merged, type Route } from './merge.js'
import type { ListKind } from './view-catalogue.js'

/** Where a request goes: to a server, under the server's own names. */
export interface Destination {
  /** As clients know it. */
  readonly server: string
  /** The server that defines the tool or prompt, as it is configured; null: nobody can tell. */
  readonly member: string | null
  readonly replaced: Readonly<JsonObject>
  /** The tool's own name, for limits that hold for one tool. */
  readonly tool: string | null
  /** The server's own name of the tool or prompt, or the URI of the resource; null: the request names none. */
  readonly target: string | null
  readonly repeatable: CallPlan['repeatable']
  /** It says of itself that it changes nothing. */
  readonly isReadOnly: boolean
}

export interface RouteParts {
  readonly merged: () => Merged
  /** The same, also with what is down for good. */
  readonly whole: () => Merged
  /** Why nothing can be asked of a server, or of that member of it; null: it is not down for good. */
  readonly absence: (server: string, member: string | null) => Failure | null
  /** Servers whose lists are not known yet: the request may be for one of them. */
  readonly pending: () => readonly string[]
  readonly separator: () => string
  /** Every name begins with its server's. */
  readonly isPrefixed: () => boolean
  /** All servers in view. */
  readonly servers: () => readonly string[]
  /** The server an unlisted URI was seen to come from. */
  readonly originOf: (uri: string) => string | null
  /** Servers that offer resources at all. */
  readonly resourceServers: () => readonly string[]
  readonly isModern: boolean
}

/** A request for something that one server has, which is down for good: it is answered in that one's name. */
export interface Refused {
  readonly failure: Failure
  /** Absent: there is no such thing for this caller. */
  readonly of?: Pick<Route, 'from' | 'name'>
}

export type Routing = { readonly to: Destination } | Refused | { readonly waitFor: readonly string[] }

const LISTS: Readonly<Record<string, ListKind>> = {
  'tools/list': 'tools', 'prompts/list': 'prompts', 'resources/list': 'resources', 'resources/templates/list': 'resourceTemplates',
}
const ROUTED = new Set(['tools/call', 'prompts/get', 'resources/read', 'completion/complete'])

/** The list a method asks for; null when it is another method. */
export function listKindOf(method: string): ListKind | null {
  return Object.hasOwn(LISTS, method) ? (LISTS[method] ?? null) : null
}

/** Whether requests of this method go to a server. */
export function isRouted(method: string): boolean {
  return ROUTED.has(method)
}

/** Finds the server of a request that names a tool, a prompt, a resource or a template. */
export function route(method: string, params: JsonObject | undefined, parts: RouteParts): Routing {
  switch (method) {
    case 'tools/call': return routeTool(params, parts)
    case 'prompts/get': return routePrompt(params?.['name'], (name) => ({ name }), parts)
    case 'resources/read':
    case 'resources/subscribe':
    case 'resources/unsubscribe': return routeUri(params?.['uri'], parts)
    default: return routeCompletion(params, parts)
  }
}

/** What holds for a request on its way: limits of its tool, else of its server. */
export function planOf(to: Destination, traffic: TrafficSpec | undefined, startWaitMs: number): CallPlan {
  const known = plans.get(to)
  if (known !== undefined && known.traffic === traffic && known.plan.startWaitMs === startWaitMs) return known.plan
  const plan = makePlan(to, traffic, startWaitMs)
  plans.set(to, { traffic, plan })
  return plan
}

const plans = new WeakMap<Destination, { traffic: TrafficSpec | undefined; plan: CallPlan }>()

function makePlan(to: Destination, traffic: TrafficSpec | undefined, startWaitMs: number): CallPlan {
  const tool = to.tool !== null && traffic !== undefined && Object.hasOwn(traffic.tools, to.tool) ? traffic.tools[to.tool] : undefined
  const { server, replaced } = to
  const repeatable = to.repeatable || (traffic !== undefined && isNamedRepeatable(to.tool, traffic))
  return { server, replaced, repeatable, startWaitMs, idleTimeoutMs: tool?.idleTimeoutMs ?? traffic?.idleTimeoutMs ?? null, timeoutMs: tool?.timeoutMs ?? traffic?.timeoutMs ?? null, cache: traffic?.cache ?? null }
}

/** The configuration's word for that. */
export function isNamedRepeatable(tool: string | null, { repeatable }: TrafficSpec): boolean {
  return tool !== null && repeatable.some((pattern) => toMatcher(pattern)(tool))
}

function routeTool(params: JsonObject | undefined, parts: RouteParts): Routing {
  const name = params?.['name']
  if (typeof name !== 'string') return wrong('"params.name" has to be the name of a tool')
  const found = parts.merged().toolRoutes.get(name)
  if (found !== undefined) return toTool(found, name)
  const held = parts.merged().held.failureFor('tool', name)
  if (held !== null) return { failure: held }
  const away = awayFrom(parts.whole().toolRoutes.get(name), parts)
  if (away !== null) return away
  const awaited = awaitedFor(name, parts)
  if (awaited.length > 0) return { waitFor: awaited }
  const near = nearestTools(parts.merged(), name)
  return wrong(`Unknown tool: ${name.slice(0, 256)}${near.length === 0 ? '' : `. Did you mean ${near.join(' or ')}?`}`)
}

/** What is known of a server that is down for good is not told to be unknown. */
function awayFrom(found: Route | undefined, parts: RouteParts): Refused | null {
  const failure = found === undefined ? null : parts.absence(found.server, found.from)
  return found === undefined || failure === null ? null : { failure, of: found }
}

/** Tools are called all the time: the way to each is worked out once. */
function toTool(found: Route, shown: string): Routing {
  const known = toolRoutings.get(found)
  if (known !== undefined) return known
  const made: Routing = { to: { server: found.server, member: found.from, replaced: found.name === shown ? {} : { name: found.name }, tool: found.name, target: found.name, repeatable: isRepeatable(found.definition), isReadOnly: isReadOnly(found.definition) } }
  toolRoutings.set(found, made)
  return made
}

const toolRoutings = new WeakMap<Route, Routing>()

function routePrompt(name: unknown, rename: (own: string) => JsonObject, parts: RouteParts): Routing {
  if (typeof name !== 'string') return wrong('"name" has to be the name of a prompt')
  const found = parts.merged().promptRoutes.get(name)
  if (found !== undefined) return { to: { server: found.server, member: found.from, replaced: found.name === name ? {} : rename(found.name), tool: null, target: found.name, repeatable: true, isReadOnly: true } }
  const held = parts.merged().held.failureFor('prompt', name)
  if (held !== null) return { failure: held }
  const away = awayFrom(parts.whole().promptRoutes.get(name), parts)
  if (away !== null) return away
  const awaited = awaitedFor(name, parts)
  return awaited.length > 0 ? { waitFor: awaited } : wrong(`Unknown prompt: ${name.slice(0, 256)}`)
}

function routeUri(uri: unknown, parts: RouteParts): Routing {
  if (typeof uri !== 'string') return wrong('"params.uri" has to be the URI of a resource')
  const merged = parts.merged()
  const origin = parts.originOf(uri)
  // It may have been named to somebody who sees other servers.
  const seen = origin !== null && parts.servers().includes(origin) ? origin : null
  const server = merged.resourceOwners.get(uri) ?? seen ?? merged.templateOwner(uri)
  if (server !== null) return toServer(server, uri)
  const owner = parts.whole().resourceOwners.get(uri) ?? origin ?? parts.whole().templateOwner(uri)
  const failure = owner === null ? null : parts.absence(owner, null)
  if (failure !== null) return { failure }
  const pending = parts.pending()
  if (pending.length > 0) return { waitFor: pending }
  const candidates = parts.resourceServers()
  const [only] = candidates
  if (only !== undefined && candidates.length === 1) return toServer(only, uri)
  return { failure: { code: parts.isModern ? INVALID_PARAMS : RESOURCE_NOT_FOUND, message: `Resource not found: ${uri.slice(0, 1024)}`, data: { uri }, status: 200 } }
}

function routeCompletion(params: JsonObject | undefined, parts: RouteParts): Routing {
  const ref = params?.['ref']
  if (!isJsonObject(ref)) return wrong('"params.ref" has to say what is to be completed')
  if (ref['type'] === 'ref/prompt') return routePrompt(ref['name'], (name) => ({ ref: { ...ref, name } }), parts)
  const uri = ref['uri']
  const server = typeof uri === 'string' ? (parts.merged().templateOwnerOf(uri) ?? parts.merged().resourceOwners.get(uri) ?? parts.merged().templateOwner(uri)) : null
  return server === null ? wrong('"params.ref" names no known prompt or resource template') : toServer(server, null)
}

function toServer(server: string, target: string | null): Routing {
  return { to: { server, member: null, replaced: {}, tool: null, target, repeatable: true, isReadOnly: true } }
}

/** The servers that have not been listed yet and may have this name. */
function awaitedFor(name: string, { pending, servers, separator, isPrefixed }: RouteParts): readonly string[] {
  const awaited = pending()
  const prefixed = awaited.filter((server) => name.startsWith(`${server}${separator()}`))
  if (prefixed.length > 0) return prefixed
  // Nobody else can have a name that begins with another server's.
  return isPrefixed() && servers().some((server) => name.startsWith(`${server}${separator()}`)) ? [] : awaited
}

/** Whether calling a tool twice does no harm: by its server's word, or by the configuration. */
export function isRepeatableTool({ name, definition }: Route, traffic: TrafficSpec | undefined): boolean {
  return isRepeatable(definition) || (traffic !== undefined && isNamedRepeatable(name, traffic))
}

/** The server's own word that calling twice does no harm (tool annotations). */
export function isRepeatable(definition: JsonObject): boolean {
  const annotations = definition['annotations']
  return isJsonObject(annotations) && (annotations['readOnlyHint'] === true || annotations['idempotentHint'] === true)
}

/** The server's own word that calling changes nothing. */
function isReadOnly(definition: JsonObject): boolean {
  const annotations = definition['annotations']
  return isJsonObject(annotations) && annotations['readOnlyHint'] === true
}

function wrong(message: string): Routing {
  return { failure: { code: INVALID_PARAMS, message, status: 200 } }
}
