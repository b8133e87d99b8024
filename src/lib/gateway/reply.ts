import { LinkError, RpcError, type JsonObject } from '../mcp/index.js'
import { idText } from './client-id.js'
import type { Reply, RequestMessage } from './contract.js'
import { failureText, INTERNAL_ERROR, linkTrouble, type Failure } from './failure.js'

const CLOSING_BRACE = Buffer.from('}')

/** Answers a request with a result. Returns null: nothing is under way any more. */
export function answer(message: RequestMessage, reply: Reply, result: JsonObject): null {
  return answerText(message, reply, Buffer.from(JSON.stringify(result)))
}

/** The same with a result that is text already. */
export function answerText(message: RequestMessage, reply: Reply, result: Buffer): null {
  reply.answer([Buffer.from(`{"jsonrpc":"2.0","id":${idText(message.id)},"result":`), result, CLOSING_BRACE], 200)
  return null
}

export function answerError(message: RequestMessage, reply: Reply, failure: Failure): null {
  reply.answer([failureText(message.id, failure)], failure.status, failure.retryAfterMs)
  return null
}

/** What a server said no with, or why it could not be asked. */
export function toFailure(error: unknown): Failure {
  if (error instanceof RpcError) return { ...error.toObject(), status: 200 }
  return error instanceof LinkError ? linkTrouble('', error) : { code: INTERNAL_ERROR, message: String(error), status: 200 }
}
