import { OutboundError } from './failure.js'
import { createMacosKeychain } from './keychain-macos.js'
import { createSecretServiceKeychain } from './keychain-secret-service.js'

/** What a secret is found by. */
export interface KeychainEntry {
  readonly service: string
  /** Null: whichever there is. */
  readonly account: string | null
}

/** The keychain of the system, reached through the program the system has for it. Everything rejects with OutboundError and ends within a minute; aborting ends it. */
export interface Keychain {
  /** Its text; null: there is none, or the keychain is locked and does not say so. */
  read(entry: KeychainEntry, signal: AbortSignal): Promise<string | null>
  /** `secret`: short, printable ASCII without blanks. Replaces what is there. */
  write(entry: KeychainEntry & { readonly account: string; readonly label: string }, secret: string, signal: AbortSignal): Promise<void>
  /** That there is none is no failure. */
  remove(entry: KeychainEntry & { readonly account: string }, signal: AbortSignal): Promise<void>
}

/** Throws OutboundError `refused` on a system whose keychain is not known. */
export function openKeychain(platform: NodeJS.Platform = process.platform): Keychain {
  switch (platform) {
    case 'darwin': return createMacosKeychain()
    case 'linux':
    case 'freebsd': return createSecretServiceKeychain()
    default: throw new OutboundError('refused', `the keychain of this system (${platform}) is not used by mcpctl`, { hint: 'Leave auth.store out, or take auth.file or auth.command in place of auth.keychain.' })
  }
}
