import { resolve } from 'node:path'
import type { Transport } from '../core/index.js'
import { CLIENT_FIELDS, isRecord, nameTable } from '../config/index.js'
import type { ClientId } from './client.js'
import { translateText, type Translation } from './reference.js'

/** A server of a client in the words of mcpctl's own configuration. */
export interface Draft {
  readonly command?: string
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly envFile?: string
  readonly cwd?: string
  readonly url?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly transport?: Transport
  readonly enabled: boolean
  /** Everything else that is ours: as it stands there. */
  readonly more: Readonly<Record<string, unknown>>
}

/** What an entry is when it is no server that could be run. */
export interface NoServer {
  readonly reason: string
}

const HANDLED = new Set(['command', 'args', 'env', 'envFile', 'cwd', 'url', 'httpUrl', 'serverUrl', 'uri', 'headers', 'http_headers', 'type', 'transport', 'enabled', 'disabled', 'x-mcpctl',
  'env_vars', 'bearer_token_env_var', 'env_http_headers', 'startup_timeout_sec', 'startup_timeout_ms', 'includeTools', 'excludeTools', 'enabled_tools', 'disabled_tools', 'enabledTools', 'disabledTools'])
const ALLOW = ['includeTools', 'enabled_tools', 'enabledTools']
const DENY = ['excludeTools', 'disabled_tools', 'disabledTools']
/** What is lost by leaving it out, for people. */
const LOST: Readonly<Record<string, string>> = {
  oauth: 'its sign-in (oauth) is not carried over', auth: 'its sign-in (auth) is not carried over', headersHelper: 'headersHelper is not carried over: headers have to be stated',
  sandboxEnabled: 'the sandbox of VS Code is not carried over', dev: 'the development mode of VS Code is not carried over',
}

/**
 * Translates one entry of a client's file. References stay references; what cannot be kept is noted in `translation`.
 * A value of a wrong kind makes the whole entry unusable: nothing is guessed.
 */
export function toDraft(raw: unknown, client: ClientId | null, translation: Translation): Draft | NoServer {
  if (!isRecord(raw)) return { reason: 'it is not an object' }
  if (isExtension(raw)) return { reason: 'it belongs to an extension of the client' }
  try {
    return translate(raw, client, translation)
  } catch (error) {
    if (error instanceof WrongKind) return { reason: error.message }
    throw error
  }
}

class WrongKind extends Error {}

/** Zed: it only configures a server that an extension brings along. */
function isExtension(raw: Record<string, unknown>): boolean {
  return !('command' in raw) && !('url' in raw) && (raw['source'] === 'extension' || 'settings' in raw)
}

function translate(raw: Record<string, unknown>, client: ClientId | null, translation: Translation): Draft | NoServer {
  const own = isRecord(raw['x-mcpctl']) ? raw['x-mcpctl'] : {}
  const text = (key: string): string | undefined => textOf(raw[key], key, translation)
  const urlKey = ['url', 'httpUrl', 'serverUrl', 'uri'].find((key) => raw[key] !== undefined)
  const command = commandOf(raw, translation)
  const url = urlKey === undefined ? undefined : text(urlKey)
  if (command === undefined && url === undefined) return { reason: 'it has neither a command nor a url' }
  if (url !== undefined && !/^https?:\/\/|\$\{/i.test(url)) return { reason: `its address is not http:// or https://, and nothing else is supported` }
  for (const [key, what] of Object.entries(LOST)) if (raw[key] !== undefined && raw[key] !== false) translation.notes.add(what)
  const draft = {
    ...(command && processFields(command, raw, translation)),
    url,
    headers: url === undefined ? undefined : headersOf(raw, translation),
    transport: transportOf(raw, client, urlKey),
    enabled: raw['enabled'] !== false && raw['disabled'] !== true,
    more: { ...moreOf(raw), ...own },
  }
  return Object.fromEntries(Object.entries(draft).filter(([, value]) => value !== undefined)) as unknown as Draft
}

/** A server of another project than the configuration's is run there. */
function processFields([command, ...first]: readonly string[], raw: Record<string, unknown>, translation: Translation) {
  const { project, folder } = translation
  const cwd = textOf(raw['cwd'], 'cwd', translation)
  return {
    command,
    args: [...first, ...textsOf(raw['args'], 'args', translation)],
    env: environmentOf(raw, translation),
    envFile: textOf(raw['envFile'], 'envFile', translation),
    // What begins with a reference or ~ is taken for a whole path.
    cwd: project === null || project === folder || /^(?:\$\{|~)/.test(cwd ?? '') ? cwd : resolve(project, cwd ?? '.'),
  }
}

/** Older Zed: an object with path and args. A list: program and arguments. */
function commandOf(raw: Record<string, unknown>, translation: Translation): string[] | undefined {
  const { command } = raw
  if (command === undefined || command === null) return undefined
  if (isRecord(command)) return [textOf(command['path'], 'command.path', translation) ?? '', ...textsOf(command['args'], 'command.args', translation)]
  if (Array.isArray(command)) return textsOf(command, 'command', translation)
  const text = textOf(command, 'command', translation) ?? ''
  if (text.trim() === '') throw new WrongKind('its command is empty')
  return [text]
}

function transportOf(raw: Record<string, unknown>, client: ClientId | null, urlKey: string | undefined): Transport | undefined {
  if (urlKey === undefined) return undefined
  const stated = raw['type'] ?? raw['transport']
  if (stated === 'sse') return 'sse'
  // Gemini CLI: `url` is the older transport, `httpUrl` the present one.
  if (client === 'gemini' && urlKey === 'url' && stated === undefined) return 'sse'
  return undefined
}

function environmentOf(raw: Record<string, unknown>, translation: Translation): Record<string, string> | undefined {
  const env = mapOf(isRecord(raw['command']) && raw['env'] === undefined ? raw['command']['env'] : raw['env'], 'env', translation)
  const passed = Array.isArray(raw['env_vars']) ? raw['env_vars'] : []
  for (const each of passed) {
    const name: unknown = isRecord(each) ? each['name'] : each
    // Codex passes it on when it is there and says nothing when it is not.
    if (typeof name === 'string' && name !== '' && env[name] === undefined) env[name] = translation.env[name] === undefined ? `\${${name}:-}` : `\${${name}}`
  }
  return Object.keys(env).length === 0 ? undefined : env
}

function headersOf(raw: Record<string, unknown>, translation: Translation): Record<string, string> | undefined {
  const headers = { ...mapOf(raw['headers'], 'headers', translation), ...mapOf(raw['http_headers'], 'http_headers', translation) }
  const reference = (name: string): string => translateText(`\${${name}}`, translation)
  const bearer = raw['bearer_token_env_var']
  if (typeof bearer === 'string') headers['Authorization'] = `Bearer ${reference(bearer)}`
  for (const [header, name] of Object.entries(mapOf(raw['env_http_headers'], 'env_http_headers', translation))) headers[header] = reference(name)
  return Object.keys(headers).length === 0 ? undefined : headers
}

function moreOf(raw: Record<string, unknown>): Record<string, unknown> {
  const more: Record<string, unknown> = {}
  const seconds = raw['startup_timeout_sec'] ?? (typeof raw['startup_timeout_ms'] === 'number' ? raw['startup_timeout_ms'] / 1000 : undefined)
  if (typeof seconds === 'number' && seconds > 0) more['startTimeout'] = seconds
  const allow = ALLOW.map((key) => raw[key]).find(Array.isArray)
  const deny = DENY.map((key) => raw[key]).find(Array.isArray)
  const tools = { ...(allow && { allow: patterns(allow) }), ...(deny && deny.length > 0 && { deny: patterns(deny) }) }
  if (Object.keys(tools).length > 0) more['tools'] = tools
  const known = nameTable('client')
  for (const [key, value] of Object.entries(raw)) if (!HANDLED.has(key) && !CLIENT_FIELDS.has(key) && known.has(key)) more[key] = value
  return more
}

/** Gemini CLI also takes `tool(arguments)`: the tool is what counts. */
function patterns(list: readonly unknown[]): string[] {
  return list.filter((each) => typeof each === 'string').map((each) => each.replace(/\(.*$/s, ''))
}

function textOf(value: unknown, key: string, translation: Translation): string | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (typeof value !== 'string') throw new WrongKind(`its ${key} is not a text`)
  return translateText(value, translation)
}

function textsOf(value: unknown, key: string, translation: Translation): string[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw new WrongKind(`its ${key} is not a list`)
  return value.map((each, index) => textOf(each, `${key}[${index}]`, translation) ?? '')
}

function mapOf(value: unknown, key: string, translation: Translation): Record<string, string> {
  if (value === undefined || value === null) return {}
  if (!isRecord(value)) throw new WrongKind(`its ${key} is not an object`)
  return Object.fromEntries(Object.entries(value).flatMap(([name, each]) => {
    const text = textOf(each, `${key}.${name}`, translation)
    return text === undefined ? [] : [[name, text]]
  }))
}
