import { formatBytes, formatDuration, nearest, readBytes, readDuration } from '../base/index.js'
import { readCpuPercent } from './cpu.js'
import { CPU_TEXT, DURATION_TEXT, OR_REFERENCE, roundedNumber, SIZE_TEXT, textOf, type Schema } from './schema-part.js'
import { describeKind, describeValue, isSecretName } from './secret.js'
import type { Spot } from './spot.js'

/** A kind of value: how it is read, and what documents and schemas say about it. */
export interface Kind<T> {
  readonly name: 'text' | 'boolean' | 'duration' | 'size' | 'cpu' | 'integer' | 'choice' | 'list' | 'map' | 'group' | 'either'
  /** What is accepted, to follow "must be". */
  readonly accepts: string
  readonly choices?: readonly string[]
  /** The same for editors: accepts whatever `read` accepts, and refuses what can be seen without the surroundings. */
  readonly schema: Schema
  readonly fields?: Readonly<Record<string, { readonly kind: Kind<unknown>; readonly summary: string }>>
  /** Records a problem and returns undefined when the value is not of this kind. */
  readonly read: (value: unknown, spot: Spot) => T | undefined
}

export function reject(value: unknown, spot: Spot, accepts: string): undefined {
  const shown = spot.path.some((part) => typeof part === 'string' && isSecretName(part)) ? describeKind(value) : describeValue(value)
  spot.problem(`must be ${accepts}, not ${shown}`, `Write ${accepts}.`, shown)
}

/** For values that may hold a secret (variables, headers, arguments): only the kind of a wrong value is shown. */
function rejectKind(value: unknown, spot: Spot, accepts: string): undefined {
  spot.problem(`must be ${accepts}, not ${describeKind(value)}`, `Write ${accepts}.`)
}

function expandChecked(value: string, spot: Spot): string | undefined {
  const text = spot.expand(value)
  if (text?.includes('\0') !== true) return text
  spot.problem('holds a NUL character, which no process can be given', 'Remove the character.')
  return undefined
}

/** A text; references in it are replaced. */
export const text: Kind<string> = {
  name: 'text',
  accepts: 'a text',
  schema: textOf('^[^\\u0000]*$'),
  read: (value, spot) => (typeof value === 'string' ? expandChecked(value, spot) : rejectKind(value, spot, 'a text')),
}

export const filledText: Kind<string> = {
  name: 'text',
  accepts: 'a text that is not empty',
  schema: textOf('\\S'),
  read: (value, spot) => {
    const read = text.read(value, spot)
    return read?.trim() === '' ? rejectEmpty(spot) : read
  },
}

function rejectEmpty(spot: Spot): undefined {
  spot.problem('must not be empty', 'Give it a value or remove it.')
}

export const url: Kind<string> = {
  ...filledText,
  accepts: 'an http:// or https:// address',
  schema: textOf(`^\\s*[hH][tT][tT][pP][sS]?:${OR_REFERENCE}`),
  read: (value, spot) => {
    const read = filledText.read(value, spot)
    if (read === undefined || (spot.isLenient && read.includes('${'))) return read
    const scheme = URL.canParse(read) ? new URL(read).protocol : ''
    if (scheme === 'http:' || scheme === 'https:') return read
    const shown = describeValue(value)
    spot.problem(`must be an http:// or https:// address, not ${shown}`, 'Write the full address, for example http://127.0.0.1:8000/mcp.', shown)
    return undefined
  },
}

/** A text where YAML and JSON authors often write a number or a truth value: a port, a flag. */
export const scalar: Kind<string> = {
  name: 'text',
  accepts: 'a text',
  schema: { type: ['string', 'number', 'boolean'] },
  read: (value, spot) => {
    const plain = (typeof value === 'number' && Number.isFinite(value)) || typeof value === 'boolean' ? String(value) : value
    return text.read(plain, spot)
  },
}

/** A name, taken literally. */
export const word: Kind<string> = {
  name: 'text',
  accepts: 'a name without spaces',
  schema: textOf('^[^\\s\\p{C}]{1,200}$'),
  read: (value, spot) => (typeof value === 'string' && /^[^\s\p{C}]{1,200}$/u.test(value) ? value : reject(value, spot, word.accepts)),
}

export const truth: Kind<boolean> = {
  name: 'boolean',
  accepts: 'true or false',
  schema: { type: 'boolean' },
  read: (value, spot) => (typeof value === 'boolean' ? value : reject(value, spot, truth.accepts)),
}

/** A timer holds at most 2^31-1 ms, about 24.8 days. */
export const MAX_DURATION_MS = 24 * 86_400_000

/** A time in milliseconds, from `leastMs` to 24 days. */
export function duration(leastMs: number): Kind<number> {
  const range = leastMs === 0 ? '' : ` of at least ${formatDuration(leastMs)}`
  const accepts = `a time${range} and at most 24 days (a number of seconds, or text such as "500ms", "2s", "1m30s")`.replace('time and', 'time of')
  return {
    name: 'duration',
    accepts,
    schema: { anyOf: [roundedNumber(leastMs, MAX_DURATION_MS, 1000), textOf(DURATION_TEXT)] },
    read: (value, spot) => {
      const durationMs = readDuration(value)
      return durationMs !== undefined && durationMs >= leastMs && durationMs <= MAX_DURATION_MS ? durationMs : reject(value, spot, accepts)
    },
  }
}

/** A time in milliseconds, as `duration`; null: never, which may also be written 0. */
export function durationOrNever(leastMs: number): Kind<number | null> {
  const time = duration(leastMs)
  const accepts = `"never" or ${time.accepts}`
  return {
    name: 'duration',
    accepts,
    schema: { anyOf: [{ const: 'never' }, roundedNumber(0, 0, 1000), roundedNumber(leastMs, MAX_DURATION_MS, 1000), textOf(DURATION_TEXT)] },
    read: (value, spot) => {
      const durationMs = value === 'never' ? 0 : readDuration(value)
      if (durationMs === 0) return null
      return durationMs !== undefined && durationMs >= leastMs && durationMs <= MAX_DURATION_MS ? durationMs : reject(value, spot, accepts)
    },
  }
}

/** A size in bytes. */
export function size(leastBytes: number): Kind<number> {
  const accepts = `a size of at least ${formatBytes(leastBytes)} (bytes, or text such as "200M", "1G")`
  return {
    name: 'size',
    accepts,
    schema: { anyOf: [{ type: 'integer', minimum: leastBytes, maximum: Number.MAX_SAFE_INTEGER }, textOf(SIZE_TEXT)] },
    read: (value, spot) => {
      const bytes = readBytes(value)
      return bytes !== undefined && bytes >= leastBytes && Number.isSafeInteger(bytes) ? bytes : reject(value, spot, accepts)
    },
  }
}

/** Percent of one core. */
export const cpu: Kind<number> = {
  name: 'cpu',
  accepts: 'percent of one core such as "80%", or a number of cores such as 1.5',
  schema: { anyOf: [{ type: 'number', exclusiveMinimum: 0, maximum: 1024 }, textOf(CPU_TEXT)] },
  read: (value, spot) => readCpuPercent(value) ?? reject(value, spot, cpu.accepts),
}

export function integer(least: number, most: number): Kind<number> {
  const accepts = `a whole number from ${least} to ${most}`
  return {
    name: 'integer',
    accepts,
    schema: { type: 'integer', minimum: least, maximum: most },
    read: (value, spot) => (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most ? value : reject(value, spot, accepts)),
  }
}

/** One of some words; `aliases` are accepted for them. */
export function choice<T extends string>(choices: readonly T[], aliases: Readonly<Record<string, T>> = {}): Kind<T> {
  const accepts = choices.length === 1 ? `"${choices[0]}"` : `${choices.slice(0, -1).map((word) => `"${word}"`).join(', ')} or "${choices.at(-1)}"`
  return {
    name: 'choice',
    accepts,
    choices,
    schema: { enum: [...choices, ...Object.keys(aliases)] },
    read: (value, spot) => {
      const found = choices.find((word) => word === value) ?? (typeof value === 'string' && Object.hasOwn(aliases, value) ? aliases[value] : undefined)
      if (found !== undefined) return found
      const [guess] = typeof value === 'string' ? nearest(value, choices, 1) : []
      const shown = describeValue(value)
      spot.problem(`must be ${accepts}, not ${shown}`, guess === undefined ? `Write ${accepts}.` : `Did you mean "${guess}"?`, shown)
      return undefined
    },
  }
}

/** A list; with `orSingle` one item may stand alone. */
export function list<T>(item: Kind<T>, accepts: string, { orSingle = false } = {}): Kind<T[]> {
  const many: Schema = { type: 'array', items: item.schema }
  return {
    name: 'list',
    accepts,
    schema: orSingle ? { anyOf: [{ allOf: [{ type: 'string' }, item.schema] }, many] } : many,
    read: (value, spot) => {
      if (orSingle && typeof value === 'string') {
        const single = item.read(value, spot)
        return single === undefined ? undefined : [single]
      }
      if (!Array.isArray(value)) return rejectKind(value, spot, accepts)
      const items = value.map((each, index) => item.read(each, spot.at(index)))
      return items.some((each) => each === undefined) ? undefined : items.filter((each) => each !== undefined)
    },
  }
}

/** What a name in an object has to look like, and what is said of one that does not. */
export interface NameRule {
  readonly pattern: RegExp
  readonly wrong: string
}

/** An object of names and texts. */
export function textMap(accepts: string, rule: NameRule): Kind<Record<string, string>> {
  return mapOf(scalar, accepts, rule)
}

/** An object of names and values of one kind. */
export function mapOf<T>(item: Kind<T>, accepts: string, rule: NameRule): Kind<Record<string, T>> {
  return {
    name: 'map',
    accepts,
    schema: { type: 'object', propertyNames: { pattern: rule.pattern.source }, additionalProperties: item.schema },
    read: (value, spot) => {
      if (!isRecord(value)) return rejectKind(value, spot, accepts)
      const entries: [string, T][] = []
      for (const [name, each] of Object.entries(value)) {
        if (each === undefined) continue
        if (!rule.pattern.test(name)) spot.at(name).problem(rule.wrong, 'Correct the name.')
        const read = item.read(each, spot.at(name))
        if (read !== undefined) entries.push([name, read])
      }
      return Object.fromEntries(entries)
    },
  }
}

/** An object as configurations mean it: neither a list nor an instance of something. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return !(value instanceof Date) && !(value instanceof Map) && !(value instanceof Set)
}
