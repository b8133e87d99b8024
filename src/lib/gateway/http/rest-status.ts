import { isJsonObject, type JsonObject } from '../../mcp/index.js'
import { INVALID_PARAMS } from '../failure.js'

/** Why a request came to nothing, as HTTP has it (RFC 9110, 15.5 and 15.6); every other reason is 502. */
const STATUS: Readonly<Record<string, number>> = {
  'rate-limited': 429,
  timeout: 504, 'idle-timeout': 504,
  overloaded: 503, down: 503, starting: 503, 'breaker-open': 503, removed: 503, stopped: 503,
  quarantined: 403, 'not-granted': 403,
}

/** The status that goes with the error of a request of MCP. `status`: what its own transport would say. */
export function statusOf({ code, message, data }: JsonObject, status: number): number {
  if (status === 429) return 429
  const { reason, outcome } = isJsonObject(data) ? data : {}
  // A server that was lost under the request, or a gateway that gave it up before it was sent.
  if (reason === 'closed') return outcome === 'not-delivered' ? 503 : 502
  if (typeof reason === 'string') return Object.hasOwn(STATUS, reason) ? (STATUS[reason] ?? 502) : 502
  if (code !== INVALID_PARAMS) return status >= 400 ? status : 502
  return typeof message === 'string' && message.startsWith('Unknown tool') ? 404 : 400
}
