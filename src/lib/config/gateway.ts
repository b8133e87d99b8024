import { DEFAULT_GATEWAY, type GatewaySettings, type KeySpec, type MonitoringSettings } from '../core/index.js'
import { McpctlError } from '../errors/index.js'
import { isLoopbackHost } from './address.js'
import { resolveAuth } from './auth.js'
import { explain, showDuration, showText, type ExplainedValue } from './explain.js'
import type { Stated } from './field-group.js'
import { gatewayGroup, type GatewayFields } from './gateway-field.js'
import { resolveLimitSettings } from './gateway-limit.js'
import { isRecord } from './kind.js'
import { MASK } from './secret.js'
import { fromEnvironment, type Sourced } from './setting-override.js'
import type { Settings } from './settings.js'
import type { Spot } from './spot.js'

/** The `gateway` block of one file as read. */
export interface StatedGateway {
  readonly values: Stated<GatewayFields>
  readonly spot: Spot
  /** What is written there, whether usable or not. */
  readonly keys: ReadonlySet<string>
}

/** Reads a `gateway` block; null when it is not an object (a problem is recorded). */
export function readGateway(value: unknown, spot: Spot): StatedGateway | null {
  const values = gatewayGroup.read(value, spot)
  return values && isRecord(value) ? { values, spot, keys: new Set(Object.keys(value)) } : null
}

/** A value with the place of the block it was stated in; none: from the environment or the default. */
interface Found<T> extends Sourced<T> {
  readonly spot?: Spot
}

type Finder = <K extends keyof PlainFields>(name: K, environment?: Sourced<PlainFields[K]>) => Found<PlainFields[K]>

/** Fields that are one value each; the groups are looked into field by field. */
type PlainFields = Omit<GatewayFields, 'metrics' | 'auth' | 'rate' | 'concurrency' | 'cache' | 'management' | 'workflows' | 'rest' | 'audit'>

const { allowedHosts, allowedOrigins, listWaitMs, startWaitMs, ...SAME } = DEFAULT_GATEWAY
const DEFAULTS: PlainFields = { ...SAME, allowedHosts: [...allowedHosts], allowedOrigins: [...allowedOrigins], listWait: listWaitMs, startWait: startWaitMs }

/**
 * The settings of the gateway: for each the first that says anything of an `MCP_*` variable, the project's file, the
 * user's, the default. Records a problem, or throws ENVIRONMENT_INVALID when the address comes from a variable, when others
 * than this machine could reach it without a token.
 */
export function resolveGateway(blocks: readonly StatedGateway[], settings: Settings, profileKeys: Readonly<Record<string, KeySpec>>): { settings: Omit<GatewaySettings, 'profiles'>; explained: ExplainedValue[] } {
  const explained: ExplainedValue[] = []
  const find: Finder = (name, environment) => environment ?? findStated(blocks, name) ?? { value: DEFAULTS[name], origin: 'default' }
  const say = (name: keyof PlainFields, { origin }: Sourced<unknown>, value: ExplainedValue['value']): void => {
    explained.push(explain(`gateway.${name}`, { value, origin }))
  }
  const plain = <K extends 'prefix' | 'separator' | 'maxNameLength' | 'sse' | 'instructions'>(name: K): PlainFields[K] => {
    const found = find(name)
    say(name, found, found.value)
    return found.value
  }
  const texts = (name: 'allowedHosts' | 'allowedOrigins'): string[] => {
    const found = find(name)
    const value = [...new Set(found.value)]
    say(name, found, value)
    return value
  }
  const time = (name: 'listWait' | 'startWait'): number => {
    const found = find(name)
    say(name, found, showDuration(found.value))
    return found.value
  }
  const port = find('port', fromEnvironment(settings, 'MCP_GATEWAY_PORT', settings.gatewayPort))
  const host = find('host', fromEnvironment(settings, 'MCP_BIND_HOST', settings.bindHost))
  const token = find('token', fromEnvironment(settings, 'MCP_GATEWAY_TOKEN', settings.gatewayToken))
  say('port', port, port.value)
  say('host', host, host.value)
  say('token', token, showToken(token))
  const stated = resolveAuth(blocks, explained)
  const auth = { ...stated, keys: { ...stated.keys, ...profileKeys } }
  const isGuarded = token.value !== null || blocks.some(({ keys }) => keys.has('token')) || Object.keys(auth.keys).length + auth.jwt.length > 0
  if (!isGuarded) checkReach(host, port.value)
  return {
    settings: {
      ...DEFAULT_GATEWAY,
      port: port.value,
      host: host.value,
      token: token.value,
      allowedHosts: texts('allowedHosts'),
      allowedOrigins: texts('allowedOrigins'),
      prefix: plain('prefix'),
      separator: plain('separator'),
      maxNameLength: plain('maxNameLength'),
      sse: plain('sse'),
      listWaitMs: time('listWait'),
      startWaitMs: time('startWait'),
      instructions: plain('instructions'),
      auth,
      metrics: resolveMonitoring(blocks, settings, explained),
      ...resolveLimitSettings(blocks, settings, explained),
    },
    explained,
  }
}

/** Each of its fields is looked for by itself: one file may state the one, another the other. */
function resolveMonitoring(blocks: readonly StatedGateway[], settings: Settings, explained: ExplainedValue[]): MonitoringSettings {
  const find = (name: keyof MonitoringSettings, environment?: Sourced<boolean>): boolean => {
    const found = environment ?? blocks.flatMap(({ values, spot }): Sourced<boolean>[] => {
      const value = values.metrics?.[name]
      return value === undefined ? [] : [{ value, origin: spot.source.document.file }]
    })[0] ?? { value: DEFAULT_GATEWAY.metrics[name], origin: 'default' }
    explained.push(explain(`gateway.metrics.${name}`, found))
    return found.value
  }
  return { compat: find('compat', fromEnvironment(settings, 'MCP_METRICS_COMPAT', settings.metricsCompat)), public: find('public') }
}

function findStated<K extends keyof PlainFields>(blocks: readonly StatedGateway[], name: K): Found<PlainFields[K]> | undefined {
  for (const { values, spot } of blocks) {
    const value: PlainFields[K] | undefined = values[name]
    if (value !== undefined) return { value, origin: spot.source.document.file, spot: spot.at(name) }
  }
  return undefined
}

function showToken({ value, spot }: Found<string | null>): string | null {
  if (value === null) return null
  return spot ? showText('token', value, spot) : MASK
}

/** Anybody who reaches the address could use every server, so it has to be closed or guarded. */
function checkReach({ value, origin, spot }: Found<string>, port: number | null): void {
  if (isLoopbackHost(value)) return
  const message = `is ${JSON.stringify(value)}, which other machines can reach, and there is no token`
  const hint = 'Set a token (gateway.token, or MCP_GATEWAY_TOKEN in the environment), or keys (gateway.auth), or keep to 127.0.0.1.'
  if (spot) spot.problem(message, hint, value)
  // The variable alone opens nothing: it may be there for a day when there is a port.
  else if (port !== null) {
    const variable = origin.replace(/^environment /, '')
    throw new McpctlError('ENVIRONMENT_INVALID', `${variable} ${message}`, { hint, details: { problems: [{ variable, value, message: `${variable} ${message}` }] } })
  }
}
