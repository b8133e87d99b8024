import { Agent, request, type IncomingHttpHeaders } from 'node:http'
import { connect, type Socket } from 'node:net'

export const MODERN = '2026-07-28'
const agents = new Set<Agent>()

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** The body, or the last event's data. */
  readonly json: { readonly id?: unknown; readonly result?: Record<string, unknown>; readonly error?: { readonly code: number; readonly message: string; readonly data?: Record<string, unknown> } }
}

export interface Sent {
  readonly method?: string
  readonly headers?: Record<string, string>
  /** An object is sent as JSON. */
  readonly body?: unknown
  readonly agent?: Agent
}

/** One request, its whole answer. */
export function ask(url: string, { method = 'POST', headers = {}, body, agent }: Sent = {}): Promise<Answer> {
  const text = body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? (body ?? '') : JSON.stringify(body)
  return new Promise((resolve, reject) => {
    const req = request(url, { method, headers: { ...(method === 'POST' ? { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...(headers['transfer-encoding'] === undefined ? { 'content-length': String(Buffer.byteLength(text)) } : {}) } : {}), ...headers }, agent: agent ?? false }, (res) => {
      const chunks: Buffer[] = []
      res.on('data', (chunk: Buffer) => chunks.push(chunk))
      res.on('error', reject)
      res.on('end', () => {
        const answer = Buffer.concat(chunks).toString()
        resolve({ status: res.statusCode ?? 0, headers: res.headers, text: answer, json: parse(answer) as Answer['json'] })
      })
    })
    req.on('error', reject)
    req.end(text)
  })
}

export interface Event {
  readonly id: string | null
  readonly event: string
  readonly data: string
  readonly retry: string | null
}

export interface Events {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly all: readonly Event[]
  /** Comments, without their colon. */
  readonly comments: readonly string[]
  readonly ended: boolean
  /** JSON of the events that carry data. */
  messages(): { readonly id?: unknown; readonly method?: string; readonly result?: unknown; readonly error?: { readonly code: number; readonly data?: Record<string, unknown> } }[]
  /** Breaks the connection. */
  break(): void
  pause(): void
}

/** A request whose answer is a stream of events; resolves with the headers. */
export function openEvents(url: string, { method = 'GET', headers = {}, body }: Sent = {}): Promise<Events> {
  return new Promise((resolve, reject) => {
    const req = request(url, { method, agent: false, headers: { ...(method === 'POST' ? { 'content-type': 'application/json', accept: 'application/json, text/event-stream' } : { accept: 'text/event-stream' }), ...headers } }, (res) => {
      const all: Event[] = []
      const comments: string[] = []
      let rest = ''
      let ended = false
      res.setEncoding('utf8')
      res.on('data', (chunk: string) => {
        const blocks = (rest + chunk).split('\n\n')
        rest = blocks.pop() ?? ''
        for (const block of blocks) readBlock(block, all, comments)
      })
      res.on('close', () => { ended = true })
      res.on('error', () => undefined)
      resolve({
        status: res.statusCode ?? 0, headers: res.headers, all, comments,
        get ended() { return ended },
        messages: () => all.filter(({ data }) => data !== '').map(({ data }) => JSON.parse(data) as ReturnType<Events['messages']>[number]),
        break: () => { req.destroy() },
        pause: () => { res.pause() },
      })
    })
    req.on('error', reject)
    req.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

function readBlock(block: string, all: Event[], comments: string[]): void {
  const fields = new Map<string, string>()
  for (const line of block.split('\n')) {
    if (line.startsWith(':')) comments.push(line.slice(1))
    else fields.set(line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).replace(/^ /, ''))
  }
  if (fields.size > 0) all.push({ id: fields.get('id') ?? null, event: fields.get('event') ?? 'message', data: fields.get('data') ?? '', retry: fields.get('retry') ?? null })
}

function parse(text: string): unknown {
  const data = text.startsWith('{') ? text : (/data: (\{.*)\n\n$/.exec(text)?.[1] ?? 'null')
  return JSON.parse(data) as unknown
}

export interface Raw {
  readonly socket: Socket
  readonly text: () => string
  readonly isClosed: () => boolean
}

/** A bare connection. */
export function openRaw(port: number, text = ''): Raw {
  const socket = connect(port, '127.0.0.1')
  let received = ''
  let closed = false
  socket.on('data', (chunk: Buffer) => { received += chunk.toString('latin1') })
  socket.on('error', () => undefined)
  socket.on('close', () => { closed = true })
  socket.write(text)
  return { socket, text: () => received, isClosed: () => closed }
}

export function newAgent(): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  agents.add(agent)
  return agent
}

export function destroyAgents(): void {
  for (const agent of agents) agent.destroy()
  agents.clear()
}

export function call(id: unknown, method: string, params: Record<string, unknown> = {}): Record<string, unknown> {
  return { jsonrpc: '2.0', id, method, params }
}

/** A modern request with the headers that go with it. */
export function modern(id: unknown, method: string, params: Record<string, unknown> = {}, headers: Record<string, string> = {}): Required<Pick<Sent, 'headers' | 'body'>> {
  const name = params['name'] ?? params['uri']
  return {
    headers: { 'mcp-protocol-version': MODERN, 'mcp-method': method, ...(typeof name === 'string' ? { 'mcp-name': name } : {}), ...headers },
    body: call(id, method, { ...params, _meta: { 'io.modelcontextprotocol/protocolVersion': MODERN, 'io.modelcontextprotocol/clientCapabilities': {} } }),
  }
}

/** Initializes a session and gives the headers its requests carry. */
export async function initialize(url: string, protocolVersion = '2025-11-25'): Promise<Record<string, string>> {
  const answer = await ask(url, { body: call(0, 'initialize', { protocolVersion, capabilities: {}, clientInfo: { name: 't', version: '1' } }) })
  const id = answer.headers['mcp-session-id']
  if (answer.status !== 200 || typeof id !== 'string') throw new Error(`initialize: ${String(answer.status)} ${answer.text}`)
  return { 'mcp-session-id': id, 'mcp-protocol-version': protocolVersion }
}
