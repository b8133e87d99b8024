/**
 * A request id to compare by: a whole number of up to 15 digits as number, anything else as its JSON text in the form
 * `JSON.stringify` gives it. Two spellings of one id are one key; `1` and `"1"` are two.
 */
export type IdKey = number | string

const QUOTE = 0x22
const MINUS = 0x2d
const BACKSLASH = 0x5c

/** The key of the id whose JSON text stands in these bytes; null for `null` and for what cannot be an id. */
export function readIdKey(bytes: Buffer, start: number, end: number): IdKey | null {
  const first = bytes[start]
  if (first === QUOTE) return readText(bytes, start, end)
  const isNegative = first === MINUS
  const digits = isNegative ? start + 1 : start
  if (end - digits > 15 || end === digits) return readOdd(bytes, start, end)
  let value = 0
  for (let at = digits; at < end; at++) {
    const digit = (bytes[at] ?? 0) - 0x30
    if (digit < 0 || digit > 9) return readOdd(bytes, start, end)
    value = value * 10 + digit
  }
  return isNegative ? 0 - value : value
}

/** The key of an id that was parsed already. */
export function toIdKey(id: unknown): IdKey | null {
  if (typeof id === 'number') return Number.isInteger(id) && Math.abs(id) < 1e15 ? id : JSON.stringify(id)
  return typeof id === 'string' ? JSON.stringify(id) : null
}

/** The id as JSON text. */
export function idText(key: IdKey): string {
  return typeof key === 'number' ? String(key) : key
}

function readText(bytes: Buffer, start: number, end: number): IdKey | null {
  for (let at = start + 1; at < end - 1; at++) {
    const byte = bytes[at] ?? 0
    if (byte === BACKSLASH || byte >= 0x7f || byte < 0x20) return readOdd(bytes, start, end)
  }
  return bytes.toString('latin1', start, end)
}

/** Escapes, other alphabets, exponents, more digits than a number of JavaScript holds. */
function readOdd(bytes: Buffer, start: number, end: number): IdKey | null {
  const text = bytes.toString('utf8', start, end)
  try {
    const id: unknown = JSON.parse(text)
    if (typeof id === 'number' && !Number.isSafeInteger(id)) return text
    return toIdKey(id)
  } catch {
    return null
  }
}
