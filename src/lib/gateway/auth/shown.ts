import type { IncomingMessage } from 'node:http'
import type { Denial, Shown } from './contract.js'

/** Longer than any key or token in use; nothing longer is looked at. */
const MAX_CHARS = 8 * 1024

/** A text somebody is to be known by. `bearer`: came as a bearer token, so it may be a JSON web token. */
export interface Credential {
  readonly text: string
  readonly isBearer: boolean
}

export function readShown(req: IncomingMessage): Shown {
  const { headers, rawHeaders, socket } = req
  const apiKey = headers['x-api-key']
  return {
    authorization: headers.authorization,
    apiKey: typeof apiKey === 'string' ? apiKey : apiKey?.[0],
    isTwice: isTwice(rawHeaders, 'authorization') || isTwice(rawHeaders, 'x-api-key'),
    address: socket.remoteAddress ?? '',
  }
}

/**
 * The one credential of a request; null: it shows none. Two that differ are refused (RFC 6750 section 2), so that nobody
 * in between and mcpctl can each look at another one.
 */
export function readCredential({ authorization, apiKey, isTwice }: Shown): Credential | Denial | null {
  if (isTwice) return invalid('a header with credentials is there more than once')
  if (authorization === undefined) return apiKey === undefined ? null : credentialOf(apiKey, false)
  if (!isBearer(authorization)) {
    return { status: 401, error: 'invalid_token', reason: 'unauthorised', message: 'only bearer tokens are known here: Authorization: Bearer TOKEN' }
  }
  const text = authorization.slice(7).trim()
  if (apiKey !== undefined && apiKey.trim() !== text) return invalid('the request carries two credentials that differ, in Authorization and X-API-Key')
  return credentialOf(text, true)
}

function credentialOf(given: string, isBearerToken: boolean): Credential | Denial {
  const text = given.trim()
  if (text.length > MAX_CHARS) return { status: 401, error: 'invalid_token', reason: 'unauthorised', message: `the credentials are longer than ${String(MAX_CHARS)} characters` }
  return { text, isBearer: isBearerToken }
}

function invalid(message: string): Denial {
  return { status: 400, error: 'invalid_request', reason: 'credentials', message }
}

function isBearer(authorization: string): boolean {
  return authorization.startsWith('Bearer ') || authorization.slice(0, 7).toLowerCase() === 'bearer '
}

/** Node keeps only the first of several; the raw list (name, value, name, value) has them all. */
function isTwice(rawHeaders: readonly string[], name: string): boolean {
  let seen = false
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const given = rawHeaders[at]
    if (given?.length !== name.length || given.toLowerCase() !== name) continue
    if (seen) return true
    seen = true
  }
  return false
}
