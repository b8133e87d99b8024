import { constants } from 'node:fs'
import { mkdir, open, rename, rm, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'

const NEWLINE = 10
// The pipe of somebody who planted one under the log's name must not block, nor a link lead elsewhere; Windows has neither flag.
const SAFELY = (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)

export interface OpenedLog {
  readonly handle: FileHandle
  readonly size: number
  readonly inode: number
  /** The last writer was cut off in the middle of a line. */
  readonly torn: boolean
}

/** Opens a log file for appending; creates it (0600) and its folder (0700) when they are missing. */
export async function openForAppend(path: string): Promise<OpenedLog> {
  const handle = await openFile(path)
  try {
    const facts = await handle.stat()
    if (!facts.isFile()) throw new Error('it is not a regular file')
    return { handle, size: facts.size, inode: facts.ino, torn: facts.size > 0 && (await readByte(handle, facts.size - 1)) !== NEWLINE }
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** `path` becomes `path.1`, `path.1` becomes `path.2`, and what would be more than `keep` files is removed. */
export async function rotate(path: string, keep: number): Promise<void> {
  for (let number = keep + 1; number > 0; number--) {
    const from = number === 1 ? path : `${path}.${number - 1}`
    if (number > keep) await rm(from, { force: true })
    else await rename(from, `${path}.${number}`).catch(ignoreMissing)
  }
  // After a smaller `keep` was configured there may be more.
  for (let number = keep + 1; await removed(`${path}.${number}`); number++);
}

async function openFile(path: string): Promise<FileHandle> {
  const flags = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | SAFELY
  try {
    return await open(path, flags, 0o600)
  } catch (error) {
    if (!isMissing(error)) throw error
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    return open(path, flags, 0o600)
  }
}

async function readByte(handle: FileHandle, position: number): Promise<number | undefined> {
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, position)
  return buffer[0]
}

async function removed(path: string): Promise<boolean> {
  try {
    await rm(path)
    return true
  } catch {
    return false
  }
}

function ignoreMissing(error: unknown): void {
  if (!isMissing(error)) throw error
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
