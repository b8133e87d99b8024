import type { Transport } from '@modelcontextprotocol/client'
import { VERSION } from '../control/index.js'
import { collectComplaints, HARMLESS, readTool, VERIFY_NAME, type VerifyClient, type VerifyClientOptions } from './verify-client.js'

/** Nothing older will do: what has to be shown is that the modern generation is served. */
const MODERN_VERSION = '2026-07-28'

/** The official client of the second generation (`@modelcontextprotocol/client`), held to protocol version 2026-07-28. */
export async function createVerifyClientV2({ front, timeoutMs, onAsked }: VerifyClientOptions): Promise<VerifyClient> {
  const { Client } = await import('@modelcontextprotocol/client')
  const client = new Client({ name: VERIFY_NAME, version: VERSION }, { capabilities: { roots: {}, elicitation: {}, sampling: {} }, versionNegotiation: { mode: { pin: MODERN_VERSION } } })
  client.setRequestHandler('roots/list', () => (onAsked('roots/list'), HARMLESS.roots))
  client.setRequestHandler('elicitation/create', () => (onAsked('elicitation/create'), HARMLESS.elicitation))
  client.setRequestHandler('sampling/createMessage', () => (onAsked('sampling/createMessage'), HARMLESS.sampling))
  const { transport, complaints } = await openTransport(front)
  const options = { timeout: timeoutMs }

  return {
    connect: async () => {
      await client.connect(transport, options)
      return client.getNegotiatedProtocolVersion() ?? MODERN_VERSION
    },
    look: async () => ({
      tools: (await client.listTools(undefined, options)).tools.map(readTool),
      prompts: (await client.listPrompts(undefined, options)).prompts.map((prompt) => prompt.name),
      resources: (await client.listResources(undefined, options)).resources.map((resource) => resource.uri),
      resourceTemplates: (await client.listResourceTemplates(undefined, options)).resourceTemplates.map((template) => template.uriTemplate),
    }),
    callTool: async (name) => ({ isError: (await client.callTool({ name, arguments: {} }, options)).isError === true }),
    checkLife: async () => {
      await client.discover(options)
      return 'server/discover'
    },
    complaints,
    close: () => client.close(),
  }
}

async function openTransport(front: VerifyClientOptions['front']): Promise<{ transport: Transport; complaints: () => string }> {
  if (front.type === 'stdio') {
    const { StdioClientTransport } = await import('@modelcontextprotocol/client/stdio')
    const transport = new StdioClientTransport({ command: front.command, args: [...front.args], env: front.env, cwd: front.cwd, stderr: 'pipe' })
    return { transport, complaints: collectComplaints(transport.stderr) }
  }
  const { StreamableHTTPClientTransport } = await import('@modelcontextprotocol/client')
  return { transport: new StreamableHTTPClientTransport(new URL(front.url), { requestInit: { headers: front.headers } }), complaints: () => '' }
}
