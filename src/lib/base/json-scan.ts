/**
 * Finds its way in the bytes of JSON text without building a tree. Works on valid JSON; on anything else it may find
 * nothing or the wrong place, so what comes from a stranger is parsed once before it is cut.
 */

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const OPEN_LIST = 0x5b
const CLOSE_LIST = 0x5d
const COLON = 0x3a
const COMMA = 0x2c
const BLANK = 0x20
/** Short strings are walked; past this many bytes a native search is quicker. */
const WALK_BYTES = 48
/** Text that holds JSON has an escaped quote every few bytes: after one it pays to walk for a while. */
const WALK_AFTER_ESCAPE_BYTES = 256

/** The bytes of a value: `start` is its first byte, `end` the one after its last. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** The place of the next byte that is no blank, from `at` on; `end` when there is none. */
export function skipBlank(bytes: Buffer, at: number, end = bytes.length): number {
  let index = at
  while (index < end && (bytes[index] ?? 0) <= BLANK) index++
  return index
}

/** The place of the last byte that is no blank, from `at` backwards; `start - 1` when there is none. */
export function skipBlankBack(bytes: Buffer, at: number, start = 0): number {
  let index = at
  while (index >= start && (bytes[index] ?? 0) <= BLANK) index--
  return index
}

/** `at` is an opening quote: the place after the closing one, or -1 when the string does not end before `end`. */
export function skipString(bytes: Buffer, at: number, end = bytes.length): number {
  let index = at + 1
  // Bounded by the length and not by `end`: then V8 leaves out a check for every byte.
  let limit = Math.min(bytes.length, index + WALK_BYTES)
  for (;;) {
    for (; index < limit; index++) {
      const byte = bytes[index]
      if (byte === QUOTE) return index < end ? index + 1 : -1
      if (byte === BACKSLASH) index++
    }
    const quote = bytes.indexOf(QUOTE, index)
    if (quote < 0 || quote >= end) return -1
    let slashes = quote
    while (slashes > index && bytes[slashes - 1] === BACKSLASH) slashes--
    if (((quote - slashes) & 1) === 0) return quote + 1
    index = quote + 1
    limit = Math.min(bytes.length, index + WALK_AFTER_ESCAPE_BYTES)
  }
}

/** The place after the value that begins at `at`, or -1 when it does not end before `end`. */
export function skipValue(bytes: Buffer, at: number, end = bytes.length): number {
  const first = bytes[at]
  if (first === QUOTE) return skipString(bytes, at, end)
  if (first === OPEN_OBJECT || first === OPEN_LIST) return skipNested(bytes, at, end)
  for (let index = at; index < end; index++) {
    const byte = bytes[index] ?? 0
    if (byte === COMMA || byte === CLOSE_OBJECT || byte === CLOSE_LIST || byte <= BLANK) return index
  }
  return -1
}

function skipNested(bytes: Buffer, at: number, end: number): number {
  let depth = 1
  let index = at + 1
  while (index < end) {
    const byte = bytes[index]
    if (byte === QUOTE) {
      index = skipString(bytes, index, end)
      if (index < 0) return -1
      continue
    }
    if (byte === OPEN_OBJECT || byte === OPEN_LIST) depth++
    else if ((byte === CLOSE_OBJECT || byte === CLOSE_LIST) && --depth === 0) return index + 1
    index++
  }
  return -1
}

/**
 * Calls `visit` for each member of the object that begins at `at` (blanks before it are skipped) until it returns
 * true. The key's span is without its quotes. False when it is no object or does not end.
 */
export function eachMember(bytes: Buffer, at: number, visit: (keyStart: number, keyEnd: number, start: number, end: number) => boolean): boolean {
  let index = skipBlank(bytes, at)
  if (bytes[index] !== OPEN_OBJECT) return false
  index = skipBlank(bytes, index + 1)
  while (bytes[index] === QUOTE) {
    const keyStart = index + 1
    const keyEnd = skipString(bytes, index) - 1
    if (keyEnd < keyStart) return false
    index = skipBlank(bytes, keyEnd + 1)
    if (bytes[index] !== COLON) return false
    const start = skipBlank(bytes, index + 1)
    const end = skipValue(bytes, start)
    if (end < 0) return false
    if (visit(keyStart, keyEnd, start, end)) return true
    index = skipBlank(bytes, end)
    if (bytes[index] !== COMMA) return bytes[index] === CLOSE_OBJECT
    index = skipBlank(bytes, index + 1)
  }
  return bytes[index] === CLOSE_OBJECT
}

/** The value of a member of the object at `at`; null when it is missing, stands there twice, or its key is written with escapes. */
export function findMember(bytes: Buffer, at: number, key: string): Span | null {
  let found: Span | null = null
  let twice = false
  const whole = eachMember(bytes, at, (keyStart, keyEnd, start, end) => {
    if (!isText(bytes, keyStart, keyEnd, key)) return false
    twice = found !== null
    found = { start, end }
    return twice
  })
  return whole && !twice ? found : null
}

/** Whether the bytes from `start` to `end` are this ASCII text. */
export function isText(bytes: Buffer, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false
  for (let index = 0; index < text.length; index++) if (bytes[start + index] !== text.charCodeAt(index)) return false
  return true
}

export function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39
}
