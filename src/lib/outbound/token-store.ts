import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, statSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { shortHash } from '../base/index.js'
import { isObject, textOf, textsOf } from './read.js'
import type { Grant, OauthClient } from './token-endpoint.js'

/** A login as it is kept: all that is needed to renew the token and to give it back. */
export interface Login {
  /** The server's address, without what may be a secret in it. */
  readonly resource: string
  /** Whose token it is; it is sent to nobody else to be renewed. */
  readonly issuer: string
  readonly tokenEndpoint: string
  readonly revocationEndpoint: string | null
  readonly authMethods: readonly string[] | null
  readonly client: OauthClient
  /** Where the browser came back to, of a client that was registered there; null: a configured client. */
  readonly registeredFor: string | null
  /** Null: it is not valid any more. */
  readonly grant: Grant | null
  /** Scopes that the server has missed. */
  readonly missingScopes: readonly string[]
}

/** Where the login of a server is kept: one for each server and address, so that a token never follows a name to another host. */
export function tokenPath(stateDirectory: string, server: string, url: string): string {
  return join(stateDirectory, 'tokens', `${server}-${shortHash(url)}.json`)
}

/** Changes whenever the file does; null: there is none. */
export function stampOf(path: string): string | null {
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat === undefined ? null : `${stat.mtimeMs} ${stat.size} ${stat.ino}`
}

/** What a file of a login holds: the login, or that and with which key of the keychain it is sealed. */
export type StoredLogin = { readonly type: 'plain'; readonly login: Login } | { readonly type: 'sealed'; readonly key: string; readonly sealed: string }

/** Null when there is none, or when what is there cannot be used. */
export function readStored(path: string): StoredLogin | null {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'))
    const [key, sealed] = isObject(value) && value['version'] === 2 ? [textOf(value['key']), textOf(value['sealed'])] : [null, null]
    if (key !== null && sealed !== null) return { type: 'sealed', key, sealed }
    const login = parseLogin(value)
    return login === null ? null : { type: 'plain', login }
  } catch {
    return null
  }
}

/** The login in a file that is not sealed; null when there is none. */
export function readLogin(path: string): Login | null {
  const stored = readStored(path)
  return stored?.type === 'plain' ? stored.login : null
}

/** What was sealed; null when it is no login. */
export function readSealed(text: string): Login | null {
  try {
    return parseLogin(JSON.parse(text))
  } catch {
    return null
  }
}

/** A login as text, as it is kept or sealed. */
export function toText(login: Login): string {
  return JSON.stringify({ version: 1, ...login })
}

/** Replaces the file as a whole; on disk when it returns. Throws what the file system throws. */
export function writeStored(path: string, text: string): void {
  const folder = dirname(path)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  chmodSync(folder, 0o700)
  const draft = `${path}.${process.pid}`
  try {
    rmSync(draft, { force: true })
    const file = openSync(draft, 'wx', 0o600)
    try {
      writeSync(file, `${text}\n`)
      // A refresh token is used up when it is exchanged: after a power failure the new one must be there.
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(draft, path)
  } catch (error) {
    rmSync(draft, { force: true })
    throw error
  }
}

export function deleteLogin(path: string): void {
  rmSync(path, { force: true })
}

function parseLogin(value: unknown): Login | null {
  if (!isObject(value) || value['version'] !== 1) return null
  const client = parseClient(value['client'])
  const [resource, issuer, tokenEndpoint] = [textOf(value['resource']), textOf(value['issuer']), textOf(value['tokenEndpoint'])]
  if (client === null || resource === null || issuer === null || tokenEndpoint === null || !URL.canParse(tokenEndpoint)) return null
  return {
    resource, issuer, tokenEndpoint, client,
    revocationEndpoint: textOf(value['revocationEndpoint']),
    authMethods: textsOf(value['authMethods']),
    registeredFor: textOf(value['registeredFor']),
    grant: parseGrant(value['grant']),
    missingScopes: textsOf(value['missingScopes']) ?? [],
  }
}

function parseClient(value: unknown): OauthClient | null {
  const id = isObject(value) ? textOf(value['id']) : null
  return !isObject(value) || id === null ? null : { id, secret: textOf(value['secret']), authMethod: textOf(value['authMethod']) }
}

function parseGrant(value: unknown): Grant | null {
  const access = isObject(value) ? textOf(value['access']) : null
  if (!isObject(value) || access === null || typeof value['obtainedAt'] !== 'number') return null
  const { obtainedAt, expiresAt } = value
  return { access, refresh: textOf(value['refresh']), obtainedAt, expiresAt: typeof expiresAt === 'number' ? expiresAt : null, scopes: textsOf(value['scopes']) }
}
