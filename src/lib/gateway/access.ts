import { FULL_GRANT, type GrantSpec } from '../core/index.js'

/**
 * Who is behind a request. `local`: came over the home's own socket, so it is the user. `anonymous`: over HTTP, where no
 * credentials are asked for. `token`: had the gateway's token.
 */
export interface Access {
  /** For logs, rates and what is kept per caller: the same for the same caller, different for others; holds no secret. Such as `key:ci`, `jwt:alice`. */
  readonly id: string
  readonly kind: 'local' | 'anonymous' | 'token' | 'key' | 'jwt'
  readonly grant: GrantSpec
  /** Epoch ms at which what it showed expires; absent: that is not known here, or never. */
  readonly expiresAt?: number
}

export const LOCAL: Access = { id: 'local', kind: 'local', grant: { ...FULL_GRANT, manage: true } }
export const ANONYMOUS: Access = { id: 'anonymous', kind: 'anonymous', grant: FULL_GRANT }

/** Why what is open for somebody ends when he would not be let in again. */
export const NOT_LET_IN = 'its caller is not let in any more'

/** Who a session is for when its front does not say. */
export function accessOf(door: 'stdio' | 'http' | undefined, access: Access | undefined): Access {
  return access ?? (door === 'stdio' ? LOCAL : ANONYMOUS)
}
