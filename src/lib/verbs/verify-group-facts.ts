import { canonicalJson } from '../base/index.js'
import { STAND_IN_MARK, VARIANT_MARK, type MembershipSpec, type ServerSnapshot } from '../core/index.js'

/** Servers that stand in for each other, as the daemon has them. */
export interface GroupFacts {
  readonly name: string
  readonly strategy: MembershipSpec['strategy']
  readonly sticky: MembershipSpec['sticky']
  /** The preferred one first. */
  readonly members: readonly ServerSnapshot[]
}

/** A tool as a server lists it. */
export type Definition = Readonly<Record<string, unknown>>

/** How the tools of members differ. */
export interface Differences {
  /** How many tools all of them list. */
  readonly shared: number
  /** `TOOL (MEMBER, ...)`: who lacks it. */
  readonly lacking: readonly string[]
  /** `TOOL (FIELD, ...: MEMBER)`: a call that suits one of them may not suit the other. */
  readonly schemas: readonly string[]
  /** The same where only words for people and models differ. */
  readonly words: readonly string[]
}

const SCHEMAS = ['inputSchema', 'outputSchema', 'annotations']
const WORDS = ['title', 'description']

/** The groups of two and more, in configuration order; those of profiles are left out. */
export function groupsOf(servers: readonly ServerSnapshot[]): GroupFacts[] {
  const groups = new Map<string, ServerSnapshot[]>()
  for (const server of servers) {
    if (server.membership === undefined || !isWritten(server.name)) continue
    groups.set(server.membership.group, [...(groups.get(server.membership.group) ?? []), server])
  }
  return [...groups].flatMap(([name, all]) => {
    const members = all.sort((a, b) => priorityOf(a) - priorityOf(b))
    const first = members[0]?.membership
    return first === undefined || members.length < 2 ? [] : [{ name, strategy: first.strategy, sticky: first.sticky, members }]
  })
}

/** One of a configuration, or a replica of it: no session's own process, no instance of a replacement, none made for a profile. */
function isWritten(name: string): boolean {
  const written = name.replace(/@\d+$/, '')
  return ![VARIANT_MARK, STAND_IN_MARK, '#'].some((mark) => written.includes(mark))
}

function priorityOf({ membership }: ServerSnapshot): number {
  return membership?.priority ?? 1
}

/**
 * Those among which the next call is shared out: of the best priority that has any. Those on trial are for calls that may
 * be repeated (`mayTry`), and for others only where there is nobody else; as `balance` of the core has it.
 */
export function takersOf(members: readonly ServerSnapshot[], mayTry: boolean): ServerSnapshot[] {
  const up = members.filter(({ ready, breaker }) => ready && breaker?.state !== 'open')
  const well = up.filter(({ breaker }) => mayTry || breaker?.state !== 'half-open')
  const able = well.length > 0 ? well : up
  const best = Math.min(...able.map(priorityOf))
  return able.filter((member) => priorityOf(member) === best)
}

/** Compares what members list, the preferred one first. */
export function compareTools(lists: ReadonlyMap<string, readonly Definition[]>): Differences {
  const names = [...new Set([...lists.values()].flatMap((tools) => tools.flatMap(nameOf)))]
  const lacking: string[] = []
  const schemas: string[] = []
  const words: string[] = []
  let shared = 0
  for (const name of names) {
    const having = [...lists].flatMap(([member, tools]) => tools.filter((tool) => tool['name'] === name).slice(0, 1).map((tool) => ({ member, tool })))
    const without = [...lists.keys()].filter((member) => !having.some((each) => each.member === member))
    if (without.length > 0) lacking.push(`${name} (${without.join(', ')})`)
    else shared++
    const [first, ...others] = having
    for (const { member, tool } of others) {
      const differing = [...SCHEMAS, ...WORDS].filter((field) => textOf(first?.tool[field]) !== textOf(tool[field]))
      if (differing.length > 0) (differing.some((field) => SCHEMAS.includes(field)) ? schemas : words).push(`${name} (${differing.join(', ')}: ${member})`)
    }
  }
  return { shared, lacking, schemas, words }
}

function textOf(value: unknown): string {
  return value === undefined ? '' : canonicalJson(value)
}

function nameOf({ name }: Definition): string[] {
  return typeof name === 'string' ? [name] : []
}
