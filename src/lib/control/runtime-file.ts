import { join } from 'node:path'
import { McpctlError } from '../errors/index.js'
import { whileHeld } from './file-hold.js'
import type { Home } from './home.js'
import { readStateText, writeState } from './state-file.js'

/** Changes made beside the configuration files: servers that stand in none of them, and which servers are switched on or off. */
export interface RuntimeChanges {
  /** Entries as they would stand under `servers` in a configuration file. */
  readonly servers: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  readonly enabled: Readonly<Record<string, boolean>>
}

export const NO_CHANGES: RuntimeChanges = { servers: {}, enabled: {} }

/** Where they are kept; there is no such file when there are none. Readable by its owner only: entries may hold secrets. */
export function runtimeChangesFile(home: Home): string {
  return join(home.state, 'runtime.json')
}

/** Throws CONFIG_SYNTAX when somebody else wrote something there that cannot be read. */
export function readRuntimeChanges(home: Home): RuntimeChanges {
  const text = readStateText(runtimeChangesFile(home))
  return text === null ? NO_CHANGES : parse(text, runtimeChangesFile(home))
}

/**
 * Replaces them by what `change` makes of them, while nobody else can. What it throws changes nothing. Resolves with what
 * there is now. Rejects with HOME_UNUSABLE when it cannot be written.
 */
export function changeRuntime(home: Home, change: (changes: RuntimeChanges) => RuntimeChanges): Promise<RuntimeChanges> {
  const path = runtimeChangesFile(home)
  return whileHeld(home, path, () => {
    const changes = change(readRuntimeChanges(home))
    write(path, changes)
    return changes
  })
}

/** Drops them, whatever stands in their file. */
export function dropRuntimeChanges(home: Home): void {
  write(runtimeChangesFile(home), NO_CHANGES)
}

function write(path: string, changes: RuntimeChanges): void {
  const count = Object.keys(changes.servers).length + Object.keys(changes.enabled).length
  writeState(path, count === 0 ? null : { schemaVersion: 1, ...changes })
}

function parse(text: string, path: string): RuntimeChanges {
  try {
    const { servers = {}, enabled = {} } = readObject(JSON.parse(text))
    return { servers: Object.fromEntries(Object.entries(readObject(servers)).map(([name, entry]) => [name, readObject(entry)])), enabled: readSwitches(readObject(enabled)) }
  } catch (cause) {
    throw new McpctlError('CONFIG_SYNTAX', `${path}: ${cause instanceof Error ? cause.message : String(cause)}`, { hint: 'Mend it, or drop all runtime changes: mcpctl config reset --yes', details: { file: path }, cause })
  }
}

function readObject(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('an object is expected')
  return { ...value }
}

function readSwitches(switches: Record<string, unknown>): Record<string, boolean> {
  return Object.fromEntries(Object.entries(switches).map(([name, value]) => {
    if (typeof value !== 'boolean') throw new Error(`"enabled" of ${JSON.stringify(name)} is neither true nor false`)
    return [name, value]
  }))
}
