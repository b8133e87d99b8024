import type { SourceDocument } from './document.js'
import { MAX_DEPTH, syntaxError } from './syntax.js'

/** Reads TOML 1.0. Throws CONFIG_SYNTAX, which includes duplicate keys. The parser keeps no positions of values. */
export async function readToml(file: string, text: string): Promise<SourceDocument> {
  const { parse, TomlError } = await import('smol-toml')
  try {
    return { file, data: parse(text, { maxDepth: MAX_DEPTH }), files: [file], problems: [], locate: () => undefined }
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause
    const [summary = ''] = cause.message.split('\n')
    throw syntaxError(file, text, {
      message: summary.replace(/^Invalid TOML document: /, ''),
      position: { line: cause.line, column: cause.column },
      cause,
    })
  }
}
