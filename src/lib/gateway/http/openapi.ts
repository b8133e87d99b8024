import { isJsonObject, type JsonObject } from '../../mcp/index.js'

const ERROR = { $ref: '#/components/responses/Error' }
const ERRORS = { '400': ERROR, '401': ERROR, '403': ERROR, '404': ERROR, '413': ERROR, '429': ERROR, '502': ERROR, '503': ERROR, '504': ERROR }

/** The REST face with a path for each of these tools (OpenAPI 3.1, whose schemas are those of JSON Schema 2020-12). `base` stands before each path. */
export function describeApi(tools: readonly unknown[], base: string): JsonObject {
  const calls = tools.filter(isJsonObject).map((tool): [string, JsonObject] => [`${base}/tools/${encodeURIComponent(String(tool['name']))}`, { post: describeCall(tool) }])
  return {
    openapi: '3.1.0',
    info: { title: 'mcpctl', version: '1', description: 'Tools of the MCP servers behind this gateway.' },
    paths: {
      [`${base}/tools`]: { get: describeGet('listTools', 'All tools, as their servers describe them', { tools: { type: 'array', items: { type: 'object' } }, total_count: { type: 'integer' } }) },
      [`${base}/servers`]: { get: describeGet('listServers', 'All servers and whether they are connected', { connected_servers: { type: 'integer' }, total_servers: { type: 'integer' }, servers: { type: 'object' } }) },
      ...Object.fromEntries(calls),
    },
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
      responses: { Error: { description: 'It came to nothing; `error.data` says why, and whether the tool may have run.', content: json({ type: 'object', properties: { success: { const: false }, error: { type: 'object' } } }) } },
    },
    security: [{}, { bearer: [] }],
  }
}

function describeGet(operationId: string, summary: string, properties: JsonObject): JsonObject {
  return { operationId, summary, responses: { '200': { description: 'What there is', content: json({ type: 'object', properties: { success: { const: true }, ...properties } }) }, '401': ERROR } }
}

function describeCall({ name, title, description, inputSchema, outputSchema }: JsonObject): JsonObject {
  const summary = typeof title === 'string' ? title : String(name)
  const result = isJsonObject(outputSchema) ? { type: 'object', properties: { structuredContent: rooted(outputSchema, name, 'output') } } : { type: 'object' }
  return {
    operationId: String(name),
    summary,
    ...(typeof description === 'string' ? { description } : {}),
    requestBody: { required: false, content: json(isJsonObject(inputSchema) ? rooted(inputSchema, name, 'input') : { type: 'object' }) },
    responses: { '200': { description: 'What the tool answered', content: json({ type: 'object', properties: { success: { type: 'boolean' }, isError: { type: 'boolean' }, result } }) }, ...ERRORS },
  }
}

/** References inside it mean itself and not this document. */
function rooted(schema: JsonObject, name: unknown, side: string): JsonObject {
  const { $schema: _dialect, ...rest } = schema
  return typeof rest['$id'] === 'string' ? rest : { $id: `urn:mcpctl:tool:${encodeURIComponent(String(name))}:${side}`, ...rest }
}

function json(schema: JsonObject): JsonObject {
  return { 'application/json': { schema } }
}
