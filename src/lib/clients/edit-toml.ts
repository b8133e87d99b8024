import { lineEndOf } from './text-file.js'
import { scanToml, type TomlStatement } from './toml-scan.js'

/** Removes the tables and keys below a path; every other line stays byte for byte. */
export function removeToml(text: string, path: readonly string[]): string {
  const runs: { start: number; end: number }[] = []
  let isInside = false
  for (const statement of scanToml(text)) {
    const isBelow = isPrefix(path, statement)
    const run = runs.at(-1)
    // Comments between the lines of one table go with it.
    if (isBelow && isInside && run) run.end = statement.end
    else if (isBelow) runs.push({ start: statement.start, end: statement.end })
    isInside = isBelow
  }
  return runs.toReversed().reduce((rest, { start, end }) => cutLines(rest, start, end), text)
}

function isPrefix(path: readonly string[], statement: TomlStatement): boolean {
  return statement.path.length >= path.length && path.every((part, index) => statement.path[index] === part)
}

/** Of the blank lines around what is cut out only those in front stay. */
function cutLines(text: string, start: number, end: number): string {
  const before = text.slice(0, start)
  const after = text.slice(end)
  const isSeparated = before === '' || /(?:^|\n)[ \t]*\r?\n$/.test(before)
  return before + (isSeparated ? after.replace(/^(?:[ \t]*\r?\n)+/, '') : after)
}

export type TomlValue = string | number | boolean | undefined | readonly TomlValue[] | { readonly [key: string]: TomlValue }

type TomlTable = Readonly<Record<string, TomlValue>>

/**
 * Sets a table of its own for the path: in the place of the one that is there, or at the end of the text. Values that are
 * objects become tables below it.
 */
export function putToml(text: string, path: readonly string[], values: TomlTable): string {
  const eol = lineEndOf(text)
  const table = writeTable(path, values).join(eol) + eol
  const first = scanToml(text).find((statement) => statement.kind === 'header' && isPrefix(path, statement))
  const rest = removeToml(text, path)
  if (first) {
    const needsBlank = /^[ \t]*[[#]/.test(rest.slice(first.start))
    return rest.slice(0, first.start) + table + (needsBlank ? eol : '') + rest.slice(first.start)
  }
  const ended = rest === '' || rest.endsWith('\n') ? rest : rest + eol
  return ended + (ended === '' || /(?:^|\n)[ \t]*\r?\n$/.test(ended) ? '' : eol) + table
}

function writeTable(path: readonly string[], values: TomlTable): string[] {
  const tables: string[][] = []
  const lines = [`[${path.map(writeKey).join('.')}]`]
  for (const [key, value] of Object.entries(values)) {
    if (value === undefined) continue
    if (isTable(value)) tables.push(['', ...writeTable([...path, key], value)])
    else lines.push(`${writeKey(key)} = ${writeValue(value)}`)
  }
  return [...lines, ...tables.flat()]
}

function isTable(value: TomlValue): value is TomlTable {
  return typeof value === 'object' && !Array.isArray(value)
}

function writeKey(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : writeText(key)
}

function writeValue(value: TomlValue): string {
  if (typeof value === 'string') return writeText(value)
  if (!isTable(value)) return typeof value === 'object' ? `[${value.map(writeValue).join(', ')}]` : String(value)
  return `{ ${Object.entries(value).filter(([, each]) => each !== undefined).map(([key, each]) => `${writeKey(key)} = ${writeValue(each)}`).join(', ')} }`
}

/** A basic string: JSON's escapes are all TOML's too; it also wants DEL escaped. */
function writeText(text: string): string {
  return JSON.stringify(text).replaceAll('\u007F', '\\u007F')
}
