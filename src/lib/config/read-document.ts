import { statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { extname } from 'node:path'
import { McpctlError } from '../errors/index.js'
import type { ReadOptions, SourceDocument } from './document.js'
import { describeFailure, errorCode } from './failure.js'
import { readCode } from './format-code.js'
import { readJson } from './format-json.js'
import { readToml } from './format-toml.js'
import { readYaml } from './format-yaml.js'

const MAX_FILE_BYTES = 16 * 1024 ** 2

const READERS: Readonly<Record<string, (file: string, text: string, options: ReadOptions) => Promise<SourceDocument>>> = {
  '.json': readJson, '.jsonc': readJson,
  '.yaml': readYaml, '.yml': readYaml,
  '.toml': readToml,
  '.ts': readCode, '.mts': readCode, '.cts': readCode, '.js': readCode, '.mjs': readCode, '.cjs': readCode,
}

/** Whether the file is code: it can say anything, so it is always in our own format. */
export function isCodeFile(file: string): boolean {
  return READERS[extname(file).toLowerCase()] === readCode
}

/**
 * Reads one configuration file; its extension decides the format. Throws CONFIG_NOT_FOUND, CONFIG_UNREADABLE,
 * CONFIG_SYNTAX (with file:line:column and the line) or, for code, CONFIG_EVALUATION.
 */
export async function readDocument(file: string, options: ReadOptions): Promise<SourceDocument> {
  options.onFile(file)
  const read = READERS[extname(file).toLowerCase()]
  const text = await readText(file)
  if (!read) {
    throw new McpctlError('CONFIG_SYNTAX', `${file}: the extension does not tell the format`, {
      hint: `Name the file with one of ${Object.keys(READERS).join(' ')}.`,
      details: { file },
    })
  }
  return read(file, text, options)
}

async function readText(file: string): Promise<string> {
  let bytes: Buffer
  try {
    const stat = statSync(file)
    if (stat.isDirectory()) throw new Error('it is a folder, not a file')
    if (!stat.isFile()) throw new Error('it is not a regular file')
    if (stat.size > MAX_FILE_BYTES) throw new Error('it is larger than 16M')
    bytes = await readFile(file)
  } catch (error) {
    throw unreadable(file, error)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new McpctlError('CONFIG_SYNTAX', `${file}: the file is not UTF-8 text`, { hint: 'Save it with the encoding UTF-8.', details: { file }, cause })
  }
}

function unreadable(file: string, cause: unknown): McpctlError {
  const code = errorCode(cause)
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new McpctlError('CONFIG_NOT_FOUND', `there is no configuration file ${file}`, {
      hint: 'Check the path given with --config or MCP_CONFIG.',
      details: { file },
      cause,
    })
  }
  return new McpctlError('CONFIG_UNREADABLE', `cannot read ${file}: ${describeFailure(cause)}`, {
    hint: code === 'EACCES' || code === 'EPERM' ? `Give yourself the right to read it: chmod u+r ${file}` : 'Name a configuration file with --config.',
    details: { file, ...(code === undefined ? {} : { cause: code }) },
    cause,
  })
}
