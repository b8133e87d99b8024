// A LangChain agent's tools from mcpctl: connects to the gateway, lists the tools, calls one. No model, no key.
//   node main.mjs [URL] [TOOL] [ARGUMENTS as JSON]     default: http://127.0.0.1:7420/mcp everything__echo '{"message":"hello"}'
import { MultiServerMCPClient } from '@langchain/mcp-adapters'

const [url = 'http://127.0.0.1:7420/mcp', name = 'everything__echo', input = '{"message":"hello"}'] = process.argv.slice(2)
const token = process.env.MCP_GATEWAY_TOKEN

const client = new MultiServerMCPClient({
  throwOnLoadError: true,
  // The gateway has put the server's name in front already.
  prefixToolNameWithServerName: false,
  mcpServers: { mcpctl: { transport: 'http', url, ...(token ? { headers: { Authorization: `Bearer ${token}` } } : {}) } },
})
try {
  // What an agent is given: createAgent({ model, tools }).
  const tools = await client.getTools()
  for (const tool of tools) console.log(`${tool.name}  ${tool.description.split('\n')[0]}`)
  const tool = tools.find((candidate) => candidate.name === name)
  if (tool === undefined) throw new Error(`the gateway at ${url} has no tool ${name}`)
  console.log(`\n${name}: ${JSON.stringify(await tool.invoke(JSON.parse(input)))}`)
} finally {
  await client.close()
}
