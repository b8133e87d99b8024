import type { LinkError } from '../mcp/index.js'
import type { CallVerdict, FailureClass } from './call-contract.js'

const TOO_MANY_REQUESTS = 429
const UNAVAILABLE = 503

/** What a failure of the link says of its server; null: nothing (the request itself was at fault, or we gave it up). */
export function classOf({ reason, status }: LinkError): FailureClass | null {
  if (status === TOO_MANY_REQUESTS || status === UNAVAILABLE) return 'overloaded'
  switch (reason) {
    case 'closed':
    case 'exits-on-probe':
      return 'dead'
    case 'unreachable': return status === undefined ? 'dead' : 'broken'
    case 'malformed': return 'broken'
    case 'timeout': return 'hung'
    case 'overloaded': return 'overloaded'
    case 'unauthorised': return 'unauthorised'
    case 'rejected':
    case 'aborted':
    case 'unsendable':
      return null
  }
}

/** What a failure of the link, of this class, says to the breaker. */
export function verdictOf({ reason, message, hint, retryAfterMs }: LinkError, failure: FailureClass): CallVerdict {
  return {
    type: 'failed', failure, isOver: reason === 'closed' || reason === 'exits-on-probe', retryAfterMs: retryAfterMs ?? null,
    // Nobody but its user can mend that.
    reason: failure === 'unauthorised' && hint !== undefined ? `${message}. ${hint}` : message,
  }
}
