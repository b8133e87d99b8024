import type { TraceKind } from '../core/index.js'

/** What one message says of itself. Nothing in it is masked yet. */
export interface DecodedMessage {
  readonly kind: TraceKind
  readonly id: number | string | null
  readonly method: string | null
  readonly target: string | null
  readonly failed: boolean
  readonly code: number | null
  /** What is shown of it in short; not yet on one line, for a secret may have several. */
  readonly said: string
  /** `said` is only the beginning of what it would be. */
  readonly isCut: boolean
}

/** Every field as it is where nothing is known. */
export const NOTHING: DecodedMessage = { kind: 'unreadable', id: null, method: null, target: null, failed: false, code: null, said: '', isCut: false }

/** Characters that are looked at for a summary, and those that are shown. */
export const SAID_CHARS = 1600
const SUMMARY_CHARS = 400

/** What a message says, as far as it is looked at: the rest of it may be megabytes. */
export function saying(text: string): { readonly said: string; readonly isCut: boolean } {
  return { said: text.slice(0, SAID_CHARS), isCut: text.length > SAID_CHARS }
}

/** The masked beginning of what a message says, on one line. */
export function toSummary(masked: string): string {
  const line = masked.replace(/\s+/g, ' ').trim()
  if (line.length <= SUMMARY_CHARS) return line
  const beginning = line.slice(0, SUMMARY_CHARS)
  // Half a surrogate pair is no character.
  return /[\uD800-\uDBFF]$/.test(beginning) ? beginning.slice(0, -1) : beginning
}

export type Block = Readonly<Record<string, unknown>>

export function isBlock(value: unknown): value is Block {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The tool or prompt a request names, or the URI it is about. */
export function targetOf(method: string, params: unknown): string | null {
  if (!isBlock(params)) return null
  const { name, uri } = params
  if ((method === 'tools/call' || method === 'prompts/get') && typeof name === 'string') return name
  return method.includes('resources/') && typeof uri === 'string' ? uri : null
}
