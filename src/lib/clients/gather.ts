import { describeWrongName } from '../config/index.js'
import type { Draft } from './draft.js'
import { differenceOf } from './identity.js'
import { describePlace } from './place.js'
import type { Found, SurveyedPlace } from './survey.js'

/** One server to run, however many clients have it. */
export interface Distinct {
  /** What it is called here. */
  readonly name: string
  readonly draft: Draft
  /** Where it stands; the first is the one the draft was taken from. */
  readonly sources: readonly Found[]
  /** Why it is not called what its client calls it; null: it is. */
  readonly renamed: string | null
  readonly notes: readonly string[]
  /** Why it is written down disabled; null: it is not. */
  readonly disabled: string | null
}

/**
 * Every distinct server once: entries that say the same are one, whatever their names; a name that two different servers
 * have stays with the first, the other gets the name of its client behind it. `taken`: names that are in use already.
 */
export function gather(found: readonly Found[], taken: readonly string[] = []): Distinct[] {
  const groups = new Map<string, Found[]>()
  for (const each of found) groups.set(each.identity, [...(groups.get(each.identity) ?? []), each])
  const names = new Set(taken.map((name) => name.toLowerCase()))
  const owners = new Map<string, Found>()
  return [...groups.values()].flatMap((sources) => {
    const first = sources.find(({ draft }) => draft.enabled) ?? sources[0]
    if (first === undefined) return []
    const { name, renamed } = chooseName(first, names, owners)
    names.add(name.toLowerCase())
    owners.set(name.toLowerCase(), first)
    const disabled = whyDisabled(sources, first)
    const { draft, notes } = mergeDrafts(first, sources)
    return [{ name, draft: { ...draft, enabled: disabled === null }, sources, renamed, notes: [...new Set([...notes, ...sources.flatMap((source) => source.notes)])], disabled }]
  })
}

function chooseName({ name, place, essence }: Found, names: ReadonlySet<string>, owners: ReadonlyMap<string, Found>): { name: string; renamed: string | null } {
  const possible = toName(name)
  if (!names.has(possible.toLowerCase())) return { name: possible, renamed: possible === name ? null : `"${name}" is not a possible name here` }
  const owner = owners.get(possible.toLowerCase())
  const why = owner === undefined ? `"${name}" is taken` : `"${name}" is another server in ${describePlace(owner.place)}: ${differenceOf(essence, owner.essence)}`
  const base = toName(`${possible.slice(0, 45)}-${place.client}${place.scope === 'user' ? '' : `-${place.scope}`}`)
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? base : `${base}-${number}`
    if (!names.has(candidate.toLowerCase())) return { name: candidate, renamed: why }
  }
}

/** The nearest possible name of a server. */
export function toName(name: string): string {
  if (describeWrongName(name) === undefined) return name
  const plain = name.normalize('NFKD').replaceAll(/\p{M}/gu, '').replaceAll(/[^A-Za-z0-9._-]+/g, '-').replaceAll(/\.{2,}/g, '.').replace(/^[^A-Za-z0-9]+/, '').slice(0, 63).replace(/[.-]+$/, '')
  if (plain === '') return 'server'
  return describeWrongName(plain) === undefined ? plain : `server-${plain}`.slice(0, 63).replace(/[.-]+$/, '')
}

function whyDisabled(sources: readonly Found[], first: Found): string | null {
  if (!sources.some(({ draft }) => draft.enabled)) return `it is disabled in ${sources.length === 1 ? describePlace(first.place) : 'every client that has it'}`
  if (first.unknown.length > 0) return `${first.unknown.join(', ')} is known to its client only: write down what it stands for`
  if (first.missing.length > 0) return `it needs ${first.missing.map((name) => `the variable ${name}`).join(' and ')}, which ${first.missing.length === 1 ? 'is' : 'are'} not set`
  return null
}

/** What only some of the clients say counts for all, except what would take tools away from the others. */
function mergeDrafts(first: Found, sources: readonly Found[]): { draft: Draft; notes: string[] } {
  const filters = new Set(sources.map(({ draft }) => JSON.stringify(draft.more['tools'] ?? null)))
  const more = Object.assign({}, ...sources.toReversed().map(({ draft }) => draft.more)) as Record<string, unknown>
  const transport = first.draft.transport ?? sources.find(({ draft }) => draft.transport !== undefined)?.draft.transport
  const draft = { ...first.draft, more, ...(transport === undefined ? {} : { transport }) }
  if (filters.size === 1 || !('tools' in more)) return { draft, notes: [] }
  const { tools: _, ...rest } = more
  return { draft: { ...draft, more: rest }, notes: ['its clients show different choices of its tools; here all are shown'] }
}

/** The servers of the places that count: not those of projects elsewhere. */
export function wantedOf(places: readonly SurveyedPlace[], allProjects: boolean): Found[] {
  return places.filter(({ isElsewhere }) => allProjects || !isElsewhere).flatMap(({ found }) => found)
}
