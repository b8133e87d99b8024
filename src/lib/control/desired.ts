import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Home } from './home.js'
import { readList, readOneOf, readRecord, readString } from './read.js'

/** Which servers somebody wanted up, and down, when the daemon was last seen. */
export interface DesiredServer {
  readonly name: string
  /** The configuration file it is from. */
  readonly source: string
  readonly desired: 'up' | 'down'
}

/** Where a daemon keeps it; there is no such file after an orderly end. */
export function desiredFile(home: Home): string {
  return join(home.state, 'desired.json')
}

/** Null when the last daemon ended in order, or left nothing that can be read. */
export function readDesired(home: Home): readonly DesiredServer[] | null {
  try {
    const record = readRecord(JSON.parse(readFileSync(desiredFile(home), 'utf8')), 'desired.json')
    return readList(record['servers'], 'servers', (item, field) => {
      const server = readRecord(item, field)
      return { name: readString(server['name'], `${field}.name`), source: readString(server['source'], `${field}.source`), desired: readOneOf(server['desired'], `${field}.desired`, ['up', 'down'] as const) }
    })
  } catch {
    return null
  }
}
