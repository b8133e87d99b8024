import { resolve } from 'node:path'
import type { OutboundAuthSpec } from '../core/index.js'
import { explain, showArgs, showDuration, showText, type ExplainedValue } from './explain.js'
import type { Stated } from './field-group.js'
import { originOf, spotOf } from './layer.js'
import type { OutboundAuthFields } from './outbound-auth-field.js'
import { MASK } from './secret.js'
import type { StatedEntry } from './server-entry.js'
import { expandTilde } from './settings.js'

const DEFAULT_TTL_MS = 10 * 60_000

/** How requests are authorised: a header that stays as it is, or where the token comes from. Empty: not at all. */
export interface Authorization {
  readonly header?: string
  readonly auth?: OutboundAuthSpec
}

export function resolveOutboundAuth(entry: StatedEntry, explained: ExplainedValue[]): Authorization {
  const { auth } = entry.values
  if (auth?.type === undefined) return {}
  checkHeader(entry)
  explainAuth(entry, auth, explained)
  const { source } = entry.spot
  const { token, file, keychain, account = null, command, args = [], ttl = DEFAULT_TTL_MS } = auth
  if (auth.type === 'oauth') return { auth: toOauth(auth) }
  if (token !== undefined) return { header: `Bearer ${token}` }
  if (file !== undefined) {
    const path = resolve(source.folder, expandTilde(file, source.userHome))
    return { auth: { type: 'file', path } }
  }
  if (keychain !== undefined) return { auth: { type: 'keychain', service: keychain, account } }
  return command === undefined ? {} : { auth: { type: 'command', command, args, cwd: source.defaultCwd, ttlMs: ttl } }
}

function toOauth(auth: Stated<OutboundAuthFields>): OutboundAuthSpec {
  const { grant, clientId = null, clientSecret = null, scopes = [], authorizationServer = null, redirectPort = null, store } = auth
  return { type: 'oauth', grant: grant ?? 'authorization-code', clientId, clientSecret, scopes, authorizationServer, redirectPort, ...(store === 'keychain' ? { store } : {}) }
}

/** There is one Authorization header. */
function checkHeader(entry: StatedEntry): void {
  const { headers = {}, headerVariables = {}, bearerTokenVariable } = entry.values
  const name = [...Object.keys(headers), ...Object.keys(headerVariables)].find((each) => each.toLowerCase() === 'authorization')
  if (name !== undefined || bearerTokenVariable !== undefined) {
    spotOf(entry, 'auth').problem(`stands beside ${name === undefined ? 'a variable with a token' : `the header ${name}`}, and a request carries one of them`, 'Keep one of the two.')
  }
  const { auth } = entry.values
  if (auth?.grant === 'client-credentials' && (auth.clientId === undefined || auth.clientSecret === undefined)) {
    spotOf(entry, 'auth').problem('has the grant client-credentials, but not both clientId and clientSecret', 'Add "clientId" and "clientSecret", for example "${CLIENT_SECRET}".')
  }
}

function explainAuth(entry: StatedEntry, auth: Stated<OutboundAuthFields>, explained: ExplainedValue[]): void {
  const spot = spotOf(entry, 'auth')
  const origin = originOf(entry, false)
  const say = (name: string, value: ExplainedValue['value']): void => void explained.push(explain(`auth.${name}`, { value, origin }))
  say('type', auth.type ?? 'bearer')
  if (auth.token !== undefined) say('token', showText('token', auth.token, spot.at('token')))
  if (auth.file !== undefined) say('file', spot.source.templates.get(spot.at('file').field) ?? auth.file)
  if (auth.keychain !== undefined) say('keychain', auth.keychain)
  if (auth.account !== undefined) say('account', auth.account)
  if (auth.command !== undefined) {
    say('command', [showText('command', auth.command, spot.at('command')), ...showArgs(auth.args ?? [], spot.at('args'))].join(' '))
    say('ttl', showDuration(auth.ttl ?? DEFAULT_TTL_MS))
  }
  if (auth.type === 'oauth') explainOauth(auth, spot, say)
}

function explainOauth(auth: Stated<OutboundAuthFields>, spot: ReturnType<typeof spotOf>, say: (name: string, value: ExplainedValue['value']) => void): void {
  say('grant', auth.grant ?? 'authorization-code')
  if (auth.store !== undefined) say('store', auth.store)
  if (auth.clientId !== undefined) say('clientId', showText('clientId', auth.clientId, spot.at('clientId')))
  if (auth.clientSecret !== undefined) say('clientSecret', MASK)
  if (auth.scopes !== undefined) say('scopes', auth.scopes)
  if (auth.authorizationServer !== undefined) say('authorizationServer', auth.authorizationServer)
  if (auth.redirectPort !== undefined) say('redirectPort', auth.redirectPort)
}
