import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { ServerAddress, TracedCall, TracedEnd } from './call-span.js'
import { Exporter, type ExporterCounts } from './exporter.js'
import { encodeSpans } from './otlp.js'
import { Recorder } from './recorder.js'
import { createSender } from './send.js'
import type { TelemetrySettings } from './settings.js'
import { IdSource } from './span-id.js'

/** Spans of calls on their way to a collector. The owner calls `close`. */
export interface Telemetry {
  began(call: TracedCall): void
  ended(call: TracedCall, end: TracedEnd): void
  contextFor(call: TracedCall): { readonly traceparent: string; readonly tracestate: string | null } | null
  readonly counts: ExporterCounts
  /** Sends what waits, for at most `limitMs`. */
  close(limitMs: number): Promise<void>
}

export interface TelemetryOptions {
  readonly settings: TelemetrySettings
  readonly version: string
  readonly addressOf: (server: string) => ServerAddress | null
  readonly mask: (server: string, text: string) => string
  readonly warn: (sentence: string, facts: Readonly<Record<string, unknown>>) => void
}

/** Throws when a certificate file the settings name cannot be read. Opens no connection yet. */
export function openTelemetry({ settings, version, addressOf, mask, warn }: TelemetryOptions): Telemetry {
  const resource = {
    'service.version': version,
    'service.instance.id': randomUUID(),
    'host.name': hostname(),
    'process.pid': process.pid,
    'telemetry.sdk.name': 'mcpctl',
    'telemetry.sdk.language': 'nodejs',
    'telemetry.sdk.version': version,
    ...settings.resource,
  }
  const exporter = new Exporter({
    batch: settings.batch,
    sender: createSender(settings, `mcpctl/${version}`),
    encode: (spans) => encodeSpans(spans, resource, { name: 'mcpctl', version }),
    warn,
    random: Math.random,
  })
  const recorder = new Recorder({ sampling: settings.sampling, ids: new IdSource(), addressOf, mask, add: (span) => exporter.add(span) })
  return {
    began: (call) => recorder.began(call),
    ended: (call, end) => recorder.ended(call, end),
    contextFor: (call) => recorder.contextFor(call),
    get counts() {
      return exporter.counts
    },
    close: (limitMs) => exporter.close(limitMs),
  }
}
