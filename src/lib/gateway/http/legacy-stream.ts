import { INTERNAL_ERROR } from '../failure.js'
import { EventStream, messageEvent } from './event-stream.js'
import { watch, type Exchange, type Outgoing } from './exchange.js'
import type { LegacySession, SessionUser } from './legacy-session.js'
import type { ResumableStream } from './resumable-stream.js'
import type { SessionTable } from './session-table.js'

const EVENT_ID = /^([a-z0-9]{5,20})-(\d{1,15})(?:-([A-Za-z0-9_-]{1,200}))?$/
const EPOCH_LENGTH = 4

interface Position {
  readonly name: string
  readonly seq: number
  /** Names the request the stream belongs to; empty: none. */
  readonly tag: string
}

/** What a GET gets: a connection to one of the session's streams, or nothing. */
export type Opened = 'stream' | 'nothing' | 'bad-id'

/**
 * Connects a GET to the stream its `Last-Event-ID` belongs to, or to the standing one. `nothing`: that stream is over and
 * was seen to its end, which clients understand when they hear that there is no stream (405).
 */
export function openLegacyStream(table: SessionTable, session: LegacySession, res: Outgoing, lastEventId: string | undefined): Opened {
  if (lastEventId === undefined || lastEventId === '') return connect(table, session, res, { stream: session.standing, after: null })
  const position = readEventId(lastEventId)
  if (position === null) return 'bad-id'
  const stream = session.findStream(position.name)
  if (stream === null) {
    // The standing stream of an earlier process goes on in ours; what it had kept is gone.
    if (position.tag === '' && position.name.slice(EPOCH_LENGTH) === '0') return connect(table, session, res, { stream: session.standing, after: null })
    return position.tag === '' ? 'nothing' : sayLost(table, res, position.tag)
  }
  if (stream.isEnded && position.seq >= stream.seq) return 'nothing'
  if (stream.isEnded && !stream.hasLast) return position.tag === '' ? 'nothing' : sayLost(table, res, position.tag)
  return connect(table, session, res, { stream, after: Math.min(position.seq, stream.seq) })
}

function connect(table: SessionTable, session: LegacySession, res: Outgoing, { stream, after }: { stream: ResumableStream; after: number | null }): Opened {
  const exchange = new StreamExchange(table, session, stream, res)
  session.join(exchange)
  watch(res, exchange)
  const connection = new EventStream(res, table.heartbeat)
  exchange.connection = connection
  stream.attach(connection, after, session.primes)
  return 'stream'
}

/** The answer the client waits for cannot be had any more: that is its answer. */
function sayLost(table: SessionTable, res: Outgoing, tag: string): Opened {
  const id = readTag(tag)
  if (id === null) return 'nothing'
  const stream = new EventStream(res, table.heartbeat)
  const error = { code: INTERNAL_ERROR, message: 'the answer to this request was lost while the connection was broken', data: { reason: 'stream-lost', outcome: 'unknown' } }
  stream.write(messageEvent(null, [Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, error }))]))
  stream.end()
  return 'stream'
}

function readEventId(text: string): Position | null {
  const match = EVENT_ID.exec(text.trim())
  return match === null ? null : { name: match[1] ?? '', seq: Number(match[2]), tag: match[3] ?? '' }
}

function readTag(tag: string): string | number | null {
  try {
    const id: unknown = JSON.parse(Buffer.from(tag, 'base64url').toString('utf8'))
    return typeof id === 'string' || typeof id === 'number' ? id : null
  } catch {
    return null
  }
}

/** The connection of one GET. */
class StreamExchange implements Exchange, SessionUser {
  connection: EventStream | null = null
  readonly #table: SessionTable
  readonly #session: LegacySession
  readonly #stream: ResumableStream
  readonly #res: Outgoing

  constructor(table: SessionTable, session: LegacySession, stream: ResumableStream, res: Outgoing) {
    this.#table = table
    this.#session = session
    this.#stream = stream
    this.#res = res
  }

  closed(): void {
    this.#session.leave(this, this.#table.now)
    if (this.connection === null) return
    this.connection.end()
    this.#stream.detach(this.connection)
    if (this.#stream.isEnded && this.#res.writableFinished) this.#session.finishStream(this.#stream, true)
  }

  sessionEnded(): void {
    // The session ends its streams itself.
  }
}
