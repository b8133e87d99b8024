import { isJsonObject, MODERN_VERSIONS, type JsonObject } from '../mcp/index.js'
import type { RequestMessage } from './contract.js'
import { INVALID_PARAMS, refuse, UNSUPPORTED_VERSION, type Failure } from './failure.js'
import { readClientInfo } from './introduction.js'
import { META, type Origin } from './request-text.js'

const MAX_SHOWN = 64

/**
 * What a modern request says of its client (2026-07-28: every request names version and capabilities). Null: it says
 * nothing at all, which is how a legacy client writes.
 */
export function readModernOrigin({ params }: RequestMessage): Origin | Failure | null {
  const meta = isJsonObject(params?.['_meta']) ? params['_meta'] : undefined
  const version = meta?.[META.version]
  if (version === undefined) return null
  if (typeof version !== 'string') return refuse(INVALID_PARAMS, `"params._meta" has to hold "${META.version}"`)
  if (!MODERN_VERSIONS.includes(version)) {
    const requested = version.slice(0, MAX_SHOWN)
    return refuse(UNSUPPORTED_VERSION, `Unsupported protocol version: ${requested}`, { supported: [...MODERN_VERSIONS], requested })
  }
  const capabilities = meta?.[META.capabilities]
  if (!isJsonObject(capabilities)) return refuse(INVALID_PARAMS, `"params._meta" has to hold "${META.capabilities}"`)
  return { era: 'modern', capabilities, clientInfo: readClientInfo(meta?.[META.clientInfo]), logLevel: null }
}

/** The refusal of a request that has to say what it is and does not. */
export function originMissing(): Failure {
  return refuse(INVALID_PARAMS, `"params._meta" has to hold "${META.version}"`)
}

/** The log level a modern request asks for; null: it wants to hear nothing. */
export function requestedLevel(params: JsonObject | undefined): string | null {
  const meta = params?.['_meta']
  const level = isJsonObject(meta) ? meta[META.logLevel] : undefined
  return typeof level === 'string' ? level : null
}

/** Under which token a request wants to hear of its progress; undefined: under none that could be one. */
export function progressTokenOf(params: JsonObject | undefined): string | number | undefined {
  const meta = params?.['_meta']
  const token = isJsonObject(meta) ? meta['progressToken'] : undefined
  return typeof token === 'string' || typeof token === 'number' ? token : undefined
}
