import type { JWTPayload } from 'jose'
import type { JwtSpec } from '../../core/index.js'
import { digestOf } from './digest.js'
import type { Denial } from './contract.js'

const MAX_ID_CHARS = 128

/** What a token whose signature is right says of whom it was made for; or why that is not enough. */
export function checkClaims(payload: JWTPayload, spec: JwtSpec, nowMs: number): { readonly subject: string } | Denial {
  if (payload.iat !== undefined && payload.iat * 1000 > nowMs + spec.leewayMs) return badToken('the token was issued in the future')
  const subject = nonEmpty(payload.sub) ?? nonEmpty(payload['client_id'])
  if (subject === null) return badToken('the token names nobody (sub)')
  const given = new Set(scopesOf(payload))
  if (spec.scopes.every((scope) => given.has(scope))) return { subject }
  return { status: 403, error: 'insufficient_scope', reason: 'scope', message: `the token lacks a scope; ${spec.scopes.join(' ')} ${spec.scopes.length === 1 ? 'is' : 'are'} needed`, scopes: spec.scopes }
}

/** The id of a caller: short, printable, and another one for every other subject. `issuer`: when tokens of several are accepted. */
export function callerId(subject: string, issuer: string | null): string {
  const full = issuer === null ? subject : `${subject.replaceAll('@', '%40')}@${issuer}`
  const shown = full.replaceAll(/[^\p{L}\p{N}\p{P}\p{S} ]/gu, '\u{FFFD}').slice(0, MAX_ID_CHARS)
  return shown === full ? `jwt:${full}` : `jwt:${shown}#${digestOf(full).toString('base64url').slice(0, 16)}`
}

/** A token that is of no use here. */
export function badToken(message: string): Denial {
  return { status: 401, error: 'invalid_token', reason: 'unauthorised', message }
}

/** `scope` is a list with spaces (RFC 8693 section 4.2); some issuers write `scp`, as that or as an array. */
function scopesOf(payload: JWTPayload): string[] {
  return [payload['scope'], payload['scp']].flatMap((claim) =>
    typeof claim === 'string' ? claim.split(' ') : Array.isArray(claim) ? claim.filter((each): each is string => typeof each === 'string') : [])
}

function nonEmpty(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}
