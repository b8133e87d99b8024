import type { IncomingMessage, RequestOptions } from 'node:http'
import { isLoopback } from '../base/index.js'
import { OutboundError } from './failure.js'

export interface WebRequest {
  readonly method: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal?: AbortSignal
}

export interface WebAnswer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  /** Null: it is none. */
  readonly json: unknown
}

/** For one whole exchange. */
const LIMIT_MS = 15_000
const MAX_BODY_BYTES = 256 * 1024

/**
 * One request to an authorization server, bounded in time and size; redirects are answers like any other, because what
 * is sent is for this address only. Rejects with OutboundError `unreachable`; messages name the host, never path or query.
 */
export async function askWeb(url: URL, { method, headers = {}, body, signal }: WebRequest): Promise<WebAnswer> {
  const { request } = url.protocol === 'https:' ? await import('node:https') : await import('node:http')
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  const options: RequestOptions = { method, agent: false, headers: { accept: 'application/json', ...headers, ...length } }
  return new Promise((resolve, reject) => {
    const limit = AbortSignal.timeout(LIMIT_MS)
    const started = request(url, { ...options, signal: signal === undefined ? limit : AbortSignal.any([limit, signal]) })
    const fail = (error: NodeJS.ErrnoException): void => {
      const why = limit.aborted ? `did not answer within ${LIMIT_MS / 1000} s` : signal?.aborted === true ? 'was not waited for any more' : `cannot be reached (${error.code ?? 'the connection failed'})`
      reject(new OutboundError('unreachable', `${url.origin} ${why}`))
    }
    started.on('error', fail)
    started.once('response', (response) => {
      collect(response).then((text) => resolve({ status: response.statusCode ?? 0, headers: response.headers, json: parse(text) }), fail)
    })
    started.end(body)
  })
}

/** Bodies over the bound count as none. */
function collect(response: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = []
    let bytes = 0
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= MAX_BODY_BYTES) return void parts.push(chunk)
      resolve('')
      response.destroy()
    })
    response.once('end', () => resolve(Buffer.concat(parts).toString('utf8')))
    response.once('error', reject)
    response.once('close', () => reject(new Error('closed')))
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/**
 * An address that secrets may be sent to: https, or this very machine where the MCP server is on it as well. Throws
 * OutboundError `refused`. `what` names it: "the token endpoint".
 */
export function requireSafe(address: string, what: string, mayBeLocal: boolean): URL {
  const url = URL.canParse(address) ? new URL(address) : null
  if (url === null) throw new OutboundError('refused', `${what} is no address`)
  if (url.protocol === 'https:') return url
  if (url.protocol !== 'http:') throw new OutboundError('refused', `${what} is neither an https:// nor an http:// address`)
  if (!isLoopback(url.hostname)) throw new OutboundError('refused', `${what} is at ${url.origin}, without TLS: no credentials are sent there`)
  if (!mayBeLocal) throw new OutboundError('refused', `${what} is at ${url.origin}, which is this machine: a server elsewhere has no say in that`)
  return url
}
