import { typesOf, type Schema } from './call-value.js'

/** Where a value goes, and what may stand there. */
export interface KeyPlace {
  readonly path: readonly string[]
  readonly property: Schema
}

/** What is there already, or that something stands in the way. */
export type Occupant = { readonly state: 'free' } | { readonly state: 'taken'; readonly value: unknown } | { readonly state: 'blocked' }

/**
 * The place of a key in a schema: a property by its own name, dots and all; else what the name in front of the first dot holds,
 * if that is an object. Null: the schema has no such place.
 */
export function findPlace(key: string, schema: Schema): KeyPlace | null {
  const properties = recordIn(schema, 'properties')
  if (Object.hasOwn(properties, key)) return { path: [key], property: schemaOf(properties[key]) }
  for (let dot = key.indexOf('.'); dot > 0; dot = key.indexOf('.', dot + 1)) {
    const head = key.slice(0, dot)
    const inner = Object.hasOwn(properties, head) ? schemaOf(properties[head]) : null
    if (inner === null || !mayHold(inner)) continue
    const rest = findPlace(key.slice(dot + 1), inner)
    if (rest !== null) return { path: [head, ...rest.path], property: rest.property }
    // An object that does not say what is in it takes anything.
    if (inner['properties'] === undefined || isOpen(inner)) return { path: [head, key.slice(dot + 1)], property: {} }
  }
  return isOpen(schema) ? { path: [key], property: {} } : null
}

/** Whether the schema says outright that keys it does not list are welcome. */
export function isOpen(schema: Schema): boolean {
  const more = schema['additionalProperties']
  return more === true || (typeof more === 'object' && more !== null) || schema['patternProperties'] !== undefined
}

/** The keys a person could have meant: those of the object that the words in front of the last dot lead to, else the first ones. */
export function knownKeys(key: string, schema: Schema): string[] {
  const properties = recordIn(schema, 'properties')
  const head = key.slice(0, Math.max(0, key.indexOf('.')))
  const inner = head !== '' && Object.hasOwn(properties, head) ? schemaOf(properties[head]) : null
  if (inner === null) return Object.keys(properties)
  const rest = knownKeys(key.slice(head.length + 1), inner)
  return rest.length > 0 ? rest.map((name) => `${head}.${name}`) : Object.keys(properties)
}

export function look(given: Readonly<Record<string, unknown>>, [head = '', ...rest]: readonly string[]): Occupant {
  if (!Object.hasOwn(given, head)) return { state: 'free' }
  const value = given[head]
  if (rest.length === 0) return { state: 'taken', value }
  return isObject(value) ? look(value, rest) : { state: 'blocked' }
}

/** A copy with the value in its place. */
export function place(given: Readonly<Record<string, unknown>>, [head = '', ...rest]: readonly string[], value: unknown): Record<string, unknown> {
  const inner = Object.hasOwn(given, head) ? given[head] : undefined
  // Not an assignment: a key such as __proto__ is a key like any other.
  return Object.fromEntries([...Object.entries(given).filter(([name]) => name !== head), [head, rest.length === 0 ? value : place(isObject(inner) ? inner : {}, rest, value)]])
}

function mayHold(schema: Schema): boolean {
  const types = typesOf(schema)
  return types.size === 0 || types.has('object')
}

function recordIn(schema: Schema, member: string): Schema {
  return schemaOf(schema[member])
}

export function schemaOf(value: unknown): Schema {
  return isObject(value) ? value : {}
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
