import { describeRpcError, isTemporaryStatus } from './era.js'
import { looksLikeJson, readErrorObject, isJsonObject, type ErrorObject } from './json-rpc.js'
import { LinkError, type LinkFailure } from './link-error.js'

interface Cause {
  readonly what: (host: string) => string
  readonly hint?: string
}

const TRUST_HINT = 'If you trust its issuer, name the issuer\'s certificate file in NODE_EXTRA_CA_CERTS before starting the daemon.'
const selfSigned: Cause = { what: (host) => `the TLS certificate of ${host} is self-signed`, hint: TRUST_HINT }
const unknownIssuer: Cause = { what: (host) => `the TLS certificate of ${host} comes from an issuer that is not trusted here`, hint: TRUST_HINT }
const notHttp: Cause = { what: (host) => `${host} does not answer in HTTP`, hint: 'Check the port, and whether the url should begin with https:// instead of http://.' }

const CAUSES: Record<string, Cause> = {
  ENOTFOUND: { what: (host) => `the host name of ${host} is not known`, hint: 'Check the spelling of the host in the url, and the network.' },
  EAI_AGAIN: { what: (host) => `the name server gave no answer about ${host}`, hint: 'Check the network connection.' },
  ECONNREFUSED: { what: (host) => `nothing listens on ${host}`, hint: 'Start the server, or check the port in the url.' },
  ECONNRESET: { what: (host) => `${host} broke the connection` },
  EPIPE: { what: (host) => `${host} broke the connection` },
  ETIMEDOUT: { what: (host) => `the connection to ${host} timed out`, hint: 'Check the address, and whether a firewall is in the way.' },
  EHOSTUNREACH: { what: (host) => `there is no route to ${host}`, hint: 'Check the network connection.' },
  ENETUNREACH: { what: (host) => `there is no route to ${host}`, hint: 'Check the network connection.' },
  DEPTH_ZERO_SELF_SIGNED_CERT: selfSigned,
  SELF_SIGNED_CERT_IN_CHAIN: selfSigned,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknownIssuer,
  UNABLE_TO_GET_ISSUER_CERT: unknownIssuer,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknownIssuer,
  CERT_HAS_EXPIRED: { what: (host) => `the TLS certificate of ${host} has expired` },
  CERT_NOT_YET_VALID: { what: (host) => `the TLS certificate of ${host} is not valid yet`, hint: 'Check the clock of this machine.' },
  ERR_TLS_CERT_ALTNAME_INVALID: { what: (host) => `the TLS certificate of ${host} was made for another name`, hint: 'Use the name in the certificate in the url.' },
  EPROTO: { what: (host) => `${host} does not speak TLS`, hint: 'Check the port, and whether the url should begin with http:// instead of https://.' },
  ERR_SSL_WRONG_VERSION_NUMBER: { what: (host) => `${host} does not speak TLS`, hint: 'Check the port, and whether the url should begin with http:// instead of https://.' },
}

/** The system's code of a network error (`ECONNREFUSED`), or an empty text. */
export function networkCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

/**
 * Whether an error of Node's HTTP client tells that no byte of the request left: the name was not known, no connection
 * came about, or its TLS was refused. Happy eyeballs put the errors of several addresses into one.
 */
export function isBeforeSending(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(isBeforeSending)
  if (!(error instanceof Error)) return false
  const code = networkCode(error)
  return code === 'ECONNREFUSED' || ('syscall' in error && (error.syscall === 'connect' || error.syscall === 'getaddrinfo')) || UNTRUSTED.test(code)
}

const UNTRUSTED = /^(?:DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|CERT_|ERR_TLS_CERT_)/

/** A network error as one sentence. `host` is all of the url that may be shown: paths and queries can hold keys. `isFirst`: nothing of the request was sent in an earlier try. */
export function toLinkError(error: unknown, host: string, isFirst = false): LinkError {
  if (error instanceof LinkError) return error
  const code = networkCode(error)
  const cause = Object.hasOwn(CAUSES, code) ? CAUSES[code] : code.startsWith('HPE_') ? notHttp : undefined
  const parts = { isUndelivered: isFirst && isBeforeSending(error), ...(cause?.hint === undefined ? {} : { hint: cause.hint }) }
  return new LinkError('unreachable', cause?.what(host) ?? `the connection to ${host} failed${code === '' ? '' : ` (${code})`}`, parts)
}

export interface Refusal {
  readonly status: number
  readonly error: ErrorObject | null
  readonly reason: LinkFailure
  readonly why: string
  readonly hint?: string
  readonly retryAfterMs?: number
}

/** The header `Retry-After` (RFC 9110, 10.2.3: seconds or a date) in milliseconds from `now` (epoch ms); undefined when there is none that can be read. */
export function readRetryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined
  const text = value.trim()
  const delayMs = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now
  return Number.isFinite(delayMs) ? Math.max(0, delayMs) : undefined
}

/** An HTTP answer with a failing status, as a sentence and, when the body holds one, a JSON-RPC error. */
export function toRefusal(status: number, body: Buffer, context: { host: string; authorised: boolean; refusalHint?: string | undefined }): Refusal {
  const { host, authorised, refusalHint } = context
  const error = readErrorBody(body)
  const says = error === null ? `HTTP ${status}` : `HTTP ${status} and ${describeRpcError(error)}`
  if (status === 401 || status === 403) {
    const hint = refusalHint ?? (authorised ? 'The configured Authorization header was not accepted; check it.' : 'No Authorization header is configured for this server; add one under headers, or set auth: oauth and run mcpctl login.')
    return { status, error, reason: 'unauthorised', why: `${host} refused access (HTTP ${status})`, hint }
  }
  if (status >= 300 && status < 400) {
    return { status, error, reason: 'rejected', why: `${host} redirects elsewhere (HTTP ${status})`, hint: 'Redirects are not followed; put the final address into the url.' }
  }
  if (isTemporaryStatus(status)) return { status, error, reason: 'unreachable', why: `${host} answered with ${says}` }
  const hint = status === 404 ? 'Check the path of the url; it often ends in /mcp.'
    : status === 405 ? 'If the server speaks the older HTTP+SSE transport, set transport: sse.'
      : undefined
  return { status, error, reason: 'rejected', why: `${host} answered with ${says}`, ...(hint === undefined ? {} : { hint }) }
}

function readErrorBody(body: Buffer): ErrorObject | null {
  if (!looksLikeJson(body)) return null
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    return isJsonObject(value) && value['jsonrpc'] === '2.0' ? readErrorObject(value['error']) : null
  } catch {
    return null
  }
}
