import type { IncomingMessage } from 'node:http'
import { collectBody } from './http-endpoint.js'
import { readEvents } from './http-events.js'
import { readRetryAfter, toRefusal } from './http-failure.js'
import { parseMessages, type Incoming } from './json-rpc.js'
import { LinkError } from './link-error.js'
import { toOneLine } from './one-line.js'
import type { StreamPosition } from './sse-parser.js'
import type { WireEvents } from './wire.js'

/** What is waited for in one response, and where it goes. */
export interface AnswerContext {
  /** Null for notifications and for answers of ours: nothing is expected then. */
  readonly id: number | null
  readonly host: string
  readonly authorised: boolean
  readonly refusalHint: string | undefined
  readonly maxBytes: number
  readonly events: WireEvents
  /** The stream ended before the answer; true when somebody goes on from there, and the exchange with it. */
  readonly onBroken: (position: StreamPosition) => boolean
  /** The exchange is over, one way or the other; called once. */
  readonly onDone: () => void
}

const MAX_REFUSAL_BYTES = 64 * 1024
/** How long a stream may stay open after its answer before the connection is given up. */
const LINGER_MS = 1000

/** Reads one response to a POST: a failing status, one JSON body, or an event stream that ends with the answer. */
export function readAnswer(response: IncomingMessage, context: AnswerContext): void {
  const status = response.statusCode ?? 0
  const type = (response.headers['content-type'] ?? '').toLowerCase()
  if (status < 200 || status >= 300) readRefusal(response, status, context)
  else if (type.startsWith('text/event-stream')) readStream(response, context)
  else readJson(response, context)
}

function readRefusal(response: IncomingMessage, status: number, context: AnswerContext): void {
  collectBody(response, MAX_REFUSAL_BYTES, (body) => {
    context.onDone()
    if (body !== null && body.length > 0) context.events.received(body)
    const refusal = toRefusal(status, body ?? Buffer.alloc(0), context)
    const retryAfterMs = readRetryAfter(response.headers['retry-after'], Date.now())
    if (context.id !== null) context.events.refused(context.id, retryAfterMs === undefined ? refusal : { ...refusal, retryAfterMs })
  })
}

function readJson(response: IncomingMessage, context: AnswerContext): void {
  const { id, host, events } = context
  collectBody(response, context.maxBytes, (body, why) => {
    context.onDone()
    if (body === null) {
      if (why === 'oversize') events.count('oversize')
      if (id !== null) events.failed(id, why === 'oversize' ? tooLarge(host, context.maxBytes) : brokenOff(host))
      return
    }
    if (id !== null && body.length > 0 && events.answered(toOneLine(body))) return
    const messages = body.length === 0 ? [] : parseMessages(body)
    if (messages === null) events.count('noise')
    if (body.length > 0) events.received(body)
    const answered = deliver(messages ?? [], context)
    if (id !== null && !answered) events.failed(id, new LinkError('malformed', `${host} answered HTTP ${response.statusCode ?? 0} without an answer to the request${otherContent(response)}`))
  })
}

/** A page instead of an answer: the URL leads somewhere else. Empty when it is JSON. */
function otherContent({ headers }: IncomingMessage): string {
  const type = headers['content-type']?.split(';')[0]?.trim().slice(0, 100) ?? ''
  return /[/+]json$/i.test(type) ? '' : ` (${type === '' ? 'content of no type' : `its content is ${type}`}; is the URL that of an MCP endpoint?)`
}

/** Reads an event stream that is to bring the answer. */
export function readStream(response: IncomingMessage, context: AnswerContext): void {
  const { id, host, events, maxBytes } = context
  let waits = id !== null
  let linger: NodeJS.Timeout | null = null
  readEvents(response, {
    maxBytes,
    onData: (data) => {
      const wasAnswer = waits && events.answered(toOneLine(data))
      const messages = wasAnswer ? [] : parseMessages(data)
      if (messages === null) events.count('noise')
      if (!wasAnswer) events.received(data)
      if ((!wasAnswer && !deliver(messages ?? [], context)) || !waits) return
      waits = false
      linger = setTimeout(() => { response.destroy() }, LINGER_MS)
    },
    onOversize: () => {
      events.count('oversize')
      if (waits && id !== null) events.failed(id, tooLarge(host, maxBytes))
      waits = false
      response.destroy()
    },
    onEnd: (position) => {
      if (linger !== null) clearTimeout(linger)
      if (waits && id !== null) {
        if (context.onBroken(position)) return
        events.failed(id, brokenOff(host))
      }
      context.onDone()
    },
  })
}

/** Passes messages on; true when the answer to the request was among them. */
function deliver(messages: readonly Incoming[], { id, events }: AnswerContext): boolean {
  let answered = false
  for (const message of messages) {
    if (message.type === 'error' && message.id === null && id !== null) {
      // Each request has a response of its own, so an error without an id can only be about this one.
      events.message({ ...message, id })
      answered = true
      continue
    }
    if ((message.type === 'result' || message.type === 'error') && message.id === id) answered = true
    events.message(message, id)
  }
  return answered
}

function tooLarge(host: string, maxBytes: number): LinkError {
  return new LinkError('malformed', `the answer of ${host} was dropped: it is larger than ${maxBytes} bytes`)
}

/** The answer will not come any more. */
export function brokenOff(host: string): LinkError {
  return new LinkError('unreachable', `${host} ended the connection before its answer was complete`)
}
