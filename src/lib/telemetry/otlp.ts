import type { AttributeValue, Span } from './call-span.js'

/** The numbers of OTLP (opentelemetry-proto, trace.proto). */
const KIND = { server: 2, client: 3 } as const
const STATUS_ERROR = 2
const SAMPLED = 0x01
const HAS_IS_REMOTE = 0x100
const IS_REMOTE = 0x200

/** Longer values of attributes are cut: names come from clients and servers. */
const MAX_VALUE_CHARS = 1024

type Json = Readonly<Record<string, unknown>>

/**
 * The body of one export request in the JSON encoding of OTLP (specification 1.x, "JSON Protobuf Encoding"): ids in
 * hexadecimal, 64-bit numbers as text, enums as numbers, names in lowerCamelCase.
 */
export function encodeSpans(spans: readonly Span[], resource: Readonly<Record<string, AttributeValue>>, scope: { readonly name: string; readonly version: string }): string {
  return JSON.stringify({
    resourceSpans: [{ resource: { attributes: encodeAttributes(resource) }, scopeSpans: [{ scope, spans: spans.map(encodeSpan) }] }],
  })
}

function encodeSpan({ context, parentSpanId, isParentRemote, name, kind, startedAt, endedAt, attributes, error }: Span): Json {
  return {
    traceId: context.traceId,
    spanId: context.spanId,
    ...(context.tracestate === null ? {} : { traceState: context.tracestate }),
    ...(parentSpanId === null ? {} : { parentSpanId }),
    flags: (context.sampled ? SAMPLED : 0) | HAS_IS_REMOTE | (parentSpanId !== null && isParentRemote ? IS_REMOTE : 0),
    name: name.slice(0, MAX_VALUE_CHARS),
    kind: KIND[kind],
    startTimeUnixNano: toNano(startedAt),
    endTimeUnixNano: toNano(Math.max(startedAt, endedAt)),
    attributes: encodeAttributes(attributes),
    status: error === null ? {} : { code: STATUS_ERROR, message: error },
  }
}

function encodeAttributes(attributes: Readonly<Record<string, AttributeValue>>): Json[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: encodeValue(value) }))
}

function encodeValue(value: AttributeValue): Json {
  if (typeof value === 'string') return { stringValue: value.slice(0, MAX_VALUE_CHARS) }
  if (typeof value === 'boolean') return { boolValue: value }
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value }
}

/** Nanoseconds as text, from milliseconds to the microsecond: a number of JavaScript does not hold them. */
export function toNano(ms: number): string {
  return `${Math.round(ms * 1000)}000`
}
