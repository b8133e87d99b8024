import { readEndpoint } from './settings-endpoint.js'
import { readKeyValues, readNumber, type Env, type Warn } from './settings-value.js'
import { DEFAULT_SAMPLING, type Sampling } from './sampler.js'

/** What the environment says about telemetry (OpenTelemetry specification, "Environment Variable Specification"). */
export interface TelemetrySettings {
  readonly url: URL
  /** May hold secrets: for the wire only. */
  readonly headers: Readonly<Record<string, string>>
  readonly gzip: boolean
  /** One request to the collector. */
  readonly timeoutMs: number
  /** Files with certificates and key; null: the system's own, and none. */
  readonly certificates: { readonly ca: string | null; readonly cert: string | null; readonly key: string | null }
  readonly sampling: Sampling
  readonly batch: BatchSettings
  /** Names and values that describe this process in every export. */
  readonly resource: Readonly<Record<string, string>>
}

export interface BatchSettings {
  /** So often what has come together is sent. */
  readonly delayMs: number
  /** An export with all its retries may take so long. */
  readonly exportTimeoutMs: number
  /** Spans that may wait; more are dropped. */
  readonly maxQueue: number
  /** Spans in one request. */
  readonly maxBatch: number
}

export interface ReadSettings {
  /** Null: nothing is to be sent. */
  readonly settings: TelemetrySettings | null
  /** What is not as it was meant, one sentence each; no values that may be secrets. */
  readonly warnings: readonly string[]
}

/** Whether anybody asked for it: cheap, and all that is looked at where nobody did. */
export function isTelemetryWanted(env: Env): boolean {
  return Boolean(env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] || env['OTEL_EXPORTER_OTLP_ENDPOINT'])
}

/** Reads the environment. Never throws: what is wrong becomes a warning, and telemetry is left off where it could not work. */
export function readTelemetrySettings(env: Env): ReadSettings {
  const warnings: string[] = []
  const warn: Warn = (sentence) => { warnings.push(sentence) }
  const off = { settings: null, warnings }
  if (!isTelemetryWanted(env) || isTrue(env['OTEL_SDK_DISABLED'])) return off
  const exporter = (env['OTEL_TRACES_EXPORTER'] ?? '').trim()
  if (exporter === 'none') return off
  if (exporter !== '' && !exporter.split(',').map((name) => name.trim()).includes('otlp')) {
    warn(`OTEL_TRACES_EXPORTER is "${exporter}": only "otlp" and "none" are known, so no traces are sent`)
    return off
  }
  const url = readEndpoint(env, warn)
  if (url === null || !speaksJson(env, warn)) return off
  const of = (name: string): string | undefined => env[`OTEL_EXPORTER_OTLP_TRACES_${name}`] || env[`OTEL_EXPORTER_OTLP_${name}`]
  const settings: TelemetrySettings = {
    url,
    headers: { ...readHeaders(env, 'OTEL_EXPORTER_OTLP_HEADERS', warn), ...readHeaders(env, 'OTEL_EXPORTER_OTLP_TRACES_HEADERS', warn) },
    gzip: of('COMPRESSION') === 'gzip',
    timeoutMs: readNumber(env, env['OTEL_EXPORTER_OTLP_TRACES_TIMEOUT'] ? 'OTEL_EXPORTER_OTLP_TRACES_TIMEOUT' : 'OTEL_EXPORTER_OTLP_TIMEOUT', { otherwise: 10_000, least: 1 }, warn),
    certificates: { ca: of('CERTIFICATE') ?? null, cert: of('CLIENT_CERTIFICATE') ?? null, key: of('CLIENT_KEY') ?? null },
    sampling: readSampling(env, warn),
    batch: readBatch(env, warn),
    resource: readResource(env, warn),
  }
  return { settings, warnings }
}

function isTrue(value: string | undefined): boolean {
  return value?.trim().toLowerCase() === 'true'
}

function speaksJson(env: Env, warn: Warn): boolean {
  const name = env['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL'] ? 'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL' : 'OTEL_EXPORTER_OTLP_PROTOCOL'
  const protocol = (env[name] ?? '').trim()
  if (protocol === '' || protocol === 'http/json') return true
  if (protocol === 'http/protobuf') {
    warn(`${name} is "http/protobuf": mcpctl speaks http/json, which a receiver takes at the same address; traces are sent as that`)
    return true
  }
  warn(`${name} is "${protocol}": mcpctl speaks only http/json, so no traces are sent; name an HTTP address (often port 4318) and set it to http/json`)
  return false
}

function readHeaders(env: Env, name: string, warn: Warn): Record<string, string> {
  const known: Record<string, string> = {}
  for (const [key, value] of Object.entries(readKeyValues(env, name, warn))) {
    if (/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(key) && /^[\t\x20-\x7e\x80-\xff]*$/.test(value)) known[key.toLowerCase()] = value
    else warn(`${name}: a header is left out, because its name or its value cannot stand in one`)
  }
  return known
}

function readBatch(env: Env, warn: Warn): BatchSettings {
  const maxQueue = readNumber(env, 'OTEL_BSP_MAX_QUEUE_SIZE', { otherwise: 2048, least: 1, most: 1_000_000 }, warn)
  return {
    delayMs: readNumber(env, 'OTEL_BSP_SCHEDULE_DELAY', { otherwise: 5000, least: 10 }, warn),
    exportTimeoutMs: readNumber(env, 'OTEL_BSP_EXPORT_TIMEOUT', { otherwise: 30_000, least: 1 }, warn),
    maxQueue,
    maxBatch: Math.min(maxQueue, readNumber(env, 'OTEL_BSP_MAX_EXPORT_BATCH_SIZE', { otherwise: Math.min(512, maxQueue), least: 1, most: 100_000 }, warn)),
  }
}

function readSampling(env: Env, warn: Warn): Sampling {
  const sampler = (env['OTEL_TRACES_SAMPLER'] ?? '').trim()
  const followsParent = sampler.startsWith('parentbased_')
  switch (sampler.replace(/^parentbased_/, '')) {
    case '': return DEFAULT_SAMPLING
    case 'always_on': return { ratio: 1, followsParent }
    case 'always_off': return { ratio: 0, followsParent }
    case 'traceidratio': return { ratio: readNumber(env, 'OTEL_TRACES_SAMPLER_ARG', { otherwise: 1, least: 0, most: 1 }, warn), followsParent }
    default:
      warn(`OTEL_TRACES_SAMPLER is "${sampler}", which is not known; parentbased_always_on is used`)
      return DEFAULT_SAMPLING
  }
}

function readResource(env: Env, warn: Warn): Record<string, string> {
  const given = readKeyValues(env, 'OTEL_RESOURCE_ATTRIBUTES', warn)
  const name = env['OTEL_SERVICE_NAME']?.trim() || given['service.name'] || 'mcpctl'
  return { ...given, 'service.name': name }
}
