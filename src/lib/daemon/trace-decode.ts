import { decodeBeginning } from './trace-cut.js'
import { isBlock, NOTHING, saying, targetOf, type Block, type DecodedMessage } from './trace-message.js'
import { errorInShort, paramsInShort, resultInShort } from './trace-short.js'

/** A message as it was copied: whole, or its beginning and its end. */
export interface CopiedText {
  readonly head: Buffer
  /** Its last bytes; null: `head` is all of it. */
  readonly tail: Buffer | null
}

/** A batch with more is a flood; the rest of it is left out. */
const MAX_BATCH = 100

/** The messages of one JSON text: one, or those of a batch (2025-03-26). Whatever it is, something comes back. */
export function decodeText({ head, tail }: CopiedText): readonly DecodedMessage[] {
  try {
    if (tail !== null) return [decodeBeginning(head, tail)]
    const value: unknown = JSON.parse(head.toString('utf8'))
    const messages: readonly unknown[] = Array.isArray(value) ? (value as unknown[]) : [value]
    return messages.slice(0, MAX_BATCH).map((message) => (isBlock(message) ? decodeMessage(message) : unreadable(JSON.stringify(message))))
  } catch {
    // Nested so deeply that it cannot be written again, too.
    return [unreadable(head.toString('utf8', 0, 4000))]
  }
}

function unreadable(text: string): DecodedMessage {
  return { ...NOTHING, ...saying(text) }
}

function decodeMessage(message: Block): DecodedMessage {
  const { id: given, method, params, result, error } = message
  const id = typeof given === 'number' || typeof given === 'string' ? given : null
  if (typeof method === 'string') {
    return { ...NOTHING, kind: id === null ? 'notification' : 'request', id, method, target: targetOf(method, params), ...saying(paramsInShort(method, params)) }
  }
  if (isBlock(error)) {
    const code = typeof error['code'] === 'number' ? error['code'] : null
    return { ...NOTHING, kind: 'error', id, failed: true, code, ...saying(errorInShort(error)) }
  }
  if (result === undefined) return { ...unreadable(JSON.stringify(message)), id }
  return { ...NOTHING, kind: 'result', id, failed: isBlock(result) && result['isError'] === true, ...saying(resultInShort(result)) }
}
