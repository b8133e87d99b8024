import type { CopiedText } from './trace-decode.js'

/** Of a message that is too long to be copied whole, so much of its end is copied as well: ids stand there. */
const TAIL_BYTES = 256

/** A copy of one message in one buffer, at most `limit` bytes of its beginning. */
export function copyText(text: Buffer, bytes: number, limit: number): CopiedText {
  if (bytes === text.length && bytes <= limit) return { head: Buffer.from(text), tail: null }
  // Of a dropped line only the beginning is here, and its end says nothing.
  const tail = bytes === text.length ? Buffer.from(text.subarray(Math.max(0, text.length - TAIL_BYTES))) : Buffer.alloc(0)
  return { head: Buffer.from(text.subarray(0, limit)), tail }
}

/** The same of a message in pieces, the last of which may hold a line ending behind its `bytes`. */
export function copyPieces(pieces: readonly (Buffer | string)[], bytes: number, limit: number): CopiedText {
  const buffers = pieces.map((piece) => (typeof piece === 'string' ? Buffer.from(piece) : piece))
  if (bytes <= limit) return { head: Buffer.concat(buffers, bytes), tail: null }
  const whole = { head: Buffer.concat(buffers, limit), tail: Buffer.alloc(0) }
  const ends: Buffer[] = []
  let wanted = TAIL_BYTES + 1
  for (let index = buffers.length - 1; index >= 0 && wanted > 0; index--) {
    const piece = buffers[index] ?? Buffer.alloc(0)
    ends.unshift(piece.subarray(Math.max(0, piece.length - wanted)))
    wanted -= piece.length
  }
  return { ...whole, tail: Buffer.concat(ends) }
}
