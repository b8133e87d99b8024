import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { resolveHome, type Home } from '../../src/lib/control/index.js'
import { EVERYTHING, type Channel, type ClientMessage, type Gateway, type Reply, type Session, type SessionOptions, type View } from '../../src/lib/gateway/index.js'
import { LineFramer } from '../../src/lib/mcp/index.js'
import { waitFor } from '../helpers/wait.js'

type JsonObject = Record<string, unknown>

/** One session of the gateway below, with all that was done to it. */
export interface FakeSession {
  readonly options: SessionOptions
  readonly received: ClientMessage[]
  readonly channel: Channel
  /** The replies of `tools/call` of the tool `hang`, which is never answered by itself. */
  readonly hanging: { readonly id: number | string; readonly reply: Reply }[]
  closed: string | null
}

export interface FakeGateway extends Gateway {
  readonly sessions: FakeSession[]
  /** How many bytes of text the next results carry. */
  resultBytes: number
  last(): FakeSession
}

const SERVERS = ['files', 'git']

/** A gateway of two servers and the profile `work` that answers by itself: enough for a front to serve. */
export function createFakeGateway(): FakeGateway {
  const sessions: FakeSession[] = []
  const gateway: FakeGateway = {
    sessions,
    resultBytes: 0,
    last: () => {
      const session = sessions.at(-1)
      if (session === undefined) throw new Error('no session was opened')
      return session
    },
    viewOfServer: (name) => (SERVERS.includes(name) ? { ...EVERYTHING, servers: [name] } : null),
    viewOfProfile: (name) => (name === 'work' ? ({ ...EVERYTHING, servers: ['git'], prefix: 'none' } satisfies View) : null),
    openSession: (options) => {
      const session: FakeSession = { options, received: [], channel: options.channel, hanging: [], closed: null }
      sessions.push(session)
      return toSession(session, gateway)
    },
  }
  return gateway
}

function toSession(session: FakeSession, gateway: FakeGateway): Session {
  return {
    protocolVersion: null,
    state: null,
    toolHeaders: () => new Map(),
    close: (reason) => {
      session.closed ??= reason
    },
    receive: (message, reply) => {
      session.received.push(message)
      if (message.type === 'bad') {
        reply.answer([Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: message.id, error: { code: message.code, message: message.reason } }))], 400)
        return null
      }
      if (message.type !== 'request') return null
      const id = typeof message.id === 'bigint' ? message.id.toString() : message.id
      if (message.params?.['name'] === 'throw') throw new Error('broken')
      if (message.params?.['name'] === 'hang' || message.method === 'subscriptions/listen' || message.params?.['cursor'] === 'hang') {
        session.hanging.push({ id, reply })
        return { abort: () => undefined }
      }
      reply.answer(resultOf(id, answerTo(message.method, message.params, gateway)), 200)
      return null
    },
  }
}

function answerTo(method: string, params: JsonObject | undefined, gateway: FakeGateway): JsonObject {
  if (method !== 'initialize') return { method, params, text: 'x'.repeat(gateway.resultBytes) }
  const listChanged = { listChanged: true }
  return { protocolVersion: params?.['protocolVersion'], capabilities: { tools: listChanged, prompts: {}, resources: listChanged }, serverInfo: { name: 'fake', version: '1' } }
}

/** In pieces, as the gateway puts an id into a result that it does not read. */
export function resultOf(id: number | string, result: JsonObject): Buffer[] {
  return [Buffer.from('{"jsonrpc":"2.0","id":'), Buffer.from(JSON.stringify(id)), Buffer.from(`,"result":${JSON.stringify(result)}}`)]
}

export interface LineClient {
  readonly messages: JsonObject[]
  /** Writes a message as a line; text as it is. */
  send(message: JsonObject | string): void
  /** The first message that fits, and takes it out. */
  next(fits?: (message: JsonObject) => boolean): Promise<JsonObject>
  /** The answer to a request it sends. */
  ask(id: number | string, method: string, params?: JsonObject): Promise<JsonObject>
}

/** A client on two streams of lines. */
export function createClient(output: NodeJS.WritableStream, input: NodeJS.ReadableStream): LineClient {
  const messages: JsonObject[] = []
  const framer = new LineFramer({ onLine: (line) => messages.push(JSON.parse(line.toString()) as JsonObject) })
  input.on('data', (chunk: Buffer) => framer.push(chunk))
  const client: LineClient = {
    messages,
    send: (message) => void output.write(typeof message === 'string' ? message : `${JSON.stringify(message)}\n`),
    next: (fits = () => true) =>
      waitFor(() => {
        const at = messages.findIndex(fits)
        return at < 0 ? undefined : messages.splice(at, 1)[0]
      }, { pollMs: 2, timeoutMs: 25_000, what: `a message that fits ${fits.toString()}` }),
    ask: (id, method, params) => {
      client.send({ jsonrpc: '2.0', id, method, ...(params === undefined ? {} : { params }) })
      return client.next((message) => message['id'] === id)
    },
  }
  return client
}

/** Two ends of one connection. */
export async function socketPair(): Promise<{ near: net.Socket; far: net.Socket }> {
  const server = net.createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const near = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1')
  const [[far]] = (await Promise.all([once(server, 'connection'), once(near, 'connect')])) as [[net.Socket], unknown]
  server.close()
  return { near, far }
}

/** A home folder of this test alone, with its run folder. */
export function createRunHome(): { home: Home; remove: () => void } {
  const root = mkdtempSync(join(tmpdir(), 'mcpctl-f-'))
  const home = resolveHome({ MCP_HOME: join(root, 'home') })
  mkdirSync(home.run, { recursive: true })
  return { home, remove: () => rmSync(root, { recursive: true, force: true }) }
}

/** Stands in for stdin or stdout. */
export function createPipe(): PassThrough {
  return new PassThrough({ highWaterMark: 64 * 1024 })
}
