import { isDigit, skipBlank, skipBlankBack, skipString, skipValue } from '../base/index.js'
import { readIdKey, type IdKey } from './id-key.js'

/** What a line is. `signal`: a line of the front protocol. `unknown`: no JSON-RPC message, or not seen far enough. */
export type LineKind = 'request' | 'notification' | 'answer' | 'signal' | 'unknown'

type Member = 'id' | 'method' | 'params' | 'result' | 'error' | 'jsonrpc' | 'mcpctl' | 'other'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a
const COMMA = 0x2c
const OPEN = 0x7b
const CLOSE = 0x7d
const ERROR = Buffer.from('error')
const METHOD = Buffer.from('method')
const MCPCTL = Buffer.from('mcpctl')
const PARAMS = Buffer.from('params')
const RESULT = Buffer.from('result')
const JSONRPC = Buffer.from('jsonrpc')
/** An id of more bytes is not looked for from the end. */
const LONGEST_TAIL_ID = 200

/**
 * Looks at one message without parsing it: what kind it is, its id, where its method stands. Members are read from the
 * front until one is met that may be long; then the id is looked for at the end, where the official SDKs write it, and
 * only if it is not there either the whole line is walked through. One object is used for all lines: it holds
 * what the last one was.
 *
 * The look from the end is exact for valid JSON: the last `}` closes the message, so a number or a string without
 * escapes before it is the value of a member of the message itself.
 */
export class Glance {
  kind: LineKind = 'unknown'
  /** Null when there is none (or it is `null`), or when it was not seen yet. */
  key: IdKey | null = null
  /** Of a line that was only seen in part: whether the answer to what kind it is may still stand at its end. */
  isPartial = false
  #bytes: Buffer = Buffer.alloc(0)
  #methodStart = 0
  #methodEnd = 0
  #isAnswer = false
  #hasMethod = false

  /** A whole line, without its line break. */
  read(bytes: Buffer, start: number, end: number): void {
    this.#scan(bytes, start, end, true)
  }

  /** The beginning of a line that goes on after these bytes. */
  readHead(bytes: Buffer): void {
    this.#scan(bytes, 0, bytes.length, false)
  }

  /** The last bytes of the line whose beginning `readHead` saw. */
  readTail(bytes: Buffer): void {
    this.isPartial = false
    if (this.key === null && this.kind !== 'signal') this.key = readTailId(bytes, 0, bytes.length)
    // Parameters before the method: what has parameters and an id is a request.
    if (!this.#isAnswer && this.kind !== 'signal') this.kind = this.key !== null ? 'request' : this.#hasMethod ? 'notification' : 'unknown'
  }

  methodIs(name: Buffer): boolean {
    return this.#hasMethod && this.#methodEnd - this.#methodStart === name.length && isText(this.#bytes, this.#methodStart, name)
  }

  /** The method as it is written; empty when it was not seen. */
  get method(): string {
    return this.#hasMethod ? this.#bytes.toString('latin1', this.#methodStart, this.#methodEnd) : ''
  }

  #scan(bytes: Buffer, start: number, end: number, isWhole: boolean): void {
    this.kind = 'unknown'
    this.key = null
    this.isPartial = !isWhole
    this.#bytes = bytes
    this.#isAnswer = false
    this.#hasMethod = false
    let at = skipBlank(bytes, start, end)
    if (bytes[at] !== OPEN) return
    do {
      at = skipBlank(bytes, at + 1, end)
      at = bytes[at] === QUOTE ? this.#member(bytes, at, end, isWhole ? start : -1) : -1
    } while (at >= 0 && bytes[at] === COMMA)
    this.#conclude(at >= 0 && isWhole)
  }

  /**
   * Reads the member whose name opens at `at`. Returns the place of what follows it, or -1 when nothing more has to be
   * read or can be. `start` is where a whole line begins; -1: only its head is here.
   */
  #member(bytes: Buffer, at: number, end: number, start: number): number {
    const nameEnd = skipString(bytes, at, end)
    if (nameEnd < 0) return -1
    const colon = skipBlank(bytes, nameEnd, end)
    if (bytes[colon] !== COLON) return -1
    const member = memberOf(bytes, at + 1, nameEnd - 1)
    const from = skipBlank(bytes, colon + 1, end)
    if (member === 'result' || member === 'error') this.#isAnswer = true
    if (this.#isEnough(member, bytes, end, start)) return -1
    const to = skipValue(bytes, from, end)
    if (to < 0) return -1
    if (member === 'id') {
      this.key = readIdKey(bytes, from, to)
    } else if (member === 'method' && bytes[from] === QUOTE) {
      this.#hasMethod = true
      this.#methodStart = from + 1
      this.#methodEnd = to - 1
    } else if (member === 'mcpctl') {
      this.kind = 'signal'
      return -1
    }
    return skipBlank(bytes, to, end)
  }

  /** Whether all is known that will be asked, before the value of this member is read. */
  #isEnough(member: Member, bytes: Buffer, end: number, start: number): boolean {
    if (member !== 'result' && member !== 'error' && member !== 'params') return false
    const isNamed = this.#isAnswer || this.#hasMethod
    if (isNamed && this.key !== null) return true
    if (start < 0) return true
    if (!isNamed) return false
    this.key = readTailId(bytes, start, end)
    return this.key !== null
  }

  #conclude(isComplete: boolean): void {
    if (this.kind === 'signal') return
    if (this.#isAnswer) this.kind = 'answer'
    else if (this.#hasMethod && this.key !== null) this.kind = 'request'
    else if (this.#hasMethod && isComplete) this.kind = 'notification'
  }
}

/** Which member it is, byte by byte: this is asked several times a message, and making texts of names would cost the most of all. */
function memberOf(bytes: Buffer, start: number, end: number): Member {
  const first = bytes[start]
  switch (end - start) {
    case 2:
      return first === 0x69 && bytes[start + 1] === 0x64 ? 'id' : 'other'
    case 5:
      return isText(bytes, start, ERROR) ? 'error' : 'other'
    case 6:
      if (first === 0x70) return isText(bytes, start, PARAMS) ? 'params' : 'other'
      if (first === 0x72) return isText(bytes, start, RESULT) ? 'result' : 'other'
      return isText(bytes, start, METHOD) ? 'method' : isText(bytes, start, MCPCTL) ? 'mcpctl' : 'other'
    case 7:
      return isText(bytes, start, JSONRPC) ? 'jsonrpc' : 'other'
    default:
      return 'other'
  }
}

function isText(bytes: Buffer, start: number, text: Buffer): boolean {
  for (let at = 0; at < text.length; at++) if (bytes[start + at] !== text[at]) return false
  return true
}

/** The id when it is the last member of the message, or the last but `jsonrpc`; else null. */
function readTailId(bytes: Buffer, start: number, end: number): IdKey | null {
  let last = skipBlankBack(bytes, end - 1, start)
  if (bytes[last] !== CLOSE) return null
  for (let members = 0; members < 2; members++) {
    const to = skipBlankBack(bytes, last - 1, start) + 1
    const from = scalarStart(bytes, to, start)
    const colon = skipBlankBack(bytes, from - 1, start)
    if (from < 0 || bytes[colon] !== COLON) return null
    const nameEnd = skipBlankBack(bytes, colon - 1, start)
    let nameStart = nameEnd - 1
    while (nameStart > start && nameEnd - nameStart < 8 && bytes[nameStart] !== QUOTE) nameStart--
    if (bytes[nameEnd] !== QUOTE || bytes[nameStart] !== QUOTE) return null
    const member = memberOf(bytes, nameStart + 1, nameEnd)
    if (member === 'id') return readIdKey(bytes, from, to)
    last = skipBlankBack(bytes, nameStart - 1, start)
    if (member !== 'jsonrpc' || bytes[last] !== COMMA) return null
  }
  return null
}

/** Where the number or the string without escapes begins that ends before `to`; -1 when it is neither. */
function scalarStart(bytes: Buffer, to: number, start: number): number {
  const bound = Math.max(start, to - LONGEST_TAIL_ID)
  let at = to - 1
  if (bytes[at] === QUOTE) {
    do at--
    while (at > bound && bytes[at] !== QUOTE && bytes[at] !== BACKSLASH)
    return at > bound && bytes[at] === QUOTE && bytes[at - 1] !== BACKSLASH ? at : -1
  }
  while (at > bound && isDigit(bytes[at])) at--
  if (at === to - 1) return -1
  return bytes[at] === 0x2d ? at : at + 1
}
