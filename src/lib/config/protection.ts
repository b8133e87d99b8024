import { DEFAULT_BREAKER, type BreakerSpec, type CacheSpec, type ConcurrencySpec, type RateSpec } from '../core/index.js'
import { showDuration } from './explain.js'
import type { Stated } from './field-group.js'
import type { Knobs } from './knobs.js'
import { spotOf, type Layers } from './layer.js'
import { fromEnvironment } from './setting-override.js'
import type { Settings } from './settings.js'
import type { ConcurrencyFields, RateFields } from './traffic-field.js'

const DEFAULT_TTL_MS = 60_000
const DEFAULT_QUEUE = 100
const DEFAULT_QUEUE_TIMEOUT_MS = 5_000
/** Over HTTP each call under way is a connection of its own: a burst waits here, where it costs little, instead of opening thousands. */
const DEFAULT_OVER_HTTP: ConcurrencySpec = { max: 256, queue: 10_000, queueTimeoutMs: 30_000 }

/** When the server is left alone because its calls fail; null: never. Each field is looked for by itself. */
export function resolveBreaker(layers: Layers, knobs: Knobs, settings: Settings): BreakerSpec | null {
  const isOff = knobs.pick({ get: ({ breaker }) => breaker?.isOff, fallback: false })
  if (isOff.value) {
    knobs.say('breaker', { ...isOff, value: false })
    return null
  }
  const errorPercent = knobs.pick({ get: ({ breaker }) => breaker?.errorRate, fallback: DEFAULT_BREAKER.errorPercent })
  const failures = knobs.plain('breaker.failures', {
    environment: fromEnvironment(settings, 'MCP_FAILURE_THRESHOLD', settings.failureThreshold),
    get: ({ breaker }) => breaker?.failures,
    fallback: DEFAULT_BREAKER.failures,
  })
  knobs.say('breaker.errorRate', { ...errorPercent, value: errorPercent.value === null ? false : `${errorPercent.value}%` })
  const minCalls = knobs.plain('breaker.minCalls', { get: ({ breaker }) => breaker?.minCalls, fallback: DEFAULT_BREAKER.minCalls })
  const windowMs = knobs.duration('breaker.window', { get: ({ breaker }) => breaker?.window, fallback: DEFAULT_BREAKER.windowMs })
  const recoveryMs = knobs.duration('breaker.recovery', {
    environment: fromEnvironment(settings, 'MCP_RECOVERY_TIMEOUT', settings.recoveryTimeoutMs),
    get: ({ breaker }) => breaker?.recovery,
    fallback: DEFAULT_BREAKER.recoveryMs,
  })
  // Who states the first wait only means no shorter longest one.
  const maxRecoveryMs = knobs.duration('breaker.maxRecovery', { get: ({ breaker }) => breaker?.maxRecovery, fallback: Math.max(recoveryMs, DEFAULT_BREAKER.maxRecoveryMs) })
  const trials = knobs.plain('breaker.trials', { get: ({ breaker }) => breaker?.trials, fallback: DEFAULT_BREAKER.trials })
  if (maxRecoveryMs < recoveryMs) reportRecovery(layers, knobs)
  return { failures, errorPercent: errorPercent.value, minCalls, windowMs, recoveryMs, maxRecoveryMs: Math.max(recoveryMs, maxRecoveryMs), trials }
}

/** The two may come from different places; in one place that is told when it is read. */
function reportRecovery({ entry }: Layers, knobs: Knobs): void {
  const [first, second] = [knobs.layerOf(({ breaker }) => breaker?.recovery), knobs.layerOf(({ breaker }) => breaker?.maxRecovery)]
  if (first === second) return
  spotOf(second ?? entry, 'breaker').at('maxRecovery').problem(`is shorter than the recovery in effect for ${entry.spot.field}`, 'Make recovery the smaller of the two.')
}

/** Requests a minute the server is sent; null: as many as there are. */
export function resolveRate(knobs: Knobs): RateSpec | null {
  const stated = knobs.pick<Stated<RateFields> | null>({ get: (values) => values.rate, fallback: null })
  const spec = toRate(stated.value)
  knobs.say('rate', { ...stated, value: showRate(spec) })
  return spec
}

/** Without a burst it is what ten seconds bring, and at least one request. */
export function toRate(stated: Stated<RateFields> | null): RateSpec | null {
  if (stated?.perMinute === undefined) return null
  return { perMinute: stated.perMinute, burst: stated.burst ?? Math.ceil(stated.perMinute / 6) }
}

export function showRate(spec: RateSpec | null): string | null {
  return spec && `${spec.perMinute} a minute, ${spec.burst} at once`
}

/** Calls the server has under way at once; null: as many as there are. `overHttp`: that is how it is reached. */
export function resolveConcurrency(knobs: Knobs, overHttp: boolean): ConcurrencySpec | null {
  const stated = knobs.pick<Stated<ConcurrencyFields> | null | undefined>({ get: (values) => values.concurrency, fallback: undefined })
  const spec = stated.value === undefined ? (overHttp ? DEFAULT_OVER_HTTP : null) : toConcurrency(stated.value)
  knobs.say('concurrency.max', { ...stated, value: spec && spec.max })
  if (spec) {
    knobs.say('concurrency.queue', { value: spec.queue, origin: stated.value?.queue === undefined ? 'default' : stated.origin })
    knobs.say('concurrency.queueTimeout', { value: showDuration(spec.queueTimeoutMs), origin: stated.value?.queueTimeout === undefined ? 'default' : stated.origin })
  }
  return spec
}

export function toConcurrency(stated: Stated<ConcurrencyFields> | null): ConcurrencySpec | null {
  if (stated?.max === undefined) return null
  return { max: stated.max, queue: stated.queue ?? DEFAULT_QUEUE, queueTimeoutMs: stated.queueTimeout ?? DEFAULT_QUEUE_TIMEOUT_MS }
}

/**
 * Which answers are kept; null: none. A time in MCP_CACHE_TTL switches it on where no file says anything: that is what the
 * variable is set for.
 */
export function resolveCache(knobs: Knobs, settings: Settings): CacheSpec | null {
  const environment = fromEnvironment(settings, 'MCP_CACHE_TTL', settings.cacheTtlMs)
  const isOff = knobs.pick({
    environment: environment && { ...environment, value: environment.value === 0 },
    get: ({ cache }) => cache?.isOff,
    fallback: true,
  })
  if (isOff.value) {
    knobs.say('cache', { ...isOff, value: false })
    return null
  }
  const ttlMs = knobs.duration('cache.ttl', { ...(environment?.value ? { environment } : {}), get: ({ cache }) => cache?.ttl, fallback: DEFAULT_TTL_MS })
  const tools = knobs.pick<string[] | null>({ get: ({ cache }) => cache?.tools, fallback: null })
  knobs.say('cache.tools', tools)
  return {
    tools: tools.value && [...new Set(tools.value)],
    resources: knobs.plain('cache.resources', { get: ({ cache }) => cache?.resources, fallback: false }),
    prompts: knobs.plain('cache.prompts', { get: ({ cache }) => cache?.prompts, fallback: false }),
    ttlMs,
    scope: knobs.plain<CacheSpec['scope']>('cache.scope', { get: ({ cache }) => cache?.scope, fallback: 'caller' }),
  }
}
