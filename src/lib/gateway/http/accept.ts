import { INVALID_REQUEST } from '../failure.js'
import type { Refusal } from './respond.js'

/** What a client takes as an answer to a POST. */
export interface Accepted {
  readonly json: boolean
  readonly stream: boolean
}

const BOTH: Accepted = { json: true, stream: true }
const JSON_TYPES = ['application/json', 'application/*', '*/*']
const STREAM_TYPES = ['text/event-stream', 'text/*', '*/*']

/** Reads an Accept header; none at all accepts anything. Weights are not compared: JSON is preferred where both will do. */
export function readAccept(header: string | undefined): Accepted {
  if (header === undefined || header === 'application/json, text/event-stream') return BOTH
  const types = header.split(',').map(mediaType)
  return { json: types.some((type) => JSON_TYPES.includes(type)), stream: types.some((type) => STREAM_TYPES.includes(type)) }
}

export const NOT_ACCEPTABLE: Refusal = {
  status: 406,
  code: INVALID_REQUEST,
  message: 'the Accept header has to name application/json and text/event-stream',
  data: { reason: 'not-acceptable' },
}

/** Whether a body of this kind is read; null: yes. */
export function checkContent(type: string | undefined, encoding: string | undefined): Refusal | null {
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    return { status: 415, code: INVALID_REQUEST, message: `the content encoding ${JSON.stringify(encoding.slice(0, 40))} is not supported; send the body as it is`, data: { reason: 'content-encoding' }, headers: ['accept-encoding', 'identity'] }
  }
  if (type === 'application/json') return null
  const charset = type === undefined ? undefined : /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(type)?.[1]
  if (type !== undefined && mediaType(type) === 'application/json' && (charset === undefined || /^utf-?8$/i.test(charset))) return null
  const given = type === undefined ? 'none is given' : `this is ${JSON.stringify(type.slice(0, 100))}`
  return { status: 415, code: INVALID_REQUEST, message: `the Content-Type has to be application/json; ${given}`, data: { reason: 'content-type' } }
}

function mediaType(text: string): string {
  const end = text.indexOf(';')
  return (end < 0 ? text : text.slice(0, end)).trim().toLowerCase()
}
