import { createHash, randomBytes } from 'node:crypto'
import { isJsonObject, RpcError, type JsonObject } from '../mcp/index.js'
import type { Call } from './call.js'
import type { Reply, RequestMessage } from './contract.js'
import { INTERNAL_ERROR } from './failure.js'

interface Question {
  readonly method: string
  readonly params: JsonObject
  readonly resolve: (answer: JsonObject) => void
  readonly reject: (error: RpcError) => void
}

/** A call whose client is to answer something before its server goes on. */
interface Place {
  readonly call: Call
  readonly questions: Map<string, Question>
  /** Proves that a request continues this call; good for one use. Null while the questions have not been handed over. */
  requestState: string | null
  asked: number
  flushing: boolean
  expiry: NodeJS.Timeout | null
}

const MAX_PLACES = 1000
const MAX_QUESTIONS = 100
/** How long a person may take. */
const PATIENCE_MS = 10 * 60_000
/** Whoever answers takes longer than this. */
const GATHER_MS = 20

/**
 * Calls of modern clients to legacy servers that asked something in mid-call. The modern era has no requests from server
 * to client: the client's open request ends with the questions and a `requestState`, and a second request with both the
 * answers and that state continues the call, which goes on here all the while (2026-07-28, multi round-trip requests).
 */
export class Parking {
  readonly #places = new Map<Call, Place>()
  readonly #byState = new Map<string, Place>()

  ask(call: Call, method: string, params: JsonObject): Promise<JsonObject> {
    let place = this.#places.get(call)
    if (place === undefined) {
      if (this.#places.size >= MAX_PLACES) return Promise.reject(new RpcError({ code: INTERNAL_ERROR, message: 'too many calls wait for answers of their clients' }))
      place = { call, questions: new Map(), requestState: null, asked: 0, flushing: false, expiry: null }
      this.#places.set(call, place)
    }
    const { questions } = place
    if (questions.size >= MAX_QUESTIONS) return Promise.reject(new RpcError({ code: INTERNAL_ERROR, message: `${MAX_QUESTIONS} questions to the client of this call are open already` }))
    const key = `input-${String(++place.asked)}`
    const answer = new Promise<JsonObject>((resolve, reject) => questions.set(key, { method, params, resolve, reject }))
    this.#flushSoon(place)
    return answer
  }

  /** Continues the call this request belongs to; null when it is another request, or another client's. The state is used up by that. */
  resume(message: RequestMessage, principal: object, reply: Reply): Call | null {
    const state = message.params?.['requestState']
    const place = typeof state === 'string' ? this.#byState.get(state) : undefined
    if (place === undefined || typeof state !== 'string') return null
    const { call } = place
    if (call.principal !== principal || fingerprint(call.message) !== fingerprint(message)) return null
    this.#byState.delete(state)
    place.requestState = null
    this.#stopExpiry(place)
    call.resume(message, reply)
    const given = isJsonObject(message.params?.['inputResponses']) ? message.params['inputResponses'] : {}
    for (const [key, question] of [...place.questions]) {
      const answer = given[key]
      if (!isJsonObject(answer)) continue
      place.questions.delete(key)
      question.resolve(answer)
    }
    if (place.questions.size > 0) this.#flushSoon(place)
    return call
  }

  /** The call is over. What was still asked is refused, so that its server does not wait for ever. */
  forget(call: Call): void {
    const place = this.#places.get(call)
    if (place === undefined) return
    this.#places.delete(call)
    if (place.requestState !== null) this.#byState.delete(place.requestState)
    this.#stopExpiry(place)
    for (const question of place.questions.values()) question.reject(new RpcError({ code: INTERNAL_ERROR, message: 'the client does not wait for this call any more' }))
  }

  close(): void {
    for (const place of [...this.#places.values()]) place.call.abort('the gateway ended')
  }

  /** Questions that come close together are handed over together: servers write each with a write of its own. */
  #flushSoon(place: Place): void {
    if (place.flushing) return
    place.flushing = true
    setTimeout(() => {
      place.flushing = false
      if (this.#places.get(place.call) === place && place.questions.size > 0 && place.requestState === null) this.#handOver(place)
    }, GATHER_MS)
  }

  #handOver(place: Place): void {
    const state = randomBytes(24).toString('base64url')
    const requests = Object.fromEntries([...place.questions].map(([key, { method, params }]) => [key, { method, params: withoutElicitationId(method, params) }]))
    if (!place.call.handOver(requests, state)) return
    place.requestState = state
    this.#byState.set(state, place)
    place.expiry = setTimeout(() => { place.call.abort('the client did not come back with an answer') }, PATIENCE_MS).unref()
  }

  #stopExpiry(place: Place): void {
    if (place.expiry !== null) clearTimeout(place.expiry)
    place.expiry = null
  }
}

/** The modern era has no name for a page to be visited. */
function withoutElicitationId(method: string, params: JsonObject): JsonObject {
  const { elicitationId: _dropped, task: _task, ...rest } = params
  return method === 'elicitation/create' ? rest : params
}

/** Method and params without what belongs to one try alone. */
function fingerprint({ method, params }: RequestMessage): string {
  const { _meta, inputResponses: _answers, requestState: _state, ...rest } = params ?? {}
  return createHash('sha256').update(method).update(JSON.stringify(sorted(rest))).digest('base64')
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (!isJsonObject(value)) return value
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]))
}
