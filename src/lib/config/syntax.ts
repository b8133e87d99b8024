import { McpctlError } from '../errors/index.js'
import { formatPlace, type Position } from './problem.js'
import { maskLine } from './secret.js'

/** The place of a character in a text, both counted from 1. */
export function positionAt(text: string, offset: number): Position {
  const before = text.slice(0, offset)
  const lineStart = before.lastIndexOf('\n') + 1
  return { line: before.split('\n').length, column: offset - lineStart + 1 }
}

const WINDOW = 100

/** CONFIG_SYNTAX for a place in a text: what is wrong, then the line with a mark under the place. */
export function syntaxError(file: string, text: string, what: { message: string; position?: Position | undefined; cause?: unknown }): McpctlError {
  const { message, position, cause } = what
  const excerpt = position ? `\n${showLine(text, position)}` : ''
  return new McpctlError('CONFIG_SYNTAX', `${formatPlace(file, position)}: ${message}${excerpt}`, {
    hint: 'Correct the file, then check it with: mcpctl config validate',
    details: { file, ...position },
    ...(cause === undefined ? {} : { cause }),
  })
}

/** The line, cut to a window around the column; behind a secret name nothing is shown. */
function showLine(text: string, { line, column }: Position): string {
  const whole = (text.split(/\r?\n/)[line - 1] ?? '').replaceAll('\t', ' ')
  const masked = maskLine(whole)
  const from = Math.max(0, column - 1 - WINDOW / 2)
  const label = `  ${line} | `
  const shown = masked.slice(from, from + WINDOW)
  const mark = masked === whole || column - 1 <= commonLength(masked, whole) ? `\n${' '.repeat(label.length + column - 1 - from)}^` : ''
  return `${label}${shown}${mark}`
}

function commonLength(a: string, b: string): number {
  let index = 0
  while (index < a.length && a[index] === b[index]) index++
  return index
}

/**
 * Levels of nesting a data file may have. Parsers recurse; near the end of the stack Node may abort as a whole
 * (a regular expression that cannot be compiled there), which nothing can catch: so depth is counted before.
 */
export const MAX_DEPTH = 100

export function tooDeep(file: string, text: string, offset: number): McpctlError {
  return syntaxError(file, text, { message: `the file is nested more than ${MAX_DEPTH} levels deep`, position: positionAt(text, offset) })
}
