import { nearest } from '../base/index.js'
import { DEFAULT_GATEWAY, FULL_GRANT, type AuthSettings, type GrantSpec, type JwtSpec, type KeySpec } from '../core/index.js'
import type { AuthFields, GrantFields, JwtFields, KeyFields } from './auth-field.js'
import { explain, showDuration, showText, type ExplainedValue } from './explain.js'
import type { Stated } from './field-group.js'
import type { StatedGateway } from './gateway.js'
import { formatPath } from './path.js'
import { showRate, toRate } from './protection.js'
import { MASK } from './secret.js'
import type { Spot } from './spot.js'

const DEFAULT_LEEWAY_MS = 30_000
/** RFC 7518 section 3.2: a key as long as the hash at least. */
const LEAST_SECRET_BYTES = 32

interface Place {
  readonly spot: Spot
  readonly explained: ExplainedValue[]
}

/**
 * Who is let in besides who has the token. Keys of all files count, the project's first; everything else is taken from the
 * first file that states it. Nothing secret goes into `explained`.
 */
export function resolveAuth(blocks: readonly StatedGateway[], explained: ExplainedValue[]): AuthSettings {
  const stated = blocks.flatMap(({ values, spot }) => (values.auth ? [{ values: values.auth, spot: spot.at('auth') }] : []))
  const keys: Record<string, KeySpec> = {}
  for (const { values, spot } of stated) {
    for (const [name, key] of Object.entries(values.keys ?? {})) {
      if (Object.hasOwn(keys, name)) continue
      const spec = toKey(key, { spot: spot.at('keys', name), explained })
      if (spec) keys[name] = spec
    }
  }
  const first = <K extends keyof AuthFields>(name: K): { value: AuthFields[K]; spot: Spot } | undefined => {
    const found = stated.find(({ values }) => values[name] !== undefined)
    const value: AuthFields[K] | undefined = found?.values[name]
    return found && value !== undefined ? { value, spot: found.spot.at(name) } : undefined
  }
  const jwt = first('jwt')
  const [resource, authorizationServers] = [first('resource'), first('authorizationServers')]
  const say = (field: string, found: { value: ExplainedValue['value']; spot: Spot } | undefined): void => {
    if (found) explained.push(explain(`gateway.auth.${field}`, { value: found.value, origin: found.spot.source.document.file }))
  }
  say('resource', resource)
  say('authorizationServers', authorizationServers)
  return {
    keys,
    jwt: jwt ? jwt.value.map((fields, index) => toJwt(fields, { spot: jwt.value.length > 1 ? jwt.spot.at(index) : jwt.spot, explained })) : [],
    resource: resource?.value ?? DEFAULT_GATEWAY.auth.resource,
    authorizationServers: authorizationServers?.value ?? DEFAULT_GATEWAY.auth.authorizationServers,
  }
}

function toKey(fields: Stated<KeyFields>, place: Place): KeySpec | null {
  const sha256 = fields.key ?? fields.sha256
  if (sha256 === undefined) return null
  const { expires = null } = fields
  row(place, fields.key === undefined ? 'sha256' : 'key', MASK)
  if (expires !== null) row(place, 'expires', new Date(expires).toISOString())
  return { sha256, grant: toGrant(fields, place), expiresAt: expires }
}

function toJwt(fields: Stated<JwtFields>, place: Place): JwtSpec {
  const { secret = null, publicKey = null, jwksUrl = null, issuer = null, audience = [], scopes = [], leeway = DEFAULT_LEEWAY_MS } = fields
  const algorithms = fields.algorithms ?? (secret === null ? ['RS256', 'ES256'] : ['HS256'])
  if (secret !== null && Buffer.byteLength(secret) < LEAST_SECRET_BYTES) place.spot.at('secret').warn(`is shorter than ${LEAST_SECRET_BYTES} bytes, which can be guessed from one token; use: openssl rand -hex 32`)
  const spec: JwtSpec = { algorithms: [...new Set(algorithms)], secret, publicKey, jwksUrl, issuer, audiences: audience, scopes, leewayMs: leeway, grant: FULL_GRANT }
  explainJwt(spec, place)
  return { ...spec, grant: toGrant(fields, place) }
}

function explainJwt({ algorithms, secret, publicKey, jwksUrl, issuer, audiences, scopes, leewayMs }: JwtSpec, place: Place): void {
  row(place, 'algorithms', algorithms)
  if (secret !== null) row(place, 'secret', MASK)
  if (publicKey !== null) row(place, 'publicKey', 'PEM')
  if (jwksUrl !== null) row(place, 'jwksUrl', showText('jwksUrl', jwksUrl, place.spot.at('jwksUrl')))
  if (issuer !== null) row(place, 'issuer', issuer)
  if (audiences.length > 0) row(place, 'audience', audiences)
  if (scopes.length > 0) row(place, 'scopes', scopes)
  row(place, 'leeway', showDuration(leewayMs))
}

/** Only what restricts or adds is shown: the rest is everything. */
function toGrant(fields: Stated<GrantFields>, place: Place): GrantSpec {
  const { servers = null, tools, rate = null, profile = null, manage = false } = fields
  const { allow = null, deny = [] } = tools ?? {}
  const limit = toRate(rate)
  if (servers) row(place, 'servers', servers)
  if (allow) row(place, 'tools.allow', allow)
  if (deny.length > 0) row(place, 'tools.deny', deny)
  if (limit) row(place, 'rate', showRate(limit))
  if (profile !== null) row(place, 'profile', profile)
  if (manage) row(place, 'manage', manage)
  return { servers, allow, deny, rate: limit, profile, manage }
}

function row({ spot, explained }: Place, field: string, value: ExplainedValue['value']): void {
  explained.push(explain(formatPath([...spot.path, ...field.split('.')]), { value, origin: spot.source.document.file }))
}

interface Names {
  readonly profiles: ReadonlySet<string>
  /** Servers and groups. */
  readonly servers: ReadonlySet<string>
}

/** Records grants for a profile that does not exist; servers may come at run time, so an unknown one is a warning. */
export function checkGrants(blocks: readonly StatedGateway[], names: Names): void {
  for (const { values, spot } of blocks) {
    const { keys = {}, jwt = [] } = values.auth ?? {}
    const authSpot = spot.at('auth')
    for (const [name, key] of Object.entries(keys)) checkGrant(key, authSpot.at('keys', name), names)
    for (const [index, each] of jwt.entries()) checkGrant(each, jwt.length > 1 ? authSpot.at('jwt', index) : authSpot.at('jwt'), names)
  }
}

function checkGrant({ profile, servers = [] }: Stated<GrantFields>, spot: Spot, names: Names): void {
  if (profile !== undefined && !names.profiles.has(profile)) {
    const [guess] = nearest(profile, names.profiles, 1)
    const hint = guess === undefined ? `Profiles in this configuration: ${[...names.profiles].join(', ') || 'none'}.` : `Did you mean "${guess}"?`
    spot.at('profile').problem(`names ${JSON.stringify(profile)}, and there is no such profile`, hint, profile)
  }
  for (const [index, name] of servers.entries()) {
    if (names.servers.has(name) || name.includes('*')) continue
    const [guess] = nearest(name, names.servers, 1)
    spot.at('servers', index).warn(`names ${JSON.stringify(name)}, and there is no such server or group${guess === undefined ? '' : `; did you mean "${guess}"?`}`)
  }
}
