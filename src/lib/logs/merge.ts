import type { LogLine } from './line.js'

interface Head {
  readonly source: AsyncIterator<readonly LogLine[]>
  block: readonly LogLine[]
  at: number
}

/** Merges sources that are each in order of time into one; lines of the same time stay in the order of the sources. */
export async function* mergeByTime(sources: readonly AsyncIterable<readonly LogLine[]>[]): AsyncGenerator<LogLine> {
  const heads: Head[] = sources.map((source) => ({ source: source[Symbol.asyncIterator](), block: [], at: 0 }))
  try {
    await Promise.all(heads.map(fill))
    for (;;) {
      const next = earliest(heads)
      const line = next?.block[next.at]
      if (next === null || line === undefined) return
      yield line
      next.at++
      if (next.at === next.block.length) await fill(next)
    }
  } finally {
    for (const head of heads) await head.source.return?.()
  }
}

function earliest(heads: readonly Head[]): Head | null {
  let best: Head | null = null
  let bestTime = Infinity
  for (const head of heads) {
    const time = head.block[head.at]?.time
    if (time === undefined || time >= bestTime) continue
    best = head
    bestTime = time
  }
  return best
}

async function fill(head: Head): Promise<void> {
  head.at = 0
  do {
    const result = await head.source.next()
    head.block = result.done === true ? [] : result.value
    if (result.done === true) return
  } while (head.block.length === 0)
}
