import type { Link } from '../mcp/index.js'
import type { CallVerdict, Setback } from './call-contract.js'
import { trouble, type Failure } from './failure.js'

/** A call whose time is over. */
export interface Expired {
  readonly server: string
  readonly reason: 'timeout' | 'idle-timeout'
  readonly limitMs: number
  /** Where it is under way, and its id there; null: it is nowhere. */
  readonly link: Link | null
  readonly linkId: number | null
  /** No server can have got it. */
  readonly isUnsent: boolean
}

export interface Expiry {
  /** Null: it tells nothing of its server. */
  readonly verdict: CallVerdict | null
  readonly setback: Setback
  readonly failure: Failure
}

/** What it says of the server, and to the client, that a call was not answered in time. */
export function judgeExpiry({ server, reason, limitMs, link, linkId, isUnsent }: Expired): Expiry {
  const what = reason === 'timeout' ? `did not answer within ${limitMs} ms` : `gave no sign of life for ${limitMs} ms`
  // A server that is only slow, or has too much to do, is no better off when it is replaced, and all it works on is lost.
  const isSlow = linkId !== null && link?.answeredSince(linkId) === true
  const failure = isSlow ? 'overloaded' : 'hung'
  // Most of the time may have gone by while it waited for its turn.
  const isItsFault = linkId !== null && link !== null && link.heldFor(linkId) >= limitMs / 2
  return {
    verdict: isItsFault ? { type: 'failed', failure, isSlow, reason: isSlow ? `${what}, though it answers others` : what } : null,
    setback: { failure, isUndelivered: isUnsent, isLost: false },
    failure: trouble(`server "${server}" ${what}`, { reason, server, limitMs, outcome: isUnsent ? 'not-delivered' : 'unknown' }),
  }
}
