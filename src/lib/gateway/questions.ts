import { randomInt, randomUUID } from 'node:crypto'
import { isJsonObject, RpcError, type JsonObject } from '../mcp/index.js'
import type { Call } from './call.js'
import type { Channel, ClientMessage } from './contract.js'
import { INTERNAL_ERROR, METHOD_NOT_FOUND } from './failure.js'

interface Question {
  readonly call: Call | null
  readonly resolve: (result: JsonObject) => void
  readonly reject: (error: RpcError) => void
}

const MAX_OPEN = 1000

/** What servers want to know from one legacy client: requests that go the other way. */
export class Questions {
  readonly #channel: Channel
  readonly #open = new Map<number, Question>()
  /** Begins anywhere: a client may still answer what an earlier gateway asked. */
  #nextId = randomInt(1, 2 ** 31)

  constructor(channel: Channel) {
    this.#channel = channel
  }

  /** Asks on the stream of the call it is about. Rejects with RpcError. */
  ask(call: Call | null, method: string, params: JsonObject): Promise<JsonObject> {
    if (this.#open.size >= MAX_OPEN) return Promise.reject(new RpcError({ code: INTERNAL_ERROR, message: `${MAX_OPEN} questions to this client are open already` }))
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      this.#open.set(id, { call, resolve, reject })
      this.#send(call, { jsonrpc: '2.0', id, method, params: withElicitationId(method, params) })
    })
  }

  answered({ id, result, error }: Extract<ClientMessage, { type: 'answer' }>): void {
    const question = typeof id === 'number' ? this.#open.get(id) : undefined
    if (question === undefined || typeof id !== 'number') return
    this.#open.delete(id)
    if (result !== undefined) question.resolve(result)
    else question.reject(new RpcError(readError(error)))
  }

  /** The call is over: nobody needs the answers to what was asked about it. */
  forget(call: Call): void {
    for (const [id, question] of [...this.#open]) {
      if (question.call !== call) continue
      this.#open.delete(id)
      this.#send(null, { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id, reason: 'the request it was about is over' } })
      question.reject(new RpcError({ code: INTERNAL_ERROR, message: 'the request it was about is over' }))
    }
  }

  close(reason: string): void {
    for (const question of this.#open.values()) question.reject(new RpcError({ code: INTERNAL_ERROR, message: reason }))
    this.#open.clear()
  }

  #send(call: Call | null, message: JsonObject): void {
    if (call === null || call.over) this.#channel.send(JSON.stringify(message))
    else call.send(message)
  }
}

/** Why this client cannot be asked that; null when it can. */
export function whyNotAsked(capabilities: JsonObject, method: string, params: JsonObject): RpcError | null {
  const ability = abilityFor(method)
  const declared = capabilities[ability]
  if (!isJsonObject(declared)) return new RpcError({ code: METHOD_NOT_FOUND, message: `the client does not support ${method}` })
  if (params['mode'] === 'url' && !isJsonObject(declared['url'])) return new RpcError({ code: METHOD_NOT_FOUND, message: 'the client does not support elicitation by URL' })
  return null
}

/** The capability a client declares when it answers such requests. */
export function abilityFor(method: string): 'sampling' | 'elicitation' | 'roots' {
  return method === 'sampling/createMessage' ? 'sampling' : method === 'elicitation/create' ? 'elicitation' : 'roots'
}

/** Legacy clients know a page to be visited by a name (2025-11-25); a modern server gives it none. */
function withElicitationId(method: string, params: JsonObject): JsonObject {
  if (method !== 'elicitation/create' || params['mode'] !== 'url' || params['elicitationId'] !== undefined) return params
  return { ...params, elicitationId: randomUUID() }
}

function readError(error: unknown): { code: number; message: string; data?: unknown } {
  if (!isJsonObject(error) || typeof error['code'] !== 'number') return { code: INTERNAL_ERROR, message: 'the client answered with an error it did not describe' }
  const message = typeof error['message'] === 'string' ? error['message'] : ''
  return error['data'] === undefined ? { code: error['code'], message } : { code: error['code'], message, data: error['data'] }
}
