import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { parseLine, type LogLine } from './line.js'
import { readLinesBackwards } from './read-backwards.js'

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

/** Lines of several servers, oldest first, merged by time, over their rotated files. Reads from the end and no more than needed. */
export async function readLogs(query: LogQuery): Promise<LogLine[]> {
  const perServer = await Promise.all(query.names.map((name) => readServer(name, query)))
  const merged = perServer.flat().sort((a, b) => a.time - b.time)
  return query.tail === undefined ? merged : query.tail === 0 ? [] : merged.slice(-query.tail)
}

async function readServer(name: string, query: LogQuery): Promise<LogLine[]> {
  const lines: LogLine[] = []
  const most = query.tail ?? Infinity
  if (most === 0) return lines
  for (let number = 0; lines.length < most; number++) {
    const path = join(query.directory, number === 0 ? `${name}.log` : `${name}.log.${number}`)
    if (number > 0 && !(await exists(path))) break
    for await (const text of readLinesBackwards(path)) {
      const line = parseLine(text, name)
      if (line === null || (query.until !== undefined && line.time > query.until)) continue
      if (query.since !== undefined && line.time < query.since) return lines.reverse()
      if (query.grep && !query.grep.test(line.text)) continue
      lines.push(line)
      if (lines.length >= most) break
    }
  }
  return lines.reverse()
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
