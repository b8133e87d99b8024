import { isUtf8 } from 'node:buffer'

const PREFIX = '=?base64?'
const SUFFIX = '?='
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
const PLAIN = /^[\x20-\x7e\t]*$/

/**
 * The text a header value stands for: itself, or what `=?base64?...?=` wraps (2026-07-28, streamable HTTP, value
 * encoding). Null: it holds characters it must not, or the wrapped text is not UTF-8 in strict Base64.
 */
export function decodeHeaderValue(header: string): string | null {
  if (!PLAIN.test(header)) return null
  const value = header.trim()
  if (!value.startsWith(PREFIX) || !value.endsWith(SUFFIX) || value.length < PREFIX.length + SUFFIX.length) return value
  const wrapped = value.slice(PREFIX.length, -SUFFIX.length)
  if (!BASE64.test(wrapped)) return null
  const bytes = Buffer.from(wrapped, 'base64')
  return isUtf8(bytes) ? bytes.toString('utf8') : null
}
