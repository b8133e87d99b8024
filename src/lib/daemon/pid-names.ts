import { appendFileSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Home } from '../control/index.js'

/**
 * The servers this home has ever written a PID file for, one name a line. The folder of PID files may be shared with
 * others: only files under these names are ours to remove.
 */
export function readPidNames(home: Home): string[] {
  try {
    return readFileSync(pathOf(home), 'utf8').split('\n').filter((name) => name !== '')
  } catch {
    return []
  }
}

/** Notes a name before its first PID file is written. */
export function notePidName(home: Home, known: Set<string>, name: string): void {
  if (known.has(name)) return
  known.add(name)
  appendFileSync(pathOf(home), `${name}\n`, { mode: 0o600 })
}

/** None of their PID files is left. */
export function forgetPidNames(home: Home): void {
  try {
    rmSync(pathOf(home), { force: true })
  } catch {
    // Nobody may write there: then the list only stays longer than needed.
  }
}

function pathOf(home: Home): string {
  return join(home.state, 'pid-names')
}
