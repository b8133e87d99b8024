import type { HealthDocument } from '../core/index.js'
import { McpctlError } from '../errors/index.js'
import type { JsonObject } from '../mcp/index.js'
import type { LocalCaller, LocalTool } from './local-link.js'
import { defineLocalTool, READS, wrongArgument } from './local-tool.js'
import type { Management } from './management.js'
import { PAGE_PROPERTIES, PAGE_SCHEMA, pageOf, readPage } from './page.js'
import { toMatcher } from './tool-filter.js'

export interface UtilityFacts {
  readonly management: Pick<Management, 'health'>
  /** Epoch ms. */
  readonly now: () => number
}

const MAX_DESCRIPTION_CHARS = 400
const MAX_PATTERN_CHARS = 256
const FILTERS = {
  server: { type: 'string', description: 'Only of this server (or group).' },
  pattern: { type: 'string', description: 'Only names that fit; "*" stands for any text.' },
}
const TEXT = { type: 'string' }
const FAILURE = { error: TEXT, hint: TEXT, available_servers: { type: 'array', items: TEXT } }
const STATUS = { enum: ['healthy', 'degraded', 'unhealthy'] }
const METRICS = {
  type: 'object',
  properties: {
    memory_usage_mb: { type: ['number', 'null'] }, active_connections: { type: 'integer' }, request_count: { type: 'integer' }, error_count: { type: 'integer' },
    error_rate: { type: 'number' }, average_response_time_ms: { type: 'number' }, circuit_breaker_state: { enum: ['closed', 'open', 'half-open'] },
  },
}
const SERVER = { server_name: TEXT, status: STATUS, group: TEXT, uptime_seconds: { type: 'integer' }, metrics: METRICS }
const TOOL = {
  type: 'object', required: ['name', 'server'],
  properties: { name: TEXT, server: { type: ['string', 'null'] }, title: TEXT, description: TEXT, annotations: { type: 'object' }, input_schema: { type: 'object' }, output_schema: { type: 'object' } },
}

/** The tools with which a client looks at what it can reach: its tools, and how the servers behind them are. They change nothing. */
export function createUtilityTools(facts: UtilityFacts): LocalTool[] {
  return [
    defineLocalTool({
      name: 'get_available_tools', title: 'Find tools', annotations: READS,
      description: 'The tools you can call through this proxy, by server or name. Descriptions are cut; include_schemas shows what a tool takes.',
      properties: { ...FILTERS, include_schemas: { type: 'boolean', description: 'Show input and output schemas as well.' }, ...PAGE_PROPERTIES },
      outputSchema: schemaOf({ tools: { type: 'array', items: TOOL } }),
    }, (args, caller) => listTools(args, caller)),
    defineLocalTool({
      name: 'get_server_metrics', title: 'Figures of the servers', annotations: READS,
      description: 'Requests, errors, response times, memory and breaker state of the servers behind this proxy. Counts are since it started, rates and times of the last five minutes.',
      properties: { ...FILTERS, ...PAGE_PROPERTIES },
      outputSchema: schemaOf({ timestamp: TEXT, servers: { type: 'array', items: { type: 'object', properties: SERVER } } }),
    }, async (args, caller) => {
      const { documents, page } = await lookAt(facts, args, caller)
      return { success: true, timestamp: timeOf(facts), servers: documents.map(({ server_name, status, group, uptime_seconds, metrics }) => ({ server_name, status, ...(group === undefined ? {} : { group }), uptime_seconds, metrics })), ...page }
    }),
    defineLocalTool({
      name: 'health_check', title: 'Check the servers', annotations: READS,
      description: 'Whether the servers behind this proxy are healthy, degraded or unhealthy, all together and one by one, and what they depend on.',
      properties: { ...FILTERS, ...PAGE_PROPERTIES },
      outputSchema: schemaOf({ status: STATUS, timestamp: TEXT, healthy_count: { type: 'integer' }, servers: { type: 'array', items: { type: 'object', properties: { ...SERVER, version: { type: ['string', 'null'] }, timestamp: TEXT, dependencies: { type: 'object' } } } } }),
    }, async (args, caller) => {
      const { status, healthyCount, documents, page } = await lookAt(facts, args, caller)
      return { success: true, status, timestamp: timeOf(facts), servers: documents, healthy_count: healthyCount, ...page }
    }),
  ]
}

function schemaOf(properties: JsonObject): JsonObject {
  return { type: 'object', required: ['success'], properties: { success: { type: 'boolean' }, ...properties, ...PAGE_SCHEMA, ...FAILURE } }
}

function timeOf({ now }: UtilityFacts): string {
  return new Date(now()).toISOString()
}

function listTools(args: JsonObject, { sight }: LocalCaller): JsonObject {
  const page = readPage(args)
  const server = readFilter(args, 'server')
  const fits = readPattern(args)
  const seen = sight?.tools() ?? []
  if (server !== null && !seen.some((tool) => tool.server === server)) requireKnown(server, (sight?.servers() ?? []).map(({ name }) => name))
  const found = seen.filter((tool) => (server === null || tool.server === server) && fits(String(tool.definition['name'])))
  const { items, facts } = pageOf(found.map((tool) => () => showTool(tool.definition, tool.server, args['include_schemas'] === true)), page)
  return { success: true, tools: items, ...facts }
}

function showTool({ name, title, description, annotations, inputSchema, outputSchema }: JsonObject, server: string | null, hasSchemas: boolean): JsonObject {
  const text = typeof description === 'string' ? description : null
  return {
    name, server,
    ...(typeof title === 'string' ? { title } : {}),
    ...(text === null ? {} : { description: text.length <= MAX_DESCRIPTION_CHARS ? text : `${text.slice(0, MAX_DESCRIPTION_CHARS)}…` }),
    ...(annotations === undefined ? {} : { annotations }),
    ...(hasSchemas && inputSchema !== undefined ? { input_schema: inputSchema } : {}),
    ...(hasSchemas && outputSchema !== undefined ? { output_schema: outputSchema } : {}),
  }
}

type Shown = HealthDocument & { readonly group?: string }

async function lookAt({ management }: UtilityFacts, args: JsonObject, { sight }: LocalCaller) {
  const range = readPage(args)
  const wanted = readFilter(args, 'server')
  const fits = readPattern(args)
  const seen = (sight?.servers() ?? []).flatMap(({ name, members }) => members.map((member) => ({ name, member })))
  const isMeant = ({ name, member }: { name: string; member: string }): boolean => wanted === null || name === wanted || member === wanted
  if (wanted !== null && !seen.some(isMeant)) requireKnown(wanted, [...new Set(seen.map(({ name }) => name))])
  const found = new Map(seen.filter((each) => isMeant(each) && (fits(each.name) || fits(each.member))).map(({ name, member }) => [member, name]))
  const { status, servers } = await management.health(new Set(found.keys()))
  const documents = servers.map((document): Shown => {
    const group = found.get(document.server_name)
    return group === undefined || group === document.server_name ? document : { ...document, group }
  })
  const { items, facts } = pageOf(documents.map((document) => () => document), range)
  return { status, healthyCount: servers.filter((server) => server.status === 'healthy').length, documents: items, page: facts }
}

function readFilter(args: JsonObject, name: string): string | null {
  const value = args[name]
  if (value === undefined || value === null || value === '') return null
  if (typeof value !== 'string') throw wrongArgument(`"${name}" has to be a text`)
  return value
}

function readPattern(args: JsonObject): (name: string) => boolean {
  const pattern = readFilter(args, 'pattern')
  if (pattern === null) return () => true
  if (pattern.length > MAX_PATTERN_CHARS) throw wrongArgument(`"pattern" is longer than ${MAX_PATTERN_CHARS} characters`)
  return toMatcher(pattern)
}

/** Throws SERVER_UNKNOWN for a name that is not among these. */
function requireKnown(name: string, available: readonly string[]): void {
  if (!available.includes(name)) throw new McpctlError('SERVER_UNKNOWN', `Server "${name.slice(0, 80)}" not found`, { details: { available } })
}
