import { eachMember, isText, skipBlank, type Span } from '../base/index.js'

/** A piece of a message that is replaced; everything between the pieces stays as it came. */
export interface Edit {
  readonly start: number
  readonly end: number
  readonly text: Buffer
}

/** Where the parts of a request stand that a gateway may have to change. */
export interface RequestPlaces {
  readonly id: Span
  /** The first byte of the params object; -1 without params. */
  readonly params: number
  /** The members of params that were looked for, in the order they were asked for, as far as they are there. */
  readonly members: readonly (Span | undefined)[]
}

const BACKSLASH = 0x5c
const NO_MEMBERS: readonly undefined[] = []

/** Finds id, params and some members of params in the text of a request; null when they cannot be told from the bytes: one is written twice, or a key has escapes. */
export function findRequestPlaces(line: Buffer, keys: readonly string[]): RequestPlaces | null {
  let id: Span | null = null
  let params = -1
  let isOdd = false
  const whole = eachMember(line, 0, (keyStart, keyEnd, start, end) => {
    if (isText(line, keyStart, keyEnd, 'id')) {
      isOdd ||= id !== null
      id = { start, end }
    } else if (isText(line, keyStart, keyEnd, 'params')) {
      isOdd ||= params >= 0
      params = start
    } else {
      isOdd ||= hasEscapes(line, keyStart, keyEnd)
    }
    return isOdd
  })
  if (!whole || isOdd || id === null) return null
  const members = keys.length === 0 || params < 0 ? NO_MEMBERS : findMembers(line, params, keys)
  return members === null ? null : { id, params, members }
}

function findMembers(line: Buffer, at: number, keys: readonly string[]): (Span | undefined)[] | null {
  const members: (Span | undefined)[] = []
  let isOdd = false
  const whole = eachMember(line, at, (keyStart, keyEnd, start, end) => {
    isOdd ||= hasEscapes(line, keyStart, keyEnd)
    for (let index = 0; index < keys.length; index++) {
      if (!isText(line, keyStart, keyEnd, keys[index] ?? '')) continue
      isOdd ||= members[index] !== undefined
      members[index] = { start, end }
    }
    return isOdd
  })
  return whole && !isOdd ? members : null
}

/** Such a key may be one that is looked for in disguise. A loop, because most keys are short. */
function hasEscapes(line: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (line[at] === BACKSLASH) return true
  return false
}

/** Puts members (as text, without braces) at the front of the object that begins at `at`. */
export function insertMembers(line: Buffer, at: number, members: Buffer): Edit {
  const text = isEmptyObject(line, at) || members.length === 0 ? members : Buffer.concat([members, COMMA])
  return { start: at + 1, end: at + 1, text }
}

/** Whether the object that begins at `at` has no members. */
export function isEmptyObject(line: Buffer, at: number): boolean {
  return line[skipBlank(line, at + 1)] === 0x7d
}

/** The text with the edits made, in pieces, before and after one span that is left out. The edits must not overlap it or each other. */
export function cutAround(line: Buffer, hole: Span, edits: readonly Edit[]): { before: Buffer[]; after: Buffer[] } {
  const before: Buffer[] = []
  const after: Buffer[] = []
  let pieces = before
  let at = 0
  let isThrough = false
  const take = (to: number): void => {
    if (to > at) pieces.push(line.subarray(at, to))
  }
  const passHole = (): void => {
    take(hole.start)
    at = hole.end
    pieces = after
    isThrough = true
  }
  const sorted = edits.length > 1 ? [...edits].sort((a, b) => a.start - b.start) : edits
  for (const edit of sorted) {
    if (!isThrough && edit.start >= hole.end) passHole()
    take(edit.start)
    pieces.push(edit.text)
    at = edit.end
  }
  if (!isThrough) passHole()
  take(line.length)
  return { before, after }
}

const COMMA = Buffer.from(',')
