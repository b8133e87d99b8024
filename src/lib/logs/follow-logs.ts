import { readdir } from 'node:fs/promises'
import type { LogLine } from './line.js'
import { createFilter, openPast, type LogQuery } from './read-logs.js'
import { TailFile } from './tail-file.js'
import { createWake } from './wake.js'

export interface FollowQuery extends Omit<LogQuery, 'names'> {
  /** Null: every log in the folder, also those that appear later. */
  readonly names: readonly string[] | null
  readonly signal: AbortSignal
}

/**
 * The lines of a query, then new ones as they are written, until aborted. Each line comes exactly once: what is read of
 * the past ends exactly where following begins. Goes on over rotation, over deletion and over files and folders that
 * appear later; so it survives restarts of servers and of the daemon.
 */
export async function* followLogs(query: FollowQuery): AsyncGenerator<LogLine> {
  const { directory, signal } = query
  const filter = createFilter(query)
  const startedAt = Date.now()
  const tails = new Map<string, TailFile>()
  const wake = createWake(directory, signal)
  try {
    const names = query.names ?? (await listNames(directory))
    const past = await openPast({ ...query, names })
    for (const name of names) tails.set(name, new TailFile(directory, name, { end: past.ends.get(name), now: startedAt }))
    for await (const line of past.lines) {
      if (signal.aborted) return
      yield line
    }
    while (!signal.aborted) {
      for (const name of query.names ?? (await listNames(directory))) {
        if (!tails.has(name)) tails.set(name, new TailFile(directory, name, { end: undefined, now: startedAt }))
      }
      for await (const line of readNew([...tails.values()])) {
        if (signal.aborted) return
        if (filter(line)) yield line
      }
      await wake.next()
    }
  } finally {
    wake.close()
    await Promise.all([...tails.values()].map((tail) => tail.close()))
  }
}

/** New lines of all files in order of time, as far as one block of each reaches. */
async function* readNew(tails: readonly TailFile[]): AsyncGenerator<LogLine> {
  let sources = tails.map((tail) => tail.readNew())
  try {
    while (sources.length > 0) {
      const results = await Promise.all(sources.map(async (source) => ({ source, result: await source.next() })))
      const live = results.filter(({ result }) => result.done !== true)
      yield* live.flatMap(({ result }) => (result.done === true ? [] : result.value)).sort((a, b) => a.time - b.time)
      sources = live.map(({ source }) => source)
    }
  } finally {
    await Promise.all(sources.map((source) => source.return(undefined)))
  }
}

async function listNames(directory: string): Promise<string[]> {
  const files = await readdir(directory).catch(() => [])
  return files.filter((file) => file.endsWith('.log')).map((file) => file.slice(0, -'.log'.length))
}
