import { isUtf8 } from 'node:buffer'
import { isTooDeep } from './depth.js'
import { LinkError } from './link-error.js'

export type JsonObject = Record<string, unknown>
export type RequestId = number | string

export interface ErrorObject {
  readonly code: number
  readonly message: string
  readonly data?: unknown
}

/** A message as it came from the other side, sorted by what it asks of us. */
export type Incoming =
  | { readonly type: 'result'; readonly id: RequestId; readonly result: unknown }
  | { readonly type: 'error'; readonly id: RequestId | null; readonly error: ErrorObject }
  | { readonly type: 'request'; readonly id: RequestId; readonly method: string; readonly params: JsonObject | undefined }
  | { readonly type: 'notification'; readonly method: string; readonly params: JsonObject | undefined }

export type Outgoing =
  | { readonly jsonrpc: '2.0'; readonly id: number; readonly method: string; readonly params?: JsonObject }
  | { readonly jsonrpc: '2.0'; readonly method: string; readonly params?: JsonObject }
  | { readonly jsonrpc: '2.0'; readonly id: RequestId; readonly result: JsonObject }
  | { readonly jsonrpc: '2.0'; readonly id: RequestId; readonly error: ErrorObject }

export const METHOD_NOT_FOUND = -32601
export const INTERNAL_ERROR = -32603

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function request(id: number, method: string, params: JsonObject | undefined): Outgoing {
  return params === undefined ? { jsonrpc: '2.0', id, method } : { jsonrpc: '2.0', id, method, params }
}

export function notification(method: string, params?: JsonObject): Outgoing {
  return params === undefined ? { jsonrpc: '2.0', method } : { jsonrpc: '2.0', method, params }
}

/** The id of a request we send; undefined for notifications and for answers to the server. */
export function requestIdOf(message: Outgoing): number | undefined {
  return 'method' in message && 'id' in message ? message.id : undefined
}

/** The message as JSON text without line breaks. Throws LinkError `unsendable` (cycles, endless depth, big integers). */
export function encodeMessage(message: Outgoing): string {
  try {
    return JSON.stringify(message)
  } catch (error) {
    throw new LinkError('unsendable', 'the message cannot be written as JSON', { cause: error })
  }
}

/** Sorts a parsed JSON value; null when it is not a JSON-RPC 2.0 message. Unknown members are left alone. */
export function readMessage(value: unknown): Incoming | null {
  if (!isJsonObject(value) || value['jsonrpc'] !== '2.0') return null
  const { id, method } = value
  const params = isJsonObject(value['params']) ? value['params'] : undefined
  if (typeof method === 'string') {
    if (isTooDeep(params)) return null
    if (isRequestId(id)) return { type: 'request', id, method, params }
    return id === undefined ? { type: 'notification', method, params } : null
  }
  // Some serialisers write both members and null the one that does not apply.
  const error = readErrorObject(value['error'])
  if (error !== null) return { type: 'error', id: isRequestId(id) ? id : null, error: isTooDeep(error.data) ? { code: error.code, message: error.message } : error }
  if (!isRequestId(id) || value['result'] === undefined) return null
  return isTooDeep(value['result']) ? { type: 'error', id, error: { code: INTERNAL_ERROR, message: 'the answer is nested too deeply' } } : { type: 'result', id, result: value['result'] }
}

/** An `error` member as an object with a numeric code, or null when it is not one. */
export function readErrorObject(value: unknown): ErrorObject | null {
  if (!isJsonObject(value) || typeof value['code'] !== 'number') return null
  const message = typeof value['message'] === 'string' ? value['message'] : ''
  return value['data'] === undefined ? { code: value['code'], message } : { code: value['code'], message, data: value['data'] }
}

/**
 * The messages in one line or body; null when it holds none (a banner, a log line, broken text). The first byte
 * decides before anything is parsed, so a flood of banners costs next to nothing. Revision 2025-03-26 allows
 * batches, so an array is read as its members.
 */
export function parseMessages(bytes: Buffer): Incoming[] | null {
  if (!looksLikeJson(bytes) || !isUtf8(bytes)) return null
  let value: unknown
  try {
    value = JSON.parse(bytes.toString('utf8'))
  } catch {
    return null
  }
  const messages = (Array.isArray(value) ? value : [value]).map(readMessage)
  const known = messages.filter((message) => message !== null)
  return known.length > 0 && known.length === messages.length ? known : null
}

/** Whether the first byte that is not a blank opens an object or an array. */
export function looksLikeJson(bytes: Buffer): boolean {
  for (const byte of bytes) {
    if (byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === 0x0a) continue
    return byte === 0x7b || byte === 0x5b
  }
  return false
}

function isRequestId(value: unknown): value is RequestId {
  return typeof value === 'string' || typeof value === 'number'
}
