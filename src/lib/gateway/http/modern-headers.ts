import type { IncomingHttpHeaders } from 'node:http'
import { isJsonObject, MODERN_VERSIONS, type JsonObject } from '../../mcp/index.js'
import type { RequestMessage } from '../contract.js'
import { HEADER_MISMATCH, UNSUPPORTED_VERSION } from '../failure.js'
import { META } from '../request-text.js'
import { decodeHeaderValue } from './header-value.js'
import type { Refusal } from './respond.js'

/** `Mcp-Param-*` headers of a tool, lower case and without the prefix, and where in the arguments their value is. */
type ToolHeaders = ReadonlyMap<string, readonly string[]>

/** Methods whose subject a header repeats, and the member of the params that holds it. */
const NAMED_BY = new Map([['tools/call', 'name'], ['prompts/get', 'name'], ['resources/read', 'uri']])
const INTEGER = /^-?\d{1,20}(?:\.0{1,20})?$/

/** The version a message names in its `_meta`; null: none. */
export function versionInBody(params: JsonObject | undefined): string | null {
  const meta = params?.['_meta']
  const version = isJsonObject(meta) ? meta[META.version] : undefined
  return typeof version === 'string' ? version : null
}

/** Whether a version is one we speak without sessions; null: yes. */
export function checkVersion(version: string): Refusal | null {
  if (MODERN_VERSIONS.includes(version)) return null
  const message = `protocol version ${shown(version)} is not supported here`
  return { status: 400, code: UNSUPPORTED_VERSION, message, data: { supported: [...MODERN_VERSIONS], requested: version.slice(0, 200) } }
}

/**
 * Checks that the headers of a modern request say what its body says (2026-07-28, streamable HTTP, server validation);
 * null: they do. What is missing in the body itself is the session's business.
 */
export function checkHeaders(message: RequestMessage, headers: IncomingHttpHeaders, toolHeaders: (tool: string) => ToolHeaders): Refusal | null {
  const version = headers['mcp-protocol-version']
  const named = versionInBody(message.params)
  if (typeof version !== 'string') return mismatch('the header MCP-Protocol-Version is missing')
  if (named !== null && named !== version) return mismatch(`MCP-Protocol-Version is ${shown(version)}, the body says ${shown(named)}`)
  return checkVersion(version) ?? checkMethod(message, headers) ?? checkName(message, headers, toolHeaders)
}

function checkMethod({ method }: RequestMessage, headers: IncomingHttpHeaders): Refusal | null {
  const given = headers['mcp-method']
  if (given === method) return null
  if (typeof given !== 'string') return mismatch('the header Mcp-Method is missing')
  return given.trim() === method ? null : mismatch(`Mcp-Method is ${shown(given)}, the body says ${shown(method)}`)
}

function checkName(message: RequestMessage, headers: IncomingHttpHeaders, toolHeaders: (tool: string) => ToolHeaders): Refusal | null {
  const member = NAMED_BY.get(message.method)
  const name = member === undefined ? undefined : message.params?.[member]
  if (typeof name !== 'string') return null
  const given = headers['mcp-name']
  if (given === undefined) return mismatch('the header Mcp-Name is missing')
  const decoded = typeof given === 'string' ? decodeHeaderValue(given) : null
  if (decoded !== name) return mismatch(decoded === null ? 'the header Mcp-Name cannot be read' : `Mcp-Name is ${shown(decoded)}, the body says ${shown(name)}`)
  return message.method === 'tools/call' ? checkParams(message, headers, toolHeaders(name)) : null
}

function checkParams({ params }: RequestMessage, headers: IncomingHttpHeaders, wanted: ToolHeaders): Refusal | null {
  for (const [header, path] of wanted) {
    let value: unknown = params?.['arguments']
    for (const key of path) value = isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined
    const refusal = checkParam(header, headers[`mcp-param-${header}`], value)
    if (refusal !== null) return refusal
  }
  return null
}

function checkParam(header: string, given: string | string[] | undefined, value: unknown): Refusal | null {
  const isExpected = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
  if (given === undefined) return isExpected ? mismatch(`the header Mcp-Param-${header} is missing`) : null
  const decoded = typeof given === 'string' ? decodeHeaderValue(given) : null
  if (decoded === null) return mismatch(`the header Mcp-Param-${header} cannot be read`)
  if (decoded === String(value) && isExpected) return null
  if (typeof value === 'number' && INTEGER.test(decoded) && Number(decoded) === value) return null
  return mismatch(`Mcp-Param-${header} does not say what the arguments say`)
}

function mismatch(message: string): Refusal {
  return { status: 400, code: HEADER_MISMATCH, message: `header mismatch: ${message}` }
}

function shown(value: string): string {
  return JSON.stringify(value.length > 100 ? `${value.slice(0, 100)}...` : value)
}
