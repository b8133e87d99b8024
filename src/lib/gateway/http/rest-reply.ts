import { isJsonObject, MODERN_VERSIONS, type JsonObject } from '../../mcp/index.js'
import { parseClientMessage } from '../client-message.js'
import type { Reply, Underway } from '../contract.js'
import { failureText, sessionClosed, trouble } from '../failure.js'
import { META } from '../request-text.js'
import { isGone, watch, type Exchange, type Outgoing } from './exchange.js'
import { sendAnswer, sendJson } from './respond.js'
import { statusOf } from './rest-status.js'
import type { SharedSession, SharedUser } from './shared-session.js'

/** What a request of the REST face came to: the result of the request of MCP it stands for. */
export type RestResult = (result: JsonObject) => { readonly status: number; readonly body: JsonObject }

export interface RestRequest {
  readonly shared: SharedSession
  readonly method: string
  readonly params: JsonObject
  readonly show: RestResult
}

/** Sends a request of MCP for a client that speaks plain HTTP and JSON, and answers it. Its connection is the request: when that closes, the request is taken back. */
export function askSession(res: Outgoing, { shared, method, params, show }: RestRequest): void {
  if (isGone(res)) return
  const envelope = { [META.version]: MODERN_VERSIONS[0], [META.clientInfo]: { name: 'rest', version: '1' }, [META.capabilities]: {} }
  const message = parseClientMessage(Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: envelope } })))
  if (message.type !== 'request') throw new Error(`a request that is none: ${method}`)
  const reply = new RestReply(res, shared, show)
  reply.follow(shared.session.receive(message, reply))
}

class RestReply implements Reply, Exchange, SharedUser {
  readonly #res: Outgoing
  readonly #shared: SharedSession
  readonly #show: RestResult
  #underway: Underway | null = null
  #isWaiting = false
  #over = false

  constructor(res: Outgoing, shared: SharedSession, show: RestResult) {
    this.#res = res
    this.#shared = shared
    this.#show = show
  }

  follow(underway: Underway | null): void {
    if (this.#over) return
    this.#underway = underway
    this.#isWaiting = true
    this.#shared.join(this)
    watch(this.#res, this)
  }

  answer(parts: readonly Buffer[], status: number, retryAfterMs?: number): void {
    if (this.#over) return
    this.#settle()
    const answer: unknown = JSON.parse(Buffer.concat(parts).toString())
    const { result, error } = isJsonObject(answer) ? answer : {}
    if (isJsonObject(result)) {
      const shown = this.#show(result)
      return sendJson(this.#res, shown.status, [toBody(shown.body)])
    }
    const failure = isJsonObject(error) ? error : {}
    sendAnswer(this.#res, { parts: [toBody({ success: false, error: failure })], status: statusOf(failure, status), retryAfterMs: retryAfterMs ?? readRetry(failure) })
  }

  /** Progress and log lines: nobody listens. */
  send(): void {
    // The answer is all there is.
  }

  closed(): void {
    if (this.#over) return
    this.#settle()
    this.#underway?.abort('the client disconnected')
  }

  sessionEnded(reason: string, isStop: boolean): void {
    this.answer([failureText(1, isStop ? trouble(reason, { reason: 'stopped', outcome: 'unknown' }) : sessionClosed(reason))], 503)
  }

  #settle(): void {
    this.#over = true
    if (this.#isWaiting) this.#shared.leave(this)
  }
}

function readRetry({ data }: JsonObject): number | undefined {
  const retryAfterMs = isJsonObject(data) ? data['retryAfterMs'] : undefined
  return typeof retryAfterMs === 'number' ? retryAfterMs : undefined
}

function toBody(body: JsonObject): Buffer {
  return Buffer.from(JSON.stringify(body))
}
