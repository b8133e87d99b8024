import { idText, type IdKey } from './id-key.js'

const INTERNAL_ERROR = -32603

/** Why a request got no answer of a server. Part of the contract: `data.reason` of the error. */
export type FailureReason = 'daemon-lost' | 'stopped'
/** `unknown`: the server may have done it. `not-sent`: no server has seen it. */
export type FailureOutcome = 'unknown' | 'not-sent'

/** The answer, as a line, to a request that no daemon will answer any more. */
export function failureLine(key: IdKey, reason: FailureReason, outcome: FailureOutcome, detail?: string): Buffer {
  const message = `${reason === 'stopped' ? 'mcpctl was stopped; run mcpctl start' : 'the mcpctl daemon was lost'}${outcome === 'unknown' ? '; whether the call was carried out is unknown' : ''}`
  const error = { code: INTERNAL_ERROR, message: detail === undefined ? message : `${message} (${detail})`, data: { reason, outcome } }
  return Buffer.from(`{"jsonrpc":"2.0","id":${idText(key)},"error":${JSON.stringify(error)}}\n`)
}

/** A notification as a line. */
export function notificationLine(method: string, params?: Record<string, unknown>): Buffer {
  return Buffer.from(`${JSON.stringify(params === undefined ? { jsonrpc: '2.0', method } : { jsonrpc: '2.0', method, params })}\n`)
}

/** Tells the client that nobody waits for its answer to this question any more. */
export function cancelledLine(key: IdKey, reason: string): Buffer {
  return Buffer.from(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${idText(key)},"reason":${JSON.stringify(reason)}}}\n`)
}
