import { isJsonObject, RpcError, type JsonObject } from '../mcp/index.js'
import type { Call } from './call.js'
import { INTERNAL_ERROR, trouble } from './failure.js'

/** Questions of a server about one request: more rounds than this are a loop. */
const MAX_ROUNDS = 16

/** The rounds of questions and answers one call goes through: made when its server asks for the first time. */
export class CallRounds {
  /** What the request carries from now on, besides what its client wrote. */
  added: JsonObject = {}
  readonly #call: Call
  #count = 0

  constructor(call: Call) {
    this.#call = call
  }

  /** A legacy server wants pages visited first (error -32042 of 2025-11-25): a modern client is asked, then the request goes out again. False: the error names none. */
  askForUrls(error: JsonObject): boolean {
    const call = this.#call
    const { data } = error
    const listed = isJsonObject(data) && Array.isArray(data['elicitations']) ? data['elicitations'].filter(isJsonObject) : []
    if (listed.length === 0 || this.#count >= MAX_ROUNDS) return false
    this.#count++
    Promise.all(listed.map((params) => call.park('elicitation/create', { ...params, mode: 'url' }))).then(
      (answers) => {
        if (call.over) return
        if (answers.every((answer) => answer['action'] === 'accept')) call.carrier.submit(call)
        else call.fail({ code: INTERNAL_ERROR, message: typeof error['message'] === 'string' ? error['message'] : 'the server needs a page to be visited first', status: 200 })
      },
      () => { call.fail({ code: INTERNAL_ERROR, message: 'the server needs a page to be visited first', status: 200 }) },
    )
    return true
  }

  /** A modern server needs something from a legacy client: it is asked, and the request goes out again with the answers. Never rejects. */
  async next(requests: JsonObject, requestState: unknown): Promise<void> {
    const call = this.#call
    const { server } = call.plan
    if (++this.#count > MAX_ROUNDS) return call.fail(trouble(`server "${server}" asked for input more than ${MAX_ROUNDS} times`, { reason: 'too-many-rounds', server, outcome: 'unknown' }))
    const inputResponses = Object.create(null) as JsonObject
    try {
      await Promise.all(Object.entries(requests).map(async ([key, request]) => {
        if (!isJsonObject(request) || typeof request['method'] !== 'string') throw new RpcError({ code: INTERNAL_ERROR, message: `the server's question "${key}" names no method` })
        inputResponses[key] = await call.client.ask(call, request['method'], isJsonObject(request['params']) ? request['params'] : {})
      }))
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      return call.fail(trouble(`server "${server}" needed input that was not given: ${why}`, { reason: 'input-refused', server, outcome: 'unknown' }))
    }
    if (call.over) return
    this.added = { ...(Object.keys(requests).length === 0 ? {} : { inputResponses }), ...(requestState === undefined ? {} : { requestState }) }
    call.carrier.submit(call)
  }
}
