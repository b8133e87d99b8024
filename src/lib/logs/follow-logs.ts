import { watch } from 'node:fs'
import { open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { parseLine, type LogLine } from './line.js'
import { readLogs, type LogQuery } from './read-logs.js'

/** Where file events are lost or not to be had (network disks), a look now and then is the fallback. */
const POLL_MS = 1000
const BLOCK_BYTES = 256 * 1024

export interface FollowQuery extends Omit<LogQuery, 'names'> {
  /** Null: every log in the folder, also those that appear later. */
  readonly names: readonly string[] | null
  readonly signal: AbortSignal
}

interface Cursor {
  inode: number
  offset: number
}

/**
 * The lines of a query, then new ones as they are written, until aborted. Goes on over rotation, over deletion and over
 * files that appear later; so it survives restarts of servers and of the daemon.
 */
export async function* followLogs(query: FollowQuery): AsyncGenerator<LogLine> {
  const cursors = new Map<string, Cursor>()
  const wake = createWake(query.directory, query.signal)
  try {
    const initial = query.names ?? (await listNames(query.directory))
    // The ends are noted first: a line written while the past is read is shown once, by whoever sees it first.
    for (const name of initial) cursors.set(name, await cursorAtEnd(pathOf(query.directory, name)))
    for (const line of await readLogs({ ...query, names: initial })) {
      if (query.signal.aborted) return
      yield line
    }
    while (!query.signal.aborted) {
      for (const name of query.names ?? (await listNames(query.directory))) {
        const cursor = cursors.get(name) ?? { inode: 0, offset: 0 }
        cursors.set(name, cursor)
        for await (const text of readNew(pathOf(query.directory, name), cursor)) {
          const line = parseLine(text, name)
          if (line !== null && (!query.grep || query.grep.test(line.text)) && (query.until === undefined || line.time <= query.until)) yield line
        }
      }
      await wake.next()
    }
  } finally {
    wake.close()
  }
}

function pathOf(directory: string, name: string): string {
  return join(directory, `${name}.log`)
}

async function listNames(directory: string): Promise<string[]> {
  const files = await readdir(directory).catch(() => [])
  return files.filter((file) => file.endsWith('.log')).map((file) => file.slice(0, -'.log'.length))
}

async function cursorAtEnd(path: string): Promise<Cursor> {
  const facts = await stat(path).catch(() => null)
  return { inode: facts?.ino ?? 0, offset: facts?.size ?? 0 }
}

/** Complete lines written since the cursor; the tail of a file that was rotated away comes first. */
async function* readNew(path: string, cursor: Cursor): AsyncGenerator<string> {
  const facts = await stat(path).catch(() => null)
  if (facts === null) return
  if (cursor.inode !== 0 && facts.ino !== cursor.inode) {
    const rotated = await stat(`${path}.1`).catch(() => null)
    if (rotated?.ino === cursor.inode) yield* readFrom(`${path}.1`, cursor)
    cursor.offset = 0
  }
  cursor.inode = facts.ino
  if (facts.size < cursor.offset) cursor.offset = 0
  yield* readFrom(path, cursor)
}

async function* readFrom(path: string, cursor: Cursor): AsyncGenerator<string> {
  const handle = await open(path, 'r').catch(() => null)
  if (handle === null) return
  const decoder = new TextDecoder()
  try {
    const block = Buffer.alloc(BLOCK_BYTES)
    for (;;) {
      const { bytesRead } = await handle.read(block, 0, BLOCK_BYTES, cursor.offset)
      if (bytesRead === 0) return
      // Up to the last newline only, so that no character is cut in two.
      const end = block.lastIndexOf(10, bytesRead - 1) + 1
      if (end === 0) return
      cursor.offset += end
      const lines = decoder.decode(block.subarray(0, end)).split('\n')
      lines.pop()
      yield* lines
    }
  } finally {
    await handle.close()
  }
}

interface Wake {
  /** Resolves when something in the folder may have changed, or after a while, or when aborted. */
  next(): Promise<void>
  close(): void
}

function createWake(directory: string, signal: AbortSignal): Wake {
  let pending = false
  let resolve: () => void = () => undefined
  const wake = (): void => {
    pending = true
    resolve()
  }
  let watcher: ReturnType<typeof watch> | null = null
  try {
    watcher = watch(directory, wake)
    watcher.on('error', () => watcher?.close())
  } catch {
    // No such folder yet, or no watches left: the poll has to do.
  }
  signal.addEventListener('abort', wake)
  return {
    async next() {
      if (!pending && !signal.aborted) {
        await new Promise<void>((done) => {
          const timer = setTimeout(done, POLL_MS)
          resolve = () => {
            clearTimeout(timer)
            done()
          }
        })
      }
      pending = false
    },
    close() {
      watcher?.close()
      signal.removeEventListener('abort', wake)
    },
  }
}
