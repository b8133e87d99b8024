import { isUtf8 } from 'node:buffer'
import { findMember } from '../base/index.js'
import { isJsonObject, toOneLine, type JsonObject, type RequestId } from '../mcp/index.js'
import type { ClientId } from './client-id.js'
import type { ClientMessage } from './contract.js'
import { INVALID_REQUEST, PARSE_ERROR } from './failure.js'

/**
 * Reads one message of a client. Only what is plainly one JSON-RPC 2.0 message gets past here: servers exist that end
 * on anything else. Batches are refused; revision 2025-06-18 took them out again. Never throws. `isLine`: the bytes are
 * known to hold no line break.
 */
export function parseClientMessage(bytes: Buffer, isLine = false): ClientMessage {
  let value: unknown
  try {
    if (!isUtf8(bytes)) return bad(PARSE_ERROR, 'the message is not valid UTF-8')
    value = JSON.parse(bytes.toString('utf8'))
  } catch (error) {
    return bad(PARSE_ERROR, `the message is not valid JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
  if (Array.isArray(value)) return bad(INVALID_REQUEST, 'batches are not supported; send one message at a time')
  if (!isJsonObject(value)) return bad(INVALID_REQUEST, 'a message has to be a JSON object')
  return sort(value, isLine ? bytes : toOneLine(bytes))
}

function sort(value: JsonObject, line: Buffer): ClientMessage {
  const { id, method, params } = value
  const known = isId(id) ? id : null
  if (value['jsonrpc'] !== '2.0') return bad(INVALID_REQUEST, 'the member "jsonrpc" has to be "2.0"', known)
  if (typeof method === 'string') {
    if (params !== undefined && !isJsonObject(params)) return bad(INVALID_REQUEST, '"params" has to be an object', known)
    if (id === undefined) return { type: 'notification', line, method, params }
    return known === null ? bad(INVALID_REQUEST, '"id" has to be a string or a whole number') : { type: 'request', line, id: exact(known, line), method, params }
  }
  if (method !== undefined) return bad(INVALID_REQUEST, '"method" has to be a string', known)
  if (known !== null && (isJsonObject(value['result']) || value['error'] !== undefined)) {
    return { type: 'answer', line, id: known, result: isJsonObject(value['result']) ? value['result'] : undefined, error: value['error'] }
  }
  return bad(INVALID_REQUEST, 'a message needs a "method", or an "id" with a "result" or an "error"', known)
}

function bad(code: number, reason: string, id: ClientId | null = null): ClientMessage {
  return { type: 'bad', code, reason, id }
}

function isId(value: unknown): value is RequestId {
  return typeof value === 'string' || (typeof value === 'number' && Number.isInteger(value))
}

/** The id as it was written: numbers of 64 bits lose digits when they are read. */
function exact(id: RequestId, line: Buffer): ClientId {
  if (typeof id === 'string' || Number.isSafeInteger(id)) return id
  const place = findMember(line, 0, 'id')
  const text = place === null ? '' : line.toString('latin1', place.start, place.end)
  return /^-?\d+$/.test(text) ? BigInt(text) : id
}
