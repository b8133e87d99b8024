import { DEFAULT_GATEWAY, type PrefixMode } from '../core/index.js'
import { isHost, readPort } from './address.js'
import { auth, type AuthFields } from './auth-field.js'
import { group, type GroupField, type Stated } from './field-group.js'
import { choice, duration, filledText, integer, list, reject, truth, type Kind } from './kind.js'
import { gatewayCache, gatewayRate, management, type CallRateFields, type ManagementFields, type StoreFields } from './gateway-limit-field.js'
import { OR_REFERENCE, textOf } from './schema-part.js'
import { secretText } from './token-field.js'
import { concurrency, type ConcurrencyFields } from './traffic-field.js'

/** What the `gateway` block can say, as read: times in ms. */
export interface GatewayFields {
  port: number | null
  host: string
  token: string | null
  allowedHosts: string[]
  allowedOrigins: string[]
  prefix: PrefixMode
  separator: string
  maxNameLength: number
  sse: boolean
  listWait: number
  startWait: number
  instructions: boolean
  metrics: Stated<MonitoringFields>
  auth: Stated<AuthFields>
  rate: Stated<CallRateFields>
  concurrency: Stated<ConcurrencyFields> | null
  cache: Stated<StoreFields>
  management: Stated<ManagementFields>
  workflows: boolean
  rest: boolean
  audit: boolean
}

/** What `gateway.metrics` can say. */
export interface MonitoringFields {
  compat: boolean
  public: boolean
}

const port: Kind<number | null> = {
  name: 'integer',
  accepts: 'a port from 1 to 65535, or false for none',
  schema: { anyOf: [{ type: 'integer', minimum: 1, maximum: 65_535 }, { const: false }, { type: 'null' }, textOf(`^(?!0+$)\\d{1,5}$${OR_REFERENCE}`)] },
  read: (value, spot) => {
    if (value === false || value === null) return null
    const stated = typeof value === 'string' ? spot.expand(value) : typeof value === 'number' ? String(value) : ''
    if (stated === undefined) return undefined
    if (stated !== '0') return readPort(stated) ?? reject(value, spot, port.accepts)
    spot.problem('must not be 0: clients could not know which port that is', 'Choose a port from 1 to 65535, or false to listen on none.', '0')
    return undefined
  },
}

const host: Kind<string> = {
  ...filledText,
  accepts: 'a host name or an IP address, without scheme and port',
  schema: textOf(`^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$|^[0-9A-Fa-f.]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*$${OR_REFERENCE}`),
  read: (value, spot) => {
    const read = filledText.read(value, spot)
    return read === undefined || isHost(read) ? read?.toLowerCase() : reject(value, spot, host.accepts)
  },
}

const origin: Kind<string> = {
  ...filledText,
  accepts: 'an origin such as "https://app.example", without a path',
  schema: textOf(`^[a-zA-Z][a-zA-Z0-9+.-]*://[^\\s/?#@*]+/?$${OR_REFERENCE}`),
  read: (value, spot) => {
    const read = filledText.read(value, spot)
    if (read === undefined) return undefined
    const match = /^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@*]+\/?$/i.exec(read)
    if (!match || !URL.canParse(read)) return reject(value, spot, origin.accepts)
    // Origins of schemes the URL standard does not know are opaque there, but browsers and editors send them as they are.
    const { origin: normal } = new URL(read)
    return normal === 'null' ? read.replace(/\/$/, '').toLowerCase() : normal
  },
}

const separator: Kind<string> = {
  name: 'text',
  schema: textOf('^[A-Za-z0-9_.-]{1,8}$'),
  accepts: '1 to 8 of the characters that tool names may have (letters, digits, "_", "." and "-")',
  read: (value, spot) => (typeof value === 'string' && /^[A-Za-z0-9_.-]{1,8}$/.test(value) ? value : reject(value, spot, separator.accepts)),
}

const PREFIX_MODES: readonly PrefixMode[] = ['always', 'on-collision', 'none']

const MONITORING_FIELDS: { readonly [K in keyof MonitoringFields]: GroupField<MonitoringFields[K]> } = {
  compat: { kind: truth, summary: 'true: /metrics has the names mcp_NAME_requests_total and the like as well.' },
  public: { kind: truth, summary: 'true: /metrics and /health are shown without the token.' },
}

/** Every field of the `gateway` block: the one place that knows its name, its kind and its meaning. */
export const GATEWAY_FIELDS: { readonly [K in keyof GatewayFields]: GroupField<GatewayFields[K]> } = {
  port: { kind: port, summary: 'TCP port where clients reach all servers over HTTP.' },
  host: { kind: host, summary: 'Address it listens on; one that other machines can reach needs a token.' },
  token: { kind: secretText, summary: 'Bearer token that HTTP clients have to send.' },
  allowedHosts: { kind: list(host, 'a host name or a list of them', { orSingle: true }), summary: 'Host names that requests may be addressed to besides those of this machine.' },
  allowedOrigins: { kind: list(origin, 'an origin or a list of them', { orSingle: true }), summary: 'Web pages that may send requests besides those of this machine.' },
  prefix: { kind: choice(PREFIX_MODES), summary: "When a tool's name gets its server's name in front." },
  separator: { kind: separator, summary: "Stands between the server's name and the tool's." },
  maxNameLength: { kind: integer(16, 128), summary: 'Longest name of a tool or prompt; longer ones are shortened.' },
  sse: { kind: truth, summary: 'true: the older HTTP+SSE transport is served as well.' },
  listWait: { kind: duration(0), summary: 'The longest a list waits for servers that are still starting.' },
  startWait: { kind: duration(0), summary: 'The longest a request waits for a server that is starting.' },
  instructions: { kind: truth, summary: "Whether clients get the servers' instructions." },
  metrics: { kind: group<MonitoringFields>('an object with compat and public', MONITORING_FIELDS), summary: 'What /metrics shows on the port, and to whom.' },
  auth: { kind: auth, summary: 'Who is let in over HTTP besides who has the token, and for what.' },
  rate: { kind: gatewayRate, summary: 'Requests a minute from one caller, and from all together.' },
  concurrency: { kind: concurrency, summary: 'Calls under way at once, for all servers together; more wait.' },
  cache: { kind: gatewayCache, summary: 'What answers that are kept may take. Which are kept is said for each server.' },
  management: { kind: management, summary: 'Whether clients see the tools manage, proxy_status, proxy_health and those that go with them; true: all of them, false: none.' },
  workflows: { kind: truth, summary: 'Whether clients see the tools for agent sessions and workflows. Default false.' },
  rest: { kind: truth, summary: 'Whether /tools, /servers and /openapi.json are served on the port.' },
  audit: { kind: truth, summary: 'true: every call is written to the audit log.' },
}

/** The `gateway` block. */
export const gatewayGroup = group<GatewayFields>(`an object such as { "port": 7420, "prefix": "${DEFAULT_GATEWAY.prefix}" }`, GATEWAY_FIELDS)
