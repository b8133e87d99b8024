import { DEFAULT_GATEWAY, type AuthSettings, type GrantSpec, type JwtSpec, type KeySpec } from '../core/index.js'
import { readRate } from './read-traffic-spec.js'
import { readBoolean, readDelay, readList, readMap, readMatching, readNullable, readNumber, readOneOf, readRecord, readString, refuse } from './read.js'

/*
 * Who may come in. A command older than these fields leaves them out: then nobody is let in besides who has the token.
 */

export function readAuthSettings(value: unknown, field: string): AuthSettings {
  if (value === undefined) return DEFAULT_GATEWAY.auth
  const auth = readRecord(value, field)
  return {
    keys: readMap(auth['keys'], `${field}.keys`, readKey),
    jwt: readList(auth['jwt'], `${field}.jwt`, readJwt),
    resource: readNullable(auth['resource'], `${field}.resource`, readUrl),
    authorizationServers: readList(auth['authorizationServers'], `${field}.authorizationServers`, readUrl),
  }
}

export function readKey(value: unknown, field: string): KeySpec {
  const key = readRecord(value, field)
  return {
    sha256: readMatching(key['sha256'], `${field}.sha256`, { pattern: /^[0-9a-f]{64}$/, accepts: '64 hexadecimal digits' }),
    grant: readGrant(key['grant'], `${field}.grant`),
    expiresAt: readNullable(key['expiresAt'], `${field}.expiresAt`, readNumber),
  }
}

export function readGrant(value: unknown, field: string): GrantSpec {
  const grant = readRecord(value, field)
  const texts = (list: unknown, at: string): string[] => readList(list, at, readString)
  return {
    servers: readNullable(grant['servers'], `${field}.servers`, texts),
    allow: readNullable(grant['allow'], `${field}.allow`, texts),
    deny: texts(grant['deny'], `${field}.deny`),
    rate: readNullable(grant['rate'], `${field}.rate`, readRate),
    profile: readNullable(grant['profile'], `${field}.profile`, readString),
    manage: readBoolean(grant['manage'], `${field}.manage`),
  }
}

const ALGORITHMS = ['HS256', 'HS384', 'HS512', 'RS256', 'RS384', 'RS512', 'PS256', 'ES256', 'ES384', 'EdDSA'] as const

function readJwt(value: unknown, field: string): JwtSpec {
  const jwt = readRecord(value, field)
  const text = (name: string): string | null => readNullable(jwt[name], `${field}.${name}`, readString)
  const texts = (name: string): string[] => readList(jwt[name], `${field}.${name}`, readString)
  const [secret, publicKey, jwksUrl] = [text('secret'), text('publicKey'), readNullable(jwt['jwksUrl'], `${field}.jwksUrl`, readUrl)]
  if ([secret, publicKey, jwksUrl].filter((each) => each !== null).length !== 1) refuse(field, 'an object with one of secret, publicKey and jwksUrl')
  return {
    algorithms: readList(jwt['algorithms'], `${field}.algorithms`, (item, at) => readOneOf(item, at, ALGORITHMS)),
    secret,
    publicKey,
    jwksUrl,
    issuer: text('issuer'),
    audiences: texts('audiences'),
    scopes: texts('scopes'),
    leewayMs: readDelay(jwt['leewayMs'], `${field}.leewayMs`),
    grant: readGrant(jwt['grant'], `${field}.grant`),
  }
}

function readUrl(value: unknown, field: string): string {
  const url = readString(value, field)
  return URL.canParse(url) ? url : refuse(field, 'a URL')
}
