import { describe, expect, it } from 'vitest'
import type { Span, TracedCall, TracedEnd } from '../../../src/lib/telemetry/call-span.js'
import { encodeSpans, toNano } from '../../../src/lib/telemetry/otlp.js'
import { Recorder } from '../../../src/lib/telemetry/recorder.js'
import type { Sampling } from '../../../src/lib/telemetry/sampler.js'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT = '00f067aa0ba902b7'
const call = (changes: Partial<TracedCall> = {}): TracedCall => ({
  serial: 1, server: 'files', method: 'tools/call', target: 'read_file', session: 's1', era: 'legacy', client: { name: 'agent', version: '2' },
  startedAt: 1_795_269_428_601, bytesIn: 133, traceparent: null, tracestate: null, ...changes,
})
const end = (changes: Partial<TracedEnd> = {}): TracedEnd => ({ outcome: 'ok', durationMs: 37.409, bytesOut: 81, code: null, waitedMs: 7.4, ...changes })

function record(sampling: Sampling = { ratio: 1, followsParent: true }) {
  const spans: Span[] = []
  let ids = 0
  const recorder = new Recorder({
    sampling, ids: { traceId: () => (++ids).toString(16).padStart(32, 'a'), spanId: () => (++ids).toString(16).padStart(16, 'b') },
    addressOf: (server) => (server === 'remote' ? { transport: 'tcp', host: 'mcp.example', port: 443, protocolVersion: '2026-07-28' } : server === 'gone' ? null : { transport: 'pipe', host: null, port: null, protocolVersion: null }),
    mask: (_server, text) => text.replace('secret', '***'),
    add: (span) => void spans.push(span),
  })
  return { recorder, spans }
}

function spansOf(of: TracedCall, how: TracedEnd = end(), sampling?: Sampling): Span[] {
  const { recorder, spans } = record(sampling)
  recorder.began(of)
  recorder.ended(of, how)
  return spans
}

describe('a call', () => {
  it('becomes a span of the gateway as a server, and below it one of the gateway as a client', () => {
    const { recorder, spans } = record()
    recorder.began(call())
    const context = recorder.contextFor(call())
    recorder.ended(call(), end())
    const [served, passed] = spans
    expect(spans).toHaveLength(2)
    expect(served).toMatchObject({ kind: 'server', name: 'tools/call read_file', parentSpanId: null, startedAt: 1_795_269_428_601, error: null })
    expect(passed).toMatchObject({ kind: 'client', name: 'tools/call read_file', parentSpanId: served?.context.spanId, startedAt: 1_795_269_428_608.4 })
    expect(passed?.context.traceId).toBe(served?.context.traceId)
    expect(served?.endedAt).toBeCloseTo(1_795_269_428_638.409, 3)
    expect(context).toEqual({ traceparent: `00-${passed?.context.traceId ?? ''}-${passed?.context.spanId ?? ''}-01`, tracestate: null })
    expect(served?.attributes).toEqual({
      'mcp.method.name': 'tools/call', 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 'read_file', 'mcp.session.id': 's1',
      'mcpctl.server.name': 'files', 'mcpctl.request.bytes': 133, 'mcpctl.response.bytes': 81, 'mcpctl.outcome': 'ok',
      'mcpctl.client.era': 'legacy', 'mcpctl.client.name': 'agent', 'mcpctl.client.version': '2',
    })
    expect(passed?.attributes).toMatchObject({ 'network.transport': 'pipe', 'mcp.method.name': 'tools/call' })
  })

  it("goes on with its client's trace, and carries its state", () => {
    const given = call({ traceparent: `00-${TRACE}-${PARENT}-01`, tracestate: 'vendor=1' })
    const { recorder, spans } = record()
    recorder.began(given)
    expect(recorder.contextFor(given)).toEqual({ traceparent: expect.stringMatching(new RegExp(`^00-${TRACE}-b+3?.*-01$`)) as string, tracestate: 'vendor=1' })
    recorder.ended(given, end())
    expect(spans[0]).toMatchObject({ parentSpanId: PARENT, isParentRemote: true, context: { traceId: TRACE, tracestate: 'vendor=1' } })
    expect(spans[1]).toMatchObject({ parentSpanId: spans[0]?.context.spanId, isParentRemote: false, context: { traceId: TRACE } })
  })

  it('that is not sampled leaves no span, and tells the server so', () => {
    const { recorder, spans } = record({ ratio: 0, followsParent: true })
    recorder.began(call())
    expect(recorder.contextFor(call())?.traceparent).toMatch(/-00$/)
    recorder.ended(call(), end())
    // A client that decided so itself is passed on as it is.
    const given = call({ serial: 2, traceparent: `00-${TRACE}-${PARENT}-00` })
    recorder.began(given)
    expect(recorder.contextFor(given)).toBeNull()
    recorder.ended(given, end())
    expect(spans).toEqual([])
  })

  it('that never left for its server has no span as a client', () => {
    expect(spansOf(call(), end({ outcome: 'lost', code: 'down', waitedMs: null })).map(({ kind, error }) => [kind, error])).toEqual([['server', 'no answer of the server: down']])
    expect(spansOf(call(), { outcome: 'ok', durationMs: 1, bytesOut: 1, code: null })).toHaveLength(2)
  })

  it.each([
    [end({ outcome: 'failed' }), { 'error.type': 'tool_error' }, true],
    [end({ outcome: 'error', code: '-32602' }), { 'error.type': '-32602', 'rpc.response.status_code': '-32602' }, true],
    [end({ outcome: 'lost', code: 'timeout' }), { 'error.type': 'timeout' }, true],
    [end({ outcome: 'cancelled' }), { 'mcpctl.outcome': 'cancelled' }, false],
  ])('that ended %j says so', (how, attributes, isError) => {
    for (const span of spansOf(call(), how)) {
      expect(span.attributes).toMatchObject(attributes)
      expect(span.error !== null).toBe(isError)
      expect(Object.hasOwn(span.attributes, 'error.type')).toBe(isError)
    }
  })

  it('names a prompt, and a resource without its secrets and outside of the name of the span', () => {
    expect(spansOf(call({ method: 'prompts/get', target: 'greet' }))[0]).toMatchObject({ name: 'prompts/get greet', attributes: { 'gen_ai.prompt.name': 'greet' } })
    const [read] = spansOf(call({ method: 'resources/read', target: 'db://u:secret@h' }))
    expect(read).toMatchObject({ name: 'resources/read', attributes: { 'mcp.resource.uri': 'db://u:***@h' } })
    expect(read?.attributes['gen_ai.operation.name']).toBeUndefined()
  })

  it('tells where a remote server is, and nothing of one that is gone', () => {
    expect(spansOf(call({ server: 'remote' }))[1]?.attributes).toMatchObject({ 'network.transport': 'tcp', 'server.address': 'mcp.example', 'server.port': 443, 'mcp.protocol.version': '2026-07-28' })
    expect(spansOf(call({ server: 'gone' }))[1]?.attributes['network.transport']).toBeUndefined()
  })

  it('whose begin was not heard is passed over', () => {
    const { recorder, spans } = record()
    expect(recorder.contextFor(call())).toBeNull()
    recorder.ended(call(), end())
    expect(spans).toEqual([])
  })
})

describe('the JSON of OTLP', () => {
  it('has hexadecimal ids, nanoseconds and integers as text, and enums as numbers', () => {
    const spans = spansOf(call({ traceparent: `00-${TRACE}-${PARENT}-01`, tracestate: 'vendor=1' }), end({ outcome: 'failed' }))
    const body = JSON.parse(encodeSpans(spans, { 'service.name': 'x', 'process.pid': 5 }, { name: 'mcpctl', version: '1' })) as { resourceSpans: [{ scopeSpans: [{ spans: Record<string, unknown>[] }] }] }
    expect(body.resourceSpans[0]).toMatchObject({ resource: { attributes: [{ key: 'service.name', value: { stringValue: 'x' } }, { key: 'process.pid', value: { intValue: '5' } }] }, scopeSpans: [{ scope: { name: 'mcpctl', version: '1' } }] })
    const [served, passed] = body.resourceSpans[0].scopeSpans[0].spans
    expect(served).toMatchObject({
      traceId: TRACE, parentSpanId: PARENT, traceState: 'vendor=1', flags: 0x301, kind: 2, name: 'tools/call read_file',
      startTimeUnixNano: '1795269428601000000', endTimeUnixNano: '1795269428638409000', status: { code: 2, message: 'the tool says that it failed' },
    })
    expect(served?.['spanId']).toMatch(/^[0-9a-f]{16}$/)
    expect(passed).toMatchObject({ kind: 3, flags: 0x101, parentSpanId: served?.['spanId'] })
  })

  it('leaves out what is not there, cuts long values and never ends before it begins', () => {
    const [span] = (JSON.parse(encodeSpans(spansOf(call({ method: 'x'.repeat(5000), target: null }), end({ durationMs: -3 })), { ratio: 0.5, on: true }, { name: 'm', version: '1' })) as { resourceSpans: [{ scopeSpans: [{ spans: Record<string, unknown>[] }] }] }).resourceSpans[0].scopeSpans[0].spans
    expect(Object.keys(span ?? {})).not.toContain('parentSpanId')
    expect(Object.keys(span ?? {})).not.toContain('traceState')
    expect(span).toMatchObject({ flags: 0x101, status: {}, name: 'x'.repeat(1024), endTimeUnixNano: span?.['startTimeUnixNano'] })
    expect(encodeSpans([], { ratio: 0.5, on: true }, { name: 'm', version: '1' })).toContain('{"key":"ratio","value":{"doubleValue":0.5}},{"key":"on","value":{"boolValue":true}}')
  })

  it('keeps every microsecond', () => {
    expect(toNano(1_795_269_428_638.409)).toBe('1795269428638409000')
    expect(toNano(0)).toBe('0000')
  })
})
