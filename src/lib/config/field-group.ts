import { nearest } from '../base/index.js'
import { isRecord, type Kind } from './kind.js'
import type { Schema } from './schema-part.js'
import { describeKind } from './secret.js'
import type { Spot } from './spot.js'

export interface GroupField<T> {
  readonly kind: Kind<T>
  readonly summary: string
}

/** What was stated of a group: any field may be absent. */
export type Stated<T> = { [K in keyof T]?: T[K] }

/** An object with known fields, such as `limits`; an unknown one is a problem with a suggestion. */
export function group<T extends object>(
  accepts: string,
  fields: { readonly [K in keyof T]: GroupField<T[K]> },
  check?: (read: Stated<T>, spot: Spot) => void,
): Kind<Stated<T>> {
  const isField = (name: string): name is keyof T & string => Object.hasOwn(fields, name)
  return {
    name: 'group',
    accepts,
    fields,
    schema: objectOf(fields),
    read: (value, spot) => {
      if (!isRecord(value)) return rejectGroup(value, spot, accepts)
      const stated: Stated<T> = {}
      for (const [name, each] of Object.entries(value)) {
        if (each === undefined) continue
        if (!isField(name)) rejectUnknown(spot.at(name), Object.keys(fields))
        else readField(stated, name, fields[name].kind.read(each, spot.at(name)))
      }
      check?.(stated, spot)
      return stated
    },
  }
}

/** The schema of an object with these fields and no others. */
export function objectOf(fields: Readonly<Record<string, { readonly kind: { readonly schema: Schema }; readonly summary: string }>>): Schema {
  const properties = Object.fromEntries(Object.entries(fields).map(([name, { kind, summary }]) => [name, { description: summary, ...kind.schema }]))
  return { type: 'object', properties, additionalProperties: false }
}

function readField<T, K extends keyof T>(stated: Stated<T>, name: K, value: T[K] | undefined): void {
  if (value !== undefined) stated[name] = value
}

function rejectGroup(value: unknown, spot: Spot, accepts: string): undefined {
  spot.problem(`must be ${accepts}, not ${describeKind(value)}`, `Write ${accepts}.`)
}

/** The problem of a field nobody knows: suggests the nearest of `known`, or lists them. */
export function rejectUnknown(spot: Spot, known: readonly string[]): void {
  const name = String(spot.path.at(-1))
  const [guess] = nearest(name, known, 1)
  spot.problem('is not a known field', guess === undefined ? `Known fields here: ${known.join(', ')}.` : `Did you mean "${guess}"?`, name.slice(0, 80))
}
