import { OutboundError } from './failure.js'

/** Headers of a request; the same object as long as they are the same. */
export type HeaderSet = Readonly<Record<string, string>>

/** More than that no server takes in its headers. */
const MAX_TOKEN_CHARS = 16 * 1024

export function bearerHeaders(token: string): HeaderSet {
  return { authorization: `Bearer ${token}` }
}

/** The token a file or a command gives: its text without outer blanks. `from` names it ("the file /a/b"). Throws OutboundError `refused`. */
export function readBearer(text: string, from: string): string {
  const token = text.trim().replace(/^Bearer\s+/i, '')
  if (token === '') throw new OutboundError('refused', `${from} gives no token: it is empty`)
  if (token.length > MAX_TOKEN_CHARS) throw new OutboundError('refused', `what ${from} gives is no token: it is longer than ${MAX_TOKEN_CHARS} characters`)
  if (!isToken(token)) throw new OutboundError('refused', `what ${from} gives is no token: it holds a blank, a line break or a character that HTTP does not allow`)
  return token
}

/** Printable ASCII without blanks: what RFC 6750 allows and a little more, because some servers do. */
export function isToken(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text)
}
