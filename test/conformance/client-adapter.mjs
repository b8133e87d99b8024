// mcpctl's link to a server, as the client the suite judges: `node client-adapter.mjs URL`.
// It uses everything the server offers, once, whatever the scenario: the link has to get all of it right by itself.
// Only what a client's user would do is done here: arguments, and answers to the server's questions.
import { openHttpLink } from '../../dist/lib/mcp/index.js'

const TIMEOUT_MS = 15_000
const MAX_ROUNDS = 5
const capabilities = { elicitation: {}, sampling: {}, roots: {} }
const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value)

/** A value for each property a schema wants; its default where it has one. */
function fill(schema) {
  const properties = isObject(schema?.properties) ? schema.properties : {}
  return Object.fromEntries(Object.entries(properties).map(([key, property]) => [key, valueFor(property)]))
}

function valueFor(property) {
  if (property.default !== undefined) return property.default
  if (Array.isArray(property.enum)) return property.enum[0]
  return { string: 'text', number: 2, integer: 2, boolean: true, array: [], object: {}, null: null }[property.type] ?? 'text'
}

/** What a friendly user and a simple model say. */
function answerTo({ method, params }) {
  if (method === 'elicitation/create') return { action: 'accept', content: fill(params.requestedSchema) }
  if (method === 'sampling/createMessage') return { role: 'assistant', content: { type: 'text', text: 'hello' }, model: 'none', stopReason: 'endTurn' }
  if (method === 'roots/list') return { roots: [] }
  return undefined
}

/** Sends a request, and again with answers as long as the server wants input. */
async function ask(link, method, params) {
  let result = await link.request(method, params, { timeoutMs: TIMEOUT_MS })
  for (let round = 0; result?.resultType === 'input_required' && round < MAX_ROUNDS; round++) {
    const inputResponses = Object.fromEntries(Object.entries(result.inputRequests ?? {}).map(([key, request]) => [key, answerTo(request)]))
    const { requestState } = result
    result = await link.request(method, { ...params, inputResponses, ...(requestState === undefined ? {} : { requestState }) }, { timeoutMs: TIMEOUT_MS })
  }
  return result
}

/** The calls the scenario wants made, or one of each tool. */
function callsFor(tools) {
  const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? '{}')
  if (Array.isArray(context.toolCalls)) return context.toolCalls
  return tools.map(({ name, inputSchema }) => ({ name, arguments: fill(inputSchema) }))
}

const link = await openHttpLink({
  client: { name: 'mcpctl-conformance', version: '1.0.0', capabilities },
  url: process.argv.at(-1),
  headers: {},
  transport: 'http',
  onRequest: (request) => {
    const answer = answerTo(request)
    return answer === undefined ? undefined : Promise.resolve(answer)
  },
})
try {
  const { catalogue } = await link.establish({ era: 'auto', remembered: null, now: Date.now, signal: AbortSignal.timeout(TIMEOUT_MS) })
  for (const { name, arguments: args } of callsFor(catalogue.tools)) await ask(link, 'tools/call', { name, arguments: args })
  for (const { uri } of catalogue.resources) await ask(link, 'resources/read', { uri })
  for (const { name } of catalogue.prompts) await ask(link, 'prompts/get', { name })
  await link.ping({ timeoutMs: TIMEOUT_MS })
} finally {
  link.close()
}
