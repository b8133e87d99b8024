import { findMember, type Span } from '../base/index.js'
import { isJsonObject, isTooDeep, type JsonObject } from '../mcp/index.js'
import { cutAround, insertMembers } from './edit.js'
import { INVALID_PARAMS, MISSING_CAPABILITY, RESOURCE_NOT_FOUND } from './failure.js'

/** An answer as a server wrote it, with the place of its id. */
export interface AnswerText {
  readonly text: Buffer
  readonly idStart: number
  readonly idEnd: number
}

/** The answer with the client's id in it; everything else keeps its bytes. */
export function withId({ text, idStart, idEnd }: AnswerText, id: Buffer): Buffer[] {
  return [text.subarray(0, idStart), id, text.subarray(idEnd)]
}

/** Longer answers are not searched for the resources they name. */
const MAX_NAMING_BYTES = 64 * 1024

/** Whether an answer may name resources by URI: a quick look. */
export function namesResources({ text }: AnswerText): boolean {
  return text.length < MAX_NAMING_BYTES && text.includes('"resource')
}

/** Up to here a search through all the bytes costs less than looking at the members one by one. */
const SEARCHED_BYTES = 4096

/** Whether an answer of a modern server may be a question instead of a result: a quick look, without parsing. */
export function mayAskForInput({ text }: AnswerText): boolean {
  if (text.length <= SEARCHED_BYTES) return text.includes('input_required')
  const result = findResult(text)
  const kind = result === null || text[result.start] !== 0x7b ? null : findMember(text, result.start, 'resultType')
  // A member that stands there twice, or is written with escapes, is not found: then the text is read.
  return kind === null ? text.includes('input_required') && text.includes('resultType') : text.toString('latin1', kind.start, kind.end) !== '"complete"'
}

/** What a modern server asks for before it can go on; null when the answer is a plain result or an error. */
export function readInputRequired({ text }: AnswerText): { readonly requests: JsonObject; readonly requestState: unknown } | null {
  const parsed = parseQuietly(text)
  const result = isJsonObject(parsed) && isJsonObject(parsed['result']) ? parsed['result'] : null
  if (result?.['resultType'] !== 'input_required') return null
  return { requests: isJsonObject(result['inputRequests']) ? result['inputRequests'] : {}, requestState: result['requestState'] }
}

/** The error in an answer; null when it is a result. */
export function readError({ text }: AnswerText): JsonObject | null {
  if (!hasErrorMember(text)) return null
  const parsed = parseQuietly(text)
  return isJsonObject(parsed) && isJsonObject(parsed['error']) ? parsed['error'] : null
}

/** The text of a legacy server's result as modern clients expect it (2026-07-28): results say that they are complete, what was read says how long it keeps. */
export function toModernResult(answer: AnswerText, method: string, id: Buffer): Buffer[] {
  const { text, idStart, idEnd } = answer
  const result = findResult(text)
  if (result === null || text[result.start] !== 0x7b) return withId(answer, id)
  const members: JsonObject = {}
  const lacks = (key: string): boolean => !text.includes(`"${key}"`) || findMember(text, result.start, key) === null
  if (lacks('resultType')) members['resultType'] = 'complete'
  if (method === 'resources/read') {
    if (lacks('ttlMs')) members['ttlMs'] = 0
    if (lacks('cacheScope')) members['cacheScope'] = 'private'
  }
  if (Object.keys(members).length === 0) return withId(answer, id)
  const { before, after } = cutAround(text, { start: idStart, end: idEnd }, [insertMembers(text, result.start, Buffer.from(JSON.stringify(members).slice(1, -1)))])
  return [...before, id, ...after]
}

/** A legacy server's error in the codes of the modern era: a resource that is not there is an invalid parameter. */
export function toModernError(error: JsonObject): JsonObject {
  return error['code'] === RESOURCE_NOT_FOUND ? { ...error, code: INVALID_PARAMS } : error
}

/** The text of a modern server's answer as legacy clients expect it: a resource that is not there has a code of its own. */
export function toLegacyAnswer(answer: AnswerText, method: string, id: Buffer): Buffer[] {
  const error = method === 'resources/read' ? readError(answer) : null
  if (error?.['code'] !== INVALID_PARAMS) return withId(answer, id)
  return [Buffer.from(`{"jsonrpc":"2.0","id":${id.toString()},"error":${JSON.stringify({ ...error, code: RESOURCE_NOT_FOUND })}}`)]
}

const RESULT_AT_FRONT = ['{"result":', '{"jsonrpc":"2.0","result":']

function findResult(text: Buffer): Span | null {
  const head = text.toString('latin1', 0, 80)
  const front = RESULT_AT_FRONT.find((start) => head.startsWith(start))
  const start = front?.length ?? /^\{"jsonrpc":"2\.0","id":\d+,"result":/.exec(head)?.[0].length
  return start === undefined ? findMember(text, 0, 'result') : { start, end: text.length }
}

/** Whether a member named "error" can be seen where servers write it, or anywhere in text too odd to tell quickly. */
export function hasErrorMember(text: Buffer): boolean {
  const head = text.toString('latin1', 0, 80)
  if (/^\{"jsonrpc":"2\.0","id":\d+,"result":/.test(head) || RESULT_AT_FRONT.some((start) => head.startsWith(start))) return false
  return findMember(text, 0, 'error') !== null
}

function parseQuietly(text: Buffer): unknown {
  try {
    const value: unknown = JSON.parse(text.toString('utf8'))
    return isTooDeep(value) ? null : value
  } catch {
    return null
  }
}

/** Whether a tool says that it failed. */
export function isFailedResult({ text }: AnswerText): boolean {
  if (!text.includes('"isError"')) return false
  const parsed = parseQuietly(text)
  return isJsonObject(parsed) && isJsonObject(parsed['result']) && parsed['result']['isError'] === true
}

/** Whether a server refuses for want of something the client cannot do; that goes with HTTP 400 (2026-07-28). */
export function isMissingCapability(answer: AnswerText): boolean {
  return answer.text.length < 4096 && answer.text.includes(String(MISSING_CAPABILITY)) && readError(answer)?.['code'] === MISSING_CAPABILITY
}
