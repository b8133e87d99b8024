import type { View } from '../contract.js'
import { undelivered, type Failure } from '../failure.js'
import type { ServerSource, SourceServer } from '../source.js'

/** What clients see under one name: one server, or several that stand in for each other. */
export interface Offer {
  readonly name: string
  /** As they are configured: the lowest priority number first, then in configuration order. Some may be down. */
  readonly members: readonly string[]
}

/**
 * What a view shows, in configuration order. Members of a group are seen under its name, unless the view names one of
 * them itself. A server made for a profile is seen there alone, and takes the place of those with the same name.
 * What is down for good, with all its members, is left out.
 */
export function offersOf(view: View, source: ServerSource): Offer[] {
  return choose(view, source).flatMap((chosen) => (chosen.members.some(({ presence }) => presence !== 'down') ? [toOffer(chosen)] : []))
}

/** The same with what is down for good. */
export function allOffersOf(view: View, source: ServerSource): Offer[] {
  return choose(view, source).map(toOffer)
}

/** Every server behind what a view shows, as it is configured, also those that are down. */
export function sourcesOf(view: View, source: ServerSource): string[] {
  return choose(view, source).flatMap(({ members }) => members.map(({ name }) => name))
}

/** Why nothing can be asked of what is seen under a name, or of that one member of it; null: it is not down for good. */
export function whyDown({ name, members }: Offer, member: string | null, source: ServerSource): Failure | null {
  const servers = members.flatMap((each) => source.get(each) ?? [])
  const down = servers.filter(({ presence }) => presence === 'down')
  const isAll = down.length === servers.length
  if (isAll && down.length > 1) return undelivered(name, `none of the servers behind "${name}" takes calls: ${down.map((each) => `${each.name}: ${each.reason}`).join('; ')}`, 'down', null)
  const one = isAll ? down[0] : down.find((each) => each.name === member)
  return one === undefined ? null : undelivered(name, `server "${one.name}" is down: ${one.reason}`, 'down', one.retryAfterMs)
}

interface Chosen {
  readonly name: string
  readonly members: readonly SourceServer[]
}

function toOffer({ name, members }: Chosen): Offer {
  return { name, members: members.map((member) => member.name) }
}

function choose(view: View, source: ServerSource): Chosen[] {
  const found = new Map<string, SourceServer[]>()
  for (const name of source.names()) {
    const server = source.get(name)
    const shown = server === null || !isForProfile(server, view) ? null : shownName(server, view)
    if (server === null || shown === null) continue
    const members = found.get(shown)
    if (members === undefined) found.set(shown, [server])
    else members.push(server)
  }
  return [...found].map(([name, all]) => ({ name, members: all.length === 1 ? all : arrange(all) }))
}

/** Those of a profile instead of the others; a stable sort keeps equals in order. */
function arrange(members: readonly SourceServer[]): SourceServer[] {
  const own = members.filter(({ traffic }) => traffic.profile !== null)
  return (own.length > 0 ? own : [...members]).sort((a, b) => priorityOf(a) - priorityOf(b))
}

function priorityOf({ traffic }: SourceServer): number {
  return traffic.membership?.priority ?? 1
}

function isForProfile({ traffic }: SourceServer, { profile = null }: View): boolean {
  return traffic.profile === null || traffic.profile === profile
}

/** Null: it is not among what the view chose. */
function shownName({ name, traffic, tags }: SourceServer, { servers, tags: wanted }: View): string | null {
  const group = traffic.membership?.group ?? name
  if (servers === null || servers.includes(group)) return group
  const own = traffic.profile !== null && name.endsWith(`@${traffic.profile}`) ? name.slice(0, -traffic.profile.length - 1) : name
  if (servers.includes(own)) return own
  return tags.some((tag) => wanted.includes(tag)) ? group : null
}

/** Whether something is seen under this name where all is seen: a server or a group, none that was made for a profile. */
export function isOffered(name: string, source: ServerSource): boolean {
  return source.names().some((each) => {
    const server = source.get(each)
    if (server === null) return each === name
    return server.traffic.profile === null && (each === name || server.traffic.membership?.group === name)
  })
}
