import { parseLine, type LogLine } from './line.js'
import { mergeByTime } from './merge.js'
import { closeFiles, MODIFIED_SLACK_MS, openPastFiles, readBackwards, readForwards, type PastFile } from './past-file.js'

export interface LogQuery {
  readonly directory: string
  readonly names: readonly string[]
  /** Epoch milliseconds. */
  readonly since?: number
  readonly until?: number
  /** The newest lines over all servers together, after filtering. */
  readonly tail?: number
  readonly grep?: RegExp
}

/** How far the current file of a server has been read. */
export interface ReadEnd {
  readonly inode: number
  readonly offset: number
}

/** What is in the files now: where it ends for each server that has a current file, and the lines, oldest first. */
export interface Past {
  readonly ends: ReadonlyMap<string, ReadEnd>
  readonly lines: AsyncIterable<LogLine> | readonly LogLine[]
}

/** Servers whose files are open at the same time while tails are read. */
const PARALLEL = 16

/**
 * Lines of several servers, oldest first, merged by time, over their rotated files. With `tail` it reads from the end and
 * no more than needed; without, everything is held in memory: streamLogs is for that.
 */
export async function readLogs(query: LogQuery): Promise<LogLine[]> {
  const lines: LogLine[] = []
  for await (const line of streamLogs(query)) lines.push(line)
  return lines
}

/** The same lines one by one, without holding more than a block of each server's files in memory (unless `tail` is large). */
export async function* streamLogs(query: LogQuery): AsyncGenerator<LogLine> {
  yield* (await openPast(query)).lines
}

/** Looks at the files once; `lines` must be read to its end or returned, for it holds the files open. */
export async function openPast(query: LogQuery): Promise<Past> {
  return query.tail === undefined ? openAll(query) : readTails(query, query.tail)
}

/** The query's filter on one line of a file; stateful expressions (g, y) are asked afresh each time. */
export function createFilter(query: Omit<LogQuery, 'names'>): (line: LogLine) => boolean {
  const { since = -Infinity, until = Infinity } = query
  const grep = query.grep === undefined ? null : new RegExp(query.grep.source, query.grep.flags.replace(/[gy]/g, ''))
  return (line) => line.time >= since && line.time <= until && (grep === null || grep.test(line.text))
}

async function openAll(query: LogQuery): Promise<Past> {
  const filter = createFilter(query)
  const ends = new Map<string, ReadEnd>()
  const opened: PastFile[] = []
  try {
    const sources: AsyncIterable<readonly LogLine[]>[] = []
    for (const name of query.names) {
      const files = await openPastFiles(query.directory, name)
      opened.push(...files)
      noteEnd(ends, name, files)
      sources.push(readAll(name, files, query.since ?? -Infinity, filter))
    }
    return { ends, lines: closing(mergeByTime(sources), opened) }
  } catch (error) {
    await closeFiles(opened)
    throw error
  }
}

async function* closing(lines: AsyncIterable<LogLine>, files: readonly PastFile[]): AsyncGenerator<LogLine> {
  try {
    yield* lines
  } finally {
    await closeFiles(files)
  }
}

async function* readAll(name: string, files: readonly PastFile[], since: number, filter: (line: LogLine) => boolean): AsyncGenerator<LogLine[]> {
  for (const file of [...files].reverse()) {
    if (file.modifiedAt < since - MODIFIED_SLACK_MS) continue
    for await (const texts of readForwards(file.handle, 0, file.end)) yield parseLines(texts, name).filter(filter)
  }
}

async function readTails(query: LogQuery, tail: number): Promise<Past> {
  const filter = createFilter(query)
  const ends = new Map<string, ReadEnd>()
  const newest: LogLine[][] = []
  for (let at = 0; at < query.names.length; at += PARALLEL) {
    newest.push(...await Promise.all(query.names.slice(at, at + PARALLEL).map(async (name) => {
      const files = await openPastFiles(query.directory, name)
      try {
        noteEnd(ends, name, files)
        return await readTail(name, files, { ...query, tail }, filter)
      } finally {
        await closeFiles(files)
      }
    })))
  }
  const merged = newest.flat().sort((a, b) => a.time - b.time)
  return { ends, lines: tail > 0 ? merged.slice(-tail) : [] }
}

async function readTail(name: string, files: readonly PastFile[], wanted: { tail: number; since?: number }, filter: (line: LogLine) => boolean): Promise<LogLine[]> {
  const found: LogLine[] = []
  if (wanted.tail === 0) return found
  for (const file of files) {
    if (wanted.since !== undefined && file.modifiedAt < wanted.since - MODIFIED_SLACK_MS) break
    for await (const texts of readBackwards(file.handle, file.end)) {
      const lines = parseLines(texts, name)
      found.push(...lines.filter(filter))
      if (found.length >= wanted.tail) return found.slice(0, wanted.tail).reverse()
      // Times may go back a little when the clock is set: a whole block of older lines is the sign.
      if (wanted.since !== undefined && lines.length > 0 && lines.every((line) => line.time < (wanted.since ?? 0))) return found.reverse()
    }
  }
  return found.reverse()
}

function noteEnd(ends: Map<string, ReadEnd>, name: string, files: readonly PastFile[]): void {
  const current = files.find((file) => file.number === 0)
  if (current !== undefined) ends.set(name, { inode: current.inode, offset: current.end })
}

function parseLines(texts: readonly string[], name: string): LogLine[] {
  const lines: LogLine[] = []
  for (const text of texts) {
    const line = parseLine(text, name)
    if (line !== null) lines.push(line)
  }
  return lines
}
