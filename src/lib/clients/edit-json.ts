import type * as parserModule from 'jsonc-parser'
import type { Node } from 'jsonc-parser'
import { lineEndOf } from './text-file.js'

type Parser = typeof parserModule

/** Functions that change one property of a JSON text (comments and trailing commas allowed) and nothing else of it. */
export interface JsonEditor {
  /**
   * Sets the value at the path; objects on the way that are missing are made, a new property goes behind the others.
   * Throws an Error when something on the way is neither an object nor null.
   */
  readonly put: (text: string, path: readonly string[], value: unknown) => string
  /** Removes the property with its comma; comments outside of it stay. The text as it is when there is no such property. */
  readonly remove: (text: string, path: readonly string[]) => string
}

const LINE = 110

interface Token {
  readonly kind: 'open' | 'close' | 'comma' | 'comment' | 'other'
  readonly start: number
  readonly end: number
}

/** Loads the parser on the first use: only commands that change files need it. */
export async function openJsonEditor(): Promise<JsonEditor> {
  const parser = await import('jsonc-parser')
  return {
    put: (text, path, value) => put({ parser, text: text.trim() === '' ? emptyObject(text) : text }, path, value),
    remove: (text, path) => remove({ parser, text }, path),
  }
}

function emptyObject(text: string): string {
  return `{}${lineEndOf(text)}`
}

interface Work {
  readonly parser: Parser
  readonly text: string
}

function parse({ parser, text }: Work): Node {
  const root = parser.parseTree(text, [], { allowTrailingComma: true })
  if (root === undefined) throw new Error('it is not JSON')
  return root
}

function tokensOf({ parser, text }: Work): Token[] {
  const scanner = parser.createScanner(text, false)
  const tokens: Token[] = []
  for (let kind: number = scanner.scan(); kind !== 17; kind = scanner.scan()) {
    if (kind === 14 || kind === 15) continue
    const start = scanner.getTokenOffset()
    const name = kind === 1 ? 'open' : kind === 2 ? 'close' : kind === 5 ? 'comma' : kind === 12 || kind === 13 ? 'comment' : 'other'
    tokens.push({ kind: name, start, end: start + scanner.getTokenLength() })
  }
  return tokens
}

function put(work: Work, path: readonly string[], value: unknown): string {
  const root = parse(work)
  let node = root
  for (const [index, key] of path.entries()) {
    if (node.type !== 'object') return replaceNode(work, node, nest(path.slice(index), value))
    const property = findProperty(node, key)
    const next = property?.children?.[1]
    if (next === undefined) return insert(work, node, { key, value: nest(path.slice(index + 1), value) })
    node = next
  }
  return replaceValue(work, node, value)
}

/** Only a null may become an object: anything else was meant. */
function replaceNode(work: Work, node: Node, value: unknown): string {
  if (node.type !== 'null') throw new Error(`an object is expected where a ${node.type} stands`)
  return replaceValue(work, node, value)
}

function replaceValue({ text }: Work, node: Node, value: unknown): string {
  const isInline = node.type === 'object' && !text.slice(node.offset, node.offset + node.length).includes('\n') && (node.children?.length ?? 0) > 0
  const shown = isInline ? writeInline(value) : write(value, indentAt(text, node.offset), text)
  return text.slice(0, node.offset) + shown + text.slice(node.offset + node.length)
}

function nest(path: readonly string[], value: unknown): unknown {
  return path.toReversed().reduce<unknown>((inner, key) => ({ [key]: inner }), value)
}

function findProperty(node: Node, key: string): Node | undefined {
  // The last one of several of the same name is the one that counts.
  return node.children?.findLast((property) => property.children?.[0]?.value === key)
}

function insert(work: Work, node: Node, { key, value }: { key: string; value: unknown }): string {
  const { text } = work
  const tokens = tokensOf(work).filter(({ start, end }) => start >= node.offset && end <= node.offset + node.length)
  const close = tokens.at(-1)
  const last = node.children?.at(-1)
  if (close?.kind !== 'close') throw new Error('an object is not closed')
  const before = tokens.at(-2)
  const from = before?.end ?? node.offset + 1
  const eol = lineEndOf(text)
  const outer = indentAt(text, node.offset)
  if (last === undefined && !text.trim().includes('\n') && text.trim() !== '{}') return `${text.slice(0, from)} ${JSON.stringify(key)}: ${writeInline(value)} ${text.slice(close.start)}`
  if (last === undefined) {
    const indent = outer + unitOf(text)
    const written = `${JSON.stringify(key)}: ${write(value, indent, text)}`
    return `${text.slice(0, from)}${eol}${indent}${written}${eol}${outer}${text.slice(close.start)}`
  }
  const end = last.offset + last.length
  const hasTrailing = tokens.some(({ kind, start }) => kind === 'comma' && start >= end)
  const comma = hasTrailing ? '' : ','
  if (!text.slice(node.offset, node.offset + node.length).includes('\n')) {
    return `${text.slice(0, end)}${comma}${text.slice(end, from)} ${JSON.stringify(key)}: ${writeInline(value)}${text.slice(from)}`
  }
  const indent = isFirstOnLine(text, last.offset) ? indentAt(text, last.offset) : outer + unitOf(text)
  const written = `${eol}${indent}${JSON.stringify(key)}: ${write(value, indent, text)}${hasTrailing ? ',' : ''}`
  const rest = text.slice(from)
  return `${text.slice(0, end)}${comma}${text.slice(end, from)}${written}${/^[ \t]*[}\]]/.test(rest) ? `${eol}${outer}${rest.trimStart()}` : rest}`
}

function remove(work: Work, path: readonly string[]): string {
  const { parser, text } = work
  const property = parser.findNodeAtLocation(parse(work), [...path])?.parent
  if (property?.type !== 'property') return text
  const start = property.offset
  const end = start + property.length
  const significant = tokensOf(work).filter(({ kind }) => kind !== 'comment')
  const next = significant.find((token) => token.start >= end)
  if (next?.kind === 'comma') return cut(text, start, next.end)
  const before = significant.findLast((token) => token.end <= start)
  const without = cut(text, start, end)
  return before?.kind === 'comma' ? without.slice(0, before.start) + without.slice(before.end) : without
}

/** Without the range, and without what it leaves of its lines when nothing stands on them any more. */
function cut(text: string, start: number, end: number): string {
  const lineStart = text.lastIndexOf('\n', start - 1) + 1
  const lineEnd = text.indexOf('\n', end)
  const isAlone = text.slice(lineStart, start).trim() === '' && lineEnd >= 0 && text.slice(end, lineEnd).trim() === ''
  if (isAlone) return text.slice(0, lineStart) + text.slice(lineEnd + 1)
  const blanks = /^[ \t]*/.exec(text.slice(end))?.[0].length ?? 0
  return text.slice(0, start) + text.slice(end + blanks)
}

/** Blanks at the beginning of the line a place stands on. */
function indentAt(text: string, offset: number): string {
  const lineStart = text.lastIndexOf('\n', offset - 1) + 1
  return /^[ \t]*/.exec(text.slice(lineStart, offset))?.[0] ?? ''
}

function isFirstOnLine(text: string, offset: number): boolean {
  return text.slice(text.lastIndexOf('\n', offset - 1) + 1, offset).trim() === ''
}

/** One level of indentation, as the first indented line has it. */
function unitOf(text: string): string {
  return /\n([ \t]+)"/.exec(text)?.[1] ?? '  '
}

/** Lists of short texts stay on one line, as people write them. */
function write(value: unknown, indent: string, text: string): string {
  const eol = `${lineEndOf(text)}${indent}`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value) && value.every((each) => typeof each !== 'object')) {
    const inline = writeInline(value)
    if (indent.length + inline.length <= LINE) return inline
  }
  const inner = indent + unitOf(text)
  const members = Array.isArray(value)
    ? value.map((each: unknown) => write(each, inner, text))
    : Object.entries(value).filter(([, each]) => each !== undefined).map(([key, each]) => `${JSON.stringify(key)}: ${write(each, inner, text)}`)
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}']
  return members.length === 0 ? open + close : `${open}${members.map((member) => eol + unitOf(text) + member).join(',')}${eol}${close}`
}

/** On one line, with the blanks people put there. */
function writeInline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(writeInline).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).filter(([, each]) => each !== undefined).map(([key, each]) => `${JSON.stringify(key)}: ${writeInline(each)}`)
  return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`
}
