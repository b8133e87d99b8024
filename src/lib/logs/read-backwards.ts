import { open } from 'node:fs/promises'

const BLOCK_BYTES = 64 * 1024

/** The lines of a file, last one first, without reading more than is asked for. A missing file has none. */
export async function* readLinesBackwards(path: string): AsyncGenerator<string> {
  const handle = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  if (handle === null) return
  try {
    let position = (await handle.stat()).size
    // The beginning of a line that reaches into the block before it.
    let head: Buffer[] = []
    while (position > 0) {
      const length = Math.min(BLOCK_BYTES, position)
      position -= length
      const block = Buffer.alloc(length)
      await handle.read(block, 0, length, position)
      let end = length
      for (let at = block.lastIndexOf(10, end - 1); at >= 0; at = end > 0 ? block.lastIndexOf(10, end - 1) : -1) {
        const line = Buffer.concat([block.subarray(at + 1, end), ...head])
        head = []
        if (line.length > 0) yield line.toString('utf8')
        end = at
      }
      head.unshift(block.subarray(0, end))
    }
    const first = Buffer.concat(head)
    if (first.length > 0) yield first.toString('utf8')
  } finally {
    await handle.close()
  }
}
