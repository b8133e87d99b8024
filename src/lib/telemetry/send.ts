import { readFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { createSecureContext } from 'node:tls'
import { gzipSync } from 'node:zlib'
import { isRetryable, readRetryAfter, type SendOutcome } from './retry.js'
import type { TelemetrySettings } from './settings.js'

/** Of an answer of the collector, more is not read. */
const MAX_ANSWER_BYTES = 64 * 1024

/** Sends bodies to one collector, over a connection that is kept. */
export interface Sender {
  /** Never rejects. `signal` ends the attempt. */
  send(body: string, signal: AbortSignal): Promise<SendOutcome>
  close(): void
}

export type SenderSettings = Pick<TelemetrySettings, 'url' | 'headers' | 'gzip' | 'timeoutMs' | 'certificates'>

/** Opens no connection before the first body. Throws when a certificate file cannot be read or used. */
export function createSender({ url, headers, gzip, timeoutMs, certificates }: SenderSettings, userAgent: string): Sender {
  const isSecure = url.protocol === 'https:'
  const agentOptions = { keepAlive: true, maxSockets: 1 }
  const secure = isSecure ? readCertificates(certificates) : {}
  // Made only to be told now what is wrong with them: a request throws it.
  if (isSecure) createSecureContext(secure)
  const agent = isSecure ? new https.Agent({ ...agentOptions, ...secure }) : new http.Agent(agentOptions)
  const client = isSecure ? https : http
  const post = (body: string, signal: AbortSignal): Promise<SendOutcome> =>
    new Promise((resolve) => {
      const bytes = gzip ? gzipSync(body) : Buffer.from(body)
      const request = client.request(url, {
        method: 'POST', agent, signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
        headers: { ...headers, 'user-agent': userAgent, 'content-type': 'application/json', 'content-length': bytes.length, ...(gzip ? { 'content-encoding': 'gzip' } : {}) },
      })
      request.once('error', (error) => { resolve({ type: 'later', why: describe(error), afterMs: null }) })
      request.once('response', (response) => {
        readAnswer(response).then(
          (text) => { resolve(judge(response, text)) },
          (error: unknown) => { resolve({ type: 'later', why: describe(error), afterMs: null }) },
        )
      })
      request.end(bytes)
    })
  return {
    send: (body, signal) => post(body, signal).catch((error: unknown): SendOutcome => ({ type: 'refused', why: describe(error) })),
    close: () => { agent.destroy() },
  }
}

function readCertificates({ ca, cert, key }: TelemetrySettings['certificates']): https.AgentOptions {
  return { ...(ca === null ? {} : { ca: readFileSync(ca) }), ...(cert === null ? {} : { cert: readFileSync(cert) }), ...(key === null ? {} : { key: readFileSync(key) }) }
}

async function readAnswer(response: http.IncomingMessage): Promise<string> {
  let text = ''
  response.setEncoding('utf8')
  for await (const part of response) if (text.length < MAX_ANSWER_BYTES) text += String(part)
  return text
}

function judge({ statusCode: status = 0, headers }: http.IncomingMessage, text: string): SendOutcome {
  if (status >= 200 && status < 300) return { type: 'done', ...readPartialSuccess(text) }
  const why = `HTTP ${status}`
  if (isRetryable(status)) return { type: 'later', why, afterMs: readRetryAfter(headers['retry-after'], Date.now()) }
  return { type: 'refused', why }
}

/** `partialSuccess`: the collector took the request, but not all that was in it. */
function readPartialSuccess(text: string): { rejected: number; message: string | null } {
  try {
    const { partialSuccess } = JSON.parse(text) as { partialSuccess?: { rejectedSpans?: unknown; errorMessage?: unknown } }
    const rejected = Number(partialSuccess?.rejectedSpans ?? 0)
    const message = partialSuccess?.errorMessage
    return { rejected: Number.isSafeInteger(rejected) && rejected > 0 ? rejected : 0, message: typeof message === 'string' && message !== '' ? message.slice(0, 200) : null }
  } catch {
    return { rejected: 0, message: null }
  }
}

/** What failed, without the address: that may hold a password. */
function describe(error: unknown): string {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null
  if (error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError')) return 'no answer in time'
  return code ?? (error instanceof Error ? error.name : 'unknown error')
}
