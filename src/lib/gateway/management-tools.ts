import { McpctlError } from '../errors/index.js'
import type { JsonObject } from '../mcp/index.js'
import type { Access } from './access.js'
import type { LocalCaller, LocalTool } from './local-link.js'
import { defineLocalTool, READS, wrongArgument as wrong, type LocalToolShape } from './local-tool.js'
import type { AddedServer, ManagedServer, Management } from './management.js'
import { checkReach, type Resolve } from './reach.js'

export interface ManagementFacts {
  readonly management: Management
  readonly version: string
  /** Epoch ms. */
  readonly now: () => number
  /** Read anew with each call. */
  readonly allowCommands: () => boolean
  readonly resolve?: Resolve
}

const OPERATIONS = ['list', 'health', 'add', 'remove', 'enable', 'disable'] as const
const NAME = { type: 'string', description: 'Name of a server.' }
const SERVER_SCHEMA = {
  type: 'object',
  properties: {
    name: { type: 'string' }, url: { type: ['string', 'null'] }, enabled: { type: 'boolean' },
    health_status: { enum: ['unknown', 'healthy', 'unhealthy', 'error', 'proxy_error'] },
    last_check: { type: ['string', 'null'] }, tool_count: { type: 'integer' }, error_count: { type: 'integer' }, last_error: { type: ['string', 'null'] },
  },
  required: ['name', 'enabled', 'health_status', 'tool_count', 'error_count'],
}
const RESULT_SCHEMA = {
  type: 'object',
  properties: {
    success: { type: 'boolean' }, message: { type: 'string' }, error: { type: 'string' }, hint: { type: 'string' },
    servers: { type: 'array', items: SERVER_SCHEMA }, server: SERVER_SCHEMA, available_servers: { type: 'array', items: { type: 'string' } },
    total_count: { type: 'integer' }, enabled_count: { type: 'integer' }, healthy_count: { type: 'integer' },
  },
  required: ['success'],
}

/** The tools with which a client looks after the servers behind the gateway. */
export function createManagementTools(facts: ManagementFacts): LocalTool[] {
  return [
    tool({
      name: 'manage', title: 'Manage servers',
      description: 'Add, remove, list, enable or disable the MCP servers behind this proxy, or ask how they are. Changes take effect at once.',
      properties: {
        operation: { type: 'string', enum: OPERATIONS, description: 'What to do.' }, name: { ...NAME, description: 'Name of the server; not needed to list.' },
        url: { type: 'string', description: 'For add: where the server is (http or https).' },
        ...(facts.allowCommands() ? { command: { type: 'string', description: 'For add: the command of a local server, in place of url.' }, args: { type: 'array', items: { type: 'string' } } } : {}),
      },
      required: ['operation'], annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true },
    }, (args, caller) => manage(facts, args, caller)),
    tool({
      name: 'proxy_status', title: 'Status of the proxy', description: 'All servers behind this proxy: whether they are enabled and healthy, and how many tools they have.',
      properties: {}, annotations: READS,
    }, () => ({ success: true, proxy: { name: 'mcpctl', version: facts.version, timestamp: new Date(facts.now()).toISOString() }, ...summary(facts.management) })),
    tool({
      name: 'proxy_health', title: 'Health of the servers', description: 'Health of one server behind this proxy, or of all: last check, tool count, errors and the last error.',
      properties: { name: { ...NAME, description: 'Name of a server; all when left out.' } }, annotations: READS,
    }, ({ name }) => health(facts.management, name)),
  ]
}

function tool(shape: Omit<LocalToolShape, 'outputSchema'>, run: (args: JsonObject, caller: LocalCaller) => Promise<JsonObject> | JsonObject): LocalTool {
  return defineLocalTool({ ...shape, outputSchema: RESULT_SCHEMA }, run)
}

async function manage(facts: ManagementFacts, args: JsonObject, { access }: LocalCaller): Promise<JsonObject> {
  const { management } = facts
  const operation = OPERATIONS.find((each) => each === args['operation'])
  switch (operation) {
    case undefined: throw wrong(`"operation" has to be one of ${OPERATIONS.join(', ')}`)
    case 'list': return { success: true, ...summary(management) }
    case 'health': return health(management, args['name'])
    case 'add': {
      const server = await readAdded(facts, args, access)
      await management.add(server)
      return done(management, server.name, `Added server "${server.name}"`)
    }
    case 'remove': {
      const { name } = known(management, args['name'])
      await management.remove(name)
      return { success: true, message: `Removed server "${name}"`, ...counts(management.servers()) }
    }
    case 'enable':
    case 'disable': {
      const { name } = known(management, args['name'])
      await management.switch(name, operation === 'enable')
      return done(management, name, `${operation === 'enable' ? 'Enabled' : 'Disabled'} server "${name}"`)
    }
  }
}

async function readAdded({ management, allowCommands, resolve }: ManagementFacts, args: JsonObject, caller: Access): Promise<AddedServer> {
  const { name, url, command } = args
  if (typeof name !== 'string' || !/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name)) throw wrong('"name" has to be 1 to 63 letters, digits, ".", "_" and "-", beginning with a letter or digit')
  if (management.servers().some((server) => server.name.toLowerCase() === name.toLowerCase())) throw wrong(`there is a server "${name}" already`)
  if (command !== undefined) {
    if (!allowCommands()) throw new McpctlError('USAGE', 'only servers at a URL can be added from here', { hint: 'On the machine itself: mcpctl add NAME -- COMMAND; or set gateway.management.allowCommands.' })
    const list: unknown = args['args'] ?? []
    if (typeof command !== 'string' || command === '' || url !== undefined || !isTexts(list)) throw wrong('"command" has to be a text, "args" a list of texts, and there must be no "url" beside them')
    return { name, command, args: list }
  }
  if (typeof url !== 'string') throw wrong('"url" is needed: where the server is')
  return { name, url: await checkReach(url, caller.kind === 'local', resolve) }
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string')
}

function health(management: Management, name: unknown): JsonObject {
  if (name === undefined || name === null || name === '') return { success: true, ...summary(management) }
  return { success: true, server: show(known(management, name)), ...counts(management.servers()) }
}

function done(management: Management, name: string, message: string): JsonObject {
  const servers = management.servers()
  const server = servers.find((each) => each.name === name)
  return { success: true, message, ...(server === undefined ? {} : { server: show(server) }), ...counts(servers) }
}

function known(management: Management, name: unknown): ManagedServer {
  const servers = management.servers()
  const found = servers.find((server) => server.name === name)
  if (found !== undefined) return found
  const available = servers.map((server) => server.name)
  throw new McpctlError('SERVER_UNKNOWN', typeof name === 'string' && name !== '' ? `Server "${name.slice(0, 80)}" not found` : '"name" is needed: the name of a server', { details: { available } })
}

function summary(management: Management): JsonObject {
  const servers = management.servers()
  return { servers: servers.map(show), ...counts(servers) }
}

function counts(servers: readonly ManagedServer[]): JsonObject {
  return { total_count: servers.length, enabled_count: servers.filter(({ enabled }) => enabled).length, healthy_count: servers.filter(({ health: state }) => state === 'healthy').length }
}

function show({ name, url, enabled, health: state, lastCheck, toolCount, errorCount, lastError }: ManagedServer): JsonObject {
  return { name, url, enabled, health_status: state, last_check: lastCheck === null ? null : new Date(lastCheck).toISOString(), tool_count: toolCount, error_count: errorCount, last_error: lastError }
}
