import { LEGACY_VERSIONS, MODERN_VERSIONS, isJsonObject, type JsonObject } from '../mcp/index.js'
import type { SessionState } from './contract.js'
import { META } from './request-text.js'

/**
 * What the gateway can do. It cannot be taken back once a client was told, and servers come and go, so it is always
 * everything; a server that lacks something contributes nothing to it.
 */
const CAPABILITIES = {
  tools: { listChanged: true },
  prompts: { listChanged: true },
  resources: { subscribe: true, listChanged: true },
  completions: {},
  logging: {},
}

/** The answer to `initialize`, and what is to be known of the session from then on. */
export function introduce(params: JsonObject | undefined, version: string, instructions: string | null): { result: JsonObject; state: SessionState } {
  const asked = params?.['protocolVersion']
  const protocolVersion = LEGACY_VERSIONS.find((known) => known === asked) ?? LEGACY_VERSIONS[0] ?? ''
  return {
    result: { protocolVersion, capabilities: CAPABILITIES, serverInfo: { name: 'mcpctl', version }, ...(instructions === null ? {} : { instructions }) },
    state: { protocolVersion, capabilities: isJsonObject(params?.['capabilities']) ? params['capabilities'] : {}, clientInfo: readClientInfo(params?.['clientInfo']), logLevel: null, subscriptions: [] },
  }
}

/** The answer to `server/discover`. */
export function describe(version: string, instructions: string | null): JsonObject {
  return {
    resultType: 'complete',
    supportedVersions: [...MODERN_VERSIONS],
    capabilities: CAPABILITIES,
    ttlMs: 0,
    cacheScope: 'private',
    ...(instructions === null ? {} : { instructions }),
    _meta: { [META.serverInfo]: { name: 'mcpctl', version } },
  }
}

export function readClientInfo(value: unknown): SessionState['clientInfo'] {
  if (!isJsonObject(value) || typeof value['name'] !== 'string') return null
  return { ...value, name: value['name'], version: typeof value['version'] === 'string' ? value['version'] : '' }
}
