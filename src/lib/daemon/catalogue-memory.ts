import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ServerSpec } from '../core/index.js'
import type { Remembered } from '../gateway/index.js'
import { identityOf } from './era-memory.js'

/** Bursts of changes (a fleet starting) are written once. */
const WRITE_AFTER_MS = 500
const MAX_BYTES = 64 * 1024 * 1024

/** What each server listed last, kept between daemons: clients get a full list before the servers are up again. */
export interface CatalogueMemory {
  recall(spec: ServerSpec): Remembered | null
  remember(spec: ServerSpec, what: Remembered): void
  /** Writes what is not written yet. */
  close(): void
}

/** Reads `state/catalogue.json`; a missing or damaged file is an empty memory. Never throws: it only saves time. */
export function openCatalogueMemory(stateDirectory: string): CatalogueMemory {
  const path = join(stateDirectory, 'catalogue.json')
  const known = load(path)
  let timer: NodeJS.Timeout | null = null
  const write = (): void => {
    timer = null
    save(path, known)
  }
  return {
    recall: (spec) => known.get(identityOf(spec)) ?? null,
    remember(spec, what) {
      known.delete(identityOf(spec))
      known.set(identityOf(spec), what)
      timer ??= setTimeout(write, WRITE_AFTER_MS).unref()
    },
    close() {
      if (timer === null) return
      clearTimeout(timer)
      write()
    },
  }
}

function load(path: string): Map<string, Remembered> {
  try {
    const stored: unknown = JSON.parse(readFileSync(path, 'utf8'))
    if (typeof stored !== 'object' || stored === null) return new Map()
    return new Map(Object.entries(stored).filter((entry): entry is [string, Remembered] => isRemembered(entry[1])))
  } catch {
    return new Map()
  }
}

function isRemembered(value: unknown): value is Remembered {
  if (typeof value !== 'object' || value === null) return false
  const { catalogue, instructions } = value as Record<string, unknown>
  if (typeof catalogue !== 'object' || catalogue === null || (instructions !== null && typeof instructions !== 'string')) return false
  const lists = catalogue as Record<string, unknown>
  return ['tools', 'prompts', 'resources', 'resourceTemplates'].every((kind) => Array.isArray(lists[kind]))
}

function save(path: string, known: Map<string, Remembered>): void {
  const draft = `${path}.${process.pid}`
  try {
    let text = JSON.stringify(Object.fromEntries(known))
    // What was not used for longest goes first.
    while (text.length > MAX_BYTES && known.size > 0) {
      known.delete([...known.keys()][0] ?? '')
      text = JSON.stringify(Object.fromEntries(known))
    }
    writeFileSync(draft, text, { mode: 0o600 })
    renameSync(draft, path)
  } catch {
    // The next daemon asks the servers.
  }
}
