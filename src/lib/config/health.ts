import type { HealthSpec, ProbeSpec, Transport } from '../core/index.js'
import { showArgs, showText } from './explain.js'
import type { Knobs } from './knobs.js'
import { spotOf, type Layers } from './layer.js'
import { maskText } from './secret.js'
import { fromEnvironment, fromFlag, type SettingsOverrides } from './setting-override.js'
import type { Settings } from './settings.js'
import type { Spot } from './spot.js'

const LONGEST_TIMEOUT_MS = 5_000
const DEFAULT_HUNG_MS = 30_000
/** Somebody else's machine is not asked every two seconds unless we are told to. */
const REMOTE_INTERVAL_MS = 30_000

/** When and how a server is asked whether it works; `knobs` writes down where each value comes from. */
export function resolveHealth(layers: Layers, knobs: Knobs, ambient: { readonly settings: Settings; readonly overrides: SettingsOverrides; readonly transport: Transport; readonly isRemote: boolean }): HealthSpec {
  const { settings, overrides, transport, isRemote } = ambient
  const intervalMs = knobs.duration('health.interval', {
    flag: fromFlag(overrides.healthCheckIntervalMs),
    environment: fromEnvironment(settings, 'MCP_HEALTH_CHECK_INTERVAL', settings.healthCheckIntervalMs),
    get: ({ health }) => health?.interval,
    fallback: isRemote && !settings.stated.has('MCP_HEALTH_CHECK_INTERVAL') ? REMOTE_INTERVAL_MS : settings.healthCheckIntervalMs,
  })
  return {
    intervalMs,
    timeoutMs: knobs.duration('health.timeout', { get: ({ health }) => health?.timeout, fallback: Math.min(intervalMs, LONGEST_TIMEOUT_MS) }),
    hungAfterMs: knobs.duration('health.hungAfter', { get: ({ health }) => health?.hungAfter, fallback: DEFAULT_HUNG_MS }),
    probe: resolveProbe(layers, knobs, transport),
  }
}

/** A helper speaks no MCP, so it is not asked in MCP unless it says so itself, which is a mistake. */
function resolveProbe({ entry }: Layers, knobs: Knobs, transport: Transport): ProbeSpec {
  const get = knobs.pick<ProbeSpec | undefined>({ get: ({ health }) => health?.probe, fallback: undefined })
  const layer = knobs.layerOf(({ health }) => health?.probe)
  const spot = spotOf(layer ?? entry, 'health').at('probe')
  const isHelper = transport === 'none'
  if (isHelper && layer === entry && get.value?.type === 'mcp') {
    spot.problem('is "mcp", but a server with transport "none" speaks no MCP', 'Write "none", or probe it over http, tcp or with a command.', 'mcp')
  }
  if (get.value === undefined || (isHelper && get.value.type === 'mcp')) {
    const probe: ProbeSpec = { type: isHelper ? 'none' : 'mcp' }
    knobs.say('health.probe', { value: probe.type, origin: 'default' })
    return probe
  }
  knobs.say('health.probe', { value: showProbe(get.value, spot), origin: get.origin })
  return get.value
}

function showProbe(probe: ProbeSpec, spot: Spot): string {
  switch (probe.type) {
    case 'mcp':
    case 'none':
      return probe.type
    case 'http':
      return `http ${showText('url', probe.url, spot.at('http'))}`
    case 'tcp':
      return `tcp ${maskText(spot.source.templates.get(spot.at('tcp').field) ?? `${probe.host.includes(':') ? `[${probe.host}]` : probe.host}:${probe.port}`)}`
    case 'command':
      return ['command', showText('command', probe.command, spot.at('command')), ...showArgs(probe.args, spot.at('args'))].join(' ')
  }
}
