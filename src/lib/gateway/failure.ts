import { isJsonObject, type JsonObject, type LinkError } from '../mcp/index.js'
import { idText, type ClientId } from './client-id.js'

/** Error codes of JSON-RPC 2.0 and of both eras of MCP. */
export const PARSE_ERROR = -32700
export const INVALID_REQUEST = -32600
export const METHOD_NOT_FOUND = -32601
export const INVALID_PARAMS = -32602
export const INTERNAL_ERROR = -32603
export const RESOURCE_NOT_FOUND = -32002
/** 2026-07-28: a header is missing or says something else than the body. */
export const HEADER_MISMATCH = -32020
export const MISSING_CAPABILITY = -32021
/** 2026-07-28: the version asked for is not spoken here. */
export const UNSUPPORTED_VERSION = -32022
export const URL_ELICITATION_REQUIRED = -32042

/** An error answer, and the HTTP status that goes with it in the modern era. */
export interface Failure {
  readonly code: number
  readonly message: string
  readonly data?: unknown
  readonly status: number
  /** When to ask again, for the header `Retry-After` of HTTP. */
  readonly retryAfterMs?: number
}

/** The request itself is at fault. */
export function refuse(code: number, message: string, data?: unknown): Failure {
  return { code, message, status: code === METHOD_NOT_FOUND ? 404 : 400, ...(data === undefined ? {} : { data }) }
}

/**
 * The gateway or a server could not do it. Codes of our own would collide with reserved ones, so the story is in `data`:
 * `reason`, and `outcome`, which tells whether the server may have acted on the request all the same.
 */
export function trouble(message: string, data: JsonObject & { reason: string; outcome: 'unknown' | 'not-delivered' }): Failure {
  return { code: INTERNAL_ERROR, message, data, status: 200 }
}

/** A request that never left for its server. */
export function undelivered(server: string, message: string, reason: string, retryAfterMs: number | null): Failure {
  return trouble(message, { reason, server, outcome: 'not-delivered', ...(retryAfterMs === null ? {} : { retryAfterMs }) })
}

/** The same of a request that a server may have got before. */
export function withUnknownOutcome(failure: Failure): Failure {
  const { data } = failure
  return isJsonObject(data) && data['outcome'] === 'not-delivered' ? { ...failure, data: { ...data, outcome: 'unknown' } } : failure
}

/** A link that failed under a request. */
export function linkTrouble(server: string, error: LinkError): Failure {
  return trouble(`server "${server}": ${error.message}`, {
    reason: error.reason, server, outcome: error.isUndelivered ? 'not-delivered' : 'unknown', ...(error.hint === undefined ? {} : { hint: error.hint }), ...retryAfter(error),
  })
}

function retryAfter({ reason, retryAfterMs }: LinkError): { retryAfterMs?: number } {
  return retryAfterMs !== undefined ? { retryAfterMs } : reason === 'overloaded' ? { retryAfterMs: 1000 } : {}
}

/** The session of a request was ended under it. */
export function sessionClosed(reason: string): Failure {
  return trouble(`the session was ended: ${reason}`, { reason: 'closed', outcome: 'unknown' })
}

/** A server that was waited for in vain. `why`: for people, may be empty. */
export function absent(server: string, waitedMs: number, why: string): Failure {
  return undelivered(server, `server "${server}" did not come up within ${waitedMs / 1000} s${why === '' ? '' : `: ${why}`}`, 'starting', 1000)
}

/** The text of an error answer. */
export function failureText(id: ClientId | null, { code, message, data }: Pick<Failure, 'code' | 'message' | 'data'>): Buffer {
  return Buffer.from(`{"jsonrpc":"2.0","id":${idText(id)},"error":${JSON.stringify(data === undefined ? { code, message } : { code, message, data })}}`)
}
