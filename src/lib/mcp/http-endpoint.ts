import type { Agent, ClientRequest, IncomingMessage, RequestOptions } from 'node:http'
import { urlToHttpOptions } from 'node:url'
import { LinkError } from './link-error.js'

export interface HttpCall {
  readonly method: 'POST' | 'GET' | 'DELETE'
  /** Default: the endpoint's own url. */
  readonly url?: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Buffer
  /** Take a new connection instead of a kept one. */
  readonly fresh?: boolean
}

export interface HttpCallEvents {
  readonly onResponse: (response: IncomingMessage) => void
  /** Before a response came. `reused`: on a connection the server may just have closed for idleness. */
  readonly onError: (error: Error, reused: boolean) => void
}

/** A request on its way. */
export interface HttpRequest {
  /** Gives it up; nothing is told of it any more. */
  destroy(): void
}

/** Where a server is reached over HTTP: address, configured headers and kept-alive connections. */
export interface Endpoint {
  readonly url: URL
  /** `https://host:port`: all of the url that messages may show, because the rest can hold keys. */
  readonly host: string
  readonly hasAuthorization: boolean
  /** What to do when the server refuses access; undefined: what `hasAuthorization` says. */
  readonly refusalHint?: string
  /** Throws LinkError `unsendable` when a header cannot be sent. */
  call(call: HttpCall, events: HttpCallEvents): HttpRequest
  close(): void
}

/** Connections kept for later, and open at once. */
export interface Pool {
  readonly min: number
  readonly max: number
}

/** The stream of a server's own messages stays open, and a call is taken back while others take all the rest. */
const UNCOUNTED = 2
/** Calls come in bursts: with fewer, most of a burst would open connections anew each time. */
const KEPT_CONNECTIONS = 64

/** Reads the address and loads the HTTP client. Rejects with LinkError `rejected` when the url is none. */
export async function openEndpoint(address: string, headers: Readonly<Record<string, string>>, pool?: Pool): Promise<Endpoint> {
  const url = readUrl(address)
  const { Agent, request } = url.protocol === 'https:' ? await import('node:https') : await import('node:http')
  // LIFO keeps few connections warm; the number of calls under way is bounded by the wire.
  const agent: Agent = new Agent({ keepAlive: true, scheduling: 'lifo', maxFreeSockets: pool?.min ?? KEPT_CONNECTIONS, ...(pool ? { maxSockets: pool.max + UNCOUNTED } : {}) })
  const base: Base = { agent, options: urlToHttpOptions(url), headers: mergeHeaders({}, headers) }
  return {
    url,
    host: url.origin,
    hasAuthorization: url.username !== '' || Object.keys(headers).some((name) => name.toLowerCase() === 'authorization'),
    call: (call, events) => startCall((options) => request(options), base, call, events),
    close: () => { agent.destroy() },
  }
}

function readUrl(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : null
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new LinkError('rejected', 'the url of the server is not an http:// or https:// address')
  }
  return url
}

type StartRequest = (options: RequestOptions) => ClientRequest

/** What is the same for all requests, made once: taking an address apart for each takes as long as all else here. */
interface Base {
  readonly agent: Agent
  readonly options: RequestOptions
  /** Names in small letters. */
  readonly headers: Readonly<Record<string, string>>
}

function startCall(start: StartRequest, base: Base, call: HttpCall, events: HttpCallEvents): ClientRequest {
  const headers = mergeHeaders(base.headers, call.headers)
  if (call.body !== undefined) headers['content-length'] = String(Buffer.byteLength(call.body))
  const target = call.url === undefined ? base.options : urlToHttpOptions(call.url)
  const request = tryStart(() => start({ ...target, method: call.method, agent: call.fresh === true ? false : base.agent, headers }))
  let responded = false
  request.once('response', (response) => {
    responded = true
    events.onResponse(response)
  })
  // Kept for good: an error after the response belongs to the response, but must not be thrown.
  request.on('error', (error) => { if (!responded) events.onError(error, request.reusedSocket) })
  request.end(call.body)
  return request
}

function tryStart(start: () => ClientRequest): ClientRequest {
  try {
    return start()
  } catch (error) {
    const name = error instanceof Error ? /\["([^"]*)"\]/.exec(error.message)?.[1] : undefined
    throw new LinkError('unsendable', name === undefined ? 'a configured header cannot be sent over HTTP' : `the configured header ${name} holds a character that HTTP does not allow`)
  }
}

/** Names are compared without case; the protocol's own headers win. `configured`: in small letters. */
function mergeHeaders(configured: Readonly<Record<string, string>>, own: Readonly<Record<string, string>>): Record<string, string> {
  const merged = { ...configured }
  for (const name of Object.keys(own)) merged[name.toLowerCase()] = own[name] ?? ''
  return merged
}

/** Collects a body. `onEnd` gets null when it is over the bound or broke off; the response is then destroyed. */
export function collectBody(response: IncomingMessage, maxBytes: number, onEnd: (body: Buffer | null, why: 'complete' | 'oversize' | 'broken') => void): void {
  let parts: Buffer[] = []
  let bytes = 0
  let ended = false
  const end = (body: Buffer | null, why: 'complete' | 'oversize' | 'broken'): void => {
    if (ended) return
    ended = true
    parts = []
    onEnd(body, why)
  }
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > maxBytes) {
      end(null, 'oversize')
      response.destroy()
    } else if (!ended) {
      parts.push(chunk)
    }
  })
  response.once('end', () => { end(parts.length === 1 ? (parts[0] ?? null) : Buffer.concat(parts, bytes), 'complete') })
  response.on('error', () => { end(null, 'broken') })
  response.once('close', () => { end(null, 'broken') })
}
