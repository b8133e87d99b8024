import { FULL_GRANT, type GrantSpec } from '../core/index.js'
import { LOCAL, type Access } from './access.js'
import type { View, ViewLimits } from './contract.js'
import type { Merged, Route } from './merge.js'
import { toMatcher } from './tool-filter.js'

const NOTHING_MANAGED: ViewLimits = { servers: null, allow: null, deny: [], manage: false }
const limits = new WeakMap<GrantSpec, ViewLimits | null>([[FULL_GRANT, NOTHING_MANAGED], [LOCAL.grant, null]])

/** What a caller may see of a view: the view itself where that is all of it. */
export function limitView(view: View, { grant }: Access): View {
  const only = limitsOf(grant)
  return only === null ? view : { ...view, only }
}

/** Null: everything. The same object for the same grant. */
export function limitsOf(grant: GrantSpec): ViewLimits | null {
  const known = limits.get(grant)
  if (known !== undefined) return known
  const { servers, allow, deny, manage } = grant
  const made = manage && isUnlimited(grant) ? null : { servers, allow, deny, manage }
  limits.set(grant, made)
  return made
}

/** Whether a grant reaches all servers and tools. */
export function isUnlimited({ servers, allow, deny, profile }: GrantSpec): boolean {
  return servers === null && allow === null && deny.length === 0 && profile === null
}

/** Whether two callers may see the same. */
export function isSameLimits(a: ViewLimits | null, b: ViewLimits | null): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}

/** A tool by every name it may be meant by. */
export interface ToolNames {
  /** Its own, and what the configuration calls it instead. */
  readonly own: readonly string[]
  /** Of the server it is asked at, as clients know it wherever they look: its own name, and that of its group. */
  readonly servers: readonly string[]
  /** Of all that may serve it. */
  readonly members: readonly string[]
}

/** What a view's limits leave of servers and tools. Patterns are read once. */
export interface LimitFilter {
  readonly admitsServer: (shown: string) => boolean
  readonly apply: (merged: Merged, separator: string, namesOf: (route: Pick<Route, 'server' | 'from' | 'name'>) => ToolNames) => Merged
}

export function createLimitFilter({ servers, allow, deny }: ViewLimits): LimitFilter {
  const admitsServer = servers === null ? () => true : matchAny(servers)
  const allowed = allow === null ? null : matchAny(allow)
  const denied = matchAny(deny)
  // A tool is meant by the name it is shown under, and by its full ones: how short it is shown depends on what else is in
  // sight, and a member of a group is seen by itself as well. What is forbidden of one member is forbidden of the group.
  const admitsTool = (shown: string, { own, servers: known, members }: ToolNames, separator: string): boolean => {
    const full = (names: readonly string[]): string[] => names.flatMap((server) => own.map((name) => `${server}${separator}${name}`))
    const meant = [shown, ...full(known)]
    return (allowed === null || meant.some(allowed)) && ![...meant, ...full(members)].some(denied) && !own.some((name) => deny.includes(name))
  }
  return {
    admitsServer,
    apply: (merged, separator, namesOf) => {
      if (allow === null && deny.length === 0) return merged
      const admits = (shown: string, route: Parameters<typeof namesOf>[0]): boolean => admitsTool(shown, namesOf(route), separator)
      const toolRoutes = new Map([...merged.toolRoutes].filter(([shown, route]) => admits(shown, route)))
      return { ...merged, toolRoutes, tools: merged.tools.filter(({ name }) => typeof name === 'string' && toolRoutes.has(name)), held: merged.held.within(admits) }
    },
  }
}

const filters = new WeakMap<GrantSpec, LimitFilter>()

/** The filter of a grant; made once. */
export function filterOf(grant: GrantSpec): LimitFilter {
  const known = filters.get(grant)
  if (known !== undefined) return known
  const made = createLimitFilter(grant)
  filters.set(grant, made)
  return made
}

function matchAny(patterns: readonly string[]): (name: string) => boolean {
  const matchers = patterns.map(toMatcher)
  return (name) => matchers.some((matches) => matches(name))
}
