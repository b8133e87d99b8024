import { isJsonObject, MODERN_VERSIONS, type JsonObject } from '../mcp/index.js'
import type { Call } from './call.js'
import { parseClientMessage } from './client-message.js'
import type { Reply, Underway } from './contract.js'
import { META } from './request-text.js'
import type { Asked } from './session-calls.js'
import type { SessionView } from './session-view.js'
import { otherBlocks, textOf, valueOf, type StepCaller, type StepEnd, type StepResult } from './workflow/index.js'

/** Lets a tool of the gateway's own call others for the client that called it. */
export type Inside = (call: Call, signal: AbortSignal) => StepCaller

const MAX_ERROR_CHARS = 2000
let ids = 0

/**
 * Calls made for a client of this session take the way of its own requests (`route`): what it may see, rates, kept
 * answers, breakers, pins, the record of calls. They are requests of the modern era by a client that can be asked
 * nothing, so no answer turns into a question that nobody would hear.
 */
export function createInside(servers: SessionView, route: (asked: Asked) => Underway | null): Inside {
  return (outer, signal) => ({
    look: (tool) => servers.look(tool),
    call: (tool, args) => new Promise((resolve) => {
      if (signal.aborted) return resolve(failed('the call was taken back', 'cancelled', 'not-delivered'))
      let underway: Underway | null = null
      const end = (result: StepResult): void => {
        signal.removeEventListener('abort', onAbort)
        resolve(result)
      }
      const onAbort = (): void => {
        underway?.abort('the call of the step was taken back')
        end(failed('the call was taken back', 'cancelled', 'unknown'))
      }
      const reply: Reply = {
        answer: (parts) => { end(readAnswer(parts, servers.look(tool) !== null)) },
        send: () => undefined,
      }
      signal.addEventListener('abort', onAbort, { once: true })
      try {
        underway = route(toAsked(outer, { tool, args, reply }))
      } catch (error) {
        end(failed(error instanceof Error ? error.message : String(error), 'internal', 'unknown'))
      }
    }),
  })
}

function toAsked({ message: { params }, origin: { clientInfo } }: Call, { tool, args, reply }: { readonly tool: string; readonly args: JsonObject; readonly reply: Reply }): Asked {
  const given = isJsonObject(params?.['_meta']) ? params['_meta'] : {}
  const { progressToken: _progress, [META.logLevel]: _level, ...meta } = given
  const envelope = { ...meta, [META.version]: MODERN_VERSIONS[0], [META.capabilities]: {} }
  const message = parseClientMessage(Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: `mcpctl:step:${++ids}`, method: 'tools/call', params: { name: tool, arguments: args, _meta: envelope } })))
  if (message.type !== 'request') throw new Error('a step that is no request')
  return { message, origin: { era: 'modern', capabilities: {}, clientInfo, logLevel: null }, reply, takenOn: performance.now() }
}

/** `isThere`: the client sees such a tool; if not, nobody was asked. */
function readAnswer(parts: readonly Buffer[], isThere: boolean): StepResult {
  const answer: unknown = JSON.parse(Buffer.concat(parts).toString())
  const { result, error } = isJsonObject(answer) ? answer : {}
  return isJsonObject(result) ? readResult(result) : readError(isJsonObject(error) ? error : {}, isThere)
}

function readResult({ resultType, ...result }: JsonObject): StepResult {
  if (resultType === 'input_required') return failed('the tool asks its client for something, which a step cannot answer', 'input-required', 'unknown')
  const blocks = otherBlocks(result['content'])
  if (result['isError'] === true) return { ...failed(textOf(result['content']) ?? 'the tool reports an error', 'tool-error', 'answered'), blocks }
  return { end: { type: 'done', value: valueOf(result) }, blocks }
}

function readError({ message, data }: JsonObject, isThere: boolean): StepResult {
  const { reason, outcome, retryAfterMs } = isJsonObject(data) ? data : {}
  const known = outcome === 'unknown' || outcome === 'not-delivered' ? outcome : isThere ? 'answered' : 'not-delivered'
  return failed(typeof message === 'string' ? message : 'the call failed', typeof reason === 'string' ? reason : null, known, typeof retryAfterMs === 'number' ? retryAfterMs : null)
}

function failed(error: string, reason: string | null, outcome: Extract<StepEnd, { type: 'failed' }>['outcome'], retryAfterMs: number | null = null): StepResult {
  return { end: { type: 'failed', error: error.slice(0, MAX_ERROR_CHARS), reason, outcome, retryAfterMs }, blocks: [] }
}
