import type { SpanContext } from './trace-context.js'

/** A call as whoever observes it hears of its begin. The names and meanings are the gateway's. */
export interface TracedCall {
  readonly serial: number
  readonly server: string
  readonly method: string
  readonly target: string | null
  readonly session: string
  readonly era: string
  readonly client: { readonly name: string; readonly version: string } | null
  /** Epoch milliseconds. */
  readonly startedAt: number
  readonly bytesIn: number
  readonly traceparent: string | null
  readonly tracestate: string | null
}

export interface TracedEnd {
  readonly outcome: 'ok' | 'failed' | 'error' | 'lost' | 'cancelled'
  readonly durationMs: number
  readonly bytesOut: number
  readonly code: string | null
  /** Milliseconds from its begin until it first left for its server; null: it never did. Absent: at once. */
  readonly waitedMs?: number | null
  /** Answered with what was kept of an earlier call. */
  readonly isCached?: true
}

/** How a server is reached. */
export interface ServerAddress {
  readonly transport: 'pipe' | 'tcp'
  /** Host and port of a server that is reached by address. */
  readonly host: string | null
  readonly port: number | null
  /** Of MCP; null while it is not known. */
  readonly protocolVersion: string | null
}

export type AttributeValue = string | number | boolean

/** One span, ready to be written. */
export interface Span {
  readonly context: SpanContext
  readonly parentSpanId: string | null
  /** The parent belongs to somebody else. */
  readonly isParentRemote: boolean
  readonly name: string
  readonly kind: 'server' | 'client'
  /** Epoch milliseconds and parts of them. */
  readonly startedAt: number
  readonly endedAt: number
  readonly attributes: Readonly<Record<string, AttributeValue>>
  /** What went wrong; null: nothing. */
  readonly error: string | null
}

/** The contexts of the two spans of one call. */
export interface CallContexts {
  /** Of the client; null: the trace begins here. */
  readonly parent: SpanContext | null
  /** Client to gateway. */
  readonly served: SpanContext
  /** Gateway to server. */
  readonly passed: SpanContext
}

/**
 * The spans of one call, by the semantic conventions of OpenTelemetry for MCP (status: development): the gateway serves its
 * client (kind SERVER) and, once the call has left, is the client of its server (kind CLIENT). No arguments and no results
 * in them. `address`: null where the server is not known any more; `mask`: hides secrets in URIs.
 */
export function toSpans(call: TracedCall, end: TracedEnd, contexts: CallContexts, { address, mask }: { address: ServerAddress | null; mask: (text: string) => string }): Span[] {
  const common = { ...describeCall(call, mask), ...describeEnd(end) }
  const name = call.target !== null && hasNamedTarget(call.method) ? `${call.method} ${call.target}` : call.method
  const error = end.outcome === 'ok' || end.outcome === 'cancelled' ? null : errorText(end)
  const endedAt = call.startedAt + end.durationMs
  const served: Span = {
    context: contexts.served, parentSpanId: contexts.parent?.spanId ?? null, isParentRemote: true, name, kind: 'server', startedAt: call.startedAt, endedAt, error,
    attributes: { ...common, ...describeClient(call) },
  }
  const { waitedMs = 0 } = end
  if (waitedMs === null) return [served]
  const passed: Span = {
    context: contexts.passed, parentSpanId: contexts.served.spanId, isParentRemote: false, name, kind: 'client', startedAt: Math.min(call.startedAt + waitedMs, endedAt), endedAt, error,
    attributes: { ...common, ...describeServer(address) },
  }
  return [served, passed]
}

function hasNamedTarget(method: string): boolean {
  return method === 'tools/call' || method === 'prompts/get'
}

function describeCall({ server, method, target, bytesIn }: TracedCall, mask: (text: string) => string): Record<string, AttributeValue> {
  return {
    'mcp.method.name': method,
    'mcpctl.server.name': server,
    'mcpctl.request.bytes': bytesIn,
    ...(method === 'tools/call' ? { 'gen_ai.operation.name': 'execute_tool' } : {}),
    ...(target === null ? {} : method === 'tools/call' ? { 'gen_ai.tool.name': target } : method === 'prompts/get' ? { 'gen_ai.prompt.name': target } : { 'mcp.resource.uri': mask(target) }),
  }
}

function describeEnd(end: TracedEnd): Record<string, AttributeValue> {
  const { outcome, code, bytesOut } = end
  return {
    'mcpctl.outcome': outcome,
    'mcpctl.response.bytes': bytesOut,
    ...(end.isCached === true ? { 'mcpctl.cached': true } : {}),
    ...(outcome === 'failed' || outcome === 'error' || outcome === 'lost' ? { 'error.type': errorType(end) } : {}),
    ...(outcome === 'error' && code !== null ? { 'rpc.response.status_code': code } : {}),
  }
}

function describeClient({ session, client, era }: TracedCall): Record<string, AttributeValue> {
  return {
    'mcp.session.id': session,
    'mcpctl.client.era': era,
    ...(client === null ? {} : { 'mcpctl.client.name': client.name, 'mcpctl.client.version': client.version }),
  }
}

function describeServer(address: ServerAddress | null): Record<string, AttributeValue> {
  if (address === null) return {}
  const { transport, host, port, protocolVersion } = address
  return {
    'network.transport': transport,
    ...(host === null ? {} : { 'server.address': host }),
    ...(port === null ? {} : { 'server.port': port }),
    ...(protocolVersion === null ? {} : { 'mcp.protocol.version': protocolVersion }),
  }
}

/** A tool's own failure has a fixed word; everything else its code. */
function errorType({ outcome, code }: TracedEnd): string {
  return outcome === 'failed' ? 'tool_error' : (code ?? '_OTHER')
}

function errorText({ outcome, code }: TracedEnd): string {
  if (outcome === 'failed') return 'the tool says that it failed'
  return outcome === 'error' ? `the server answered with error ${code ?? ''}`.trim() : `no answer of the server: ${code ?? 'unknown'}`
}
