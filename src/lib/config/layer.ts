import type { FieldName } from './field.js'
import type { StatedEntry } from './server-entry.js'
import type { Spot } from './spot.js'

/** What every part of a server is made from: its entry, and the `defaults` blocks from the nearest to the farthest. */
export interface Layers {
  readonly entry: StatedEntry
  readonly defaults: readonly StatedEntry[]
}

/** A file as the origin of a value. */
export function originOf({ spot }: StatedEntry, isDefault: boolean): string {
  const { origin, file } = spot.source.document
  return `${origin ?? file}${isDefault ? ' (defaults)' : ''}`
}

/** Whether a server is on because somebody said so at run time, or off. */
export function isSwitched({ spot }: StatedEntry): boolean {
  const { switched } = spot.source.document
  return switched !== undefined && switched.has(String(spot.path.at(-1)))
}

/** The place of a stated field. */
export const spotOf = (entry: StatedEntry, name: FieldName): Spot => entry.spots.get(name) ?? entry.spot.at(name)
