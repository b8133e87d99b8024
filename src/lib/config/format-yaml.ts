import type { CST, Document, Node as YamlNode } from 'yaml'
import type * as parserModule from 'yaml'
import type { SourceDocument } from './document.js'
import { duplicateKey } from './format-json.js'
import type { Path } from './path.js'
import type { Position, Problem } from './problem.js'
import { MAX_DEPTH, positionAt, syntaxError, tooDeep } from './syntax.js'

type Parser = typeof parserModule

/** Reads YAML 1.2, with `<<` merging. Throws CONFIG_SYNTAX; duplicate keys become problems. */
export async function readYaml(file: string, text: string): Promise<SourceDocument> {
  const parser = await import('yaml')
  const document = parse(parser, file, text)
  return {
    file,
    data: toData(document, file, text),
    files: [file],
    problems: findDuplicates(parser, document, file, text),
    locate: (path) => locate(parser, document, text, path),
  }
}

function parse(parser: Parser, file: string, text: string): Document.Parsed {
  checkDepth(parser, file, text)
  const document = parser.parseDocument(text, { uniqueKeys: false, merge: true, prettyErrors: false, logLevel: 'error' })
  const [error] = document.errors
  if (error) throw syntaxError(file, text, { message: lowerFirst(error.message), position: positionAt(text, error.pos[0]), cause: error })
  if (document.contents === null) throw syntaxError(file, text, { message: 'the file is empty' })
  return document
}

/** Walks the syntax tree, which is built without recursion, before anything recurses into it. */
function checkDepth(parser: Parser, file: string, text: string): void {
  const todo: { token: CST.Token; depth: number }[] = []
  for (const token of new parser.Parser().parse(text)) todo.push({ token, depth: 0 })
  for (let next = todo.pop(); next; next = todo.pop()) {
    const { token, depth } = next
    if (depth > MAX_DEPTH) throw tooDeep(file, text, 'offset' in token ? token.offset : 0)
    if ('value' in token && token.type === 'document' && token.value) todo.push({ token: token.value, depth })
    if (!('items' in token)) continue
    for (const { key, value } of token.items) {
      if (key) todo.push({ token: key, depth: depth + 1 })
      if (value) todo.push({ token: value, depth: depth + 1 })
    }
  }
}

function toData(document: Document.Parsed, file: string, text: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 1000 }) as unknown
  } catch (cause) {
    // An alias to nothing, or so many of them that the file would unfold without end.
    if (!(cause instanceof ReferenceError)) throw cause
    throw syntaxError(file, text, { message: lowerFirst(cause.message), cause })
  }
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}

function findDuplicates(parser: Parser, document: Document.Parsed, file: string, text: string): Problem[] {
  const problems: Problem[] = []
  const visit = (node: unknown, path: Path): void => {
    if (parser.isSeq(node)) node.items.forEach((item, index) => visit(item, [...path, index]))
    if (!parser.isMap(node)) return
    const seen = new Map<string, Position>()
    for (const pair of node.items) {
      if (!parser.isScalar(pair.key)) continue
      const key = String(pair.key.value)
      const position = positionAt(text, pair.key.range?.[0] ?? 0)
      const first = seen.get(key)
      if (first === undefined) seen.set(key, position)
      else problems.push(duplicateKey(file, [...path, key], key, { first, second: position }))
      visit(pair.value, [...path, key])
    }
  }
  visit(document.contents, [])
  return problems
}

/** The place of the key for a field of a map, of the item for one of a list. */
function locate(parser: Parser, document: Document.Parsed, text: string, path: Path): Position | undefined {
  let node: unknown = document.contents
  let found: YamlNode | undefined
  for (const part of path) {
    if (parser.isAlias(node)) node = node.resolve(document)
    if (parser.isMap(node)) {
      const pair = node.items.find((item) => parser.isScalar(item.key) && String(item.key.value) === String(part))
      if (!pair || !parser.isScalar(pair.key)) return undefined
      found = pair.key
      node = pair.value
    } else if (parser.isSeq(node) && typeof part === 'number') {
      node = node.items[part]
      found = parser.isNode(node) ? node : undefined
    } else return undefined
  }
  return found?.range ? positionAt(text, found.range[0]) : undefined
}
