import { createHash } from 'node:crypto'
import type { JwtAlgorithm } from '../core/index.js'
import { group, type Stated } from './field-group.js'
import { choice, duration, filledText, isRecord, list, mapOf, reject, truth, url, word, type Kind } from './kind.js'
import { OR_REFERENCE, textOf } from './schema-part.js'
import { describeKind } from './secret.js'
import { NAME } from './server-name.js'
import { secretText } from './token-field.js'
import { toolPattern } from './tool-field.js'
import { rate, type RateFields } from './traffic-field.js'

/** What a caller may see and do, as stated. */
export interface GrantFields {
  servers: string[]
  tools: Stated<{ allow: string[]; deny: string[] }>
  rate: Stated<RateFields> | null
  profile: string
  manage: boolean
}

export interface KeyFields extends GrantFields {
  /** Only its SHA-256 goes on from here. */
  key: string
  sha256: string
  expires: number
}

export interface JwtFields extends GrantFields {
  algorithms: JwtAlgorithm[]
  secret: string
  publicKey: string
  jwksUrl: string
  issuer: string
  audience: string[]
  scopes: string[]
  leeway: number
}

export interface AuthFields {
  keys: Record<string, Stated<KeyFields>>
  jwt: Stated<JwtFields>[]
  resource: string
  authorizationServers: string[]
}

const texts = (accepts: string): Kind<string[]> => list(filledText, accepts, { orSingle: true })

const GRANT_FIELDS = {
  servers: { kind: list(word, 'a server name or a list of them', { orSingle: true }), summary: 'Servers and groups that may be used, by the names clients see. Default: all.' },
  tools: {
    summary: 'Tools that may be used, by the names clients see.',
    kind: group<{ allow: string[]; deny: string[] }>('an object with allow and deny', {
      allow: { kind: list(toolPattern, 'a pattern or a list of them', { orSingle: true }), summary: 'Only these. Default: all.' },
      deny: { kind: list(toolPattern, 'a pattern or a list of them', { orSingle: true }), summary: 'Not these; wins over allow.' },
    }),
  },
  rate: { kind: rate, summary: 'Requests a minute, in place of gateway.rate.caller.' },
  profile: { kind: word, summary: 'The profile it is for: nothing else is let in with it.' },
  manage: { kind: truth, summary: 'true: the management tools may be used.' },
} as const

/** A moment as epoch ms: "2027-01-01", or with a time. TOML has dates of its own. */
const moment: Kind<number> = {
  name: 'text',
  accepts: 'a date such as "2027-01-01" or "2027-01-01T12:00:00Z"',
  schema: textOf('^\\d{4}-\\d{2}-\\d{2}(?:T.*)?$'),
  read: (value, spot) => {
    const text = value instanceof Date ? value.toISOString() : value
    const at = typeof text === 'string' && /^\d{4}-\d{2}-\d{2}(?:T\S+)?$/.test(text) ? Date.parse(text) : NaN
    if (Number.isNaN(at)) return reject(value, spot, moment.accepts)
    return at
  },
}

const sha256: Kind<string> = {
  name: 'text',
  accepts: 'the SHA-256 of a key as 64 hexadecimal digits',
  schema: textOf(`^[0-9A-Fa-f]{64}$${OR_REFERENCE}`),
  read: (value, spot) => {
    const read = filledText.read(value, spot)
    if (read === undefined) return undefined
    if (/^[0-9a-f]{64}$/i.test(read)) return read.toLowerCase()
    spot.problem(`must be ${sha256.accepts}`, "Get it with: printf %s 'KEY' | sha256sum")
    return undefined
  },
}

/** The digest of a key, which is all that is kept of it. */
export const keyDigest: Kind<string> = {
  ...secretText,
  read: (value, spot) => {
    const read = secretText.read(value, spot)
    return read === undefined ? undefined : createHash('sha256').update(read).digest('hex')
  },
}

const keyGroup = group<KeyFields>('an object with key or sha256, and what it may be used for', {
  key: { kind: keyDigest, summary: 'The key that clients send; `${VAR}` and `${file:PATH}` keep it out of the file.' },
  sha256: { kind: sha256, summary: 'In place of key: its SHA-256, which nobody can use.' },
  expires: { kind: moment, summary: 'From then on it is refused.' },
  ...GRANT_FIELDS,
})

/** Which of some fields are there is one decision: none or several of them is a problem of the whole. */
function exactlyOne<T extends object>(whole: Kind<Stated<T>>, names: readonly (keyof T & string)[], wayOut: string): Kind<Stated<T>> {
  return {
    ...whole,
    schema: { ...whole.schema, oneOf: names.map((name) => ({ required: [name] })) },
    read: (value, spot) => {
      if (isRecord(value)) {
        const stated = names.filter((name) => value[name] !== undefined)
        if (stated.length !== 1) spot.problem(stated.length === 0 ? `has none of ${names.join(', ')}` : `has ${stated.join(' and ')}`, wayOut)
      }
      return whole.read(value, spot)
    },
  }
}

const JWT_ALGORITHMS: readonly JwtAlgorithm[] = ['HS256', 'HS384', 'HS512', 'RS256', 'RS384', 'RS512', 'PS256', 'ES256', 'ES384', 'EdDSA']

const jwtGroup = exactlyOne(group<JwtFields>('an object with one of secret, publicKey and jwksUrl', {
  algorithms: { kind: list(choice(JWT_ALGORITHMS), 'an algorithm or a list of them', { orSingle: true }), summary: 'Signatures that are accepted. Default: HS256 with a secret, RS256 and ES256 otherwise.' },
  secret: { kind: filledText, summary: 'Shared secret of HS256, HS384, HS512.' },
  publicKey: { kind: filledText, summary: 'Public key as PEM, for example `${file:./key.pem}`.' },
  jwksUrl: { kind: url, summary: 'Where the issuer publishes its keys.' },
  issuer: { kind: filledText, summary: 'Who has to have issued it (iss). Default: anybody with the key.' },
  audience: { kind: texts('a text or a list of them'), summary: 'For whom it has to be (aud): one of these.' },
  scopes: { kind: texts('a scope or a list of them'), summary: 'Scopes it has to carry, all of them.' },
  leeway: { kind: duration(0), summary: 'Tolerance for clocks. Default 30s.' },
  ...GRANT_FIELDS,
}, checkAlgorithms), ['secret', 'publicKey', 'jwksUrl'], 'Give one of "secret", "publicKey" and "jwksUrl".')

/** A public key that is taken for a shared secret is a way in for everybody (RFC 8725 section 2.1). */
function checkAlgorithms({ algorithms = [], secret }: Stated<JwtFields>, spot: Parameters<Kind<unknown>['read']>[1]): void {
  const wrong = algorithms.find((name) => name.startsWith('HS') !== (secret !== undefined))
  if (algorithms.length > 0 && wrong !== undefined && !spot.source.problems.some(({ field }) => field.startsWith(spot.field))) {
    const hint = secret === undefined ? 'Name the algorithms of the public key, such as "RS256".' : 'With a secret only HS256, HS384 and HS512 are possible.'
    spot.at('algorithms').problem(`has "${wrong}", which does not go with ${secret === undefined ? 'a public key' : 'a shared secret'}`, hint, wrong)
  }
}

const jwt: Kind<Stated<JwtFields>[]> = {
  ...jwtGroup,
  name: 'either',
  accepts: 'an object with one of secret, publicKey and jwksUrl, or a list of them',
  schema: { anyOf: [jwtGroup.schema, { type: 'array', items: jwtGroup.schema }] },
  read: (value, spot) => {
    if (Array.isArray(value)) return value.flatMap((each, index) => jwtGroup.read(each, spot.at(index)) ?? [])
    if (!isRecord(value)) {
      spot.problem(`must be ${jwt.accepts}, not ${describeKind(value)}`, 'Write { "jwksUrl": "https://issuer.example/jwks.json", "issuer": "...", "audience": "..." }.')
      return undefined
    }
    const read = jwtGroup.read(value, spot)
    return read && [read]
  },
}

const issuerUrl = list(url, 'an address or a list of them', { orSingle: true })

/** The `gateway.auth` block. */
export const auth = group<AuthFields>('an object with keys, jwt, resource and authorizationServers', {
  keys: {
    summary: 'Keys that are let in, by a name that is shown for who uses them.',
    kind: mapOf(exactlyOne(keyGroup, ['key', 'sha256'], 'Give "key", for example "${CI_KEY}", or "sha256".'), 'an object of names and keys', { pattern: NAME, wrong: 'is not a possible name of a key' }),
  },
  jwt: { kind: jwt, summary: 'JSON web tokens that are let in.' },
  resource: { kind: url, summary: 'The address clients use, as tokens name it. Default: what a request was sent to.' },
  authorizationServers: { kind: issuerUrl, summary: 'Where clients get tokens: named to them when they come without.' },
})

