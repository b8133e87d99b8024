import { DEFAULT_TRAFFIC, type ToolSpec, type TrafficSpec, type Transport } from '../core/index.js'
import { explain, showDuration, showText, type ExplainedValue } from './explain.js'
import { MAX_DURATION_MS } from './kind.js'
import type { Knobs } from './knobs.js'
import { originOf, spotOf, type Layers } from './layer.js'
import { resolveBreaker, resolveCache, resolveConcurrency, resolveRate } from './protection.js'
import type { StatedFields } from './server-entry.js'
import type { Settings } from './settings.js'

/**
 * What the gateway does with the calls of one server: timeouts, which tools are shown and as what, limits and what is kept.
 * Its place in a group is decided when all servers are known.
 */
export function resolveTraffic(layers: Layers, knobs: Knobs, { settings, transport }: { readonly settings: Settings; readonly transport: Transport }): TrafficSpec {
  const idleTimeoutMs = knobs.limit('timeouts.idle', { get: ({ timeouts }) => timeouts?.idle, fallback: null })
  const timeoutMs = knobs.limit('timeouts.total', { get: ({ timeouts }) => timeouts?.total, fallback: null })
  const allow = knobs.pick<string[] | null>({ get: ({ tools }) => tools?.allow, fallback: null })
  knobs.say('tools.allow', allow)
  const deny = knobs.list('tools.deny', ({ tools }) => tools?.deny)
  for (const { field, value, origin } of explainTools(layers)) knobs.say(field, { value, origin })
  const repeatable = knobs.list('tools.repeatable', ({ tools }) => tools?.repeatable)
  return {
    ...DEFAULT_TRAFFIC,
    idleTimeoutMs,
    timeoutMs,
    allow: allow.value && [...new Set(allow.value)],
    deny: [...new Set(deny)],
    tools: toolSpecs(layers.entry.values.tools),
    repeatable: [...new Set(repeatable)],
    breaker: resolveBreaker(layers, knobs, settings),
    rate: resolveRate(knobs),
    concurrency: resolveConcurrency(knobs, transport !== 'stdio'),
    cache: resolveCache(knobs, settings),
  }
}

/** One description for each tool that something is said about. */
function toolSpecs({ rename = {}, describe = {}, timeouts = {} }: NonNullable<StatedFields['tools']> = {}): Record<string, ToolSpec> {
  const names = new Set([rename, describe, timeouts].flatMap((map) => Object.keys(map)))
  return Object.fromEntries([...names].map((key): [string, ToolSpec] => {
    const [name, description, limits] = [valueOf(rename, key), valueOf(describe, key), valueOf(timeouts, key)]
    return [key, {
      ...(name === undefined ? {} : { name }),
      ...(description === undefined ? {} : { description }),
      // Absent means the limit of the server, so never is the longest time a timer can hold.
      ...(limits?.idle === undefined ? {} : { idleTimeoutMs: limits.idle ?? MAX_DURATION_MS }),
      ...(limits?.total === undefined ? {} : { timeoutMs: limits.total ?? MAX_DURATION_MS }),
    }]
  }))
}

function valueOf<T>(map: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(map, key) ? map[key] : undefined
}

function explainTools({ entry }: Layers): ExplainedValue[] {
  const { rename = {}, describe = {}, timeouts = {} } = entry.values.tools ?? {}
  const origin = originOf(entry, false)
  const spot = spotOf(entry, 'tools')
  const limit = (durationMs: number | null): string => (durationMs === null ? 'never' : showDuration(durationMs))
  return [
    ...Object.entries(rename).map(([name, value]) => explain(`tools.rename.${name}`, { value, origin })),
    ...Object.entries(describe).map(([name, value]) => explain(`tools.describe.${name}`, { value: showText('description', value, spot.at('describe', name)), origin })),
    ...Object.entries(timeouts).flatMap(([name, { idle, total }]) => [
      ...(idle === undefined ? [] : [explain(`tools.timeouts.${name}.idle`, { value: limit(idle), origin })]),
      ...(total === undefined ? [] : [explain(`tools.timeouts.${name}.total`, { value: limit(total), origin })]),
    ]),
  ]
}
