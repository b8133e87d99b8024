/** Readers for values out of a file that anybody may have touched: each names the field it refuses. */

function refuse(field: string, expected: string): never {
  throw new Error(`${field} is not ${expected}`)
}

export function readRecord(value: unknown, field: string): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : refuse(field, 'an object')
}

export function readText(value: unknown, field: string): string {
  return typeof value === 'string' ? value : refuse(field, 'text')
}

export function readNumber(value: unknown, field: string): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : refuse(field, 'a number')
}

export function readFlag(value: unknown, field: string): boolean {
  return typeof value === 'boolean' ? value : refuse(field, 'true or false')
}

export function readList<T>(value: unknown, field: string, read: (item: unknown, field: string) => T): T[] {
  return Array.isArray(value) ? value.map((item, index) => read(item, `${field}[${index}]`)) : refuse(field, 'a list')
}

export function readNullable<T>(value: unknown, field: string, read: (item: unknown, field: string) => T): T | null {
  return value === null ? null : read(value, field)
}

export function readOneOf<const T extends string>(value: unknown, field: string, choices: readonly T[]): T {
  return choices.find((choice) => choice === value) ?? refuse(field, `one of ${choices.join(', ')}`)
}
