import { isJsonObject, METHOD_NOT_FOUND, type ErrorObject, type JsonObject } from './json-rpc.js'

/** Revisions opened with `initialize`, newest first. */
export const LEGACY_VERSIONS: readonly string[] = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05']
/** Stateless revisions, newest first. */
export const MODERN_VERSIONS: readonly string[] = ['2026-07-28']

export const HEADER_MISMATCH = -32020
export const MISSING_CLIENT_CAPABILITY = -32021
export const UNSUPPORTED_VERSION = -32022

/** Everything that can come of `server/discover`. `error` is null when the HTTP body was no JSON-RPC error. */
export type ProbeAnswer =
  | { readonly type: 'result'; readonly result: unknown }
  | { readonly type: 'error'; readonly error: ErrorObject }
  | { readonly type: 'http'; readonly status: number; readonly error: ErrorObject | null }
  | { readonly type: 'silence' }
  | { readonly type: 'exit' }

export type ProbeVerdict =
  | { readonly type: 'modern'; readonly version: string; readonly result: JsonObject }
  /** Modern beyond doubt, but it did not describe itself. */
  | { readonly type: 'modern-undescribed'; readonly version: string }
  | { readonly type: 'ask-again'; readonly version: string }
  | { readonly type: 'initialize'; readonly why: string }
  /** Send `initialize` as well and keep waiting for both. */
  | { readonly type: 'initialize-too' }
  | { readonly type: 'respawn-legacy' }
  /** No evidence about the era: the owner has to hear about the HTTP answer itself. */
  | { readonly type: 'no-evidence' }

/** The newest modern revision both sides speak, or null. `supported` is untrusted. */
export function mutualModern(supported: unknown, ours: readonly string[] = MODERN_VERSIONS): string | null {
  if (!Array.isArray(supported)) return null
  return ours.find((version) => supported.includes(version)) ?? null
}

/** The modern revision a -32022 error offers, or null. */
export function offeredModern(error: ErrorObject, ours: readonly string[] = MODERN_VERSIONS): string | null {
  if (error.code !== UNSUPPORTED_VERSION || !isJsonObject(error.data)) return null
  return mutualModern(error.data['supported'], ours)
}

/**
 * Judges what came of `server/discover`. The fallback is not keyed to one error code, because real legacy servers
 * answer with -32601, -32602, 0, HTTP 400, HTTP 500 with a body, nothing, or by exiting.
 * `asked` lists the revisions already tried, the last one is the one this answers; `ours` the modern ones we speak.
 */
export function judgeProbe(answer: ProbeAnswer, asked: readonly string[], ours: readonly string[] = MODERN_VERSIONS): ProbeVerdict {
  switch (answer.type) {
    case 'silence': return { type: 'initialize-too' }
    case 'exit': return { type: 'respawn-legacy' }
    case 'result': return judgeResult(answer.result, asked, ours)
    case 'error': return judgeError(answer.error, asked, ours)
    case 'http': return judgeHttp(answer, asked, ours)
  }
}

function judgeResult(result: unknown, asked: readonly string[], ours: readonly string[]): ProbeVerdict {
  if (!isJsonObject(result) || !Array.isArray(result['supportedVersions'])) {
    return { type: 'initialize', why: 'its answer to server/discover names no versions' }
  }
  const current = asked.at(-1)
  const version = current !== undefined && result['supportedVersions'].includes(current) ? current : mutualModern(result['supportedVersions'], ours)
  if (version !== null) return { type: 'modern', version, result }
  return { type: 'initialize', why: `it offers ${listVersions(result['supportedVersions'])} in answer to server/discover` }
}

function judgeError(error: ErrorObject, asked: readonly string[], ours: readonly string[]): ProbeVerdict {
  const offered = offeredModern(error, ours)
  // A server may refuse the very version it offers (it was starting, or another one answered): that is asked about once more.
  if (offered !== null && asked.filter((version) => version === offered).length < 2) return { type: 'ask-again', version: offered }
  return { type: 'initialize', why: `it answered server/discover with ${describeRpcError(error)}` }
}

/** Streamable HTTP: a recognised modern error is evidence, credentials and outages never are. */
function judgeHttp(answer: { status: number; error: ErrorObject | null }, asked: readonly string[], ours: readonly string[]): ProbeVerdict {
  const { status, error } = answer
  if (status === 401 || status === 403) return { type: 'no-evidence' }
  if (error !== null && status < 500) {
    if (isModernRefusal(status, error)) return { type: 'modern-undescribed', version: asked.at(-1) ?? ours[0] ?? '' }
    return judgeError(error, asked, ours)
  }
  if (error !== null) return { type: 'initialize', why: `it answered server/discover with HTTP ${status} and ${describeRpcError(error)}` }
  return status >= 400 && status < 500 && !isTemporaryStatus(status) ? { type: 'initialize', why: `it answered server/discover with HTTP ${status}` } : { type: 'no-evidence' }
}

function isModernRefusal(status: number, error: ErrorObject): boolean {
  if (error.code === HEADER_MISMATCH || error.code === MISSING_CLIENT_CAPABILITY) return true
  return status === 404 && error.code === METHOD_NOT_FOUND
}

/** HTTP statuses that speak about the moment and not about the request. */
export function isTemporaryStatus(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || status >= 500
}

/** "error -32601 (Method not found)", shortened to one line. */
export function describeRpcError(error: ErrorObject): string {
  const text = error.message.replace(/\s+/g, ' ').trim()
  const short = text.length > 200 ? `${text.slice(0, 200)}...` : text
  return short === '' ? `error ${error.code}` : `error ${error.code} (${short})`
}

/** Versions from the other side, for a sentence: bounded in number and length. */
export function listVersions(versions: readonly unknown[]): string {
  const named = versions.slice(0, 8).map((version) => (typeof version === 'string' ? version.slice(0, 40) : '?'))
  return named.length === 0 ? 'no version' : `version ${named.join(', ')}`
}
