import type { Env, Warn } from './settings-value.js'

/** Where the specification puts traces below the one address for all signals. */
const TRACES_PATH = 'v1/traces'

/** The address for traces as it is, or the one for all signals with `v1/traces` behind it; null, said, when it is none. */
export function readEndpoint(env: Env, warn: Warn): URL | null {
  const own = env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT']
  const name = own ? 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT' : 'OTEL_EXPORTER_OTLP_ENDPOINT'
  const text = (env[name] ?? '').trim()
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    warn(`${name} is not an address that begins with http:// or https://, so no traces are sent`)
    return null
  }
  if (!own) url.pathname = `${url.pathname.replace(/\/+$/, '')}/${TRACES_PATH}`
  return url
}
