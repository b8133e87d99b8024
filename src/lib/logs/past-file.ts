import { open, readdir, stat, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'

/** One file of a server's log, open for reading. */
export interface PastFile {
  readonly handle: FileHandle
  readonly inode: number
  /** Behind the last complete line at the time of opening: what follows is still being written. */
  readonly end: number
  readonly modifiedAt: number
  /** 0: the current file; higher numbers are older. */
  readonly number: number
}

const BLOCK_BYTES = 64 * 1024
const NEWLINE = 10
const MOST_ATTEMPTS = 20
/** A file's time of modification may lie behind the time of its last line: kernels keep it coarsely, some file systems by 2 s. */
export const MODIFIED_SLACK_MS = 2000

/** The path of a server's current log file. */
export function currentPath(directory: string, name: string): string {
  return join(directory, `${name}.log`)
}

/**
 * Opens all files of a server's log, newest first; none when there are none. A rotation in the middle would make a file
 * appear twice or not at all, so afterwards the first is looked at again.
 */
export async function openPastFiles(directory: string, name: string): Promise<PastFile[]> {
  const path = currentPath(directory, name)
  for (let attempt = 1; ; attempt++) {
    const files: PastFile[] = []
    try {
      for (const number of await listNumbers(directory, name)) {
        const file = await openPastFile(number === 0 ? path : `${path}.${number}`, number)
        if (file === null) continue
        if (files.some((other) => other.inode === file.inode)) await file.handle.close()
        else files.push(file)
      }
      const current = await stat(path).catch(() => null)
      const seen = files.find((file) => file.number === 0)
      if (current?.ino === seen?.inode || attempt === MOST_ATTEMPTS) return files
    } catch (error) {
      await closeFiles(files)
      throw error
    }
    await closeFiles(files)
  }
}

/** The numbers of the files there are, the newest (0) first. */
async function listNumbers(directory: string, name: string): Promise<number[]> {
  const entries = await readdir(directory).catch(() => [])
  const start = `${name}.log`
  return entries
    .filter((entry) => entry === start || (entry.startsWith(`${start}.`) && /^[1-9]\d{0,5}$/.test(entry.slice(start.length + 1))))
    .map((entry) => (entry === start ? 0 : Number(entry.slice(start.length + 1))))
    .sort((a, b) => a - b)
}

/** Null when there is no such file. */
async function openPastFile(path: string, number: number): Promise<PastFile | null> {
  let handle: FileHandle
  try {
    handle = await open(path, 'r')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
  try {
    const facts = await handle.stat()
    return { handle, inode: facts.ino, end: await lastLineEnd(handle, facts.size), modifiedAt: facts.mtimeMs, number }
  } catch (error) {
    await handle.close()
    throw error
  }
}

export async function closeFiles(files: readonly PastFile[]): Promise<void> {
  await Promise.all(files.map((file) => file.handle.close().catch(() => undefined)))
}

async function lastLineEnd(handle: FileHandle, size: number): Promise<number> {
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - BLOCK_BYTES)
    const block = await readBlock(handle, start, end - start)
    const at = block.lastIndexOf(NEWLINE)
    if (at !== -1) return start + at + 1
    end = start
  }
  return 0
}

/** Up to `length` bytes from `position`; fewer at the end of the file. */
async function readBlock(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(length), 0, length, position)
  return buffer.subarray(0, bytesRead)
}

/** The lines before `end` in blocks, the last block first and the last line of each block first. Reads no more than is taken. */
export async function* readBackwards(handle: FileHandle, end: number): AsyncGenerator<string[]> {
  // The beginning of a line that reaches into the block before it.
  let tail: Buffer[] = []
  for (let position = end; position > 0;) {
    const length = Math.min(BLOCK_BYTES, position)
    position -= length
    const block = await readBlock(handle, position, length)
    const first = position === 0 ? 0 : block.indexOf(NEWLINE) + 1
    if (position > 0 && first === 0) {
      tail.push(block)
      continue
    }
    const text = Buffer.concat([block.subarray(first), ...tail.reverse()]).toString('utf8')
    tail = [block.subarray(0, first)]
    const lines = text.split('\n').reverse()
    yield lines[0] === '' ? lines.slice(1) : lines
  }
}

/**
 * The complete lines from `start` to `end` in blocks; returns the position behind the last one. `end` may be Infinity: then
 * up to what the file holds at the moment.
 */
export async function* readForwards(handle: FileHandle, start: number, end: number): AsyncGenerator<string[], number> {
  let position = start
  let size = BLOCK_BYTES
  while (position < end) {
    const block = await readBlock(handle, position, Math.min(size, end - position))
    const length = block.lastIndexOf(NEWLINE) + 1
    if (length > 0) {
      const lines = block.toString('utf8', 0, length - 1).split('\n')
      position += length
      size = BLOCK_BYTES
      yield lines
    } else if (block.length < size) {
      return position
    } else {
      // A line longer than a block, in a file that somebody else has written to.
      size *= 2
    }
  }
  return position
}
