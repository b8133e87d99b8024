import { diffSpecs, VARIANT_MARK, type MembershipSpec, type ServerSpec } from '../core/index.js'
import { spotOf, type Layers } from './layer.js'
import type { Path } from './path.js'
import type { Problem } from './problem.js'
import type { StatedProfile } from './profile.js'
import type { ResolvedServer } from './resolved.js'
import { readEntry, type StatedEntry } from './server-entry.js'
import { resolveServer, type Ambient } from './server-spec.js'
import { Spot, type Source } from './spot.js'

/** A server as the configuration has it, with what profiles make of it. */
export interface VariedServer {
  readonly base: ResolvedServer
  /** False: it needs values that only profiles have, so it exists for those alone. */
  readonly isForAll: boolean
  /** By profile; under the server's own name still. */
  readonly variants: ReadonlyMap<string, ResolvedServer>
}

/**
 * What profiles with `env` or `secrets` make of a server that is in them: a description of its own, where it really differs.
 * A server that misses variables which all its profiles have as secrets is no mistake: it exists for those profiles.
 */
export function varyServer(base: ResolvedServer, defaults: readonly StatedEntry[], profiles: ReadonlyMap<string, StatedProfile>, ambient: Ambient): VariedServer {
  const inside = [...profiles].filter(([, profile]) => isIn(base, profile))
  if (inside.length === 0) return { base, isForAll: true, variants: new Map() }
  const { source: { problems }, field } = base.entry.spot
  const own = problems.filter((problem) => isInside(problem, field))
  const variants = new Map<string, ResolvedServer>()
  const failed: { readonly profile: StatedProfile; readonly problems: readonly Problem[] }[] = []
  for (const [name, profile] of inside) {
    if (own.length === 0 && !hasValues(profile)) continue
    const made = makeVariant(base, defaults, profile, ambient)
    if (made.problems.length > 0 || !made.server) failed.push({ profile, problems: made.problems })
    else if (own.length > 0 || isDifferent(base.spec, made.server.spec)) variants.set(name, made.server)
  }
  if (own.length === 0 || variants.size === 0) return { base, isForAll: true, variants: own.length === 0 ? variants : new Map() }
  // Read without problems once: what it misses are values that its profiles have.
  for (const problem of own) problems.splice(problems.indexOf(problem), 1)
  for (const { profile } of failed) {
    profile.spot.problem(`has the server "${base.spec.name}", but not all values it needs: ${own.map(({ message }) => message).join('; ')}`, 'Add them under "secrets" of the profile, or set the variables.')
  }
  const [standIn = base] = variants.values()
  return { base: standIn, isForAll: false, variants }
}

function isInside({ field }: Problem, server: string): boolean {
  return field.startsWith(server) && [undefined, '.', '['].includes(field[server.length])
}

function hasValues({ env, secrets }: StatedProfile): boolean {
  return Object.keys(env).length + Object.keys(secrets).length > 0
}

function isIn({ entry, spec }: ResolvedServer, { spec: { servers, tags } }: StatedProfile): boolean {
  const { namespace } = entry.values
  return servers.includes(spec.name) || (namespace !== undefined && servers.includes(namespace)) || tags.some((tag) => spec.tags.includes(tag))
}

function isDifferent(one: ServerSpec, other: ServerSpec): boolean {
  const { restart, live } = diffSpecs(one, other)
  return restart.length + live.length > 0
}

function makeVariant(base: ResolvedServer, defaults: readonly StatedEntry[], profile: StatedProfile, ambient: Ambient): { server: ResolvedServer | null; problems: readonly Problem[] } {
  const sources = new Map<Source, Source>()
  const read = (entry: StatedEntry, isDefaults: boolean): StatedEntry | null => {
    const { source, path } = entry.spot
    const varied = sources.get(source) ?? withSecrets(source, profile.secrets)
    sources.set(source, varied)
    return readEntry(valueAt(source.document.data, path), new Spot(varied, path), isDefaults)
  }
  const entry = read(base.entry, false)
  const layers: Layers | null = entry && { entry: withEnv(entry, profile), defaults: defaults.flatMap((each) => read(each, true) ?? []) }
  const server = layers && resolveServer(base.spec.name, layers, ambient)
  return { server, problems: [...sources.values()].flatMap(({ problems }) => problems) }
}

function withSecrets(source: Source, secrets: Readonly<Record<string, string>>): Source {
  const env = { ...source.env, ...secrets }
  // Files that were referred to are watched whoever refers to them.
  return { ...source, env, scope: { ...source.scope, env }, problems: [], warnings: [], templates: new Map() }
}

function valueAt(data: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, key) => (typeof value === 'object' && value !== null ? (value as Record<string | number, unknown>)[key] : undefined), data)
}

/** The profile says the last word, as the nearest to who uses the server. */
function withEnv(entry: StatedEntry, { env, spot }: StatedProfile): StatedEntry {
  if (entry.values.command === undefined || Object.keys(env).length === 0) return entry
  const at = spotOf(entry, 'env')
  for (const name of Object.keys(env)) {
    const template = spot.source.templates.get(spot.at('env', name).field)
    if (template === undefined) at.source.templates.delete(at.at(name).field)
    else at.source.templates.set(at.at(name).field, template)
  }
  return { ...entry, values: { ...entry.values, env: { ...entry.values.env, ...env } } }
}

/**
 * The servers with those that profiles made: `db@kairos`, seen in that profile in place of `db`. One depends on those of its
 * own profile where there are any.
 */
export function spreadVariants(placed: readonly ResolvedServer[], varied: readonly VariedServer[]): ResolvedServer[] {
  const made = new Set(varied.flatMap(({ base, variants }) => [...variants.keys()].map((profile) => nameIn(base.spec.name, profile))))
  return placed.flatMap((server, index) => {
    const { isForAll = true, variants = new Map<string, ResolvedServer>() } = varied[index] ?? {}
    const { membership } = server.spec.traffic
    const spread = [...variants].map(([profile, variant]): ResolvedServer => {
      const name = nameIn(variant.spec.name, profile)
      const dependsOn = variant.spec.dependsOn.map((each) => (made.has(nameIn(each, profile)) ? nameIn(each, profile) : each))
      const traffic = { ...variant.spec.traffic, profile, membership: membership ?? alone(variant.spec.name) }
      return { entry: variant.entry, spec: { ...variant.spec, name, dependsOn, traffic }, explained: { ...variant.explained, name } }
    })
    return [...(isForAll ? [server] : []), ...spread]
  })
}

function nameIn(name: string, profile: string): string {
  return `${name}${VARIANT_MARK}${profile}`
}

const alone = (group: string): MembershipSpec => ({ group, strategy: 'priority', sticky: 'none', priority: 1, weight: 1 })

/** Records that a server for everybody depends on one that exists for profiles only. */
export function checkVariantDependencies(varied: readonly VariedServer[]): void {
  const bound = new Set(varied.filter(({ isForAll }) => !isForAll).map(({ base }) => base.spec.name))
  for (const { base, isForAll } of varied) {
    const name = isForAll ? base.spec.dependsOn.find((each) => bound.has(each)) : undefined
    if (name !== undefined) spotOf(base.entry, 'dependsOn').problem(`names "${name}", which exists in profiles only: it needs values that only they have`, 'Set the variables it needs for everybody, or remove the dependency.', name)
  }
}
