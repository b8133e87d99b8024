import type { OauthSpec } from './login-origin.js'
import { revokeToken } from './token-endpoint.js'
import type { Keychain } from './keychain.js'
import { LoginStore } from './login-store.js'
import { readStored } from './token-store.js'

export interface LogOutResult {
  /** There was a login. */
  readonly wasLoggedIn: boolean
  /** Null: the authorization server does not offer that, or there was nothing to take back. */
  readonly revoked: boolean | null
}

const UNLOCK_MS = 30_000

/** Gives a login back (RFC 7009) and deletes it, whether the authorization server took it back or not. One that the keychain does not open is only deleted. */
export async function logOut({ path, spec, keychain }: { readonly path: string; readonly spec: OauthSpec | null; readonly keychain?: Keychain }): Promise<LogOutResult> {
  const stored = readStored(path)
  const store = new LoginStore({ path, where: stored?.type === 'sealed' ? 'keychain' : 'file', ...(keychain && { keychain }) })
  const login = await store.unlock(AbortSignal.timeout(UNLOCK_MS)).catch(() => null)
  await store.remove()
  if (login === null && stored?.type === 'sealed') return { wasLoggedIn: true, revoked: false }
  if (login?.grant == null) return { wasLoggedIn: false, revoked: null }
  const { grant, revocationEndpoint: endpoint, client, authMethods } = login
  if (endpoint === null) return { wasLoggedIn: true, revoked: null }
  const own = login.registeredFor === null ? { ...client, secret: spec?.clientSecret ?? null } : client
  const forms = [...(grant.refresh === null ? [] : [{ token: grant.refresh, token_type_hint: 'refresh_token' }]), { token: grant.access, token_type_hint: 'access_token' }]
  const taken: boolean[] = []
  for (const form of forms) taken.push(await revokeToken({ endpoint, client: own, authMethods, form }))
  return { wasLoggedIn: true, revoked: taken.every((each) => each) }
}
