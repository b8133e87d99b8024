import type { JsonObject } from '../../mcp/index.js'
import type { ClientId } from '../client-id.js'
import { failureText } from '../failure.js'
import { join, JOIN_BYTES } from '../join.js'
import { isGone, type Outgoing } from './exchange.js'

/** From here on a client that has stopped reading would hold memory; it may stand still for so long. */
const LARGE_BYTES = 1024 * 1024
const STANDSTILL_MS = 5 * 60_000
const NOTHING: readonly string[] = []

/** A request that is answered with an error before any session sees it. */
export interface Refusal {
  readonly status: number
  /** JSON-RPC error. */
  readonly code: number
  readonly message: string
  readonly data?: JsonObject
  /** Name, value, name, value. */
  readonly headers?: readonly string[]
}

/** One JSON body in one go. `headers`: name, value, name, value. */
export function sendJson(res: Outgoing, status: number, parts: readonly Buffer[], headers: readonly string[] = NOTHING): void {
  sendBody(res, status, parts, ['content-type', 'application/json', ...headers])
}

/** The answer to a request that goes in one body. One that is refused for a limit says when to ask again (RFC 9110, 10.2.3: whole seconds). */
export function sendAnswer(res: Outgoing, { parts, status, headers = NOTHING, retryAfterMs }: { readonly parts: readonly Buffer[]; readonly status: number; readonly headers?: readonly string[]; readonly retryAfterMs: number | undefined }): void {
  sendJson(res, status, parts, retryAfterMs === undefined ? headers : [...headers, 'retry-after', String(Math.max(1, Math.ceil(retryAfterMs / 1000)))])
}

/** One body in one go; only its length for a HEAD. `headers`: name, value, name, value. */
export function sendBody(res: Outgoing, status: number, parts: readonly Buffer[], headers: readonly string[]): void {
  if (res.headersSent || isGone(res)) return
  let bytes = 0
  for (const part of parts) bytes += part.length
  res.writeHead(status, withOrigin(res, [...headers, 'content-length', String(bytes)]))
  if (bytes <= JOIN_BYTES) {
    // Text of one byte a character is joined to the header and leaves with it in one write; a buffer would be a second piece.
    res.end(join(parts, bytes).toString('latin1'), 'latin1')
    return
  }
  const { socket } = res
  socket?.cork()
  for (const part of parts) res.write(part)
  res.end()
  socket?.uncork()
  if (bytes > LARGE_BYTES) socket?.setTimeout(STANDSTILL_MS)
}

export function sendRefusal(res: Outgoing, refusal: Refusal, id: ClientId | null = null): void {
  sendJson(res, refusal.status, [failureText(id, refusal)], refusal.headers)
}

/** No body at all. `headers`: name, value, name, value. */
export function sendEmpty(res: Outgoing, status: number, headers: readonly string[] = NOTHING): void {
  if (res.headersSent || isGone(res)) return
  res.writeHead(status, withOrigin(res, status === 204 ? [...headers] : ['content-length', '0', ...headers]))
  res.end()
}

/** Adds what lets a web page of an allowed origin read the response (Fetch standard, CORS protocol). */
export function withOrigin(res: Outgoing, headers: string[]): string[] {
  if (res.origin !== null) headers.push('access-control-allow-origin', res.origin, 'vary', 'origin', 'access-control-expose-headers', 'mcp-session-id, www-authenticate, retry-after')
  return headers
}
