import { toSpans, type CallContexts, type ServerAddress, type Span, type TracedCall, type TracedEnd } from './call-span.js'
import { decideSampling, type Sampling } from './sampler.js'
import type { IdSource } from './span-id.js'
import { formatTraceparent, parseTraceparent } from './trace-context.js'

/** Calls under way that are remembered; the gateway bounds them far below this. */
const MAX_OPEN = 100_000

export interface RecorderOptions {
  readonly sampling: Sampling
  readonly ids: Pick<IdSource, 'traceId' | 'spanId'>
  readonly addressOf: (server: string) => ServerAddress | null
  /** Hides secrets of this server in a text. */
  readonly mask: (server: string, text: string) => string
  readonly add: (span: Span) => void
}

/** Makes spans of calls. Hears of each on the message path: what takes time is done when a call is over. */
export class Recorder {
  readonly #options: RecorderOptions
  readonly #open = new Map<number, CallContexts>()

  constructor(options: RecorderOptions) {
    this.#options = options
  }

  began(call: TracedCall): void {
    if (this.#open.size >= MAX_OPEN) return
    const { sampling, ids } = this.#options
    const parent = parseTraceparent(call.traceparent, call.tracestate)
    const traceId = parent?.traceId ?? ids.traceId()
    const common = { traceId, sampled: decideSampling(sampling, traceId, parent), tracestate: parent?.tracestate ?? null }
    this.#open.set(call.serial, { parent, served: { ...common, spanId: ids.spanId() }, passed: { ...common, spanId: ids.spanId() } })
  }

  /** What the server gets: the span of the call to it, or, when nothing is recorded, that nothing is. */
  contextFor(call: TracedCall): { readonly traceparent: string; readonly tracestate: string | null } | null {
    const contexts = this.#open.get(call.serial)
    if (contexts === undefined) return null
    // Nobody here is a part of this trace: the caller's own span stays the parent.
    if (!contexts.passed.sampled && contexts.parent?.sampled === false) return null
    return { traceparent: formatTraceparent(contexts.passed), tracestate: contexts.passed.tracestate }
  }

  ended(call: TracedCall, end: TracedEnd): void {
    const contexts = this.#open.get(call.serial)
    if (contexts === undefined) return
    this.#open.delete(call.serial)
    if (!contexts.served.sampled) return
    const { addressOf, mask, add } = this.#options
    for (const span of toSpans(call, end, contexts, { address: addressOf(call.server), mask: (text) => mask(call.server, text) })) add(span)
  }
}
