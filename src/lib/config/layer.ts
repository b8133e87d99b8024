import type { FieldName } from './field.js'
import type { StatedEntry } from './server-entry.js'
import type { Spot } from './spot.js'

/** What every part of a server is made from: its entry, and the `defaults` blocks from the nearest to the farthest. */
export interface Layers {
  readonly entry: StatedEntry
  readonly defaults: readonly StatedEntry[]
}

/** A file as the origin of a value. */
export const originOf = (entry: StatedEntry, isDefault: boolean): string => `${entry.spot.source.document.file}${isDefault ? ' (defaults)' : ''}`

/** The place of a stated field. */
export const spotOf = (entry: StatedEntry, name: FieldName): Spot => entry.spots.get(name) ?? entry.spot.at(name)
