import type { EndpointSpec, PoolSpec } from '../core/index.js'
import { explain, showText, type ExplainedValue } from './explain.js'
import { Knobs } from './knobs.js'
import { originOf, spotOf, type Layers } from './layer.js'
import { resolveOutboundAuth } from './outbound-auth.js'
import { MASK } from './secret.js'
import { fromEnvironment } from './setting-override.js'
import type { Settings } from './settings.js'
import type { StatedEntry } from './server-entry.js'
import type { Spot } from './spot.js'

/** Where the server answers, or null when the entry names no url. */
export function resolveEndpoint(layers: Layers, settings: Settings, explained: ExplainedValue[]): EndpointSpec | null {
  const { entry } = layers
  const { url } = entry.values
  if (url === undefined) return null
  const origin = originOf(entry, false)
  explained.push(explain('url', { value: showText('url', url, spotOf(entry, 'url')), origin }))
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(entry.values.headers ?? {})) {
    headers[name] = value
    explained.push(explain(`headers.${name}`, { value: showText(name, value, spotOf(entry, 'headers').at(name)), origin }))
  }
  for (const [name, variable, prefix] of headerVariables(entry)) {
    const value = entry.spot.source.env[variable.name]
    if (value === undefined || value === '') reportUnset(variable)
    else headers[name] = `${prefix}${value}`
    explained.push(explain(`headers.${name}`, { value: `${prefix}${MASK}`, origin: `environment ${variable.name}` }))
  }
  const { header, auth } = resolveOutboundAuth(entry, explained)
  if (header !== undefined) headers['Authorization'] = header
  const pool = resolvePool(new Knobs(layers, explained), settings)
  return { url, headers, ...(auth === undefined ? {} : { auth }), ...(pool === null ? {} : { pool }) }
}

const MOST_CONNECTIONS = 1024
const KEPT_CONNECTIONS = 64

/** Null when nobody says anything about them. */
function resolvePool(knobs: Knobs, settings: Settings): PoolSpec | null {
  const max = knobs.pick<number | null>({ environment: fromEnvironment(settings, 'MCP_POOL_MAX_SIZE', settings.poolMax), get: ({ pool }) => pool?.max, fallback: null })
  const min = knobs.pick<number | null>({ environment: fromEnvironment(settings, 'MCP_POOL_MIN_SIZE', settings.poolMin), get: ({ pool }) => pool?.min, fallback: null })
  if (max.value === null && min.value === null) return null
  const most = max.value ?? MOST_CONNECTIONS
  const kept = Math.min(min.value ?? KEPT_CONNECTIONS, most)
  knobs.say('pool.min', { ...min, value: kept })
  knobs.say('pool.max', { ...max, value: most })
  return { min: kept, max: most }
}

interface HeaderVariable {
  readonly name: string
  readonly spot: Spot
}

function headerVariables(entry: StatedEntry): [header: string, variable: HeaderVariable, prefix: string][] {
  const { bearerTokenVariable, headerVariables: named = {} } = entry.values
  const spot = entry.spots.get('headerVariables') ?? entry.spot
  const found = Object.entries(named).map(([header, name]): [string, HeaderVariable, string] => [header, { name, spot: spot.at(header) }, ''])
  if (bearerTokenVariable !== undefined) {
    found.push(['Authorization', { name: bearerTokenVariable, spot: spotOf(entry, 'bearerTokenVariable') }, 'Bearer '])
  }
  return found
}

function reportUnset({ name, spot }: HeaderVariable): void {
  if (spot.isLenient) spot.warn(`needs the variable ${name}, which is not set; it is left out because the server is disabled`)
  else spot.problem(`needs the variable ${name}, which is not set`, `Set it: export ${name}=...`)
}
