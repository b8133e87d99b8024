import { nearest } from '../base/index.js'
import { CLIENT_FIELDS, nameTable, SERVER_FIELDS, type FieldName, type ServerFields } from './field.js'
import { rejectUnknown, type Stated } from './field-group.js'
import { isRecord } from './kind.js'
import { describeKind } from './secret.js'
import type { Spot } from './spot.js'

export type StatedFields = Stated<ServerFields>

/** One entry of a configuration as read: what it states, nothing filled in. */
export interface StatedEntry {
  readonly spot: Spot
  readonly values: StatedFields
  /** The place of each stated field: `url` may be written `httpUrl`, or stand under `x-mcpctl`. */
  readonly spots: ReadonlyMap<FieldName, Spot>
}

/** Where our own fields stand in files that belong to other clients. */
export const OWN_KEY = 'x-mcpctl'

const IN_CLIENT_FILE = 'Remove it, or keep the server in the file of that client, such as .mcp.json.'

/** What does here what a field of another client does there. */
const INSTEAD: Readonly<Record<string, string>> = {
  timeout: 'For the time a server may take to start write "startTimeout", for the time a call may take "timeouts".',
  tool_timeout_sec: 'Write "timeouts": { "idle": ... }.',
  ...Object.fromEntries(['enabledTools', 'includeTools', 'enabled_tools'].map((name) => [name, 'Write "tools": { "allow": [...] }.'])),
  ...Object.fromEntries(['disabledTools', 'excludeTools', 'disabled_tools'].map((name) => [name, 'Write "tools": { "deny": [...] }.'])),
}

interface Reading {
  readonly names: ReadonlyMap<string, FieldName>
  /** Those under `x-mcpctl`. */
  readonly ownNames: ReadonlyMap<string, FieldName>
  readonly values: StatedFields
  readonly spots: Map<FieldName, Spot>
  readonly isDefaults: boolean
}

/**
 * Reads one server, or the `defaults` block, with all problems recorded. Null: there is nothing usable at all.
 * A disabled server may refer to variables that are not set.
 */
export function readEntry(value: unknown, spot: Spot, isDefaults = false): StatedEntry | null {
  if (!isRecord(value)) {
    spot.problem(`must be an object, not ${describeKind(value)}`, isDefaults ? 'Write defaults: { ... }.' : 'Write { "command": "..." } or { "url": "..." }.')
    return null
  }
  const entrySpot = spot.lenient(isWrittenOff(value))
  const ownNames = nameTable(spot.source.isOwn ? 'own' : 'client-own')
  const names = spot.source.isOwn || isDefaults ? ownNames : nameTable('client')
  const reading: Reading = { names, ownNames, values: {}, spots: new Map(), isDefaults }
  const own = value[OWN_KEY]
  if (isRecord(own)) readOwn(own, entrySpot.at(OWN_KEY), reading)
  else if (own !== undefined) spot.at(OWN_KEY).problem(`must be an object, not ${describeKind(own)}`, 'Put the fields of mcpctl inside it.')
  const fromOwn = new Set(reading.spots.keys())
  for (const [key, each] of Object.entries(value)) {
    if (each === undefined || key === OWN_KEY) continue
    const name = reading.names.get(key)
    if (name === undefined) reportUnknown(key, entrySpot.at(key), reading)
    else if (!fromOwn.has(name)) readField({ name, value: each, spot: entrySpot.at(key) }, reading)
  }
  return { spot: entrySpot, values: reading.values, spots: reading.spots }
}

function isWrittenOff(value: Record<string, unknown>): boolean {
  const own = value[OWN_KEY]
  const stated = isRecord(own) ? { ...value, ...own } : value
  return stated['enabled'] === false || stated['disabled'] === true
}

/** Fields under `x-mcpctl` are ours in every file: unknown ones are problems. */
function readOwn(own: Record<string, unknown>, spot: Spot, reading: Reading): void {
  for (const [key, each] of Object.entries(own)) {
    const name = reading.ownNames.get(key)
    if (each === undefined) continue
    if (name === undefined) rejectField(key, spot.at(key), reading)
    else readField({ name, value: each, spot: spot.at(key) }, reading)
  }
}

function reportUnknown(key: string, spot: Spot, reading: Reading): void {
  if (spot.source.isOwn || reading.isDefaults) return rejectField(key, spot, reading)
  if (CLIENT_FIELDS.has(key)) return
  if (reading.ownNames.has(key)) return spot.warn(`is not known here and ignored; if it is meant for mcpctl, move it under "${OWN_KEY}"`)
  const [guess] = nearest(key, reading.names.keys(), 1)
  spot.warn(guess === undefined ? 'is not known and ignored' : `is not known and ignored; did you mean "${guess}"?`)
}

function rejectField(key: string, spot: Spot, reading: Reading): void {
  const instead = Object.hasOwn(INSTEAD, key) ? INSTEAD[key] : undefined
  if (key === 'gateway' || key === 'profiles' || key === 'groups') spot.problem('concerns all servers together', 'Move it to the root of the file, beside the list of servers.', key)
  else if (instead !== undefined) spot.problem('is not a known field', instead, key)
  else if (CLIENT_FIELDS.has(key)) spot.problem('is a field of other MCP clients that would have no effect', IN_CLIENT_FILE, key)
  else rejectUnknown(spot, knownNames(reading))
}

function knownNames({ ownNames, isDefaults }: Reading): string[] {
  return [...ownNames].flatMap(([known, name]) => (!isDefaults || SERVER_FIELDS[name].inDefaults === true ? [known] : []))
}

function readField(entry: { readonly name: FieldName; readonly value: unknown; readonly spot: Spot }, reading: Reading): void {
  const { name, value, spot } = entry
  if (reading.isDefaults && SERVER_FIELDS[name].inDefaults !== true) {
    spot.problem('says something about one server only and cannot be a default', 'Move it into the servers it is meant for.')
    return
  }
  const other = reading.spots.get(name)
  if (other) {
    spot.problem(`says the same as ${other.field}`, 'Keep one of the two.')
    return
  }
  reading.spots.set(name, spot)
  assign(reading.values, name, SERVER_FIELDS[name].kind.read(value, spot))
}

function assign<K extends FieldName>(values: StatedFields, name: K, value: ServerFields[K] | undefined): void {
  if (value !== undefined) values[name] = value
}
