import { SERVER_FIELDS, nameTable } from './field.js'
import { objectOf } from './field-group.js'
import { GATEWAY_FIELDS } from './gateway-field.js'
import { GROUP_SCHEMA } from './group-field.js'
import { PROFILE_SCHEMA } from './profile.js'
import type { Schema } from './schema-part.js'
import { OWN_KEY } from './server-entry.js'
import { NAME } from './server-name.js'
import { ROOT_KEYS, type OwnBlock } from './shape.js'
import { NEEDS_COMMAND, NEEDS_URL } from './transport.js'

/**
 * The JSON Schema (draft 2020-12, https://json-schema.org/draft/2020-12/schema) of configurations in our own format, made of
 * the tables they are read by. It accepts whatever is accepted when it is loaded; what only the surroundings decide
 * (variables, files, names of other servers, how long "5m" is) it does not refuse.
 */
export function configSchema(): Schema {
  const servers: Schema = { type: 'object', description: 'The servers by name.', propertyNames: { pattern: NAME.source }, additionalProperties: { $ref: '#/$defs/server' } }
  const blocks: Record<OwnBlock, Schema> = {
    defaults: { $ref: '#/$defs/defaults' },
    groups: { type: 'object', description: 'Servers that stand in for each other, by the name clients see.', propertyNames: { pattern: NAME.source }, additionalProperties: GROUP_SCHEMA },
    gateway: { $ref: '#/$defs/gateway' },
    profiles: { type: 'object', description: 'Choices of servers for clients, by name.', propertyNames: { pattern: NAME.source }, additionalProperties: PROFILE_SCHEMA },
  }
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'mcpctl configuration',
    description: 'What mcp.config.json, .yaml and .toml may say; mcp.config.ts has types of its own.',
    type: 'object',
    properties: {
      $schema: { type: 'string' },
      ...Object.fromEntries(ROOT_KEYS.map((key) => [key, servers])),
      ...blocks,
      [OWN_KEY]: { type: 'object', properties: blocks, additionalProperties: false },
    },
    patternProperties: { '^x-': true },
    additionalProperties: false,
    // Two lists of servers are one too many.
    not: { anyOf: pairs(ROOT_KEYS).map((required) => ({ required })) },
    $defs: { ...fieldSchemas(), server: serverSchema(), defaults: entrySchema(true), gateway: { description: 'How clients reach the servers.', ...objectOf(GATEWAY_FIELDS) } },
  }
}

/** A server: with a command or an address, and nothing that belongs to the other. */
function serverSchema(): Schema {
  const urls = ['url', ...(SERVER_FIELDS.url.aliases ?? [])]
  const own = nameTable('own')
  const needsUrl = Object.fromEntries(NEEDS_URL.filter((name) => own.has(name)).map((name) => [name, { anyOf: urls.map((key) => ({ required: [key] })) }]))
  return {
    description: 'A process to start, an address to speak to, or both.',
    ...entrySchema(false),
    // What stands under x-mcpctl counts too: then it cannot be seen here.
    if: { required: [OWN_KEY] },
    else: {
      anyOf: ['command', ...urls].map((key) => ({ required: [key] })),
      dependentRequired: Object.fromEntries(NEEDS_COMMAND.filter((name) => own.has(name)).map((name) => [name, ['command']])),
      dependentSchemas: needsUrl,
    },
  }
}

/** Each field of a server once, under its own name. */
function fieldSchemas(): Record<string, Schema> {
  const names = new Set(nameTable('own').values())
  return Object.fromEntries([...names].map((name) => [fieldKey(name), { description: SERVER_FIELDS[name].summary, ...SERVER_FIELDS[name].kind.schema }]))
}

function fieldKey(name: string): string {
  return `field.${name}`
}

/** The fields of a server, or of `defaults`, beside each other and under `x-mcpctl`. */
function entrySchema(isDefaults: boolean): Schema {
  const fields = [...nameTable('own')].filter(([, name]) => !isDefaults || SERVER_FIELDS[name].inDefaults === true)
  const properties = Object.fromEntries(fields.map(([key, name]) => [key, { $ref: `#/$defs/${fieldKey(name)}` }]))
  const own: Schema = { type: 'object', properties, additionalProperties: false }
  return { ...own, properties: { ...properties, [OWN_KEY]: own } }
}

function pairs(names: readonly string[]): [string, string][] {
  return names.flatMap((first, index) => names.slice(index + 1).map((second): [string, string] => [first, second]))
}
