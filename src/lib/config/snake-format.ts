import { nearest } from '../base/index.js'
import type { SourceDocument } from './document.js'
import { isRecord } from './kind.js'
import { formatPath, type Path } from './path.js'
import { formatPlace, type Problem } from './problem.js'
import { describeKind } from './secret.js'

/*
 * Configurations of the multi-server manager with `global_settings` and snake_case keys, as they stand: read as if they were
 * written in our own words. Everything is either taken over or told.
 */

/** Keys of a server that only this format has, and where their values go. `max_retries`: reconnects until it counts as failed. */
const SERVER_KEYS: Readonly<Record<string, Path>> = {
  health_check_interval: ['health', 'interval'],
  max_retries: ['restart', 'intensity', 'restarts'],
  timeout: ['timeouts', 'total'],
}

/** The same for `global_settings`. */
const GLOBAL_KEYS: Readonly<Record<string, Path>> = {
  default_timeout: ['defaults', 'timeouts', 'total'],
  max_concurrent_connections: ['gateway', 'concurrency', 'max'],
  reconnect_delay: ['defaults', 'restart', 'backoff', 'initial'],
  'circuit_breaker.failure_threshold': ['defaults', 'breaker', 'failures'],
  'circuit_breaker.recovery_timeout': ['defaults', 'breaker', 'recovery'],
  'circuit_breaker.half_open_max_calls': ['defaults', 'breaker', 'trials'],
}

/** Said in words of their own. */
const SPECIAL_KEYS = ['health_check_enabled', 'log_level', 'metrics_enabled', 'circuit_breaker'] as const

type Draft = Record<string, unknown>

/** Names come from outside: one may be `__proto__`. */
const emptyDraft = (): Draft => Object.create(null) as Draft

/** A copy that may be added to; what is no plain object stays what it is. */
function copyOf(value: Record<string, unknown>): Draft {
  return Object.assign(emptyDraft(), Object.fromEntries(Object.entries(value).map(([key, each]) => [key, isRecord(each) ? copyOf(each) : each])))
}

/** What is being made of the document: values in our words, and where each was written. */
class Translation {
  readonly data: Draft
  readonly problems: Problem[] = []
  readonly warnings: string[] = []
  readonly #document: SourceDocument
  readonly #written = new Map<string, Path>()

  constructor(document: SourceDocument, own: Record<string, unknown>) {
    this.#document = document
    this.data = copyOf(own)
  }

  /** What is there already stays: our own words win. */
  put(path: Path, value: unknown, from: Path): void {
    let draft = this.data
    for (const key of path.slice(0, -1)) {
      const inner = draft[key]
      const next: Draft = isRecord(inner) ? inner : emptyDraft()
      if (inner === undefined) draft[key] = next
      draft = next
    }
    draft[String(path.at(-1))] ??= value
    this.#written.set(JSON.stringify(path), from)
  }

  problem(path: Path, message: string, hint: string): void {
    this.problems.push({ file: this.#document.file, ...this.#document.locate(path), field: formatPath(path), message: `${formatPath(path)} ${message}`, hint })
  }

  warn(path: Path, message: string): void {
    this.warnings.push(`${formatPlace(this.#document.file, this.#document.locate(path))}: ${formatPath(path)} ${message}`)
  }

  /** The place of a value is where it was written, in the words of its author. */
  readonly locate: SourceDocument['locate'] = (path) => {
    for (let length = path.length; length > 0; length--) {
      const from = this.#written.get(JSON.stringify(path.slice(0, length)))
      if (from) return this.#document.locate([...from, ...path.slice(length)])
    }
    return this.#document.locate(path)
  }
}

/** The document in our own words when it is written in those of this format, else as it is. */
export function fromSnakeFormat(document: SourceDocument): SourceDocument {
  const { data } = document
  if (!isRecord(data) || !isSnakeFormat(data)) return document
  const { global_settings: global, servers, ...rest } = data
  const translation = new Translation(document, rest)
  if (global !== undefined) translateGlobal(global, translation)
  for (const [name, entry, from] of listServers(servers, translation)) translateServer(name, entry, from, translation)
  return {
    ...document,
    data: translation.data,
    locate: translation.locate,
    problems: [...document.problems, ...translation.problems],
    warnings: [...(document.warnings ?? []), ...translation.warnings],
  }
}

function isSnakeFormat({ global_settings: global, servers }: Record<string, unknown>): boolean {
  if (global !== undefined) return servers !== undefined
  if (Array.isArray(servers)) return servers.some(isRecord)
  const entries = isRecord(servers) ? Object.values(servers) : []
  return entries.some((entry) => isRecord(entry) && ('health_check_interval' in entry || 'max_retries' in entry))
}

/** A list of objects with `name`, or an object by name. */
function listServers(servers: unknown, translation: Translation): [string, unknown, Path][] {
  translation.data['servers'] = Array.isArray(servers) || isRecord(servers) ? emptyDraft() : servers
  if (isRecord(servers)) return Object.entries(servers).map(([name, entry]) => [name, entry, ['servers', name]])
  if (!Array.isArray(servers)) return []
  const seen = new Set<string>()
  return servers.flatMap((entry: unknown, index): [string, unknown, Path][] => {
    const path: Path = ['servers', index]
    const name: unknown = isRecord(entry) ? entry['name'] : undefined
    if (typeof name !== 'string') {
      translation.problem(path, isRecord(entry) ? 'has no name' : `must be an object with a name, not ${describeKind(entry)}`, 'Write { "name": "main", "url": "http://127.0.0.1:8000/mcp" }.')
      return []
    }
    if (seen.has(name)) translation.problem([...path, 'name'], `is ${JSON.stringify(name.slice(0, 80))}, which another server is called`, 'Rename one of the two.')
    seen.add(name)
    return [[name, entry, path]]
  })
}

function translateServer(name: string, entry: unknown, from: Path, translation: Translation): void {
  translation.put(['servers', name], isRecord(entry) ? emptyDraft() : entry, from)
  if (!isRecord(entry)) return
  for (const [key, value] of Object.entries(entry)) {
    if (key === 'name' && value === name) continue
    // What is the same in both, or in neither, is read as it is.
    const target = Object.hasOwn(SERVER_KEYS, key) ? SERVER_KEYS[key] : undefined
    translation.put(['servers', name, ...(target ?? [key])], value, [...from, key])
  }
}

function translateGlobal(global: unknown, translation: Translation): void {
  const from: Path = ['global_settings']
  if (!isRecord(global)) return translation.problem(from, `must be an object, not ${describeKind(global)}`, 'Write global_settings: { default_timeout: 30 }.')
  for (const [key, value] of Object.entries(global)) {
    const target = Object.hasOwn(GLOBAL_KEYS, key) ? GLOBAL_KEYS[key] : undefined
    if (target) translation.put(target, value, [...from, key])
    else if (key === 'circuit_breaker') translateBreaker(value, [...from, key], translation)
    else if (!translateSpecial(key, value, translation)) rejectKey([...from, key], [...Object.keys(GLOBAL_KEYS).filter((each) => !each.includes('.')), ...SPECIAL_KEYS], translation)
  }
}

function translateBreaker(value: unknown, from: Path, translation: Translation): void {
  if (!isRecord(value)) return translation.problem(from, `must be an object, not ${describeKind(value)}`, 'Write circuit_breaker: { failure_threshold: 5, recovery_timeout: 30 }.')
  for (const [key, each] of Object.entries(value)) {
    const target = GLOBAL_KEYS[`circuit_breaker.${key}`]
    if (target) translation.put(target, each, [...from, key])
    else rejectKey([...from, key], ['failure_threshold', 'recovery_timeout', 'half_open_max_calls'], translation)
  }
}

/** What is no matter of another word. False: not known. */
function translateSpecial(key: string, value: unknown, translation: Translation): boolean {
  const from: Path = ['global_settings', key]
  if (key === 'health_check_enabled' || key === 'metrics_enabled') {
    if (typeof value !== 'boolean') translation.problem(from, `must be true or false, not ${describeKind(value)}`, 'Write true or false.')
    else if (key === 'health_check_enabled' && !value) translation.put(['defaults', 'health', 'probe'], 'none', from)
    else if (key === 'metrics_enabled' && !value) translation.warn(from, 'has no effect: figures are always kept, and shown on the port of the gateway only')
    return true
  }
  if (key !== 'log_level') return false
  translation.warn(from, 'has no effect: the level of the log of the daemon is set with MCP_LOG_LEVEL')
  return true
}

function rejectKey(path: Path, known: readonly string[], translation: Translation): void {
  const [guess] = nearest(String(path.at(-1)), known, 1)
  translation.problem(path, 'is not a known field', guess === undefined ? `Known fields here: ${known.join(', ')}.` : `Did you mean "${guess}"?`)
}
