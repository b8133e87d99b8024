import { isJsonObject, type JsonObject } from '../mcp/index.js'

/** Where a request belongs in a trace: W3C Trace Context, level 1, which MCP carries in `_meta`. */
export interface TraceContext {
  readonly traceparent: string
  readonly tracestate: string | null
}

/** Version, trace, parent, flags. A later version may say more after that (3.2.4). */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:$|-)/
const MAX_PARENT = 256
/** What has to be passed on at least (3.3.1.5); nobody sends more. */
const MAX_STATE = 8192

/** What a client says about it; null: nothing, or nothing valid. A state without a parent means nothing (3.3). */
export function readTraceContext(params: JsonObject | undefined): TraceContext | null {
  const meta = params?.['_meta']
  if (!isJsonObject(meta)) return null
  const { traceparent, tracestate } = meta
  if (typeof traceparent !== 'string' || traceparent.length > MAX_PARENT || !TRACEPARENT.test(traceparent)) return null
  if (traceparent.startsWith('00-') && traceparent.length !== 55) return null
  return { traceparent, tracestate: typeof tracestate === 'string' && tracestate.length <= MAX_STATE ? tracestate : null }
}

/** The same `_meta` with this context in it instead of what was there. */
export function withTraceContext(meta: JsonObject | undefined, { traceparent, tracestate }: TraceContext): JsonObject {
  const { traceparent: _parent, tracestate: _state, ...rest } = meta ?? {}
  return { ...rest, traceparent, ...(tracestate === null ? {} : { tracestate }) }
}
