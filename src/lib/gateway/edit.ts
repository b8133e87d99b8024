import { eachMember, findMember, isText, type Span } from '../mcp/index.js'

/** A piece of a message that is replaced; everything between the pieces stays as it came. */
export interface Edit {
  readonly start: number
  readonly end: number
  readonly text: string
}

/** Where the members of a request stand that a gateway may have to change. */
export interface RequestPlaces {
  readonly id: Span
  readonly params: Span | null
}

/** Finds id and params in the text of a request; null when they cannot be told from the bytes (a member written twice, or with escapes). */
export function findRequestPlaces(line: Buffer, hasParams: boolean): RequestPlaces | null {
  let id: Span | null = null
  let params: Span | null = null
  let odd = false
  const whole = eachMember(line, 0, (keyStart, keyEnd, start, end) => {
    if (isText(line, keyStart, keyEnd, 'id')) {
      odd ||= id !== null
      id = { start, end }
    } else if (isText(line, keyStart, keyEnd, 'params')) {
      odd ||= params !== null
      params = { start, end }
    }
    return odd
  })
  return !whole || odd || id === null || (hasParams && params === null) ? null : { id, params }
}

/** Replaces a string member of params; null when it is not to be found in the bytes. */
export function replaceMember(line: Buffer, params: Span, key: string, value: unknown): Edit | null {
  const place = findMember(line, params.start, key)
  return place === null ? null : { start: place.start, end: place.end, text: JSON.stringify(value) }
}

/** Adds members at the front of an object. */
export function insertMembers(line: Buffer, object: Pick<Span, 'start'>, members: Readonly<Record<string, unknown>>): Edit {
  const text = JSON.stringify(members).slice(1, -1)
  let next = object.start + 1
  while ((line[next] ?? 0) <= 0x20 && next < line.length) next++
  const isEmpty = line[next] === 0x7d
  return { start: object.start + 1, end: object.start + 1, text: isEmpty || text === '' ? text : `${text},` }
}

/** The text with the edits made, in the pieces before and after one span that is left out. The edits must not overlap it. */
export function cutAround(line: Buffer, hole: Span, edits: readonly Edit[]): { before: Buffer; after: Buffer } {
  if (edits.length === 0) return { before: line.subarray(0, hole.start), after: line.subarray(hole.end) }
  return { before: apply(line, 0, hole.start, edits), after: apply(line, hole.end, line.length, edits) }
}

function apply(line: Buffer, from: number, to: number, edits: readonly Edit[]): Buffer {
  const mine = edits.filter((edit) => edit.start >= from && edit.end <= to).sort((a, b) => a.start - b.start)
  if (mine.length === 0) return line.subarray(from, to)
  const pieces: Buffer[] = []
  let at = from
  for (const edit of mine) {
    pieces.push(line.subarray(at, edit.start), Buffer.from(edit.text))
    at = edit.end
  }
  pieces.push(line.subarray(at, to))
  return Buffer.concat(pieces)
}
