import { createMask, type Mask } from '../base/index.js'
import type { ServerSpec } from '../core/index.js'
import type { CallObserver } from '../gateway/index.js'
import type { ServerAddress } from '../telemetry/index.js'
import type { Journal } from './journal.js'
import { secretsOf } from './server-secrets.js'
import type { Supervisor } from './supervisor.js'

/** At the end of the daemon what was not sent yet gets this long. */
const FLUSH_LIMIT_MS = 2000

export interface TelemetryHost {
  readonly observer: CallObserver
  /** Sends what waits, for at most 2 s. */
  close(): Promise<void>
}

export interface TelemetryHostOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly supervisor: Supervisor
  readonly journal: Journal
  readonly version: string
}

/**
 * Sends spans of calls to the collector that the daemon's environment names (OTEL_EXPORTER_OTLP_ENDPOINT). Null where it
 * names none, and nothing is loaded then; null too, with a word in the daemon's log, where that cannot work. Never rejects.
 */
export async function openTelemetryHost({ env, supervisor, journal, version }: TelemetryHostOptions): Promise<TelemetryHost | null> {
  if (!env['OTEL_EXPORTER_OTLP_ENDPOINT'] && !env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT']) return null
  const { openTelemetry, readTelemetrySettings } = await import('../telemetry/index.js')
  const { settings, warnings } = readTelemetrySettings(env)
  for (const warning of warnings) journal.write('warn', `telemetry: ${warning}`)
  if (settings === null) return null
  try {
    const masks = new WeakMap<ServerSpec, Mask>()
    const telemetry = openTelemetry({
      settings, version,
      addressOf: (server) => addressOf(supervisor, server),
      mask: (server, text) => maskOf(masks, supervisor, server)(text),
      warn: (sentence, facts) => { journal.write('warn', `telemetry: ${sentence}`, { ...facts }) },
    })
    journal.write('info', `telemetry: spans of calls go to ${settings.url.origin}${settings.url.pathname}`)
    return {
      observer: telemetry,
      async close() {
        await telemetry.close(FLUSH_LIMIT_MS)
        journal.write('info', 'telemetry: ended', { ...telemetry.counts })
      },
    }
  } catch (error) {
    journal.write('warn', `telemetry: off, ${error instanceof Error ? error.message : String(error)}`)
    return null
  }
}

function addressOf(supervisor: Supervisor, server: string): ServerAddress | null {
  const spec = supervisor.fleet.servers.get(server)?.spec
  if (spec === undefined) return null
  const protocolVersion = supervisor.instance(server)?.established?.verdict.protocolVersion ?? null
  if (spec.endpoint === null) return { transport: 'pipe', host: null, port: null, protocolVersion }
  const { hostname, port, protocol } = new URL(spec.endpoint.url)
  return { transport: 'tcp', host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port), protocolVersion }
}

const maskShapes = createMask([])

function maskOf(known: WeakMap<ServerSpec, Mask>, supervisor: Supervisor, server: string): Mask {
  const spec = supervisor.fleet.servers.get(server)?.spec
  if (spec === undefined) return maskShapes
  const mask = known.get(spec) ?? createMask(secretsOf(spec))
  known.set(spec, mask)
  return mask
}
