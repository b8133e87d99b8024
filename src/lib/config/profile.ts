import { nearest } from '../base/index.js'
import { FULL_GRANT, type KeySpec, type ProfileSpec, type ServerSpec } from '../core/index.js'
import { explain, showText, type ExplainedValue } from './explain.js'
import { group, type Stated } from './field-group.js'
import { keyDigest } from './auth-field.js'
import { isRecord, list, textMap, word } from './kind.js'
import { formatPath } from './path.js'
import type { Schema } from './schema-part.js'
import { describeKind, MASK } from './secret.js'
import { describeWrongName } from './server-name.js'
import type { Spot } from './spot.js'

/** One profile of one file, with the place of its list of servers. */
export interface StatedProfile {
  readonly spec: ProfileSpec
  readonly spot: Spot
  readonly serversSpot: Spot
  readonly isUserFile: boolean
  /** Added to the variables of its processes. */
  readonly env: Readonly<Record<string, string>>
  /** Values for references in its servers' texts. */
  readonly secrets: Readonly<Record<string, string>>
  /** SHA-256 of the key that is bound to it. */
  readonly tokenDigest: string | null
}

interface ProfileFields {
  servers: string[]
  tags: string[]
  env: Record<string, string>
  secrets: Record<string, string>
  token: string
}

// eslint-disable-next-line no-control-regex
const VARIABLE = { pattern: /^[^=\u0000]+$/, wrong: 'is not a possible name of an environment variable' }
const REFERENCE = { pattern: /^[A-Za-z_][A-Za-z0-9_]*$/, wrong: 'is not a possible name in a reference such as ${NAME}' }

const serverNames = list(word, 'a list of server names or an object with servers, tags, env, secrets and token', { orSingle: true })

const profileGroup = group<ProfileFields>('a list of server names or an object with servers, tags, env, secrets and token', {
  servers: { kind: list(word, 'a server name or a list of them', { orSingle: true }), summary: 'Servers, by name.' },
  tags: { kind: list(word, 'a label or a list of them', { orSingle: true }), summary: 'All servers that carry one of these labels.' },
  env: { kind: textMap('an object of variable names and texts', VARIABLE), summary: 'Variables that the processes of its servers get besides their own.' },
  secrets: { kind: textMap('an object of names and texts', REFERENCE), summary: 'Values for ${NAME} in the texts of its servers; the environment counts where it says nothing.' },
  token: { kind: keyDigest, summary: 'A key that lets clients in at this profile only.' },
})

/** A profile for editors. */
export const PROFILE_SCHEMA: Schema = { anyOf: [serverNames.schema, profileGroup.schema] }

/** Reads the `profiles` block: name to servers, or to servers and tags. Problems are recorded; unusable profiles are left out. */
export function readProfiles(value: unknown, spot: Spot, isUserFile: boolean): Map<string, StatedProfile> {
  const profiles = new Map<string, StatedProfile>()
  if (!isRecord(value)) {
    spot.problem(`must be an object of profile names, not ${describeKind(value)}`, 'Write { "NAME": ["server", "server"] }.')
    return profiles
  }
  for (const [name, each] of Object.entries(value)) {
    if (each === undefined) continue
    const profile = readProfile(name, each, spot.at(name))
    if (profile) profiles.set(name, { ...profile, isUserFile })
  }
  return profiles
}

function readProfile(name: string, value: unknown, spot: Spot): Omit<StatedProfile, 'isUserFile'> | null {
  const wrong = describeWrongName(name)
  if (wrong !== undefined) {
    spot.problem(`is not a possible profile name: ${wrong}`, 'Use letters, digits, ".", "_" and "-", beginning with a letter or digit, at most 63 characters.', name.slice(0, 80))
  }
  const problemsBefore = spot.source.problems.length
  const isGroup = isRecord(value)
  const servers = isGroup ? undefined : serverNames.read(value, spot)
  const stated: Stated<ProfileFields> | undefined = isGroup ? profileGroup.read(value, spot) : servers && { servers }
  if (!stated) return null
  const spec = { servers: [...new Set(stated.servers)], tags: [...new Set(stated.tags)] }
  if (spec.servers.length + spec.tags.length === 0 && spot.source.problems.length === problemsBefore) {
    spot.problem('names neither servers nor tags', `Write "${name}": ["server"], or { "tags": ["label"] }.`)
  }
  return { spec, spot, serversSpot: isGroup ? spot.at('servers') : spot, env: stated.env ?? {}, secrets: stated.secrets ?? {}, tokenDigest: stated.token ?? null }
}

/** The profiles in effect: a name in the project's file hides the same name in the user's. */
export function mergeProfiles(files: readonly ReadonlyMap<string, StatedProfile>[]): Map<string, StatedProfile> {
  return new Map(files.toReversed().flatMap((profiles) => [...profiles]))
}

/**
 * Records names no server has: problems in a project's file, warnings in the user's own, whose profiles may be about the
 * servers of another project. `known`: every server name there is, those of unusable entries too.
 */
export function checkProfiles(profiles: ReadonlyMap<string, StatedProfile>, known: ReadonlySet<string>, specs: readonly ServerSpec[]): void {
  const tags = new Set(specs.flatMap((spec) => spec.tags))
  for (const { spec, spot, serversSpot, isUserFile } of profiles.values()) {
    for (const [index, name] of spec.servers.entries()) {
      if (!known.has(name)) reportUnknown(serversSpot.at(index), name, { known, isUserFile })
    }
    for (const tag of spec.tags) {
      if (!tags.has(tag) && !isUserFile) spot.warn(`names the label ${JSON.stringify(tag.slice(0, 80))}, which no server carries${suggest(tag, tags)}`)
    }
  }
}

function reportUnknown(spot: Spot, name: string, { known, isUserFile }: { known: ReadonlySet<string>; isUserFile: boolean }): void {
  const shown = name.slice(0, 80)
  if (isUserFile) {
    spot.warn(`names ${JSON.stringify(shown)}, and there is no such server here${suggest(name, known)}`)
    return
  }
  const [guess] = nearest(name, known, 1)
  const hint = guess === undefined ? `Servers in this configuration: ${[...known].join(', ') || 'none'}.` : `Did you mean "${guess}"?`
  spot.problem(`names ${JSON.stringify(shown)}, and there is no such server`, hint, shown)
}

function suggest(name: string, known: ReadonlySet<string>): string {
  const [guess] = nearest(name, known, 1)
  return guess === undefined ? '' : `; did you mean "${guess}"?`
}

/** A key for each profile that has a token: it is let in there and nowhere else. */
export function profileKeys(profiles: ReadonlyMap<string, StatedProfile>): Record<string, KeySpec> {
  return Object.fromEntries([...profiles].flatMap(([name, { tokenDigest }]) =>
    tokenDigest === null ? [] : [[`profile:${name}`, { sha256: tokenDigest, grant: { ...FULL_GRANT, profile: name }, expiresAt: null }]]))
}

/** What each profile says; secrets and its token are hidden. */
export function explainProfiles(profiles: ReadonlyMap<string, StatedProfile>): ExplainedValue[] {
  return [...profiles].flatMap(([name, { spec, spot, env, secrets, tokenDigest }]) => {
    const row = (key: string[], value: ExplainedValue['value']): ExplainedValue => explain(formatPath(['profiles', name, ...key]), { value, origin: spot.source.document.file })
    return [
      row(['servers'], spec.servers),
      row(['tags'], spec.tags),
      ...Object.entries(env).map(([variable, value]) => row(['env', variable], showText(variable, value, spot.at('env', variable)))),
      ...Object.keys(secrets).map((variable) => row(['secrets', variable], MASK)),
      ...(tokenDigest === null ? [] : [row(['token'], MASK)]),
    ]
  })
}
