import type { Node, ParseError, SyntaxKind } from 'jsonc-parser'
import type * as parserModule from 'jsonc-parser'
import type { SourceDocument } from './document.js'
import { formatPath, type Path } from './path.js'
import type { Position, Problem } from './problem.js'
import { MAX_DEPTH, positionAt, syntaxError, tooDeep } from './syntax.js'

type Parser = typeof parserModule

const MEANING: Readonly<Record<string, string>> = {
  InvalidSymbol: 'this is not JSON (names and texts stand in double quotes)',
  InvalidNumberFormat: 'this is not a number',
  PropertyNameExpected: 'the name of a field in double quotes is expected',
  ValueExpected: 'a value is expected',
  ColonExpected: 'a colon is expected',
  CommaExpected: 'a comma is expected',
  CloseBraceExpected: 'a closing brace is missing',
  CloseBracketExpected: 'a closing bracket is missing',
  EndOfFileExpected: 'nothing more is expected after the end of the object',
  UnexpectedEndOfComment: 'a comment is not closed',
  UnexpectedEndOfString: 'a text is not closed',
  UnexpectedEndOfNumber: 'a number is not complete',
  InvalidUnicode: 'a \\u needs four hexadecimal digits',
  InvalidEscapeCharacter: 'an escape like this does not exist (write a backslash as \\\\)',
  InvalidCharacter: 'this character is not allowed here',
}

/** Reads JSON, with comments and trailing commas. Throws CONFIG_SYNTAX; duplicate keys become problems. */
export async function readJson(file: string, text: string): Promise<SourceDocument> {
  const parser = await import('jsonc-parser')
  const root = parse(parser, file, text)
  const problems: Problem[] = []
  const data = toValue(root, [], (key, path, places) => {
    problems.push(duplicateKey(file, path, key, { first: positionAt(text, places.first), second: positionAt(text, places.second) }))
  })
  return {
    file,
    data,
    files: [file],
    problems,
    locate: (path) => {
      const node = parser.findNodeAtLocation(root, [...path])
      return node && positionAt(text, (node.parent?.type === 'property' ? node.parent : node).offset)
    },
  }
}

function parse(parser: Parser, file: string, text: string): Node {
  if (text.trim() === '') throw syntaxError(file, text, { message: 'the file is empty' })
  checkDepth(parser, file, text)
  const errors: ParseError[] = []
  const root = parser.parseTree(text, errors, { allowTrailingComma: true })
  const [first] = errors
  if (first !== undefined || !root) {
    const name = first === undefined ? 'ValueExpected' : parser.printParseErrorCode(first.error)
    throw syntaxError(file, text, { message: MEANING[name] ?? name, position: positionAt(text, first?.offset ?? 0) })
  }
  return root
}

/** The kinds of token that open and close a level, as the scanner numbers them. */
const OPEN: ReadonlySet<number> = new Set<SyntaxKind>([1, 3])
const CLOSE: ReadonlySet<number> = new Set<SyntaxKind>([2, 4])
const END = 17 satisfies SyntaxKind

function checkDepth(parser: Parser, file: string, text: string): void {
  const scanner = parser.createScanner(text, true)
  let depth = 0
  for (let token: number = scanner.scan(); token !== END; token = scanner.scan()) {
    if (OPEN.has(token) && ++depth > MAX_DEPTH) throw tooDeep(file, text, scanner.getTokenOffset())
    if (CLOSE.has(token)) depth--
  }
}

type OnDuplicate = (key: string, path: Path, places: { first: number; second: number }) => void

function toValue(node: Node, path: Path, onDuplicate: OnDuplicate): unknown {
  if (node.type === 'array') return (node.children ?? []).map((child, index) => toValue(child, [...path, index], onDuplicate))
  if (node.type !== 'object') return node.value
  const seen = new Map<string, number>()
  const entries: [string, unknown][] = []
  for (const property of node.children ?? []) {
    const [keyNode, valueNode] = property.children ?? []
    if (typeof keyNode?.value !== 'string' || !valueNode) continue
    const key = keyNode.value
    const first = seen.get(key)
    if (first === undefined) seen.set(key, keyNode.offset)
    else onDuplicate(key, [...path, key], { first, second: keyNode.offset })
    entries.push([key, toValue(valueNode, [...path, key], onDuplicate)])
  }
  return Object.fromEntries(entries)
}

/** The problem of a key that is given twice in one object: the later one would silently win. */
export function duplicateKey(file: string, path: Path, key: string, places: { first: Position; second: Position }): Problem {
  const { first, second } = places
  const field = formatPath(path)
  return {
    file,
    ...second,
    field,
    message: `${field} is there twice: at ${first.line}:${first.column} and at ${second.line}:${second.column}`,
    hint: `Remove or rename one of the two ${JSON.stringify(key.slice(0, 80))}.`,
  }
}
