import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homeUnusable } from './home.js'

/** The text of a file of the home's state; null: there is none. Throws HOME_UNUSABLE when it cannot be opened. */
export function readStateText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return null
    throw homeUnusable(path, error)
  }
}

/** Replaces a file of the home's state in one step, readable by its owner only; null: there is to be none. Throws HOME_UNUSABLE. */
export function writeState(path: string, content: object | null): void {
  const draft = `${path}.${process.pid}`
  try {
    if (content === null) return rmSync(path, { force: true })
    writeFileSync(draft, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 })
    renameSync(draft, path)
  } catch (error) {
    rmSync(draft, { force: true })
    throw homeUnusable(path, error)
  }
}
