/** Up to here joining pieces costs less than the stream's work for each of them. */
export const JOIN_BYTES = 64 * 1024

/** The pieces as one buffer; `bytes` is their length together. A single piece stays the buffer it is. */
export function join(parts: readonly Buffer[], bytes: number): Buffer {
  const [first] = parts
  if (parts.length === 1 && first !== undefined) return first
  const joined = Buffer.allocUnsafe(bytes)
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}
