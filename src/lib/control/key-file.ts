import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { KeySpec } from '../core/index.js'
import { McpctlError } from '../errors/index.js'
import { whileHeld } from './file-hold.js'
import type { Home } from './home.js'
import { readKeys } from './read-keys.js'
import { readStateText, writeState } from './state-file.js'

/** A key of the home: never the key itself. */
export interface StoredKey extends KeySpec {
  /** Epoch ms. */
  readonly createdAt: number
}

export type StoredKeys = Readonly<Record<string, StoredKey>>

const NONE: StoredKeys = {}
/** How often the file is looked at while requests come in. */
const LOOK_MS = 20

/** Where `mcpctl key` keeps them, readable by its owner only. There is no such file when there are none. */
export function keyFile(home: Home): string {
  return join(home.state, 'keys.json')
}

/** Throws CONFIG_SYNTAX when somebody else wrote something there that cannot be read, HOME_UNUSABLE when it cannot be opened. */
export function readKeyFile(home: Home): StoredKeys {
  const path = keyFile(home)
  const text = readStateText(path)
  if (text === null) return NONE
  try {
    return readKeys(JSON.parse(text))
  } catch (cause) {
    throw new McpctlError('CONFIG_SYNTAX', `${path}: ${cause instanceof Error ? cause.message : String(cause)}`, { hint: `Mend it, or remove it and create the keys anew: mcpctl key create NAME`, details: { file: path }, cause })
  }
}

/** Replaces the keys by what `change` makes of them, while no other command can. What it throws changes nothing. */
export function changeKeyFile(home: Home, change: (keys: StoredKeys) => StoredKeys): Promise<StoredKeys> {
  const path = keyFile(home)
  return whileHeld(home, path, () => {
    const keys = change(readKeyFile(home))
    write(path, keys)
    return keys
  })
}

/**
 * The keys as they are, for whoever checks requests against them: read anew when the file has changed, which is looked
 * for every 20 ms at most. A file that cannot be read changes nothing, is told of once, and leaves `isSure` false.
 */
export function watchKeyFile(home: Home, warn: (message: string) => void): { current(): StoredKeys; readonly isSure: boolean } {
  const path = keyFile(home)
  let keys = NONE
  let seen = ''
  let lookedAt = -Infinity
  let isSure = true
  return {
    get isSure() {
      return isSure
    },
    current() {
      const now = performance.now()
      if (now - lookedAt < LOOK_MS) return keys
      lookedAt = now
      const mark = markOf(path)
      if (mark === seen) return keys
      seen = mark
      try {
        keys = readKeyFile(home)
        isSure = true
      } catch (error) {
        isSure = false
        warn(error instanceof Error ? error.message : String(error))
      }
      return keys
    },
  }
}

function markOf(path: string): string {
  try {
    const facts = statSync(path, { throwIfNoEntry: false })
    return facts === undefined ? '' : `${String(facts.ino)} ${String(facts.size)} ${String(facts.mtimeMs)}`
  } catch (error) {
    return String(error)
  }
}

function write(path: string, keys: StoredKeys): void {
  writeState(path, Object.keys(keys).length === 0 ? null : { schemaVersion: 1, keys })
}
