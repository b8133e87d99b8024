import { hasErrorMember, isFailedResult, readError, type AnswerText } from './answer-text.js'
import type { CallOutcome } from './call-observer.js'

/** Up to here all of an answer is searched; of a longer one its ends, which is where servers write whether a tool failed. */
const SEARCHED_BYTES = 4096
const END_BYTES = 1024
const IS_ERROR = Buffer.from('"isError"')
/** Where the first member after `{` and after `{"jsonrpc":"2.0",` has its name. */
const FIRST_NAMES = [2, 18]

/** How a server's answer went: a quick look at its bytes, which only errors and failures cost a parse. */
export function outcomeOf(answer: AnswerText, method: string): { readonly outcome: Extract<CallOutcome, 'ok' | 'failed' | 'error'>; readonly code: string | null } {
  if (!isPlainResult(answer) && hasErrorMember(answer.text)) {
    const code = readError(answer)?.['code']
    return { outcome: 'error', code: typeof code === 'number' || typeof code === 'string' ? String(code) : null }
  }
  return method === 'tools/call' && maySayItFailed(answer.text) && isFailedResult(answer) ? FAILED : OK
}

const OK = { outcome: 'ok', code: null } as const
const FAILED = { outcome: 'failed', code: null } as const

/** Whether a member named "result" stands where servers write it: first, after the version, or after the id. */
function isPlainResult({ text, idEnd }: AnswerText): boolean {
  return isResult(text, idEnd + 2) || FIRST_NAMES.some((at) => isResult(text, at))
}

/** `result":` is all a name there has to begin with to be no other member's. */
function isResult(text: Buffer, at: number): boolean {
  return text[at - 1] === 0x22 && text[at] === 0x72 && text[at + 1] === 0x65 && text[at + 2] === 0x73 && text[at + 3] === 0x75 && text[at + 4] === 0x6c && text[at + 5] === 0x74 && text[at + 6] === 0x22
}

/** Inside of a text of the answer the quotes would be escaped, so this finds members only. */
function maySayItFailed(text: Buffer): boolean {
  if (text.length <= SEARCHED_BYTES) return saysTrue(text)
  return saysTrue(text.subarray(0, END_BYTES)) || saysTrue(text.subarray(-END_BYTES))
}

/** Whether any `isError` in these bytes is true: most servers that write it at all write false. */
function saysTrue(bytes: Buffer): boolean {
  for (let at = bytes.indexOf(IS_ERROR); at >= 0; at = bytes.indexOf(IS_ERROR, at + 1)) {
    let next = at + IS_ERROR.length
    // Blanks, line breaks, the colon.
    for (let byte = bytes[next]; byte === 0x20 || byte === 0x3a || byte === 0x0a || byte === 0x0d || byte === 0x09; byte = bytes[next]) next++
    if (bytes[next] === 0x74) return true
  }
  return false
}
