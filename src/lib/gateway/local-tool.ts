import { McpctlError } from '../errors/index.js'
import type { JsonObject } from '../mcp/index.js'
import type { LocalCaller, LocalTool } from './local-link.js'

export interface LocalToolShape {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly properties: JsonObject
  readonly required?: readonly string[]
  readonly annotations: JsonObject
  readonly outputSchema: JsonObject
}

export const READS: JsonObject = { readOnlyHint: true, openWorldHint: false }

/**
 * One of the gateway's own tools. Its result is the same document as text and as `structuredContent`; `success: false`
 * with the sentence and the hint of an McpctlError, and with the names there are when one is unknown.
 */
export function defineLocalTool({ name, title, description, properties, required = [], annotations, outputSchema }: LocalToolShape, run: (args: JsonObject, caller: LocalCaller) => Promise<JsonObject> | JsonObject): LocalTool {
  const inputSchema = { type: 'object', properties, ...(required.length === 0 ? {} : { required }), additionalProperties: false }
  return {
    definition: { name, title, description, inputSchema, outputSchema, annotations },
    async call(args, caller) {
      const result = await attempt(() => run(args, caller))
      return { content: [{ type: 'text', text: JSON.stringify(result, null, 2) }], structuredContent: result, isError: result['success'] !== true }
    },
  }
}

async function attempt(run: () => Promise<JsonObject> | JsonObject): Promise<JsonObject> {
  try {
    return await run()
  } catch (error) {
    if (!(error instanceof McpctlError)) throw error
    const available = error.details['available']
    return { success: false, error: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }), ...(available === undefined ? {} : { available_servers: available }) }
  }
}

/** What its caller got wrong. */
export function wrongArgument(message: string, hint?: string): McpctlError {
  return new McpctlError('USAGE', message, hint === undefined ? {} : { hint })
}
