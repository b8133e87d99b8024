import { isUnlimited, type ServerSpec } from './spec.js'

/** What differs between two descriptions of a server, by the names of configuration fields. */
export interface SpecDiff {
  /** Only a new process or connection brings these about. */
  readonly restart: readonly string[]
  /** These take effect on what runs. */
  readonly live: readonly string[]
}

type Values = Readonly<Record<string, unknown>>

/** A field of the configuration: where its values stand in a spec, each under the name a person knows it by. */
interface Part {
  readonly applies: 'restart' | 'live'
  readonly read: (spec: ServerSpec) => Values
}

const PARTS: readonly Part[] = [
  { applies: 'restart', read: ({ transport, era, clientAbilities, roots, session }) => ({ transport, era, clientAbilities, roots, session }) },
  { applies: 'restart', read: ({ launch }) => ({ command: launch?.command, args: launch?.args, cwd: launch?.cwd }) },
  // Variables merely inherited from a shell do not count: every shell has others.
  { applies: 'restart', read: ({ launch }) => named('env', Object.fromEntries((launch?.ownEnv ?? []).map((name) => [name, launch?.env[name]]))) },
  { applies: 'restart', read: ({ endpoint }) => ({ url: endpoint?.url, auth: endpoint?.auth, pool: endpoint?.pool, ...named('headers', endpoint?.headers ?? {}) }) },
  { applies: 'live', read: ({ enabled, startTimeoutMs, stopTimeoutMs, drainTimeoutMs, replace, dependsOn, tags }) => ({ enabled, startTimeout: startTimeoutMs, stopTimeout: stopTimeoutMs, drainTimeout: drainTimeoutMs, replace, dependsOn, tags }) },
  { applies: 'live', read: ({ restart, health, logs }) => ({ restart, ...named('health', { ...health }), ...named('logs', { ...logs }) }) },
  { applies: 'live', read: ({ isolation, start, idleStopMs, traffic }) => ({ isolation, start, idleTimeout: idleStopMs, ...named('', { ...traffic }) }) },
]

/** The internal names whose field has another one in the configuration. */
const FIELD_NAMES: Readonly<Record<string, string>> = {
  'limits.memoryBytes': 'limits.memory',
  'limits.memorySoftBytes': 'limits.memorySoft',
  'limits.cpuPercent': 'limits.cpu',
  'health.intervalMs': 'health.interval',
  'health.timeoutMs': 'health.timeout',
  'health.hungAfterMs': 'health.hungAfter',
  'logs.maxBytes': 'logs.maxSize',
  idleTimeoutMs: 'timeouts.idle',
  timeoutMs: 'timeouts.total',
  allow: 'tools.allow',
  deny: 'tools.deny',
  repeatable: 'tools.repeatable',
  membership: 'group',
}

/** Compares what the configuration says, not where it is said: the same servers in a renamed file are the same. */
export function diffSpecs(old: ServerSpec, next: ServerSpec): SpecDiff {
  const limits: Part = {
    applies: isFirstLimit(old, next) ? 'restart' : 'live',
    read: ({ limits }) => named('limits', { ...limits }),
  }
  const differing = (applies: Part['applies']): string[] => [...PARTS, limits].filter((part) => part.applies === applies).flatMap((part) => differingNames(part.read(old), part.read(next)))
  return { restart: differing('restart'), live: differing('live') }
}

/** The spec of a running server after its configuration changed: what was not made at its start follows the new one. */
export function withLiveFields(running: ServerSpec, next: ServerSpec): ServerSpec {
  const { transport, era, clientAbilities, roots, session, launch, endpoint } = running
  return { ...next, transport, era, clientAbilities, roots, session, launch, endpoint, ...(isFirstLimit(running, next) && { limits: running.limits }) }
}

/** A process that was started without any limit is in nothing that could hold it. */
function isFirstLimit(old: ServerSpec, next: ServerSpec): boolean {
  return old.launch !== null && isUnlimited(old.limits) && !isUnlimited(next.limits)
}

function named(group: string, values: Values): Values {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [group === '' ? name : `${group}.${name}`, value]))
}

function differingNames(old: Values, next: Values): string[] {
  const names = new Set([...Object.keys(old), ...Object.keys(next)])
  return [...names].filter((name) => !isEqual(old[name], next[name])).map((name) => FIELD_NAMES[name] ?? name)
}

function isEqual(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(sorted(a)) === JSON.stringify(sorted(b))
}

/** The order in which members are written says nothing. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, each]) => [name, sorted(each)]))
}
