import { group, type Stated } from './field-group.js'
import { choice, duration, filledText, integer, isRecord, list, reject, scalar, url, type Kind } from './kind.js'
import { secretText } from './token-field.js'

/** How requests to a server are authorised, as stated. */
export interface OutboundAuthFields {
  type: 'bearer' | 'oauth'
  token: string
  file: string
  keychain: string
  account: string
  command: string
  args: string[]
  ttl: number
  grant: 'authorization-code' | 'client-credentials'
  clientId: string
  clientSecret: string
  scopes: string[]
  authorizationServer: string
  redirectPort: number
  store: 'file' | 'keychain'
}

const ACCEPTS = '"oauth", or an object with the type "bearer" or "oauth"'
const WAY_OUT = 'Write { "type": "bearer", "token": "${TOKEN}" }, { "type": "bearer", "file": "./token" }, { "type": "bearer", "keychain": "search" }, { "type": "bearer", "command": "op", "args": [...] } or "oauth".'
const SOURCES = ['token', 'file', 'keychain', 'command'] as const
const OAUTH = ['grant', 'clientId', 'clientSecret', 'scopes', 'authorizationServer', 'redirectPort', 'store'] as const

const outboundGroup = group<OutboundAuthFields>(ACCEPTS, {
  type: { kind: choice(['bearer', 'oauth']), summary: 'bearer: a token that is there; oauth: one that is fetched and refreshed.' },
  token: { kind: secretText, summary: 'With bearer: the token.' },
  file: { kind: filledText, summary: 'With bearer: a file that holds the token, read anew when it changes.' },
  keychain: { kind: filledText, summary: 'With bearer: what the token is kept under in the keychain of the system (its service).' },
  account: { kind: filledText, summary: 'The account that goes with keychain. Default: whichever there is.' },
  command: { kind: filledText, summary: 'With bearer: a program that prints the token.' },
  args: { kind: list(scalar, 'a list of texts'), summary: 'Arguments of command.' },
  ttl: { kind: duration(1000), summary: 'How long what command prints is used. Default 10m.' },
  grant: { kind: choice(['authorization-code', 'client-credentials']), summary: 'With oauth: a person agrees in a browser (mcpctl login), or the client itself is known. Default authorization-code.' },
  clientId: { kind: filledText, summary: 'With oauth: who we are there. Default: found out, or registered.' },
  clientSecret: { kind: filledText, summary: 'With oauth: the secret that goes with clientId.' },
  scopes: { kind: list(filledText, 'a scope or a list of them', { orSingle: true }), summary: 'With oauth: what is asked for. Default: what the server says.' },
  authorizationServer: { kind: url, summary: 'With oauth: who issues tokens. Default: what the server says.' },
  redirectPort: { kind: integer(1, 65_535), summary: 'With oauth: the port on this machine the browser comes back to. Default: a free one.' },
  store: { kind: choice(['file', 'keychain']), summary: 'With oauth: where a login is kept. file: a file only you can read; keychain: that file sealed with a key in the keychain of the system. Default file.' },
})

/** Where the token for a server comes from. */
export const outboundAuth: Kind<Stated<OutboundAuthFields>> = {
  ...outboundGroup,
  name: 'either',
  choices: ['oauth'],
  schema: {
    anyOf: [
      { const: 'oauth' },
      { ...outboundGroup.schema, required: ['type'], if: { properties: { type: { const: 'bearer' } } }, then: { oneOf: SOURCES.map((name) => ({ required: [name] })) }, dependentRequired: { args: ['command'], ttl: ['command'], account: ['keychain'] } },
    ],
  },
  read: (value, spot) => {
    if (value === 'oauth') return { type: 'oauth' }
    if (!isRecord(value)) return reject(value, spot, ACCEPTS)
    const wrong = describeForm(value)
    if (wrong !== undefined) spot.problem(wrong, WAY_OUT)
    return outboundGroup.read(value, spot)
  },
}

/** What does not go together; undefined: nothing. */
function describeForm(value: Record<string, unknown>): string | undefined {
  const has = (name: string): boolean => value[name] !== undefined
  const { type } = value
  if (type === undefined) return 'has no type'
  if (type !== 'oauth' && type !== 'bearer') return undefined
  const others = (type === 'oauth' ? [...SOURCES, 'args', 'ttl', 'account'] : OAUTH).filter(has)
  if (others.length > 0) return `is of the type ${type}, to which ${others.join(' and ')} means nothing`
  if (type === 'oauth') return value['grant'] === 'client-credentials' && has('store') ? 'has store, but with the grant client-credentials nothing is kept' : undefined
  return describeBearer(SOURCES.filter(has), has)
}

function describeBearer([source, ...more]: readonly string[], has: (name: string) => boolean): string | undefined {
  if (source === undefined) return 'says nothing about where the token comes from'
  if (more.length > 0) return `names ${[source, ...more].join(' and ')}, but there is one token`
  if (source !== 'keychain' && has('account')) return 'has account, which belongs to keychain'
  return source !== 'command' && (has('args') || has('ttl')) ? 'has args or ttl, which belong to a command' : undefined
}
