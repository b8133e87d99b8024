import type { OutboundAuthSpec } from '../core/index.js'
import { createCommandOrigin } from './command-origin.js'
import { createCredentialsOrigin } from './credentials-origin.js'
import { createFileOrigin } from './file-origin.js'
import type { Keychain } from './keychain.js'
import { LoginOrigin } from './login-origin.js'
import { TokenKeeper, type TokenOrigin } from './token-keeper.js'
import { createKeychainOrigin } from './keychain-origin.js'
import { LoginStore } from './login-store.js'
import { tokenPath } from './token-store.js'

export interface TokenSourceOptions {
  /** The name of the server. */
  readonly server: string
  readonly url: string
  readonly auth: OutboundAuthSpec
  readonly stateDirectory: string
  /** Epoch ms. */
  readonly now: () => number
  readonly warn: (text: string) => void
  /** Default: that of this system. */
  readonly keychain?: Keychain
}

/** The one keeper of tokens for a server. Nothing is read or asked before it is used. Its owner closes it. */
export function createTokenSource(options: TokenSourceOptions): TokenKeeper {
  return new TokenKeeper(originOf(options), options.now)
}

function originOf({ server, url, auth, stateDirectory, now, warn, keychain }: TokenSourceOptions): TokenOrigin {
  switch (auth.type) {
    case 'file':
      return createFileOrigin({ path: auth.path, now, warn })
    case 'command':
      return createCommandOrigin({ command: auth.command, args: auth.args, cwd: auth.cwd, ttlMs: auth.ttlMs, now })
    case 'keychain':
      return createKeychainOrigin({ service: auth.service, account: auth.account, now, ...(keychain && { keychain }) })
    case 'oauth':
      return auth.grant === 'client-credentials' ? createCredentialsOrigin({ url, spec: auth, now }) : new LoginOrigin({ server, spec: auth, store: new LoginStore({ path: tokenPath(stateDirectory, server, url), where: auth.store ?? 'file', ...(keychain && { keychain }) }), now, warn })
  }
}
