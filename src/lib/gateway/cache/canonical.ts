import { eachMember, skipBlank, skipString, skipValue, type Span } from '../../base/index.js'

const QUOTE = 0x22
const OPEN_OBJECT = 0x7b
const OPEN_LIST = 0x5b
const COMMA = 0x2c
const CLOSE_LIST = 0x5d
const MAX_DEPTH = 64

/**
 * The same text for every way to write the same object: without blanks, with the members in the order of their names.
 * Strings and numbers stay as they were written, so what differs to any reader (`1` and `1.0`, numbers of 64 bits, a
 * member that stands there twice) stays different. `without`: members of the object itself that are left out. Null: it
 * is no object, or nested too deeply.
 */
export function canonicalText(bytes: Buffer, { start }: Span, without: ReadonlySet<string>): string | null {
  return bytes[start] === OPEN_OBJECT ? writeObject(bytes, start, without, MAX_DEPTH) : null
}

function writeObject(bytes: Buffer, at: number, without: ReadonlySet<string> | null, depth: number): string | null {
  if (depth === 0) return null
  const members: (readonly [key: string, value: string])[] = []
  let isWhole = true
  const isRead = eachMember(bytes, at, (keyStart, keyEnd, start, end) => {
    const key = bytes.toString('latin1', keyStart, keyEnd)
    if (without?.has(key) === true) return false
    const value = writeValue(bytes, start, end, depth - 1)
    if (value === null) isWhole = false
    else members.push([key, value])
    return !isWhole
  })
  if (!isRead || !isWhole) return null
  // Stable: of two members with one name the order counts.
  members.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return `{${members.map(([key, value]) => `"${key}":${value}`).join(',')}}`
}

function writeValue(bytes: Buffer, start: number, end: number, depth: number): string | null {
  const first = bytes[start]
  if (first === OPEN_OBJECT) return writeObject(bytes, start, null, depth)
  if (first === OPEN_LIST) return writeList(bytes, start, depth)
  return bytes.toString('latin1', start, end)
}

function writeList(bytes: Buffer, at: number, depth: number): string | null {
  if (depth === 0) return null
  const items: string[] = []
  let index = skipBlank(bytes, at + 1)
  if (bytes[index] === CLOSE_LIST) return '[]'
  for (;;) {
    const end = bytes[index] === QUOTE ? skipString(bytes, index) : skipValue(bytes, index)
    const item = end < 0 ? null : writeValue(bytes, index, end, depth - 1)
    if (item === null) return null
    items.push(item)
    index = skipBlank(bytes, end)
    if (bytes[index] !== COMMA) return bytes[index] === CLOSE_LIST ? `[${items.join(',')}]` : null
    index = skipBlank(bytes, index + 1)
  }
}
