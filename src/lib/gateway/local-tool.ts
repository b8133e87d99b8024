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

/** A document, with content beside it that cannot be told in it. */
export class WithBlocks {
  readonly document: JsonObject
  readonly blocks: readonly JsonObject[]

  constructor(document: JsonObject, blocks: readonly JsonObject[]) {
    this.document = document
    this.blocks = blocks
  }
}

type Run = (args: JsonObject, caller: LocalCaller) => Promise<JsonObject | WithBlocks> | JsonObject | WithBlocks

/**
 * One of the gateway's own tools. Its result is the same document as text and as `structuredContent`; `success: false`
 * with the sentence and the hint of an McpctlError, and with the names there are when one is unknown.
 */
export function defineLocalTool({ name, title, description, properties, required = [], annotations, outputSchema }: LocalToolShape, run: Run): LocalTool {
  const inputSchema = { type: 'object', properties, ...(required.length === 0 ? {} : { required }), additionalProperties: false }
  return {
    definition: { name, title, description, inputSchema, outputSchema, annotations },
    async call(args, caller) {
      const { document, blocks } = await attempt(() => run(args, caller))
      return { content: [{ type: 'text', text: JSON.stringify(document, null, 2) }, ...blocks], structuredContent: document, isError: document['success'] !== true }
    },
  }
}

async function attempt(run: () => ReturnType<Run>): Promise<WithBlocks> {
  try {
    const result = await run()
    return result instanceof WithBlocks ? result : new WithBlocks(result, [])
  } catch (error) {
    if (!(error instanceof McpctlError)) throw error
    const available = error.details['available']
    return new WithBlocks({ success: false, error: error.message, ...(error.hint === undefined ? {} : { hint: error.hint }), ...(available === undefined ? {} : { available_servers: available }) }, [])
  }
}

/** What its caller got wrong. */
export function wrongArgument(message: string, hint?: string): McpctlError {
  return new McpctlError('USAGE', message, hint === undefined ? {} : { hint })
}
