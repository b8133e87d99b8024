/** Where a span belongs, as the W3C Trace Context recommendation (level 1, https://www.w3.org/TR/trace-context-1/) writes it. */
export interface SpanContext {
  /** 32 and 16 hexadecimal digits in lower case, not all zero. */
  readonly traceId: string
  readonly spanId: string
  readonly sampled: boolean
  /** Of other vendors; carried on as it came. */
  readonly tracestate: string | null
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
const ALL_ZERO = /^0+$/

/** Null when it is none: then a new trace begins. A version above 00 is read as far as its first four fields go. */
export function parseTraceparent(traceparent: string | null, tracestate: string | null): SpanContext | null {
  const [, version = '', traceId = '', spanId = '', flags = '', more] = TRACEPARENT.exec(traceparent ?? '') ?? []
  if (version === '' || version === 'ff' || (version === '00' && more !== undefined)) return null
  if (ALL_ZERO.test(traceId) || ALL_ZERO.test(spanId)) return null
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1, tracestate: tracestate === '' ? null : tracestate }
}

/** Version 00; of the flags only "sampled" is known. */
export function formatTraceparent({ traceId, spanId, sampled }: SpanContext): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`
}
