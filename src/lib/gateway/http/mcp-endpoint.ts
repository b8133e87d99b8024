import { parseClientMessage } from '../client-message.js'
import type { Access } from '../access.js'
import type { ClientMessage, Gateway, View } from '../contract.js'
import { isSameLimits } from '../view-limits.js'
import { NOT_ACCEPTABLE, readAccept, type Accepted } from './accept.js'
import { INVALID_REQUEST } from '../failure.js'
import { isGone, type Incoming, type Outgoing } from './exchange.js'
import { LegacyEndpoint, RefusedReply } from './legacy-endpoint.js'
import { isLegacyVersion } from './legacy-session.js'
import { checkHeaders, checkVersion, versionInBody } from './modern-headers.js'
import { SharedSession } from './shared-session.js'
import { ModernReply } from './modern-reply.js'
import { sendEmpty, sendRefusal, type Refusal } from './respond.js'
import type { SessionTable } from './session-table.js'
import type { Target } from './target.js'

const NO_ANSWERS: Refusal = { status: 400, code: INVALID_REQUEST, message: 'this version of the protocol has no answers from clients; repeat the request with inputResponses', data: { reason: 'answer' } }

export interface McpEndpointOptions {
  readonly path: string
  readonly view: View
  readonly access: Access
  readonly gateway: Gateway
  readonly table: SessionTable
}

/**
 * Both eras at one place, for one caller: a message that names a version without sessions, in its header or its body, is modern, every
 * other one is legacy. Owns the session all modern requests of the place share.
 */
export class McpEndpoint implements Target {
  readonly path: string
  #access: Access
  readonly #gateway: Gateway
  readonly #table: SessionTable
  readonly #legacy: LegacyEndpoint
  #view: View
  #modern: SharedSession | null = null

  constructor({ path, view, access, gateway, table }: McpEndpointOptions) {
    this.path = path
    this.#access = access
    this.#view = view
    this.#gateway = gateway
    this.#table = table
    this.#legacy = new LegacyEndpoint(path, table)
  }

  /** Whether requests of it are under way. */
  get isInUse(): boolean {
    return this.#modern?.isInUse === true
  }

  /** What is to be seen here from now on, and what its caller may do; sessions that are open keep what they began with. */
  show(view: View, access: Access): void {
    if (access.grant === this.#access.grant && (view === this.#view || isSameView(view, this.#view))) return
    this.#access = access
    this.#view = view
    this.#modern?.retire('the servers to be seen here changed')
    this.#modern = null
  }

  take(body: Buffer, req: Incoming, res: Outgoing): void {
    const accepted = readAccept(req.headers.accept)
    if (!accepted.json && !accepted.stream) return sendRefusal(res, NOT_ACCEPTABLE)
    const message = parseClientMessage(body)
    if (message.type === 'bad') {
      this.shared.session.receive(message, new RefusedReply(res))
      // Whatever the session made of it, the client has to hear something.
      if (!res.headersSent) sendRefusal(res, { status: 400, code: message.code, message: message.reason }, message.id)
      return
    }
    const version = req.headers['mcp-protocol-version']
    const isModern = (typeof version === 'string' && !isLegacyVersion(version)) || (message.type !== 'answer' && versionInBody(message.params) !== null)
    if (isModern) this.#takeModern(message, { req, res, accepted })
    else this.#legacy.post(message, this.#view, { req, res, accepted })
  }

  get(req: Incoming, res: Outgoing): void {
    this.#legacy.get(this.#view, req, res)
  }

  delete(req: Incoming, res: Outgoing): void {
    this.#legacy.delete(this.#view, req, res)
  }

  /** Those who listen are told that it is over; calls go on. */
  hangUp(): void {
    this.#modern?.session.finishListening?.()
  }

  close(reason: string, isStop = false): void {
    this.#modern?.close(reason, isStop)
    this.#modern = null
  }

  #takeModern(message: Exclude<ClientMessage, { type: 'bad' }>, { req, res, accepted }: { req: Incoming; res: Outgoing; accepted: Accepted }): void {
    if (message.type === 'answer') return sendRefusal(res, NO_ANSWERS, message.id)
    const shared = this.shared
    const { session } = shared
    if (message.type === 'notification') {
      const version = req.headers['mcp-protocol-version']
      const refusal = typeof version === 'string' ? checkVersion(version) : null
      if (refusal !== null) return sendRefusal(res, refusal)
      session.receive(message, new RefusedReply(res))
      return sendEmpty(res, 202)
    }
    const refusal = checkHeaders(message, req.headers, (tool) => session.toolHeaders(tool))
    if (refusal !== null) return sendRefusal(res, refusal, message.id)
    if (message.method === 'subscriptions/listen' && !accepted.stream) return sendRefusal(res, NOT_ACCEPTABLE, message.id)
    // A client that is gone has taken its request back.
    if (!isGone(res)) new ModernReply({ message, res, accepted, shared, heartbeat: this.#table.heartbeat }).run()
  }

  /** The session of those who ask here without one of their own. */
  get shared(): SharedSession {
    return (this.#modern ??= new SharedSession(this.#gateway.openSession({ view: this.#view, kind: 'modern', channel: DEAF, access: this.#access })))
  }
}

function isSameView(a: View, b: View): boolean {
  if (a.prefix !== b.prefix || a.separator !== b.separator || (a.profile ?? null) !== (b.profile ?? null) || !isSameLimits(a.only ?? null, b.only ?? null)) return false
  // What a profile shows is looked up anew whenever it matters.
  return a.profile != null || (isSameList(a.servers, b.servers) && isSameList(a.tags, b.tags))
}

function isSameList(a: readonly string[] | null, b: readonly string[] | null): boolean {
  if (a === null || b === null) return a === b
  return a.length === b.length && a.every((name, at) => name === b[at])
}

/** Modern clients hear of changes on the stream of a request only. */
const DEAF = { send: (): void => undefined }
