import { readDuration } from '../base/index.js'
import type { FlagValues } from '../cli/index.js'
import type { TracedMessage } from '../core/index.js'
import { McpctlError } from '../errors/index.js'
import { toPattern } from './names.js'
import type { TRACE_FLAGS } from './trace-flags.js'

export type TraceFlags = FlagValues<typeof TRACE_FLAGS>

/** Whether a message is to be shown. Throws USAGE that names the flag. */
export function createTraceFilter(flags: TraceFlags): (message: TracedMessage) => boolean {
  const tests = [
    flags.method === undefined ? null : byWord(flags.method, ({ method }) => method),
    flags.tool === undefined ? null : byWord(flags.tool, ({ target, method }) => (method === 'tools/call' ? target : null)),
    flags.errors === true ? ({ failed }: TracedMessage) => failed : null,
    flags.slow === undefined ? null : bySlowness(readSlow(flags.slow)),
    flags.grep === undefined ? null : byPattern(readPattern(flags.grep)),
  ].filter((test) => test !== null)
  return (message) => tests.every((test) => test(message))
}

/** Names with commas between them, `*` and `?` as in file names. */
function byWord(text: string, read: (message: TracedMessage) => string | null): (message: TracedMessage) => boolean {
  const patterns = text.split(',').map((word) => word.trim()).filter((word) => word !== '').map(toPattern)
  return (message) => {
    const word = read(message)
    return word !== null && patterns.some((pattern) => pattern.test(word))
  }
}

function bySlowness(leastMs: number): (message: TracedMessage) => boolean {
  return ({ durationMs }) => durationMs !== null && durationMs >= leastMs
}

function byPattern(pattern: RegExp): (message: TracedMessage) => boolean {
  return ({ method, target, summary, text }) => pattern.test(text ?? '') || pattern.test([method, target, summary].filter((part) => part !== null).join(' '))
}

/** A bare number is milliseconds: nobody calls seconds slow. */
function readSlow(value: string): number {
  const ms = /^\d+(\.\d+)?$/.test(value.trim()) ? Number(value) : readDuration(value)
  if (ms !== undefined) return ms
  throw usage('slow', value, 'a time', 'Write milliseconds (250) or a duration (2s).')
}

function readPattern(value: string): RegExp {
  try {
    return new RegExp(value)
  } catch (error) {
    throw usage('grep', value, `a regular expression: ${(error as Error).message}`, 'Put a backslash before characters that are meant as they are.')
  }
}

/** How long to look on, in milliseconds; null: until interrupted. */
export function readTraceDuration(value: string | undefined): number | null {
  if (value === undefined) return null
  const ms = readDuration(value)
  if (ms !== undefined && ms > 0 && ms < 2 ** 31) return ms
  throw usage('duration', value, 'a duration', 'Write seconds (30) or a duration (10m).')
}

/** How many remembered messages of each server are wanted; undefined: not said. */
export function readLast(value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  const count = Number(value)
  if (/^\d+$/.test(value) && count <= 1000) return count
  throw usage('last', value, 'a number of messages', 'Write a whole number up to 1000.')
}

function usage(flag: string, value: string, what: string, hint: string): McpctlError {
  return new McpctlError('USAGE', `--${flag} ${JSON.stringify(value)} is not ${what}`, { hint, details: { flag, value } })
}
