import type * as parserModule from 'yaml'
import type { Document, Node, YAMLMap } from 'yaml'
import { lineEndOf } from './text-file.js'

type Parser = typeof parserModule

/**
 * Adds an entry to a map of a YAML text as text, so that comments and style of the rest stay. Throws an Error when the map
 * is written in braces, through an alias or is no map: then a person has to do it.
 */
export async function putYaml(text: string, path: readonly [string, string], value: unknown): Promise<string> {
  const parser = await import('yaml')
  const eol = lineEndOf(text)
  const document = parser.parseDocument(text, { merge: true, uniqueKeys: false, logLevel: 'error' })
  const map = findMap(parser, document, path[0])
  if (map === undefined) return withLineEnd(text, eol) + write(parser, { [path[0]]: { [path[1]]: value } }).replaceAll('\n', eol)
  const { indent, end } = placeIn(parser, map, text, path[0])
  const lines = write(parser, { [path[1]]: value }).trimEnd().split('\n').map((line) => (line === '' ? line : indent + line)).join(eol)
  const at = endOfLine(text, end)
  return `${withLineEnd(text.slice(0, at), eol)}${lines}${eol}${text.slice(at)}`
}

function write(parser: Parser, entry: unknown): string {
  return parser.stringify(entry, { lineWidth: 0, indent: 2 })
}

function withLineEnd(text: string, eol: string): string {
  return text === '' || text.endsWith('\n') ? text : text + eol
}

/** The map under a key of the root; undefined: there is no such key. */
function findMap(parser: Parser, document: Document.Parsed, key: string): YAMLMap | undefined {
  const root = document.contents
  if (root === null) return undefined
  if (!parser.isMap(root) || root.flow === true) throw new Error('the file is not written in lines of keys')
  const pair = root.items.find((item) => parser.isScalar(item.key) && item.key.value === key)
  if (pair === undefined) return undefined
  const map: unknown = pair.value
  if (!parser.isMap(map) || map.flow === true || map.items.length === 0) throw new Error(`"${key}" is empty or not written in lines of keys`)
  return map
}

/** How far its entries are moved in, and where the last one ends. */
function placeIn(parser: Parser, map: YAMLMap, text: string, key: string): { indent: string; end: number } {
  const first: unknown = map.items[0]?.key
  const start = parser.isNode(first) ? (first as Node).range?.[0] : undefined
  const end = map.range?.[1]
  const indent = start === undefined ? 'x' : text.slice(text.lastIndexOf('\n', start - 1) + 1, start)
  if (end === undefined || indent.trim() !== '') throw new Error(`"${key}" is not written in lines of keys`)
  return { indent, end }
}

/** Behind the line the place stands on; a place at the beginning of a line is behind the line before. */
function endOfLine(text: string, offset: number): number {
  if (offset > 0 && text[offset - 1] === '\n') return offset
  const end = text.indexOf('\n', offset)
  return end < 0 ? text.length : end + 1
}
