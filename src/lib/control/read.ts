import { McpctlError } from '../errors/index.js'

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
