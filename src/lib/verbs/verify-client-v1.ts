import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import { VERSION } from '../control/index.js'
import { collectComplaints, HARMLESS, readTool, VERIFY_NAME, type VerifyClient, type VerifyClientOptions } from './verify-client.js'

const MAX_PAGES = 1000

/** The official client of the first generation (`@modelcontextprotocol/sdk`): protocol versions up to 2025-11-25. */
export async function createVerifyClientV1({ front, timeoutMs, onAsked }: VerifyClientOptions): Promise<VerifyClient> {
  const [{ Client }, { CreateMessageRequestSchema, ElicitRequestSchema, ListRootsRequestSchema }] = await Promise.all([
    import('@modelcontextprotocol/sdk/client/index.js'),
    import('@modelcontextprotocol/sdk/types.js'),
  ])
  const client = new Client({ name: VERIFY_NAME, version: VERSION }, { capabilities: { roots: {}, elicitation: {}, sampling: {} } })
  client.setRequestHandler(ListRootsRequestSchema, () => (onAsked('roots/list'), HARMLESS.roots))
  client.setRequestHandler(ElicitRequestSchema, () => (onAsked('elicitation/create'), HARMLESS.elicitation))
  client.setRequestHandler(CreateMessageRequestSchema, () => (onAsked('sampling/createMessage'), HARMLESS.sampling))
  const { transport, complaints, protocolVersion } = await openTransport(front)
  const options = { timeout: timeoutMs }

  return {
    connect: async () => {
      await client.connect(transport, options)
      return protocolVersion() ?? 'a version up to 2025-11-25'
    },
    look: async () => ({
      tools: await readPages(async (page) => {
        const { tools, nextCursor } = await client.listTools(page, options)
        return { entries: tools.map(readTool), nextCursor }
      }),
      prompts: await readPages(async (page) => {
        const { prompts, nextCursor } = await client.listPrompts(page, options)
        return { entries: prompts.map((prompt) => prompt.name), nextCursor }
      }),
      resources: await readPages(async (page) => {
        const { resources, nextCursor } = await client.listResources(page, options)
        return { entries: resources.map((resource) => resource.uri), nextCursor }
      }),
      resourceTemplates: await readPages(async (page) => {
        const { resourceTemplates, nextCursor } = await client.listResourceTemplates(page, options)
        return { entries: resourceTemplates.map((template) => template.uriTemplate), nextCursor }
      }),
    }),
    callTool: async (name) => ({ isError: (await client.callTool({ name, arguments: {} }, undefined, options)).isError === true }),
    checkLife: async () => {
      await client.ping(options)
      return 'ping'
    },
    complaints,
    close: () => client.close(),
  }
}

async function openTransport(front: VerifyClientOptions['front']): Promise<{ transport: Transport; complaints: () => string; protocolVersion: () => string | undefined }> {
  if (front.type === 'stdio') {
    const { StdioClientTransport } = await import('@modelcontextprotocol/sdk/client/stdio.js')
    const transport: Transport = new StdioClientTransport({ command: front.command, args: [...front.args], env: front.env, cwd: front.cwd, stderr: 'pipe' })
    const { stderr } = transport as InstanceType<typeof StdioClientTransport>
    let agreed: string | undefined
    transport.setProtocolVersion = (version) => {
      agreed = version
    }
    return { transport, complaints: collectComplaints(stderr), protocolVersion: () => agreed }
  }
  const { StreamableHTTPClientTransport } = await import('@modelcontextprotocol/sdk/client/streamableHttp.js')
  const transport = new StreamableHTTPClientTransport(new URL(front.url), { requestInit: { headers: front.headers } })
  return { transport, complaints: () => '', protocolVersion: () => transport.protocolVersion }
}

async function readPages<T>(read: (page: { cursor: string } | undefined) => Promise<{ entries: T[]; nextCursor: string | undefined }>): Promise<T[]> {
  const entries: T[] = []
  let cursor: string | undefined
  for (let page = 0; page < MAX_PAGES; page++) {
    const result = await read(cursor === undefined ? undefined : { cursor })
    entries.push(...result.entries)
    cursor = result.nextCursor
    if (cursor === undefined) return entries
  }
  throw new Error(`a list does not end after ${MAX_PAGES} pages`)
}
