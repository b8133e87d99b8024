/** One statement of a TOML text: a table's header or a key with its value. */
export interface TomlStatement {
  readonly kind: 'header' | 'pair'
  /** Of a pair: with the path of its table in front. */
  readonly path: readonly string[]
  /** Of the line it begins on. */
  readonly start: number
  /** Behind the end of the line it ends on. */
  readonly end: number
}

/**
 * The statements of a text that is known to be valid TOML 1.0 (https://toml.io/en/v1.0.0), with the lines they stand on.
 * Comments and blank lines belong to none. Linear in the length of the text.
 */
export function scanToml(text: string): TomlStatement[] {
  const statements: TomlStatement[] = []
  let table: readonly string[] = []
  let at = 0
  while (at < text.length) {
    const start = at
    at = skipBlanks(text, at)
    const first = text[at]
    if (first === undefined) break
    if (first === '\n' || first === '\r' || first === '#') {
      at = nextLine(text, at)
      continue
    }
    const isHeader = first === '['
    const key = readKey(text, isHeader ? at + (text[at + 1] === '[' ? 2 : 1) : at)
    at = nextLine(text, isHeader ? key.end : skipValue(text, key.end))
    if (isHeader) table = key.path
    statements.push({ kind: isHeader ? 'header' : 'pair', path: isHeader ? table : [...table, ...key.path], start, end: at })
  }
  return statements
}

function skipBlanks(text: string, from: number): number {
  let at = from
  while (text[at] === ' ' || text[at] === '\t') at++
  return at
}

function nextLine(text: string, from: number): number {
  const end = text.indexOf('\n', from)
  return end < 0 ? text.length : end + 1
}

/** A key with dots; ends behind its `=` or at its `]`. */
function readKey(text: string, from: number): { path: string[]; end: number } {
  const path: string[] = []
  let at = from
  for (;;) {
    at = skipBlanks(text, at)
    const quote = text[at]
    if (quote === '"' || quote === "'") {
      const end = skipString(text, at)
      path.push(quote === '"' ? unescapeKey(text.slice(at, end)) : text.slice(at + 1, end - 1))
      at = end
    } else {
      const bare = /^[A-Za-z0-9_-]+/.exec(text.slice(at, at + 1000))?.[0] ?? ''
      path.push(bare)
      at += bare.length
    }
    at = skipBlanks(text, at)
    if (text[at] !== '.') return { path, end: at + 1 }
    at++
  }
}

function unescapeKey(quoted: string): string {
  try {
    return String(JSON.parse(quoted.replace(/\\U([0-9A-Fa-f]{8})/g, (_, digits: string) => String.fromCodePoint(parseInt(digits, 16)))))
  } catch {
    return quoted.slice(1, -1)
  }
}

/** Behind the string that begins here: basic or literal, of one line or several. */
function skipString(text: string, from: number): number {
  const quote = text[from] ?? ''
  const triple = quote.repeat(3)
  const isLong = text.startsWith(triple, from)
  const mark = isLong ? triple : quote
  let at = from + mark.length
  while (at < text.length) {
    if (quote === '"' && text[at] === '\\') at += 2
    else if (text.startsWith(mark, at)) {
      at += mark.length
      // Up to two quotes may stand right before the closing three.
      while (isLong && text[at] === quote) at++
      return at
    } else at++
  }
  return at
}

/** Behind the value: at the end of its last line, a comment included. */
function skipValue(text: string, from: number): number {
  let depth = 0
  let at = from
  while (at < text.length) {
    const char = text[at]
    if (char === '"' || char === "'") {
      at = skipString(text, at)
      continue
    }
    if (char === '[' || char === '{') depth++
    else if (char === ']' || char === '}') depth--
    else if (char === '#') at = Math.max(at, lineEnd(text, at) - 1)
    else if (char === '\n' && depth <= 0) return at
    at++
  }
  return at
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from)
  return end < 0 ? text.length : end
}
