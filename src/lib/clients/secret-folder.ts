import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { McpctlError } from '../errors/index.js'
import { SECRET_FOLDER, type SecretFile } from './secret-value.js'
import { reasonOf } from './text-file.js'

/** The files of secrets beside a configuration, by name in lower case; null: one that cannot be read. */
export function readSecretFolder(folder: string): Map<string, string | null> {
  return new Map(namesIn(join(folder, SECRET_FOLDER)).map((name) => [name.toLowerCase(), contentOf(join(folder, SECRET_FOLDER, name))]))
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function contentOf(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return null
  }
}

/**
 * Writes secrets into files of their own (0600 in a folder 0700, which tells Git to leave it alone). A file that is there
 * already is never written over: its content is the same. Throws FILE_UNWRITABLE.
 */
export function writeSecrets(folder: string, secrets: readonly SecretFile[]): void {
  if (secrets.length === 0) return
  const place = join(folder, SECRET_FOLDER)
  try {
    mkdirSync(place, { recursive: true, mode: 0o700 })
    chmodSync(place, 0o700)
    const present = readSecretFolder(folder)
    if (!present.has('.gitignore')) writeFileSync(join(place, '.gitignore'), '*\n', { flag: 'wx' })
    for (const { file, value } of secrets) {
      if (present.get(file.toLowerCase()) === value) continue
      writeFileSync(join(place, file), value, { mode: 0o600, flag: 'wx' })
      present.set(file.toLowerCase(), value)
    }
  } catch (cause) {
    throw new McpctlError('FILE_UNWRITABLE', `cannot keep secrets in ${place}: ${reasonOf(cause)}`, { hint: 'Make the folder writable for you, or name another place with --output.', details: { folder: place }, cause })
  }
}
