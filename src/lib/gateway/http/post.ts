import type { Budget } from './budget.js'
import { failureText, INTERNAL_ERROR, INVALID_REQUEST } from '../failure.js'
import { readBody, type BodySink, type Exchange, type Incoming, type Outgoing, watch } from './exchange.js'
import { sendRefusal, withOrigin, type Refusal } from './respond.js'
import { sendDefect, type Target } from './target.js'

/** Longest body; the same as the longest message on every other way in. */
const MAX_BODY_BYTES = 64 * 1024 * 1024
/** Bodies that come in one piece, which is nearly all, are not counted against what all may hold together. */
const LARGE_BYTES = 64 * 1024

const TOO_LONG: Refusal = { status: 413, code: INVALID_REQUEST, message: 'the body is longer than 64 MiB', data: { reason: 'too-long', maxBytes: MAX_BODY_BYTES } }
const NO_ROOM: Refusal = { status: 503, code: INTERNAL_ERROR, message: 'too many long messages are coming in at once', data: { reason: 'no-room', retryAfterMs: 1000 }, headers: ['retry-after', '1'] }

/** Collects the body of one POST and hands it to its target. */
export class Post implements BodySink, Exchange {
  readonly #req: Incoming
  readonly #res: Outgoing
  readonly #target: Target
  readonly #budget: Budget
  #first: Buffer | null = null
  #more: Buffer[] | null = null
  #bytes = 0
  #taken = 0
  #isOver = false

  /** `budget`: bytes that all bodies in more than one piece may hold together. */
  constructor(req: Incoming, res: Outgoing, target: Target, budget: Budget) {
    this.#req = req
    this.#res = res
    this.#target = target
    this.#budget = budget
  }

  run(): void {
    if (Number(this.#req.headers['content-length'] ?? 0) > MAX_BODY_BYTES) return this.#refuse(TOO_LONG)
    readBody(this.#req, this)
  }

  data(chunk: Buffer): void {
    if (this.#isOver) return
    this.#bytes += chunk.length
    if (this.#first === null) {
      this.#first = chunk
      return
    }
    if (this.#bytes > MAX_BODY_BYTES) return this.#refuse(TOO_LONG)
    if (this.#bytes > LARGE_BYTES) {
      if (!this.#budget.take(this.#bytes - this.#taken)) return this.#refuse(NO_ROOM)
      if (this.#taken === 0) watch(this.#res, this)
      this.#taken = this.#bytes
    }
    if (this.#more === null) this.#more = [this.#first]
    this.#more.push(chunk)
  }

  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    const body = this.#more === null ? (this.#first ?? Buffer.alloc(0)) : Buffer.concat(this.#more, this.#bytes)
    this.#release()
    try {
      this.#target.take(body, this.#req, this.#res)
    } catch (error) {
      // A defect that one message brings out is that message's error: the others' work goes on.
      sendDefect(this.#res, error)
    }
  }

  closed(): void {
    this.#isOver = true
    this.#release()
  }

  #refuse(refusal: Refusal): void {
    this.#isOver = true
    this.#release()
    refuseUpload(this.#req, this.#res, refusal)
  }

  #release(): void {
    this.#first = null
    this.#more = null
    this.#budget.give(this.#taken)
    this.#taken = 0
  }
}

const LINGER_MS = 2000
/** Well above what the system may hold on both sides of a connection, so that a client that sends at full speed still comes to read. */
const LINGER_BYTES = 64 * 1024 * 1024
/** Rests of bodies up to here are read away, so that the connection can be used again. */
const REST_BYTES = 1024 * 1024

/**
 * Answers before the body is read. A connection closed while its client still writes would take the answer with it, so
 * what comes is read away for a while first.
 */
export function refuseUpload(req: Incoming, res: Outgoing, refusal: Refusal): void {
  const length = Number(req.headers['content-length'] ?? 0)
  if (req.complete || (req.headers['transfer-encoding'] === undefined && length <= REST_BYTES)) return sendRefusal(res, refusal)
  const body = failureText(null, refusal)
  res.writeHead(refusal.status, withOrigin(res, ['content-type', 'application/json', 'content-length', String(body.length), 'connection', 'close', ...(refusal.headers ?? [])]))
  res.write(body)
  // Complete for the client from here on; ending the response is what closes the connection.
  const timer = setTimeout(() => { res.end() }, LINGER_MS).unref()
  let bytes = 0
  const sink: BodySink = {
    data: (chunk) => {
      bytes += chunk.length
      if (bytes > LINGER_BYTES) sink.end()
    },
    end: () => {
      clearTimeout(timer)
      res.end()
    },
  }
  res.once('close', () => { clearTimeout(timer) })
  if (req.sink === null) readBody(req, sink)
  else req.sink = sink
}
