import type { RateSpec } from '../core/index.js'
import { INTERNAL_ERROR, type Failure } from './failure.js'

/** Whose limit a call went over: its caller's, its server's, or that of all together. */
export type Limit = 'caller' | 'server' | 'total'

const TOO_MANY_REQUESTS = 429
/** When there is room again depends on others; nobody knows it. */
const TRY_AGAIN_MS = 1000

/** There is no token for a call; there will be one in `waitMs`. `who`: whose rate it is, for people. */
export function rateLimited(limit: Limit, who: string, { perMinute }: RateSpec, waitMs: number): Failure {
  const retryAfterMs = Math.max(1, Math.ceil(waitMs))
  const often = Number.isInteger(perMinute) ? String(perMinute) : perMinute.toFixed(1)
  return overLimit('rate-limited', limit, `${who} may be asked ${often} times a minute; try again in ${retryAfterMs} ms`, retryAfterMs)
}

/** There is no room for a call. */
export function overloaded(limit: Limit, message: string): Failure {
  return overLimit('overloaded', limit, message, TRY_AGAIN_MS)
}

function overLimit(reason: 'rate-limited' | 'overloaded', limit: Limit, message: string, retryAfterMs: number): Failure {
  return { code: INTERNAL_ERROR, message, data: { reason, limit, outcome: 'not-delivered', retryAfterMs }, status: TOO_MANY_REQUESTS, retryAfterMs }
}
