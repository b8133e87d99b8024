import { nearest } from '../base/index.js'
import { McpctlError } from '../errors/index.js'
import { findPlace, knownKeys, look, place, schemaOf, type Occupant } from './call-key.js'
import { readValue, typesOf, type Schema } from './call-value.js'

/**
 * The arguments of a call out of words like `path=/tmp` and the tool's `inputSchema` (JSON Schema): each value becomes
 * what its property asks for. A key given again adds to a list; `filter.name=x` reaches into an object. Throws USAGE that names the key, the value and the
 * way out; what only the server can judge is left to it.
 */
export function readArguments(words: readonly string[], tool: { readonly name: string; readonly inputSchema: unknown }): Record<string, unknown> {
  const schema = schemaOf(tool.inputSchema)
  const properties = schemaOf(schema['properties'])
  let given: Record<string, unknown> = {}
  for (const word of words) {
    const { key, text } = splitWord(word)
    const found = findPlace(key, schema)
    if (found === null) throw unknownKey(key, tool.name, knownKeys(key, schema))
    const before = look(given, found.path)
    const value = before.state === 'blocked' ? undefined : addTo(before, text, found.property)
    if (value === undefined) throw wrongValue(key, text, found.property, before.state !== 'free')
    given = place(given, found.path, value.value)
  }
  const required = Array.isArray(schema['required']) ? schema['required'].filter((name): name is string => typeof name === 'string') : []
  const missing = required.filter((name) => !Object.hasOwn(given, name))
  if (missing.length > 0) throw missingKeys(missing, tool.name, properties)
  return given
}

/** `--args` as a whole. Throws USAGE when the text is no JSON object. */
export function parseArguments(text: string, from: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new McpctlError('USAGE', `${from} is not valid JSON: ${error instanceof Error ? error.message : String(error)}`, { hint: `Write an object in quotes, such as --args '{"path":"/tmp"}'.`, details: { from }, cause: error })
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new McpctlError('USAGE', `${from} has to be a JSON object, not ${value === null ? 'null' : Array.isArray(value) ? 'a list' : `a ${typeof value}`}`, { hint: `Write an object in quotes, such as --args '{"path":"/tmp"}'.`, details: { from } })
}

function splitWord(word: string): { key: string; text: string } {
  const at = word.indexOf('=')
  if (at > 0) return { key: word.slice(0, at), text: word.slice(at + 1) }
  throw new McpctlError('USAGE', `${JSON.stringify(word)} is not KEY=VALUE`, { hint: `Write arguments as path=/tmp, or all of them as --args '{"path":"/tmp"}'.`, details: { argument: word } })
}

/** The value to store, or undefined when the text does not fit. */
function addTo(before: Occupant, text: string, property: Schema): { value: unknown } | undefined {
  if (before.state !== 'taken') return readValue(text, property)
  if (!typesOf(property).has('array')) return undefined
  const item = readValue(text, { type: 'array', items: property['items'] })
  return item === undefined || !Array.isArray(before.value) || !Array.isArray(item.value) ? undefined : { value: [...(before.value as unknown[]), ...(item.value as unknown[])] }
}

function unknownKey(key: string, tool: string, known: readonly string[]): McpctlError {
  const head = key.slice(0, key.lastIndexOf('.') + 1)
  // Beside names with the same beginning, only the ends tell them apart.
  const beside = known.filter((name) => head !== '' && name.startsWith(head))
  const close = beside.length > 0 ? nearest(key.slice(head.length), beside.map((name) => name.slice(head.length))).map((name) => head + name) : nearest(key, known)
  const all = known.length > 0 ? `It takes ${known.join(', ')}.` : 'It takes no arguments.'
  return new McpctlError('USAGE', `tool "${tool}" has no argument "${key}"`, { hint: close.length > 0 ? `Did you mean ${close.join(' or ')}?` : all, details: { tool, argument: key, suggestions: close } })
}

function wrongValue(key: string, text: string, property: Schema, isAgain: boolean): McpctlError {
  const details = { argument: key, value: text }
  if (isAgain && !typesOf(property).has('array')) return new McpctlError('USAGE', `argument "${key}" is given twice`, { hint: 'Only lists take several values.', details })
  const options = Array.isArray(property['enum']) ? property['enum'].map((option) => (typeof option === 'string' ? option : JSON.stringify(option))) : []
  if (options.length > 0) {
    const close = nearest(text, options)
    return new McpctlError('USAGE', `argument "${key}": ${JSON.stringify(text)} is none of ${options.slice(0, 20).join(', ')}`, { hint: close.length > 0 ? `Did you mean ${close.join(' or ')}?` : `Write one of them, as in ${key}=${options[0]}.`, details })
  }
  return new McpctlError('USAGE', `argument "${key}": ${JSON.stringify(text)} is not ${describe(property)}`, { hint: `Write it as JSON, such as ${key}=${exampleOf(property)}.`, details })
}

function missingKeys(missing: readonly string[], tool: string, properties: Schema): McpctlError {
  const shown = missing.map((name) => `${name} (${describe(schemaOf(Object.hasOwn(properties, name) ? properties[name] : undefined))})`)
  return new McpctlError('USAGE', `tool "${tool}" needs ${shown.join(', ')}`, { hint: `Add ${missing.map((name) => `${name}=…`).join(' ')}`, details: { tool, missing } })
}

const WORDS: Readonly<Record<string, string>> = { string: 'text', number: 'a number', integer: 'a whole number', boolean: 'true or false', array: 'a list', object: 'an object', null: 'null' }
const EXAMPLES: Readonly<Record<string, string>> = { number: '1.5', integer: '3', boolean: 'true', array: `'[1,2]'`, object: `'{"a":1}'`, null: 'null' }

function describe(property: Schema): string {
  const words = [...typesOf(property)].map((type) => WORDS[type]).filter((word) => word !== undefined)
  return words.length > 0 ? words.join(' or ') : 'any value'
}

function exampleOf(property: Schema): string {
  return [...typesOf(property)].map((type) => EXAMPLES[type]).find((example) => example !== undefined) ?? '1'
}
