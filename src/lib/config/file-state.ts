import { createHash } from 'node:crypto'
import { lstat, readFile, stat } from 'node:fs/promises'
import { errorCode } from './failure.js'
import { planWatch } from './watch-plan.js'

/** More than a configuration may have: such a file is judged by its size and time alone. */
const MAX_BYTES = 16 * 1024 ** 2

/** The content of a file that is not there. */
export const MISSING = 'ENOENT'

/** A file at one moment, as far as it decides about a configuration. */
export interface FileState {
  /** Equal for equal content, or for the same reason why there is none. */
  readonly content: string
  /** Nothing is there, not even a byte: it may be on its way. */
  readonly isEmpty: boolean
  /** When the file, or a link on the way to it, was changed last: epoch milliseconds by the clock of the file system; null when it is not there. */
  readonly changedAt: number | null
}

/** Looks at a file. Never rejects: what cannot be read is a state too. */
export async function readFileState(path: string): Promise<FileState> {
  try {
    const { content, isEmpty } = await readContent(path)
    // Looked at after it was read: content that changes in between is older than this.
    const times = await Promise.all([stat(path), ...[...planWatch([path]).names].map((name) => lstat(name))])
    return { content, isEmpty, changedAt: Math.max(...times.map(({ ctimeMs }) => ctimeMs)) }
  } catch (error) {
    const code = errorCode(error) ?? 'unreadable'
    return { content: code, isEmpty: code === MISSING, changedAt: null }
  }
}

async function readContent(path: string): Promise<Pick<FileState, 'content' | 'isEmpty'>> {
  const found = await stat(path)
  if (!found.isFile()) return { content: 'no regular file', isEmpty: false }
  if (found.size > MAX_BYTES) return { content: `${found.size} bytes at ${found.mtimeMs}`, isEmpty: false }
  const bytes = await readFile(path)
  return { content: createHash('sha256').update(bytes).digest('base64'), isEmpty: bytes.length === 0 }
}
