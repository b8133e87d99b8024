import { readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { basename } from 'node:path'
import { killEach, listChildren, listGroup, removeGroup, tryWrite } from './cgroup-file.js'

const BOUND_MS = 2000
const PAUSE_MS = 5

/** Where the folders of this home's groups are, noted for the daemon after this one: its own place may be another. */
export class FolderRecord {
  readonly #file: string | null

  /** @param file null: nothing is noted, and only the folders where this daemon makes its own are known. */
  constructor(file: string | null) {
    this.#file = file
  }

  read(): string[] {
    if (this.#file === null) return []
    try {
      const value: unknown = JSON.parse(readFileSync(this.#file, 'utf8'))
      return Array.isArray(value) ? value.filter((entry) => typeof entry === 'string') : []
    } catch {
      return []
    }
  }

  /** Failing to note them only means that after a crash empty folders may stay until the next boot. */
  write(folders: readonly string[]): void {
    if (this.#file === null) return
    try {
      if (folders.length === 0) unlinkSync(this.#file)
      else writeFileSync(this.#file, JSON.stringify(folders), { mode: 0o600 })
    } catch {
      // See above.
    }
  }
}

/**
 * Kills what lives in the groups below these folders and removes them, at most 2 s. Only for the holder of the home's
 * lock: whatever is there was left by an earlier daemon. Folders not called `name` are not ours and are left alone.
 */
export async function clearFolders(folders: readonly string[], name: string): Promise<void> {
  const deadline = performance.now() + BOUND_MS
  for (let left = folders.filter((folder) => basename(folder) === name); ;) {
    left = left.filter((folder) => !clearOnce(folder))
    if (left.length === 0 || performance.now() >= deadline) return
    await delay(PAUSE_MS)
  }
}

function clearOnce(folder: string): boolean {
  for (const group of listChildren(folder)) {
    if (listGroup(group).length > 0 && !tryWrite(`${group}/cgroup.kill`, 1)) {
      killEach(group)
      // The daemon may have died while it had them frozen.
      tryWrite(`${group}/freezer.state`, 'THAWED')
    }
    removeGroup(group)
  }
  return removeGroup(folder)
}
