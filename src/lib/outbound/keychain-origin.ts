import { readBearer } from './bearer.js'
import { OutboundError } from './failure.js'
import { openKeychain, type Keychain, type KeychainEntry } from './keychain.js'
import type { TokenOrigin } from './token-keeper.js'

export interface KeychainOriginOptions extends KeychainEntry {
  readonly now: () => number
  /** Default: that of this system. */
  readonly keychain?: Keychain
}

/** A token that somebody put into the keychain. It is read when it is first needed, and again when the server refuses it. */
export function createKeychainOrigin({ service, account, now, keychain }: KeychainOriginOptions): TokenOrigin {
  const abort = new AbortController()
  const name = `${service}${account === null ? '' : `, account ${account}`}`
  return {
    hint: `The token in the keychain (${name}) was not accepted; put a good one there.`,
    asksFirst: false,
    begin: () => undefined,
    look: () => null,
    async renew() {
      const text = await (keychain ?? openKeychain()).read({ service, account }, abort.signal)
      if (text === null) throw new OutboundError('refused', `the keychain has nothing under ${name}, or it is locked`, { hint: `${putThere(service, account)} puts a token there.` })
      const obtainedAt = now()
      return { value: readBearer(text, `the keychain (${name})`), obtainedAt, renewAt: Number.POSITIVE_INFINITY, expiresAt: Number.POSITIVE_INFINITY }
    },
    close: () => { abort.abort() },
  }
}

function putThere(service: string, account: string | null): string {
  return process.platform === 'darwin'
    ? `security add-generic-password -U -s ${service} -a ${account ?? '"$USER"'} -w`
    : `secret-tool store --label=${service} service ${service}${account === null ? '' : ` account ${account}`}`
}
