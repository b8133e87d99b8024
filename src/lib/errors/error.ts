import { ERROR_CODES, type ErrorCode } from './code.js'

export interface ErrorParts {
  /** What the user can do about it; one sentence or a command to type. */
  hint?: string
  /** Facts for programs: place, value, names. Serialisable, never a secret. */
  details?: Record<string, unknown>
  cause?: unknown
}

/** An error that is shown to people and programs as it is: code, sentence, way out. */
export class McpctlError extends Error {
  override readonly name = 'McpctlError'
  readonly code: ErrorCode
  readonly hint: string | undefined
  readonly details: Record<string, unknown>

  constructor(code: ErrorCode, message: string, parts: ErrorParts = {}) {
    super(message, parts.cause === undefined ? undefined : { cause: parts.cause })
    this.code = code
    this.hint = parts.hint
    this.details = parts.details ?? {}
  }

  get exitStatus(): number {
    return ERROR_CODES[this.code].exit
  }
}

/** The serialisable form of an error: control protocol and `--json` output. */
export interface ErrorDocument {
  code: ErrorCode
  message: string
  hint?: string
  details: Record<string, unknown>
}

export function toErrorDocument(error: unknown): ErrorDocument {
  const known = asMcpctlError(error)
  return { code: known.code, message: known.message, ...(known.hint === undefined ? {} : { hint: known.hint }), details: known.details }
}

/** An error read back from its document; an unknown code becomes INTERNAL. */
export function fromErrorDocument(document: ErrorDocument): McpctlError {
  const code = Object.hasOwn(ERROR_CODES, document.code) ? document.code : 'INTERNAL'
  return new McpctlError(code, document.message, { ...(document.hint === undefined ? {} : { hint: document.hint }), details: document.details })
}

/** Anything thrown, as one of our errors: what is not ours is a defect. */
export function asMcpctlError(error: unknown): McpctlError {
  if (error instanceof McpctlError) return error
  const message = error instanceof Error ? error.message : String(error)
  return new McpctlError('INTERNAL', message, { hint: 'This is a defect in mcpctl; please report it with the command you typed.', cause: error })
}
