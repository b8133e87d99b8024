import type { Incoming, Outgoing } from './exchange.js'
import { INTERNAL_ERROR } from '../failure.js'
import { sendRefusal, type Refusal } from './respond.js'

/** Where a POST goes when its body is there. */
export interface Target {
  /** Answers in any case; throws only what is a defect. */
  take(body: Buffer, req: Incoming, res: Outgoing): void
}

export const STOPPED: Refusal = { status: 503, code: INTERNAL_ERROR, message: 'mcpctl was stopped', data: { reason: 'stopped' } }

export function sendDefect(res: Outgoing, error: unknown): void {
  const message = `defect in mcpctl: ${error instanceof Error ? error.message : String(error)}`
  sendRefusal(res, { status: 500, code: INTERNAL_ERROR, message, data: { reason: 'defect' } })
}
