/** A JSON Schema (draft 2020-12), or a part of one. */
export type Schema = Readonly<Record<string, unknown>>

/** What stands in a pattern for "or something that is only known when references are replaced". */
export const OR_REFERENCE = '|\\$\\{'

/** A text of this form. The pattern is anchored by its author. */
export function textOf(pattern: string): Schema {
  return { type: 'string', pattern }
}

/** Numbers whose rounding to whole units lies in a range. */
export function roundedNumber(least: number, most: number, unit: number): Schema {
  return { type: 'number', minimum: Math.max(0, (least - 0.5) / unit), exclusiveMaximum: (most + 0.5) / unit }
}

export const DURATION_TEXT = '^\\s*(?:\\d+(?:\\.\\d+)?|(?:\\d+(?:\\.\\d+)?(?:ms|s|m|h|d))+)\\s*$'
export const SIZE_TEXT = '^\\s*\\d+(?:\\.\\d+)?[kKmMgGtT]?(?:[iI]?[bB])?\\s*$'
export const CPU_TEXT = '^\\s*\\d+(?:\\.\\d+)?\\s*%?\\s*$'
