import { mkdirSync } from 'node:fs'

/** Makes a folder in one that is there. Unlike `recursive`, Node tells the truth where nothing may be written. */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
}
