import { nearest } from '../base/index.js'
import { explain, type ExplainedValue } from './explain.js'
import { groupFields, memberNames, type StatedGroupFields } from './group-field.js'
import { isRecord } from './kind.js'
import { formatPath } from './path.js'
import { describeKind } from './secret.js'
import { describeWrongName } from './server-name.js'
import type { Spot } from './spot.js'

/** One group of one file, with the place of its list of members. */
export interface StatedGroup {
  readonly fields: StatedGroupFields
  readonly spot: Spot
  readonly membersSpot: Spot
  readonly isUserFile: boolean
}

/** Reads the `groups` block: name to members, or to an object. Problems are recorded; unusable groups are left out. */
export function readGroups(value: unknown, spot: Spot, isUserFile: boolean): Map<string, StatedGroup> {
  const groups = new Map<string, StatedGroup>()
  if (!isRecord(value)) {
    spot.problem(`must be an object of group names, not ${describeKind(value)}`, 'Write { "NAME": ["main", "backup"] }.')
    return groups
  }
  const seen = new Map<string, string>()
  for (const [name, each] of Object.entries(value)) {
    if (each === undefined) continue
    checkGroupName(name, spot.at(name), seen)
    const fields = readGroup(each, spot.at(name))
    if (fields) groups.set(name, { fields, spot: spot.at(name), membersSpot: isRecord(each) ? spot.at(name, 'members') : spot.at(name), isUserFile })
  }
  return groups
}

function readGroup(value: unknown, spot: Spot): StatedGroupFields | undefined {
  if (isRecord(value)) return groupFields.read(value, spot)
  const members = memberNames.read(value, spot)
  return members && { members }
}

function checkGroupName(name: string, spot: Spot, seen: Map<string, string>): void {
  const wrong = describeWrongName(name)
  if (wrong !== undefined) {
    spot.problem(`is not a possible name of a group: ${wrong}`, 'Use letters, digits, ".", "_" and "-", beginning with a letter or digit, at most 63 characters.', name.slice(0, 80))
  }
  const twin = seen.get(name.toLowerCase())
  if (twin === undefined) seen.set(name.toLowerCase(), name)
  else spot.problem(`differs from ${JSON.stringify(twin.slice(0, 80))} only in case`, 'Rename one of the two.', name.slice(0, 80))
}

/** The groups in effect: a name in the project's file hides the same name in the user's. */
export function mergeGroups(files: readonly ReadonlyMap<string, StatedGroup>[]): Map<string, StatedGroup> {
  return new Map(files.toReversed().flatMap((groups) => [...groups]))
}

/**
 * Records names no server has: problems in a project's file, warnings in the user's own, whose groups may be about the
 * servers of another project.
 */
export function checkGroupNames(groups: ReadonlyMap<string, StatedGroup>, known: ReadonlySet<string>): void {
  for (const { fields, spot, membersSpot, isUserFile } of groups.values()) {
    const members = fields.members ?? []
    for (const [index, name] of members.entries()) {
      if (!known.has(name)) reportUnknown(membersSpot.at(index), name, { known, isUserFile })
    }
    // Those that come by their namespace may have weights too.
    for (const name of Object.keys(fields.weights ?? {})) {
      if (!known.has(name)) reportUnknown(spot.at('weights', name), name, { known, isUserFile })
    }
  }
}

function reportUnknown(spot: Spot, name: string, { known, isUserFile }: { readonly known: ReadonlySet<string>; readonly isUserFile: boolean }): void {
  const shown = name.slice(0, 80)
  const [guess] = nearest(name, known, 1)
  if (isUserFile) {
    spot.warn(`names ${JSON.stringify(shown)}, and there is no such server here${guess === undefined ? '' : `; did you mean "${guess}"?`}`)
    return
  }
  spot.problem(`names ${JSON.stringify(shown)}, and there is no such server`, guess === undefined ? `Servers in this configuration: ${[...known].join(', ') || 'none'}.` : `Did you mean "${guess}"?`, shown)
}

/** Rows for each group, as far as it says something. */
export function explainGroups(groups: ReadonlyMap<string, StatedGroup>): ExplainedValue[] {
  return [...groups].flatMap(([name, { fields, spot }]) => {
    const origin = spot.source.document.file
    const row = (key: string, value: ExplainedValue['value'], from: string): ExplainedValue => explain(formatPath(['groups', name, key]), { value, origin: from })
    return [
      row('members', fields.members ?? [], origin),
      row('strategy', fields.strategy ?? 'priority', fields.strategy === undefined ? 'default' : origin),
      row('sticky', fields.sticky ?? 'none', fields.sticky === undefined ? 'default' : origin),
    ]
  })
}
