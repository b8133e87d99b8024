import { DEFAULT_TRAFFIC, type LogsSpec, type ReplaceMode, type RestartPolicy, type RestartSpec, type ServerSpec, type Transport } from '../core/index.js'
import { resolveEndpoint } from './endpoint.js'
import { explain, showSize, type ExplainedValue } from './explain.js'
import { resolveHealth } from './health.js'
import { Knobs } from './knobs.js'
import { resolveLaunch } from './launch.js'
import { isSwitched, originOf, spotOf, type Layers } from './layer.js'
import { resolveLimits } from './limits.js'
import type { ResolvedServer } from './resolved.js'
import type { StatedFields } from './server-entry.js'
import { fromEnvironment, fromFlag, type Sourced, type SettingsOverrides } from './setting-override.js'
import type { Settings } from './settings.js'
import { resolveTraffic } from './traffic.js'
import { decideTransport } from './transport.js'
import { resolveUse } from './use.js'

/** What is the same for all servers. */
export interface Ambient {
  readonly settings: Settings
  readonly overrides: SettingsOverrides
  readonly inherited: Readonly<Record<string, string>>
}

const DEFAULT_RESTART: RestartSpec = { policy: 'on-failure', backoffInitialMs: 500, backoffMaxMs: 60_000, maxRestarts: 5, windowMs: 60_000 }
const DEFAULT_LOGS: LogsSpec = { maxBytes: 10 * 1024 ** 2, keep: 5 }
const DEFAULT_STOP_TIMEOUT_MS = 5_000
const DEFAULT_DRAIN_TIMEOUT_MS = 5_000

/**
 * Makes the description of one server from what its entry states and what it leaves open. For each value the first
 * that says anything wins: a flag; the entry itself; an `MCP_*` variable that is set; the `defaults` block of the project's
 * file, then of the user's; the built-in default. So a variable beats the files' defaults for everyone but never what
 * a server states for itself. Null: the entry is unusable, with problems recorded.
 */
export function resolveServer(name: string, layers: Layers, ambient: Ambient): ResolvedServer | null {
  const { entry } = layers
  const fields: ExplainedValue[] = []
  const transport = decideTransport(entry)
  const launch = resolveLaunch(layers, ambient.inherited, fields)
  const endpoint = resolveEndpoint(layers, ambient.settings, fields)
  if (transport === null || (!launch && !endpoint)) return null
  fields.unshift(explain('transport', { value: transport, origin: entry.spots.has('transport') ? originOf(entry, false) : 'default' }))
  const knobs = new Knobs(layers, fields)
  const spec: ServerSpec = {
    name,
    source: entry.spot.source.document.file,
    transport,
    launch,
    endpoint,
    era: knobs.plain('era', { get: (values) => values.era, fallback: 'auto' }),
    enabled: resolveEnabled(layers, knobs),
    restart: resolveRestart(knobs, ambient),
    limits: launch ? resolveLimits(layers, knobs, ambient) : {},
    startTimeoutMs: knobs.duration('startTimeout', {
      flag: fromFlag(ambient.overrides.maxStartupTimeMs),
      environment: fromEnvironment(ambient.settings, 'MCP_MAX_STARTUP_TIME', ambient.settings.maxStartupTimeMs),
      get: (values) => values.startTimeout,
      fallback: ambient.settings.maxStartupTimeMs,
    }),
    stopTimeoutMs: knobs.duration('stopTimeout', { get: (values) => values.stopTimeout, fallback: DEFAULT_STOP_TIMEOUT_MS }),
    drainTimeoutMs: knobs.duration('drainTimeout', { get: (values) => values.drainTimeout, fallback: DEFAULT_DRAIN_TIMEOUT_MS }),
    replace: resolveReplace(layers, knobs, transport),
    health: resolveHealth(layers, knobs, { ...ambient, transport, isRemote: launch === null }),
    dependsOn: [...new Set(knobs.list('dependsOn', (values) => values.dependsOn))],
    tags: [...new Set(knobs.list('tags', (values) => values.tags))],
    logs: resolveLogs(knobs),
    ...resolveUse(layers, knobs, transport),
    traffic: transport === 'none' ? DEFAULT_TRAFFIC : resolveTraffic(layers, knobs, { settings: ambient.settings, transport }),
  }
  if (transport === 'stdio') knobs.plain('instances', { get: (values) => values.instances, fallback: 1 })
  return { entry, spec, explained: { name, source: spec.source, fields } }
}

function resolveEnabled({ entry }: Layers, knobs: Knobs): boolean {
  const { enabled, disabled } = entry.values
  if (enabled !== undefined && enabled === disabled) {
    entry.spots.get('disabled')?.problem('contradicts "enabled"', 'Keep one of the two.')
  }
  const choice = { get: (values: StatedFields) => values.enabled ?? (values.disabled === undefined ? undefined : !values.disabled), fallback: true }
  return knobs.plain('enabled', isSwitched(entry) ? { ...choice, flag: { value: enabled === true, origin: 'runtime change' } } : choice)
}

function resolveRestart(knobs: Knobs, { settings, overrides }: Ambient): RestartSpec {
  const policy = resolvePolicy(knobs, fromFlag(overrides.autoRestart), fromEnvironment(settings, 'MCP_AUTO_RESTART', settings.autoRestart))
  knobs.say('restart.policy', policy)
  return {
    policy: policy.value,
    backoffInitialMs: knobs.duration('restart.backoff.initial', { get: ({ restart }) => restart?.backoff?.initial, fallback: DEFAULT_RESTART.backoffInitialMs }),
    backoffMaxMs: knobs.duration('restart.backoff.max', { get: ({ restart }) => restart?.backoff?.max, fallback: DEFAULT_RESTART.backoffMaxMs }),
    maxRestarts: knobs.plain('restart.intensity.restarts', { get: ({ restart }) => restart?.intensity?.restarts, fallback: DEFAULT_RESTART.maxRestarts }),
    windowMs: knobs.duration('restart.intensity.window', { get: ({ restart }) => restart?.intensity?.window, fallback: DEFAULT_RESTART.windowMs }),
  }
}

/** A switch knows only two of the three policies: switched on, it changes `never` and leaves the others. */
function resolvePolicy(knobs: Knobs, flag: Sourced<boolean> | undefined, environment: Sourced<boolean> | undefined): Sourced<RestartPolicy> {
  const get = ({ restart }: StatedFields): RestartPolicy | undefined => restart?.policy
  const below = knobs.default(get) ?? { value: DEFAULT_RESTART.policy, origin: 'default' }
  return applySwitch(flag, knobs.own(get) ?? applySwitch(environment, below))
}

function applySwitch(stated: Sourced<boolean> | undefined, policy: Sourced<RestartPolicy>): Sourced<RestartPolicy> {
  if (stated === undefined) return policy
  if (!stated.value) return { value: 'never', origin: stated.origin }
  return policy.value === 'never' ? { value: 'on-failure', origin: stated.origin } : policy
}

/**
 * Two processes that answer at one address cannot run at the same time, and a helper (a database, a tunnel) holds
 * files or ports of its own: those are replaced in place.
 */
function resolveReplace({ entry }: Layers, knobs: Knobs, transport: Transport): ReplaceMode {
  const isLocalHttp = entry.values.command !== undefined && entry.values.url !== undefined
  const own = knobs.own((values) => values.replace)
  if (isLocalHttp && own?.value === 'beside') {
    spotOf(entry, 'replace').problem('is "beside", but the new process would have to answer at the same url as the old one', 'Write "in-place", or remove it.', 'beside')
  }
  if (!isLocalHttp && transport !== 'none') return knobs.plain('replace', { get: (values) => values.replace, fallback: 'beside' })
  const chosen = own && !isLocalHttp ? own : { value: 'in-place' as const, origin: own?.value === 'in-place' ? own.origin : 'default' }
  knobs.say('replace', chosen)
  return chosen.value
}

function resolveLogs(knobs: Knobs): LogsSpec {
  const maxSize = knobs.pick({ get: ({ logs }) => logs?.maxSize, fallback: DEFAULT_LOGS.maxBytes })
  knobs.say('logs.maxSize', { ...maxSize, value: showSize(maxSize.value) })
  return { maxBytes: maxSize.value, keep: knobs.plain('logs.keep', { get: ({ logs }) => logs?.keep, fallback: DEFAULT_LOGS.keep }) }
}
