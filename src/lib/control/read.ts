import { fromErrorDocument, McpctlError, toErrorDocument, type ErrorCode, type ErrorDocument } from '../errors/index.js'

/** Readers for values that came over the control socket: each names the field it refuses. */

export function refuse(field: string, expected: string): never {
  throw new McpctlError('USAGE', `control message: ${field} must be ${expected}`, { hint: 'Use the mcpctl command of the version that runs the daemon.', details: { field } })
}

export function readRecord(value: unknown, field: string): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : refuse(field, 'an object')
}

export function readString(value: unknown, field: string): string {
  return typeof value === 'string' ? value : refuse(field, 'text')
}

export function readNumber(value: unknown, field: string): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : refuse(field, 'a number')
}

export function readBoolean(value: unknown, field: string): boolean {
  return typeof value === 'boolean' ? value : refuse(field, 'true or false')
}

export function readList<T>(value: unknown, field: string, read: (item: unknown, field: string) => T): T[] {
  if (!Array.isArray(value)) refuse(field, 'a list')
  return value.map((item, index) => read(item, `${field}[${index}]`))
}

export function readNullable<T>(value: unknown, field: string, read: (item: unknown, field: string) => T): T | null {
  return value === null || value === undefined ? null : read(value, field)
}

export function readOneOf<T extends string>(value: unknown, field: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === value)
  return found ?? refuse(field, `one of ${choices.join(', ')}`)
}

export function readTexts(value: unknown, field: string): Record<string, string> {
  return Object.fromEntries(Object.entries(readRecord(value, field)).map(([key, text]) => [key, readString(text, `${field}.${key}`)]))
}

export function readMap<T>(value: unknown, field: string, read: (item: unknown, field: string) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(readRecord(value, field)).map(([key, item]) => [key, read(item, `${field}.${key}`)]))
}

/** What a text has to look like. */
export interface Form {
  readonly pattern: RegExp
  readonly accepts: string
}

export function readMatching(value: unknown, field: string, { pattern, accepts }: Form): string {
  const text = readString(value, field)
  return pattern.test(text) ? text : refuse(field, accepts)
}

export function readInteger(value: unknown, field: string, [least, most]: readonly [number, number]): number {
  const number = readNumber(value, field)
  return Number.isInteger(number) && number >= least && number <= most ? number : refuse(field, `a whole number from ${least} to ${most}`)
}

/** A timer holds at most 2^31-1 ms. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** Milliseconds, 0 included. */
export function readDelay(value: unknown, field: string): number {
  const delayMs = readNumber(value, field)
  return delayMs >= 0 && delayMs <= MAX_TIMER_MS ? delayMs : refuse(field, 'a time in milliseconds')
}

/** A time after which something ends: at once is never meant. */
export function readLimit(value: unknown, field: string): number {
  return readDelay(value, field) || refuse(field, 'a time above zero')
}

/** An error as it is reported; a code of another version becomes INTERNAL. */
export function readErrorDocument(value: unknown, field: string): ErrorDocument {
  const error = readRecord(value, field)
  const code = readString(error['code'], `${field}.code`) as ErrorCode
  const hint = readNullable(error['hint'], `${field}.hint`, readString)
  const details = readNullable(error['details'], `${field}.details`, readRecord)
  return toErrorDocument(fromErrorDocument({ code, message: readString(error['message'], `${field}.message`), ...(hint === null ? {} : { hint }), details: details ?? {} }))
}
