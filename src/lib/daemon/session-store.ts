import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { SessionStore, StoredSession } from '../gateway/index.js'

/** Sessions nobody continued for this long are forgotten. */
const KEPT_MS = 24 * 3600 * 1000

/**
 * What HTTP sessions need to go on after the daemon was restarted, a small file each. The file's name is a digest of the
 * session id: the id itself is what lets a client in, so it is not written down.
 */
export function openSessionStore(stateDirectory: string): SessionStore {
  const folder = join(stateDirectory, 'sessions')
  const pathOf = (id: string): string => join(folder, `${createHash('sha256').update(id).digest('hex')}.json`)
  tidy(folder)
  return {
    load(id) {
      try {
        const stored: unknown = JSON.parse(readFileSync(pathOf(id), 'utf8'))
        return isStored(stored) ? stored : null
      } catch {
        return null
      }
    },
    save(id, session) {
      const path = pathOf(id)
      const draft = `${path}.${process.pid}`
      try {
        mkdirSync(folder, { recursive: true, mode: 0o700 })
        writeFileSync(draft, JSON.stringify(session), { mode: 0o600 })
        renameSync(draft, path)
      } catch {
        // The session then ends with this daemon, and its client starts a new one.
      }
    },
    remove: (id) => { rmSync(pathOf(id), { force: true }) },
  }
}

function tidy(folder: string): void {
  try {
    for (const name of readdirSync(folder)) {
      const path = join(folder, name)
      if (Date.now() - statSync(path).mtimeMs > KEPT_MS) rmSync(path, { force: true })
    }
  } catch {
    // There is none yet.
  }
}

function isStored(value: unknown): value is StoredSession {
  if (typeof value !== 'object' || value === null) return false
  const { path, caller, state } = value as Record<string, unknown>
  if (typeof path !== 'string' || (caller !== undefined && typeof caller !== 'string') || typeof state !== 'object' || state === null) return false
  const { protocolVersion, capabilities, subscriptions } = state as Record<string, unknown>
  return typeof protocolVersion === 'string' && typeof capabilities === 'object' && capabilities !== null && Array.isArray(subscriptions)
}
