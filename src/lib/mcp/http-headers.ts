import { isJsonObject, type JsonObject, type Outgoing } from './json-rpc.js'
import type { ParamHeader, ToolHeaders } from './tool-headers.js'
import { modernVersionOf } from './wire-message.js'

export interface HttpSpeaks {
  readonly era: 'legacy' | 'modern'
  readonly protocolVersion: string
}

const MAX_HEADER_BYTES = 8192
const SENTINEL = /^=\?base64\?.*\?=$/s
const NAMED_BY: Record<string, string> = { 'tools/call': 'name', 'prompts/get': 'name', 'resources/read': 'uri' }

/** Protocol headers of one POST (Streamable HTTP of both eras). `speaks` is null until the handshake decided. */
export function protocolHeaders(message: Outgoing, speaks: HttpSpeaks | null, sessionId: string | null, toolHeaders: ToolHeaders): Record<string, string> {
  const params = 'method' in message ? message.params : undefined
  const modern = modernVersionOf(params) ?? (speaks?.era === 'modern' ? speaks.protocolVersion : null)
  if (modern !== null) return modernHeaders(message, modern, toolHeaders)
  const headers: Record<string, string> = {}
  // Initialize opens the session: it has neither a negotiated version nor a session yet.
  if (speaks?.era === 'legacy' && !('method' in message && message.method === 'initialize')) headers['mcp-protocol-version'] = speaks.protocolVersion
  if (sessionId !== null) headers['mcp-session-id'] = sessionId
  return headers
}

function modernHeaders(message: Outgoing, version: string, toolHeaders: ToolHeaders): Record<string, string> {
  const headers: Record<string, string> = { 'mcp-protocol-version': version }
  if (!('method' in message)) return headers
  headers['mcp-method'] = message.method
  const key = NAMED_BY[message.method]
  const name = key === undefined ? undefined : message.params?.[key]
  if (typeof name === 'string') headers['mcp-name'] = encodeHeaderValue(name)
  if (message.method === 'tools/call' && typeof name === 'string') Object.assign(headers, paramHeaders(toolHeaders.get(name) ?? [], message.params))
  return headers
}

function paramHeaders(wanted: readonly ParamHeader[], params: JsonObject | undefined): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const { header, path } of wanted) {
    let value: unknown = params?.['arguments']
    for (const key of path) value = isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined
    if (typeof value !== 'string' && typeof value !== 'boolean' && typeof value !== 'number') continue
    const encoded = encodeHeaderValue(String(value))
    if (encoded.length <= MAX_HEADER_BYTES) headers[`mcp-param-${header}`] = encoded
  }
  return headers
}

/** A header value as it is when it is plain ASCII without outer blanks, otherwise as `=?base64?...?=` of its UTF-8 bytes (2026-07-28, transports). */
export function encodeHeaderValue(value: string): string {
  if (/^[\x20-\x7e]*$/.test(value) && value === value.trim() && !SENTINEL.test(value)) return value
  return `=?base64?${Buffer.from(value, 'utf8').toString('base64')}?=`
}
