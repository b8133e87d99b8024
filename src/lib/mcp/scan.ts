import { eachMember, isDigit, isText, skipBlankBack } from '../base/index.js'

const CLOSE_OBJECT = 0x7d

/** Where the id of an answer stands; a slot that is used again, so that nothing is allocated per message. */
export interface IdSlot {
  start: number
  end: number
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
  const last = skipBlankBack(bytes, bytes.length - 1)
  // One that something else was printed into mostly does not end with a brace.
  if (bytes[last] !== CLOSE_OBJECT) return false
  if (startsWith(bytes, 0, ID_FIRST)) {
    const start = ID_FIRST.length
    const end = afterDigits(bytes, start)
    if (end > start && (startsWith(bytes, end, ',"result":') || startsWith(bytes, end, ',"error":'))) return fill(slot, start, end)
  } else if (startsWith(bytes, 0, RESULT_FIRST) || startsWith(bytes, 0, VERSION_THEN_RESULT) || startsWith(bytes, 0, ERROR_FIRST) || startsWith(bytes, 0, VERSION_THEN_ERROR)) {
    if (findTrailingId(bytes, last, slot)) return true
  }
  return findIdAnywhere(bytes, slot)
}

/** `last`: the place of the brace that closes the message. */
function findTrailingId(bytes: Buffer, last: number, slot: IdSlot): boolean {
  let start = last
  while (isDigit(bytes[start - 1])) start--
  return start < last && startsWith(bytes, start - 6, ',"id":') && fill(slot, start, last)
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
