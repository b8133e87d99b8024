import { defineVerb } from '../cli/index.js'

export const configSchemaVerb = defineVerb({
  id: 'config schema',
  summary: 'Print the JSON Schema of the configuration, for editors.',
  description: 'Made of the same tables the configuration is read by. The package has it as schema/mcpctl.schema.json; name that file under "$schema" in mcp.config.json, or print it to a place of your own.',
  examples: ['config schema', 'config schema > mcpctl.schema.json'],
  flags: {},
  run: async (_input, io) => {
    const { configSchema } = await import('../config/index.js')
    const schema = configSchema()
    if (!io.json) io.out(JSON.stringify(schema, null, 2))
    return { json: { schema } }
  },
})
