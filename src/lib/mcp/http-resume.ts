import type { IncomingMessage } from 'node:http'
import type { Endpoint, HttpRequest } from './http-endpoint.js'
import { isEventStream } from './http-events.js'
import type { StreamPosition } from './sse-parser.js'

export interface ResumeOptions {
  readonly endpoint: Endpoint
  /** Protocol headers as they are when the time has come. */
  readonly headers: () => Readonly<Record<string, string>>
  readonly onStream: (response: IncomingMessage) => void
  /** The rest of the stream cannot be had. */
  readonly onGone: () => void
}

/** How long to wait unless the server says so, at least and at most. */
const WAIT_MS = 1000
const WAIT_LEAST_MS = 50
const WAIT_MOST_MS = 300_000
/** So often in a row the connection may fail. */
const MAX_FAILURES = 3

/**
 * Takes a response stream of a legacy server up again that ended before its answer: with a GET that names the last
 * event, after the time the server asked for (SEP-1699). Nothing is asked twice by that. Returns what gives it up;
 * nothing is called after that.
 */
export function resumeStream(position: StreamPosition & { readonly lastEventId: string }, { endpoint, headers, onStream, onGone }: ResumeOptions): () => void {
  let timer: NodeJS.Timeout | null = null
  let request: HttpRequest | null = null
  let failures = 0
  let over = false
  const gone = (): void => {
    if (over) return
    over = true
    onGone()
  }
  const wait = (): void => {
    if (!over) timer = setTimeout(ask, Math.max(WAIT_LEAST_MS, Math.min(position.retryMs ?? WAIT_MS, WAIT_MOST_MS)))
  }
  const ask = (): void => {
    try {
      request = endpoint.call({ method: 'GET', headers: { ...headers(), accept: 'text/event-stream', 'last-event-id': position.lastEventId } }, {
        onResponse: (response) => {
          if (isEventStream(response)) return onStream(response)
          response.on('error', () => undefined)
          response.destroy()
          gone()
        },
        onError: () => { if (++failures >= MAX_FAILURES) gone(); else wait() },
      })
    } catch {
      gone()
    }
  }
  wait()
  return () => {
    over = true
    if (timer !== null) clearTimeout(timer)
    request?.destroy()
  }
}
