import { Client as ClientV2, StreamableHTTPClientTransport as TransportV2 } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { waitFor } from '../helpers/wait.js'
import { FakeSession, openFake, text, type Opened } from '../unit/gateway-http/fake-gateway.js'
import type { ClientMessage, Reply, Underway } from '../../src/lib/gateway/index.js'

/** Says enough for the official clients to be content. */
class Talking extends FakeSession {
  override receive(message: ClientMessage, reply: Reply): Underway | null {
    if (message.type !== 'request') return super.receive(message, reply)
    const { id, method, params } = message
    const answer = (result: unknown): null => {
      reply.answer([text({ jsonrpc: '2.0', id, result })], 200)
      return null
    }
    const capabilities = { tools: { listChanged: true } }
    if (method === 'initialize') {
      const protocolVersion = String(params?.['protocolVersion'])
      this.state = { protocolVersion, capabilities: {}, clientInfo: null, logLevel: null, subscriptions: [] }
      return answer({ protocolVersion, capabilities, serverInfo: { name: 'talking', version: '1' } })
    }
    if (method === 'server/discover') return answer({ resultType: 'complete', supportedVersions: ['2026-07-28'], capabilities, ttlMs: 0, cacheScope: 'private', _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'talking', version: '1' } } })
    if (method === 'tools/list') return answer({ resultType: 'complete', ttlMs: 0, cacheScope: 'private', tools: [{ name: 'a', inputSchema: { type: 'object', properties: {} } }] })
    return super.receive(message, reply)
  }
}

let fake: Opened
const closers: (() => Promise<unknown>)[] = []

beforeEach(async () => {
  fake = await openFake({ sse: true })
  fake.gateway.openSession = (options) => {
    const session = new Talking(options)
    fake.gateway.sessions.push(session)
    return session
  }
})
afterEach(async () => {
  for (const close of closers.splice(0)) await close().catch(() => undefined)
  await fake.front.close()
})

const RESULT = { resultType: 'complete', content: [{ type: 'text', text: 'done' }] }

/** `isHeard` tells that the client has the progress: the first generation forgets who wanted it as soon as it has read the answer. */
async function answerCall(isHeard: () => boolean): Promise<void> {
  const { reply, message } = await waitFor(() => fake.gateway.asked('tools/call'))
  const token = (message.params?.['_meta'] as { progressToken?: unknown } | undefined)?.progressToken
  if (token !== undefined) reply.send(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: token, progress: 1 } }))
  await waitFor(isHeard)
  reply.answer([text({ jsonrpc: '2.0', id: message.id, result: RESULT })], 200)
}

describe('the official clients', () => {
  it.each(['streamable', 'sse'])('of the first generation list, call and hear of changes over %s', async (kind) => {
    const transport = kind === 'sse' ? new SSEClientTransport(new URL(`${fake.url}/sse`)) : new TransportV1(new URL(`${fake.url}/mcp`))
    const client = new ClientV1({ name: 't', version: '1' })
    closers.push(() => client.close())
    const changed: unknown[] = []
    client.setNotificationHandler(ToolListChangedNotificationSchema, (notification) => { changed.push(notification) })
    await client.connect(transport)
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['a'])
    const progress: unknown[] = []
    const [result] = await Promise.all([client.callTool({ name: 'a' }, undefined, { onprogress: (step) => progress.push(step) }), answerCall(() => progress.length > 0)])
    expect([result['content'], progress.length]).toEqual([RESULT.content, 1])
    fake.gateway.sessions[0]?.options.channel.send('{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}')
    await waitFor(() => changed.length > 0)
    if (transport instanceof TransportV1) {
      await transport.terminateSession()
      expect(fake.gateway.sessions[0]?.closedWith).not.toBeNull()
    }
  })

  it('of the first generation get an answer that came while their connection was broken', async () => {
    const client = new ClientV1({ name: 't', version: '1' })
    closers.push(() => client.close())
    const broken: (() => void)[] = []
    const transport = new TransportV1(new URL(`${fake.url}/mcp`), {
      fetch: async (url, init) => {
        const controller = new AbortController()
        init?.signal?.addEventListener('abort', () => { controller.abort() })
        if (init?.method === 'POST' && typeof init.body === 'string' && init.body.includes('tools/call')) broken.push(() => { controller.abort() })
        return fetch(url, { ...init, signal: controller.signal })
      },
    })
    await client.connect(transport)
    const steps: unknown[] = []
    const pending = client.callTool({ name: 'a' }, undefined, { onprogress: (step) => steps.push(step) })
    const { reply, message } = await waitFor(() => fake.gateway.asked('tools/call'))
    const progress = (n: number): void => { reply.send(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: message.id, progress: n } })) }
    progress(1)
    await waitFor(() => steps.length === 1)
    broken[0]?.()
    progress(2)
    reply.answer([text({ jsonrpc: '2.0', id: message.id, result: RESULT })], 200)
    expect((await pending)['content']).toEqual(RESULT.content)
  })

  it.each(['legacy', 'auto'] as const)('of the second generation list and call, %s', async (mode) => {
    const client = new ClientV2({ name: 't', version: '1' }, { versionNegotiation: { mode } })
    closers.push(() => client.close())
    await client.connect(new TransportV2(new URL(`${fake.url}/mcp`)))
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['a'])
    let isHeard = false
    const [result] = await Promise.all([client.callTool({ name: 'a' }, { onprogress: () => { isHeard = true } }), answerCall(() => isHeard)])
    expect(result.content).toEqual(RESULT.content)
    expect(fake.gateway.sessions.some(({ options }) => options.kind === 'modern')).toBe(mode === 'auto')
  })
})
