import http from 'node:http'
import { waitFor } from '../helpers/wait.js'
import { LEGACY, MODERN, type Json, type Message } from './gateway-client.js'

/** One response as it comes in. */
export interface HttpResponse {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  /** What has come so far, as text. */
  body: string
  /** Messages so far: events of a stream, or the one JSON body. */
  messages(): Message[]
  /** Event ids so far. */
  ids(): string[]
  /** Resolves when the body is over. */
  readonly done: Promise<void>
  /** Waits for a message in it. */
  until(wanted: (message: Message) => boolean): Promise<Message>
  /** Breaks the connection. */
  destroy(): void
}

export interface HttpRequest {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string | undefined>>
  readonly body?: unknown
  readonly agent?: http.Agent
  /** Breaks the connection, whatever has come. */
  readonly signal?: AbortSignal
}

/** Sends one request; resolves with the response's head. A header that is undefined is left out. */
export function open(url: string, { method = 'POST', headers = {}, body, agent, signal }: HttpRequest = {}): Promise<HttpResponse> {
  const text = body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body)
  const all = { accept: 'application/json, text/event-stream', ...(text === undefined ? {} : { 'content-type': 'application/json' }), ...headers }
  const given = Object.fromEntries(Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined))
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method, headers: given, ...(agent === undefined ? {} : { agent }), ...(signal === undefined ? {} : { signal }) })
    request.on('error', reject)
    request.on('response', (response) => resolve(read(request, response)))
    request.end(text)
  })
}

function read(request: http.ClientRequest, response: http.IncomingMessage): HttpResponse {
  response.setEncoding('utf8')
  const isStream = response.headers['content-type'] === 'text/event-stream'
  const opened: HttpResponse = {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: '',
    messages: () => (isStream ? events(opened.body).flatMap(({ data }) => (data === '' ? [] : [JSON.parse(data) as Message])) : opened.body === '' ? [] : [JSON.parse(opened.body) as Message]),
    ids: () => events(opened.body).flatMap(({ id }) => (id === undefined ? [] : [id])),
    done: new Promise((resolve) => {
      response.once('end', () => resolve())
      response.once('close', () => resolve())
    }),
    until: (wanted) => waitFor(() => opened.messages().find(wanted), { what: `a message that fits ${wanted.toString()} in ${opened.body.slice(0, 500)}` }),
    destroy: () => request.destroy(),
  }
  request.on('error', () => undefined)
  response.on('data', (chunk: string) => (opened.body += chunk))
  response.on('error', () => undefined)
  return opened
}

function events(text: string): { id?: string; data: string }[] {
  return text.split('\n\n').slice(0, -1).flatMap((block) => {
    const fields = block.split('\n').map((line) => /^(\w+): ?(.*)$/.exec(line)).filter((match) => match !== null)
    const data = fields.filter(([, name]) => name === 'data').map(([, , value]) => value).join('\n')
    const id = fields.find(([, name]) => name === 'id')?.[2]
    return fields.length === 0 ? [] : [id === undefined ? { data } : { id, data }]
  })
}

/** A whole exchange. */
export async function exchange(url: string, request: HttpRequest = {}): Promise<HttpResponse> {
  const response = await open(url, request)
  await response.done
  return response
}

/** The headers that go with a modern message. */
export function modernHeaders(message: Json): Record<string, string> {
  const params = (message['params'] ?? {}) as Json
  const name = message['method'] === 'resources/read' ? params['uri'] : message['method'] === 'tools/call' || message['method'] === 'prompts/get' ? params['name'] : undefined
  return { 'mcp-protocol-version': MODERN, 'mcp-method': String(message['method']), ...(typeof name === 'string' ? { 'mcp-name': name } : {}) }
}

/** A modern request over HTTP: stateless. */
export function postModern(url: string, message: Json, { headers = {}, ...rest }: HttpRequest = {}): Promise<HttpResponse> {
  return exchange(url, { body: { jsonrpc: '2.0', ...message }, headers: { ...modernHeaders(message), ...headers }, ...rest })
}

export function openModern(url: string, message: Json, { headers = {}, ...rest }: HttpRequest = {}): Promise<HttpResponse> {
  return open(url, { body: { jsonrpc: '2.0', ...message }, headers: { ...modernHeaders(message), ...headers }, ...rest })
}

/** A legacy session over HTTP. */
export class HttpSession {
  readonly url: string
  readonly id: string
  readonly initialized: Json
  #nextId = 1

  private constructor(url: string, id: string, initialized: Json) {
    this.url = url
    this.id = id
    this.initialized = initialized
  }

  static async open(url: string, capabilities: Json = {}, headers: Readonly<Record<string, string>> = {}): Promise<HttpSession> {
    const response = await exchange(url, { headers, body: { jsonrpc: '2.0', id: 0, method: 'initialize', params: { protocolVersion: LEGACY, capabilities, clientInfo: { name: 'test-http', version: '1' } } } })
    const id = response.headers['mcp-session-id']
    const [message] = response.messages()
    if (typeof id !== 'string' || message?.result === undefined) throw new Error(`no session: ${response.status} ${response.body}`)
    const session = new HttpSession(url, id, message.result)
    await session.post({ method: 'notifications/initialized' })
    return session
  }

  get headers(): Record<string, string> {
    return { 'mcp-session-id': this.id, 'mcp-protocol-version': LEGACY }
  }

  post(message: Json): Promise<HttpResponse> {
    return exchange(this.url, { headers: this.headers, body: { jsonrpc: '2.0', ...message } })
  }

  /** The answer to one request, and whatever came before it. */
  openRequest(method: string, params: Json, id: string | number = this.#nextId++): Promise<HttpResponse> {
    return open(this.url, { headers: this.headers, body: { jsonrpc: '2.0', id, method, params } })
  }

  async request(method: string, params: Json = {}, id: string | number = this.#nextId++): Promise<Message> {
    const response = await this.openRequest(method, params, id)
    await response.done
    const answer = response.messages().find((message) => message.method === undefined && JSON.stringify(message.id) === JSON.stringify(id))
    if (answer === undefined) throw new Error(`no answer to ${method}: ${response.status} ${response.body}`)
    return answer
  }

  call(name: string, args: Json = {}, meta?: Json): Promise<Message> {
    return this.request('tools/call', { name, arguments: args, ...(meta === undefined ? {} : { _meta: meta }) })
  }

  /** The standing stream. */
  listen(headers: Readonly<Record<string, string>> = {}): Promise<HttpResponse> {
    return open(this.url, { method: 'GET', headers: { ...this.headers, accept: 'text/event-stream', ...headers } })
  }

  end(): Promise<HttpResponse> {
    return exchange(this.url, { method: 'DELETE', headers: this.headers })
  }
}
