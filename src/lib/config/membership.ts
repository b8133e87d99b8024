import type { MembershipSpec } from '../core/index.js'
import { explain, type ExplainedValue } from './explain.js'
import type { StatedGroup } from './group.js'
import { originOf, spotOf } from './layer.js'
import { instancesOf, type ResolvedServer } from './resolved.js'
import type { Sourced } from './setting-override.js'
import type { Spot } from './spot.js'

/** A server's place in a group, as somebody stated it. */
interface Claim {
  readonly group: string
  /** Its place in the group's list; null: it came by its own `namespace`. */
  readonly index: number | null
  readonly spot: Spot
}

/**
 * Gives each server its place among those that stand in for each other: by the `groups` block, by its own `namespace`, or
 * because there are several processes of it. Records what cannot be: a server in two groups, a helper in one, a group
 * named like a server that is not in it, a group without members.
 */
export function placeInGroups(servers: readonly ResolvedServer[], groups: ReadonlyMap<string, StatedGroup>): ResolvedServer[] {
  const byName = new Map(servers.map((server) => [server.spec.name, server]))
  const claims = new Map<string, Claim>()
  for (const [group, stated] of groups) claimListed(group, stated, byName, claims)
  for (const server of servers) claimOwn(server, claims)
  checkEmpty(groups, claims)
  checkCollisions(servers, claims)
  const sizes = new Map<string, number>()
  for (const { group } of claims.values()) sizes.set(group, (sizes.get(group) ?? 0) + 1)
  return servers.map((server) => {
    const claim = claims.get(server.spec.name)
    return claim ? withMembership(server, claim, { stated: groups.get(claim.group), isAlone: sizes.get(claim.group) === 1 }) : withoutGroup(server)
  })
}

function claimListed(group: string, { fields, membersSpot }: StatedGroup, byName: ReadonlyMap<string, ResolvedServer>, claims: Map<string, Claim>): void {
  for (const [index, name] of (fields.members ?? []).entries()) {
    const server = byName.get(name)
    const spot = membersSpot.at(index)
    const other = claims.get(name)
    if (!server) continue
    if (server.spec.transport === 'none') spot.problem(`names "${name}", a helper, which speaks no MCP`, 'Remove it: only servers that clients can call stand in for each other.', name)
    else if (other?.group === group) spot.problem(`names "${name}" a second time`, 'Remove one of the two.', name)
    else if (other) spot.problem(`names "${name}", which is in the group "${other.group}" already`, 'Keep it in one of the two; a second server with the same settings can be in the other.', name)
    else claims.set(name, { group, index, spot })
  }
}

function claimOwn({ entry, spec }: ResolvedServer, claims: Map<string, Claim>): void {
  const { namespace } = entry.values
  if (namespace === undefined) return
  const spot = spotOf(entry, 'namespace')
  const other = claims.get(spec.name)
  if (!other) claims.set(spec.name, { group: namespace, index: null, spot })
  else if (other.group !== namespace) spot.problem(`is "${namespace}", but the group "${other.group}" has the server in its list`, 'Keep one of the two.', namespace)
}

function checkEmpty(groups: ReadonlyMap<string, StatedGroup>, claims: ReadonlyMap<string, Claim>): void {
  const used = new Set([...claims.values()].map(({ group }) => group))
  for (const [name, { fields, spot }] of groups) {
    // What is wrong with it, or with its members, was told.
    const isTold = spot.source.problems.some(({ field }) => field.startsWith(spot.field))
    if (!used.has(name) && (fields.members ?? []).length === 0 && !isTold) spot.problem('has no members', `Write "${name}": ["main", "backup"], or "namespace": "${name}" in its servers.`)
  }
}

/** Clients see the group's name: a server that is not in it cannot have the same. */
function checkCollisions(servers: readonly ResolvedServer[], claims: ReadonlyMap<string, Claim>): void {
  const names = new Map(servers.map(({ spec }) => [spec.name.toLowerCase(), spec.name]))
  const told = new Map<string, string>()
  for (const { group, spot } of claims.values()) {
    const twin = told.get(group.toLowerCase())
    if (twin === group) continue
    const server = names.get(group.toLowerCase())
    if (twin !== undefined) spot.problem(`leads to the group "${group}", which differs from the group "${twin}" only in case`, 'Write both in the same way, or rename one.', group)
    else if (server !== undefined && claims.get(server)?.group !== group) {
      spot.problem(`leads to the group "${group}", and a server that is not in it is called ${server === group ? 'the same' : `"${server}"`}`, 'Rename the group, or make the server a member of it.', group)
    }
    told.set(group.toLowerCase(), group)
  }
}

function withMembership(server: ResolvedServer, claim: Claim, { stated, isAlone }: { readonly stated: StatedGroup | undefined; readonly isAlone: boolean }): ResolvedServer {
  const { spec } = server
  const { group, spot } = claim
  const isReplicated = instancesOf(server) > 1
  // Nobody stands in for it and it keeps its name: that is no group.
  if (isAlone && !isReplicated && group === spec.name) return server
  const origin = spot.source.document.file
  const strategy = stated?.fields.strategy ?? (isAlone && isReplicated ? 'least-pending' : 'priority')
  const { priority, weight } = placeOf(server, claim, { weight: stated?.fields.weights?.[spec.name], isOrdered: strategy === 'priority' })
  return withSpec(server, {
    group,
    strategy,
    sticky: stated?.fields.sticky ?? 'none',
    priority: priority.value,
    weight: weight.value,
  }, [explain('namespace', { value: group, origin }), explain('priority', priority), explain('weight', weight)])
}

/**
 * The first of a list goes first, unless a server says something else for itself. With a strategy that shares calls out,
 * those of a list are alike. Weights in the group's block win.
 */
function placeOf({ entry }: ResolvedServer, { index, spot }: Claim, { weight, isOrdered }: { readonly weight: number | undefined; readonly isOrdered: boolean }): Record<'priority' | 'weight', Sourced<number>> {
  const [own, origin] = [originOf(entry, false), spot.source.document.file]
  const { priority, weight: ownWeight } = entry.values
  const listed = index === null || !isOrdered ? { value: 1, origin: 'default' } : { value: index + 1, origin }
  const stated = ownWeight === undefined ? { value: 1, origin: 'default' } : { value: ownWeight, origin: own }
  return { priority: priority === undefined ? listed : { value: priority, origin: own }, weight: weight === undefined ? stated : { value: weight, origin } }
}

/** Replicas stand in for each other; what is said about a place in a group means nothing to the others. */
function withoutGroup(server: ResolvedServer): ResolvedServer {
  const { entry, spec } = server
  for (const name of ['priority', 'weight'] as const) {
    if (entry.values[name] !== undefined) spotOf(entry, name).warn('has no effect: the server is in no group; give it a namespace, or make it a member of a group')
  }
  if (instancesOf(server) === 1) return server
  return withSpec(server, { group: spec.name, strategy: 'least-pending', sticky: 'none', priority: 1, weight: 1 }, [])
}

function withSpec({ entry, spec, explained }: ResolvedServer, membership: MembershipSpec, rows: readonly ExplainedValue[]): ResolvedServer {
  return { entry, spec: { ...spec, traffic: { ...spec.traffic, membership } }, explained: { ...explained, fields: [...explained.fields, ...rows] } }
}
