import type { Readable } from 'node:stream'

/** What one stream may cost, in bytes: as much at once, and as much a second. */
const BURST = 1024 * 1024
const PER_SECOND = 48 * 1024 * 1024

/**
 * Reads a stream so that it cannot starve the others: `onChunk` returns what the chunk cost (in bytes, dearer work
 * counted higher), and a stream that spends more than its share is paused until it has earned it back. Its writer
 * then blocks on a full pipe, nothing is lost or buffered. Returns the function that stops the accounting; the
 * stream then flows freely.
 */
export function readFairly(stream: Readable, onChunk: (chunk: Buffer) => number): () => void {
  let spent = 0
  let since = performance.now()
  let timer: NodeJS.Timeout | undefined
  let isOver = false
  stream.on('data', (chunk: Buffer) => {
    const cost = onChunk(chunk)
    if (cost === 0 || isOver) return
    const now = performance.now()
    spent = Math.max(0, spent - ((now - since) / 1000) * PER_SECOND) + cost
    since = now
    if (spent <= BURST || timer !== undefined) return
    stream.pause()
    timer = setTimeout(() => {
      timer = undefined
      stream.resume()
    }, ((spent - BURST / 2) / PER_SECOND) * 1000)
  })
  return () => {
    isOver = true
    if (timer === undefined) return
    clearTimeout(timer)
    timer = undefined
    stream.resume()
  }
}
