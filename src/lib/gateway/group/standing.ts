import type { BalanceMember, TrafficSpec } from '../../core/index.js'
import { isJsonObject, type Catalogue, type Link } from '../../mcp/index.js'
import type { Call } from '../call.js'
import { holdBack } from '../pins.js'
import { isNamedRepeatable, isRepeatable } from '../route.js'
import { createToolFilter, type ToolFilter } from '../tool-filter.js'
import type { Upstream } from '../upstream.js'

/** A member that had a call, and through which instance: that one is not asked again. */
export interface Tried {
  readonly member: string
  readonly link: Link | null
}

/** Whether a member can take a call right now that these had before. */
export function standingOf(name: string, upstream: Upstream, tried: readonly Tried[]): BalanceMember['state'] {
  const { link, owner, server } = upstream
  const isTried = tried.some((one) => one.member === name && one.link === link)
  // The process a session was given a moment ago is worth waiting for: another one would have to be started as well.
  if (owner !== null && link === null) return !isTried && server?.presence === 'coming' && server.retryAfterMs === null ? 'ready' : 'unavailable'
  if (link === null || link.closed || isTried) return 'unavailable'
  const { admission } = upstream
  return admission === 'open' ? 'ready' : admission === 'trial' ? 'trial' : 'unavailable'
}

/** Whether it will take calls if one waits. `withinMs`: and by then, as far as that is known; null: however long it takes. */
export function isComing({ server, link }: Upstream, withinMs: number | null): boolean {
  if (server === null || server.presence === 'down') return false
  if (server.presence === 'up') return link === null || link.closed
  return withinMs === null || server.retryAfterMs === null || server.retryAfterMs <= withinMs
}

/** The members that have what a call asks for; those that were never listed may have it. */
export function havingWhat(call: Call, members: readonly Upstream[]): readonly Upstream[] {
  const { method, params } = call.message
  const { replaced } = call.plan
  if (method === 'tools/call' || method === 'prompts/get') {
    const name = replaced['name'] ?? params?.['name']
    return members.filter(({ catalogue, server }) => catalogue === null || (namesOf(holdBack(catalogue, server?.traffic.pins ?? null).catalogue, method === 'tools/call' ? 'tools' : 'prompts').has(name) && (method !== 'tools/call' || filterOf(server?.traffic).admits(String(name)))))
  }
  const uri = params?.['uri']
  // What stands in no list, or was made from a template, may be known to any of them.
  const listing = members.filter(({ catalogue }) => catalogue !== null && namesOf(catalogue, 'resources').has(uri))
  return listing.length > 0 ? members.filter((member) => member.catalogue === null || listing.includes(member)) : members
}

/** Whether a tool may be asked once more that this member had already: by its own word, or by that of the configuration of any. */
export function isRepeatableAt(call: Call, { catalogue }: Upstream, members: readonly Upstream[]): boolean {
  const name = call.plan.replaced['name'] ?? call.message.params?.['name']
  if (!call.plan.repeatable || call.message.method !== 'tools/call' || catalogue === null || typeof name !== 'string') return call.plan.repeatable
  if (members.some(({ server }) => server !== null && isNamedRepeatable(name, server.traffic))) return true
  const definition = catalogue.tools.find((tool) => isJsonObject(tool) && tool['name'] === name)
  return isJsonObject(definition) && isRepeatable(definition)
}

const names = new WeakMap<readonly unknown[], ReadonlySet<unknown>>()

function namesOf(catalogue: Catalogue, list: 'tools' | 'prompts' | 'resources'): ReadonlySet<unknown> {
  const entries = catalogue[list]
  const known = names.get(entries)
  if (known !== undefined) return known
  const made = new Set(entries.map((entry) => (isJsonObject(entry) ? entry[list === 'resources' ? 'uri' : 'name'] : undefined)))
  names.set(entries, made)
  return made
}

const ADMITS_ALL: Pick<ToolFilter, 'admits'> = { admits: () => true }
const filters = new WeakMap<TrafficSpec, ToolFilter>()

function filterOf(traffic: TrafficSpec | undefined): Pick<ToolFilter, 'admits'> {
  if (traffic === undefined) return ADMITS_ALL
  const known = filters.get(traffic)
  if (known !== undefined) return known
  const made = createToolFilter(traffic)
  filters.set(traffic, made)
  return made
}
