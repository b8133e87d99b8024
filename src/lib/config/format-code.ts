import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Jiti } from 'jiti'
import { formatDuration } from '../base/index.js'
import { McpctlError } from '../errors/index.js'
import { collectImports } from './code-import.js'
import { defineConfig } from './define.js'
import type { ReadOptions, SourceDocument } from './document.js'
import { formatPlace, type Position } from './problem.js'
import { syntaxError } from './syntax.js'

/**
 * Loads a configuration that is code (TypeScript or JavaScript) through a fresh jiti without caches, so that a changed
 * sibling is never stale and no file is written. The default export may be an object, a promise, or a function
 * returning either; `import 'mcpctl'` reaches this very installation. Throws CONFIG_SYNTAX or CONFIG_EVALUATION,
 * the latter also when loading has not finished after `evaluationTimeoutMs` (a loop that never yields cannot be stopped).
 */
export async function readCode(file: string, text: string, options: ReadOptions): Promise<SourceDocument> {
  if (text.trim() === '') throw syntaxError(file, text, { message: 'the file is empty' })
  const { createJiti } = await import('jiti')
  const transformed = new Set<string>()
  const plain = createJiti(file, { fsCache: false, moduleCache: false, interopDefault: false })
  const jiti = createJiti(file, {
    fsCache: false,
    moduleCache: false,
    interopDefault: false,
    virtualModules: { mcpctl: { defineConfig } },
    transform: (source) => {
      if (source.filename !== undefined) transformed.add(source.filename)
      return { code: plain.transform(source) }
    },
  })
  const data = await withinTime(() => evaluate(jiti, file, text), file, options.evaluationTimeoutMs).catch((error: unknown) => {
    for (const path of listFiles(file, transformed, plain)) options.onFile(path)
    throw describeFailedLoad(file, text, error)
  })
  return { file, data, files: listFiles(file, transformed, plain), problems: [], locate: () => undefined }
}

/** Node keeps what it imported by itself, as it does ES modules, for as long as the process lives: a second time they are compiled anew. */
const imported = new Set<string>()

async function evaluate(jiti: Jiti, file: string, text: string): Promise<unknown> {
  const isKept = imported.has(file)
  imported.add(file)
  const loaded: unknown = isKept ? await jiti.evalModule(text, { filename: file, async: true, forceTranspile: true }) : await jiti.import(file)
  let value = defaultExport(loaded, file)
  if (typeof value === 'function') value = (value as () => unknown)()
  value = await value
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw evaluationError(file, 'its default export is not an object', 'Write: export default defineConfig({ servers: { ... } })')
  }
  return value
}

function defaultExport(loaded: unknown, file: string): unknown {
  if (typeof loaded === 'function') return loaded
  const keys = typeof loaded === 'object' && loaded !== null ? Object.keys(loaded) : []
  if (keys.includes('default')) return (loaded as { default: unknown }).default
  // A CommonJS module is its own value.
  if (keys.length > 0) return loaded
  throw evaluationError(file, 'it exports nothing', 'Write: export default defineConfig({ servers: { ... } })')
}

async function withinTime<T>(work: () => Promise<T>, file: string, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    // Holds the process on purpose: without it a file that waits for nothing would end the program silently.
    timer = setTimeout(() => {
      const message = `it did not finish loading within ${formatDuration(timeoutMs)}`
      reject(evaluationError(file, message, 'Look for an await on something that never happens, or write the values down.'))
    }, timeoutMs)
  })
  try {
    return await Promise.race([work(), late])
  } finally {
    clearTimeout(timer)
  }
}

function evaluationError(file: string, message: string, hint: string): McpctlError {
  return new McpctlError('CONFIG_EVALUATION', `${file}: ${message}`, { hint, details: { file } })
}

function describeFailedLoad(file: string, text: string, error: unknown): McpctlError {
  if (error instanceof McpctlError) return error
  const syntax = findSyntaxError(error)
  if (syntax) {
    const source = syntax.file === file ? text : readFileSync(syntax.file, 'utf8')
    return syntaxError(syntax.file, source, { message: syntax.message, position: syntax.position, cause: error })
  }
  const message = error instanceof Error ? error.message.split('\nRequire stack:')[0] : `threw ${String(error)}`
  const position = findFrame(error, file)
  return new McpctlError('CONFIG_EVALUATION', `${formatPlace(file, position)}: ${message}`, {
    hint: 'The configuration file is code and it failed; correct it, then check with: mcpctl config validate',
    details: { file, ...position },
    cause: error,
  })
}

interface FoundSyntaxError {
  readonly file: string
  readonly message: string
  readonly position: Position | undefined
}

/** jiti's transpiler says "ParseError: message, file:line:column"; Node puts file:line on the first line of the stack. */
function findSyntaxError(error: unknown): FoundSyntaxError | undefined {
  if (!(error instanceof Error)) return undefined
  const parse = /ParseError: ([^\n]*)\n\s*(.+):(\d+):(\d+)\s*$/.exec(error.message)
  if (parse) return { message: (parse[1] ?? '').trim(), file: parse[2] ?? '', position: { line: Number(parse[3]), column: Number(parse[4]) } }
  const native = error.name === 'SyntaxError' ? /^(file:\/\/)?(\/[^\n]+|[A-Za-z]:[^\n]+):(\d+)\n([^\n]*)\n( *)\^/.exec(error.stack ?? '') : null
  if (!native) return undefined
  const file = native[1] === undefined ? (native[2] ?? '') : fileURLToPath(`file://${native[2] ?? ''}`)
  return { message: error.message, file, position: { line: Number(native[3]), column: (native[5] ?? '').length + 1 } }
}

/** The place in the configuration file itself where the error came from. */
function findFrame(error: unknown, file: string): Position | undefined {
  if (!(error instanceof Error)) return undefined
  for (const line of (error.stack ?? '').split('\n')) {
    const at = line.indexOf(`${file}:`)
    const match = at < 0 ? null : /^(\d+):(\d+)/.exec(line.slice(at + file.length + 1))
    if (match) return { line: Number(match[1]), column: Number(match[2]) }
  }
  return undefined
}

function listFiles(file: string, transformed: ReadonlySet<string>, jiti: Jiti): string[] {
  const all = new Set([file, ...collectImports(file, (specifier, from) => resolveImport(jiti, specifier, from)), ...transformed])
  return [...all].filter((path) => !/[\\/]node_modules[\\/]/.test(path))
}

function resolveImport(jiti: Jiti, specifier: string, from: string): string | undefined {
  const url = jiti.esmResolve(specifier, { parentURL: from, try: true })
  return url?.startsWith('file:') === true ? fileURLToPath(url) : undefined
}
