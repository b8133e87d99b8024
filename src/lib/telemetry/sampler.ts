import type { SpanContext } from './trace-context.js'

/** Which traces are recorded. `ratio`: the share of new ones; 0 and 1 are none and all. `followsParent`: a caller's decision holds. */
export interface Sampling {
  readonly ratio: number
  readonly followsParent: boolean
}

/** What the specification's OTEL_TRACES_SAMPLER is when it is not set: parentbased_always_on. */
export const DEFAULT_SAMPLING: Sampling = { ratio: 1, followsParent: true }

/** Digits at the end of a trace id that are random in every generation of the specification. */
const RANDOM_DIGITS = 14
const RANDOM_RANGE = 2 ** 56

/**
 * Whether the trace is recorded. By its id alone, so that everybody who samples at the same or a higher ratio decides
 * alike: the last 56 bits against a threshold, as OpenTelemetry's consistent probability sampling does.
 */
export function decideSampling({ ratio, followsParent }: Sampling, traceId: string, parent: SpanContext | null): boolean {
  if (followsParent && parent !== null) return parent.sampled
  if (ratio <= 0) return false
  return Number.parseInt(traceId.slice(-RANDOM_DIGITS), 16) >= Math.round((1 - ratio) * RANDOM_RANGE)
}
