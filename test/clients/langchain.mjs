// @langchain/mcp-adapters as an agent uses it: connects, lists, calls one tool, and prints what it saw as JSON.
//   node langchain.mjs CONNECTION TOOL ARGUMENTS     (each JSON; CONNECTION as in `mcpServers`)
import { MultiServerMCPClient } from '@langchain/mcp-adapters'

const [connection, name, input] = [JSON.parse(process.argv[2]), process.argv[3], JSON.parse(process.argv[4])]
const client = new MultiServerMCPClient({ throwOnLoadError: true, prefixToolNameWithServerName: false, mcpServers: { mcpctl: connection } })
try {
  const tools = await client.getTools()
  const tool = tools.find((candidate) => candidate.name === name)
  const answer = await tool.invoke(input)
  console.log(JSON.stringify({ tools: tools.map((candidate) => candidate.name), answer }))
} finally {
  await client.close()
}
