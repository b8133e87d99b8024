import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { sortMembers } from '../base/index.js'
import { integrityOf } from '../base/integrity.js'
import { canonicalDefinition, type DefinitionKind, type PinSpec } from '../core/index.js'
import { McpctlError } from '../errors/index.js'
import { errorCode } from './failure.js'
import { isRecord } from './kind.js'

export const LOCK_NAME = 'mcp.lock'
const LOCK_VERSION = 1

/** One tool or prompt as it was when it was locked. */
export interface LockedDefinition {
  /** SHA-256 of the definition in canonical form. */
  readonly hash: string
  /** Without its name, which is its key. */
  readonly definition: Readonly<Record<string, unknown>>
}

export interface LockedServer {
  /** The npm package it is started from; `integrity` is what npm wrote down when it installed it, null when nothing was found. */
  readonly package: { readonly name: string; readonly version: string; readonly integrity: string | null } | null
  /** Another program of this machine: its name (relative to the lock where it stands beside it) and the SHA-256 of the file. */
  readonly program: { readonly file: string; readonly integrity: string } | null
  readonly tools: Readonly<Record<string, LockedDefinition>>
  readonly prompts: Readonly<Record<string, LockedDefinition>>
}

/** What servers were when somebody looked at them; beside the configuration, and meant to be kept with it. */
export interface LockFile {
  readonly servers: Readonly<Record<string, LockedServer>>
}

/** Where the lock of the servers of this configuration file is, or would be. */
export function lockBeside(source: string): string {
  return join(dirname(source), LOCK_NAME)
}

/** Null when there is none. Throws CONFIG_UNREADABLE, CONFIG_SYNTAX, or CONFIG_INVALID when it does not say what it seems to. */
export function readLock(file: string): LockFile | null {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return null
    throw new McpctlError('CONFIG_UNREADABLE', `${file} cannot be read: ${String(error)}`, { hint: 'Correct its permissions, or remove it to take the servers as they are.', details: { file }, cause: error })
  }
  return parseLock(text, file)
}

/** The names a server may have in the lock, best first: copies of one server (`search@1`, `search@2`) stand there once. */
export function lockNames(server: string): readonly string[] {
  const base = server.replace(/@\d+$/, '')
  return base === server ? [server] : [server, base]
}

/** What the lock says of a server; null when it does not know it. */
export function lockedServer(lock: LockFile, server: string): LockedServer | null {
  for (const name of lockNames(server)) if (Object.hasOwn(lock.servers, name)) return lock.servers[name] ?? null
  return null
}

export function pinsOf({ tools, prompts }: LockedServer): PinSpec {
  const hashes = (locked: Readonly<Record<string, LockedDefinition>>): Record<string, string> => Object.fromEntries(Object.entries(locked).map(([name, { hash }]) => [name, hash]))
  return { tools: hashes(tools), prompts: hashes(prompts) }
}

/** The same text for the same content, in which a change of one definition changes its own lines only. */
export function writeLock({ servers }: LockFile): string {
  const shown = Object.fromEntries(Object.entries(servers).map(([name, { package: from, program, tools, prompts }]) => [name, {
    ...(from === null ? {} : { package: from }), ...(program === null ? {} : { program }), tools, ...(Object.keys(prompts).length === 0 ? {} : { prompts }),
  }]))
  return `${JSON.stringify(sortMembers({ lockVersion: LOCK_VERSION, servers: shown }), null, 2)}\n`
}

export function parseLock(text: string, file: string): LockFile {
  let lock: unknown
  try {
    lock = JSON.parse(text)
  } catch (error) {
    const conflict = /^(?:<{7}|={7}|>{7})/m.test(text)
    throw new McpctlError('CONFIG_SYNTAX', `${file} is not valid JSON: ${error instanceof Error ? error.message : String(error)}`, {
      hint: conflict ? 'It holds marks of a merge conflict: resolve them, then compare with mcpctl lock --check.' : 'Restore it, or remove it and write it anew: mcpctl lock', details: { file }, cause: error,
    })
  }
  const version = isRecord(lock) ? lock['lockVersion'] : undefined
  if (typeof version === 'number' && version > LOCK_VERSION) throw invalid(file, `it is of version ${version}, and this mcpctl reads version ${LOCK_VERSION}`, 'Use a newer mcpctl.')
  if (!isRecord(lock) || version !== LOCK_VERSION || !isRecord(lock['servers'])) throw invalid(file, 'it is not a lock: "lockVersion": 1 and "servers" are missing')
  return { servers: Object.fromEntries(Object.entries(lock['servers']).map(([name, server]) => [name, readServer(server, { file, at: `servers.${name}` })])) }
}

interface Place {
  readonly file: string
  readonly at: string
}

function readServer(value: unknown, place: Place): LockedServer {
  if (!isRecord(value)) throw invalid(place.file, `${place.at} is no object`)
  const { package: from, program } = value
  return {
    package: isRecord(from) && typeof from['name'] === 'string' && typeof from['version'] === 'string'
      ? { name: from['name'], version: from['version'], integrity: typeof from['integrity'] === 'string' ? from['integrity'] : null } : null,
    program: isRecord(program) && typeof program['file'] === 'string' && typeof program['integrity'] === 'string' ? { file: program['file'], integrity: program['integrity'] } : null,
    tools: readDefinitions('tool', value['tools'], { ...place, at: `${place.at}.tools` }),
    prompts: readDefinitions('prompt', value['prompts'], { ...place, at: `${place.at}.prompts` }),
  }
}

/** The text of a definition is what people review, its hash what counts: the two must say the same. */
function readDefinitions(kind: DefinitionKind, value: unknown, { file, at }: Place): Record<string, LockedDefinition> {
  if (value === undefined) return {}
  if (!isRecord(value)) throw invalid(file, `${at} is no object`)
  return Object.fromEntries(Object.entries(value).map(([name, locked]): [string, LockedDefinition] => {
    const [hash, definition] = isRecord(locked) ? [locked['hash'], locked['definition']] : []
    if (typeof hash !== 'string' || !isRecord(definition)) throw invalid(file, `${at}.${name} needs "hash" and "definition"`)
    if (integrityOf(canonicalDefinition(kind, { ...definition, name })) !== hash) throw invalid(file, `${at}.${name}: the hash is not that of the definition beside it`)
    return [name, { hash, definition }]
  }))
}

function invalid(file: string, why: string, hint = 'Restore it, or look at what the servers say now and write it anew: mcpctl lock'): McpctlError {
  return new McpctlError('CONFIG_INVALID', `${file}: ${why}`, { hint, details: { file } })
}
