/**
 * Finds the members of a JSON-RPC message in its bytes, without building a tree. Works on valid JSON; on anything else
 * it may find nothing or the wrong place, so what comes from a stranger is parsed once before it is cut.
 */

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d
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

/** Where the id of an answer stands; a slot that is used again, so that nothing is allocated per message. */
export interface IdSlot {
  start: number
  end: number
}

/** The place after the string that opens at `at`, or -1. */
function afterString(bytes: Buffer, at: number): number {
  let index = at + 1
  let limit = Math.min(bytes.length, index + WALK_BYTES)
  for (;;) {
    for (; index < limit; index++) {
      const byte = bytes[index]
      if (byte === QUOTE) return index + 1
      if (byte === BACKSLASH) index++
    }
    const quote = bytes.indexOf(QUOTE, index)
    if (quote < 0) return -1
    let slashes = quote
    while (slashes > index && bytes[slashes - 1] === BACKSLASH) slashes--
    if (((quote - slashes) & 1) === 0) return quote + 1
    index = quote + 1
    limit = Math.min(bytes.length, index + WALK_AFTER_ESCAPE_BYTES)
  }
}

/** The place after the value that begins at `at`, or -1 when it does not end. */
export function afterValue(bytes: Buffer, at: number): number {
  const first = bytes[at]
  if (first === QUOTE) return afterString(bytes, at)
  if (first === OPEN_OBJECT || first === OPEN_ARRAY) return afterNested(bytes, at)
  let index = at
  for (; index < bytes.length; index++) {
    const byte = bytes[index] ?? 0
    if (byte === COMMA || byte === CLOSE_OBJECT || byte === CLOSE_ARRAY || byte <= BLANK) break
  }
  return index
}

function afterNested(bytes: Buffer, at: number): number {
  let depth = 1
  let index = at + 1
  while (index < bytes.length) {
    const byte = bytes[index]
    if (byte === QUOTE) {
      index = afterString(bytes, index)
      if (index < 0) return -1
      continue
    }
    if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) depth++
    else if ((byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) && --depth === 0) return index + 1
    index++
  }
  return -1
}

function afterBlanks(bytes: Buffer, at: number): number {
  let index = at
  while (index < bytes.length && (bytes[index] ?? 0) <= BLANK) index++
  return index
}

/**
 * Calls `visit` for each member of the object that begins at `at` (blanks before it are skipped) until it returns
 * true. The key's span is without its quotes. False when it is no object or does not end.
 */
export function eachMember(bytes: Buffer, at: number, visit: (keyStart: number, keyEnd: number, start: number, end: number) => boolean): boolean {
  let index = afterBlanks(bytes, at)
  if (bytes[index] !== OPEN_OBJECT) return false
  index = afterBlanks(bytes, index + 1)
  while (bytes[index] === QUOTE) {
    const keyStart = index + 1
    const keyEnd = afterString(bytes, index) - 1
    if (keyEnd < keyStart) return false
    index = afterBlanks(bytes, keyEnd + 1)
    if (bytes[index] !== COLON) return false
    const start = afterBlanks(bytes, index + 1)
    const end = afterValue(bytes, start)
    if (end < 0) return false
    if (visit(keyStart, keyEnd, start, end)) return true
    index = afterBlanks(bytes, end)
    if (bytes[index] !== COMMA) return bytes[index] === CLOSE_OBJECT
    index = afterBlanks(bytes, index + 1)
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

function startsWith(bytes: Buffer, at: number, text: string): boolean {
  return isText(bytes, at, Math.min(bytes.length, at + text.length), text)
}

const ID_FIRST = '{"jsonrpc":"2.0","id":'
const RESULT_FIRST = '{"result":'
const ERROR_FIRST = '{"error":'
const VERSION_THEN_RESULT = '{"jsonrpc":"2.0","result":'
const VERSION_THEN_ERROR = '{"jsonrpc":"2.0","error":'

/**
 * Finds the numeric id of an answer; false when the message is none, or its id is no number. Where servers write it, at
 * either end, this takes constant time. The look at the tail is exact for valid JSON: the last brace closes the message,
 * so the member before it is one of the message itself.
 */
export function findAnswerId(bytes: Buffer, slot: IdSlot): boolean {
  if (!isClosed(bytes)) return false
  if (startsWith(bytes, 0, ID_FIRST)) {
    const start = ID_FIRST.length
    const end = afterDigits(bytes, start)
    if (end > start && (startsWith(bytes, end, ',"result":') || startsWith(bytes, end, ',"error":'))) return fill(slot, start, end)
  } else if (startsWith(bytes, 0, RESULT_FIRST) || startsWith(bytes, 0, VERSION_THEN_RESULT) || startsWith(bytes, 0, ERROR_FIRST) || startsWith(bytes, 0, VERSION_THEN_ERROR)) {
    if (findTrailingId(bytes, slot)) return true
  }
  return findIdAnywhere(bytes, slot)
}

/** Whether the text ends with a brace: one that something else was printed into mostly does not. */
function isClosed(bytes: Buffer): boolean {
  let last = bytes.length - 1
  while (last > 0 && (bytes[last] ?? 0) <= BLANK) last--
  return bytes[last] === CLOSE_OBJECT
}

function findTrailingId(bytes: Buffer, slot: IdSlot): boolean {
  let end = bytes.length - 1
  while (end > 0 && (bytes[end] ?? 0) <= BLANK) end--
  if (bytes[end] !== CLOSE_OBJECT) return false
  let start = end
  while (start > 0 && isDigit(bytes[start - 1])) start--
  return start < end && startsWith(bytes, start - 6, ',"id":') && fill(slot, start, end)
}

function findIdAnywhere(bytes: Buffer, slot: IdSlot): boolean {
  let idStart = -1
  let idEnd = -1
  let hasOutcome = false
  let hasMethod = false
  const whole = eachMember(bytes, 0, (keyStart, keyEnd, start, end) => {
    if (isText(bytes, keyStart, keyEnd, 'id')) [idStart, idEnd] = [start, end]
    else if (isText(bytes, keyStart, keyEnd, 'result') || isText(bytes, keyStart, keyEnd, 'error')) hasOutcome = true
    else if (isText(bytes, keyStart, keyEnd, 'method')) hasMethod = true
    return hasMethod
  })
  return whole && hasOutcome && !hasMethod && idStart >= 0 && afterDigits(bytes, idStart) === idEnd && idEnd > idStart && fill(slot, idStart, idEnd)
}

function fill(slot: IdSlot, start: number, end: number): true {
  slot.start = start
  slot.end = end
  return true
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39
}

function afterDigits(bytes: Buffer, at: number): number {
  let index = at
  while (isDigit(bytes[index])) index++
  return index
}

/** The number written in the digits from `start` to `end`. */
export function readDigits(bytes: Buffer, start: number, end: number): number {
  let value = 0
  for (let index = start; index < end; index++) value = value * 10 + (bytes[index] ?? 0) - 0x30
  return value
}
