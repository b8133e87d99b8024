import { MODERN_VERSIONS } from '../../mcp/index.js'
import type { ClientMessage, Reply, View } from '../contract.js'
import { NOT_ACCEPTABLE, readAccept, type Accepted } from './accept.js'
import { INTERNAL_ERROR, INVALID_REQUEST } from '../failure.js'
import type { Incoming, Outgoing } from './exchange.js'
import { LegacyReply } from './legacy-reply.js'
import { isLegacyVersion, type LegacySession } from './legacy-session.js'
import { openLegacyStream } from './legacy-stream.js'
import { sendEmpty, sendJson, sendRefusal, type Refusal } from './respond.js'
import type { SessionPlace, SessionTable } from './session-table.js'

const UNKNOWN_SESSION: Refusal = { status: 404, code: INVALID_REQUEST, message: 'there is no such session (any more); send initialize without Mcp-Session-Id', data: { reason: 'unknown-session' } }
const NO_SESSION: Refusal = { status: 400, code: INVALID_REQUEST, message: 'the header Mcp-Session-Id is missing; send initialize first', data: { reason: 'no-session' } }
const INITIALIZED: Refusal = { status: 400, code: INVALID_REQUEST, message: 'this session was initialized before; send initialize without Mcp-Session-Id for a new one', data: { reason: 'initialized' } }
const FULL: Refusal = { status: 503, code: INTERNAL_ERROR, message: 'too many sessions are open', data: { reason: 'too-many-sessions', retryAfterMs: 60_000 }, headers: ['retry-after', '60'] }
const BAD_EVENT_ID: Refusal = { status: 400, code: INVALID_REQUEST, message: 'the Last-Event-ID is not one that was given out here', data: { reason: 'event-id' } }
const NO_STREAM: Refusal = { status: 405, code: INVALID_REQUEST, message: 'there is no stream to be had', data: { reason: 'no-stream' }, headers: ['allow', 'POST'] }

/** Streamable HTTP of the legacy era (2025-03-26 to 2025-11-25) at one place: sessions, streams, their end. */
export class LegacyEndpoint {
  readonly #path: string
  readonly #table: SessionTable

  constructor(path: string, table: SessionTable) {
    this.#path = path
    this.#table = table
  }

  post(message: Exclude<ClientMessage, { type: 'bad' }>, view: View, { req, res, accepted }: { req: Incoming; res: Outgoing; accepted: Accepted }): void {
    const refusal = checkVersion(req)
    const id = message.type === 'request' ? message.id : null
    if (refusal !== null) return sendRefusal(res, refusal, id)
    const given = req.headers['mcp-session-id']
    const session = typeof given === 'string' ? this.#table.find(given, this.#at(view, req)) : null
    if (message.type === 'request' && message.method === 'initialize') {
      if (session !== null) return sendRefusal(res, INITIALIZED, id)
      const opened = this.#table.open(this.#at(view, req))
      if (opened === null) return sendRefusal(res, FULL, id)
      return new LegacyReply({ table: this.#table, session: opened, message, res, accepted }).run()
    }
    if (session === null) return sendRefusal(res, given === undefined ? NO_SESSION : UNKNOWN_SESSION, id)
    if (message.type === 'request') return new LegacyReply({ table: this.#table, session, message, res, accepted }).run()
    session.receive(message, new RefusedReply(res))
    sendEmpty(res, 202)
  }

  get(view: View, req: Incoming, res: Outgoing): void {
    const session = this.#session(view, req, res)
    if (session === null) return
    if (!readAccept(req.headers.accept).stream) return sendRefusal(res, NOT_ACCEPTABLE)
    const lastEventId = req.headers['last-event-id']
    const opened = openLegacyStream(this.#table, session, res, typeof lastEventId === 'string' ? lastEventId : undefined)
    if (opened !== 'stream') sendRefusal(res, opened === 'bad-id' ? BAD_EVENT_ID : NO_STREAM)
  }

  delete(view: View, req: Incoming, res: Outgoing): void {
    const session = this.#session(view, req, res)
    if (session === null) return
    this.#table.end(session, 'the client ended the session')
    sendEmpty(res, 200)
  }

  #at(view: View, { access }: Incoming): SessionPlace {
    return { path: this.#path, view, access }
  }

  /** The session a GET or DELETE names; null: that was answered. */
  #session(view: View, req: Incoming, res: Outgoing): LegacySession | null {
    const given = req.headers['mcp-session-id']
    const version = req.headers['mcp-protocol-version']
    // Modern clients have no sessions, and the old ones none before initialize.
    if (typeof given !== 'string' || (typeof version === 'string' && MODERN_VERSIONS.includes(version))) {
      sendRefusal(res, NO_STREAM)
      return null
    }
    const refusal = checkVersion(req)
    const session = refusal === null ? this.#table.find(given, this.#at(view, req)) : null
    if (session === null) sendRefusal(res, refusal ?? UNKNOWN_SESSION)
    return session
  }
}

/** No version header is fine (2025-03-26); an unknown one is not. */
function checkVersion({ headers }: Incoming): Refusal | null {
  const version = headers['mcp-protocol-version']
  if (version === undefined || (typeof version === 'string' && isLegacyVersion(version))) return null
  return { status: 400, code: INVALID_REQUEST, message: 'the MCP-Protocol-Version is not one of those with sessions', data: { reason: 'protocol-version' } }
}

/** For messages that are not requests: nothing is answered, unless the session finds fault with them. */
export class RefusedReply implements Reply {
  readonly #res: Outgoing

  constructor(res: Outgoing) {
    this.#res = res
  }

  answer(parts: readonly Buffer[], status: number): void {
    sendJson(this.#res, status, parts)
  }

  send(_text: string): void {
    // There is no stream for it.
  }
}
