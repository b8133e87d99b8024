import { closeSync, mkdirSync, openSync, rmSync, statSync } from 'node:fs'
import { homeUnusable, type Home } from './home.js'

/** Whoever holds it longer has died over it: what is done meanwhile takes milliseconds. */
const STALE_MS = 5_000
const WAIT_MS = 10_000
const POLL_MS = 10

/** Does something with a file of the home's state while no other command does. Rejects with HOME_UNUSABLE when that cannot be had. */
export async function whileHeld<T>(home: Home, path: string, work: () => T): Promise<T> {
  const lock = `${path}.lock`
  await hold(home, lock)
  try {
    return work()
  } finally {
    rmSync(lock, { force: true })
  }
}

async function hold(home: Home, lock: string): Promise<void> {
  try {
    mkdirSync(home.state, { recursive: true, mode: 0o700 })
    for (const deadline = performance.now() + WAIT_MS; !take(lock); await new Promise((resolve) => setTimeout(resolve, POLL_MS))) {
      if (performance.now() > deadline) throw new Error('another command holds it')
    }
  } catch (error) {
    throw homeUnusable(lock, error)
  }
}

/** A file that only one of several can create. */
function take(lock: string): boolean {
  try {
    closeSync(openSync(lock, 'wx', 0o600))
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    const since = statSync(lock, { throwIfNoEntry: false })?.mtimeMs
    if (since !== undefined && Date.now() - since > STALE_MS) rmSync(lock, { force: true })
    return false
  }
}
