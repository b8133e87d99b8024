import { OutboundError } from './failure.js'
import type { Keychain, KeychainEntry } from './keychain.js'
import { askKeychain, type Ended } from './keychain-program.js'
import { quote } from './run-command.js'

const PROGRAM = 'secret-tool'
const INSTALL = 'Install it (package libsecret-tools, on some systems libsecret), or keep the secret elsewhere.'

/**
 * The Secret Service of a Linux desktop (GNOME Keyring, KWallet, KeePassXC) through `secret-tool` of libsecret: the
 * secret goes in on its standard input (to its end, nothing is stripped) and comes out without a line break. Status 1
 * without a word on a lookup: there is none, or somebody did not want to unlock it (libsecret, tool/secret-tool.c).
 */
export function createSecretServiceKeychain(): Keychain {
  return {
    async read(entry, signal) {
      const end = await askKeychain({ command: PROGRAM, args: ['lookup', ...attributes(entry)] }, signal, INSTALL)
      if (end.status === 0) return end.output
      if (end.status === 1 && end.said.trim() === '') return null
      throw failure('gives nothing', end)
    },
    async write({ label, ...entry }, secret, signal) {
      const end = await askKeychain({ command: PROGRAM, args: ['store', `--label=${label}`, ...attributes(entry)], input: secret }, signal, INSTALL)
      if (end.status !== 0) throw failure('keeps nothing', end)
    },
    async remove(entry, signal) {
      const end = await askKeychain({ command: PROGRAM, args: ['clear', ...attributes(entry)] }, signal, INSTALL)
      if (end.status !== 0 && end.said.trim() !== '') throw failure('deletes nothing', end)
    },
  }
}

function attributes({ service, account }: KeychainEntry): string[] {
  return ['service', service, ...(account === null ? [] : ['account', account])]
}

/** What it says holds no secret: nothing of its input is in it. */
function failure(what: string, { status, said }: Ended): OutboundError {
  return new OutboundError('refused', `the keychain ${what}: ${PROGRAM} ended with status ${status}${quote(said)}`, { hint: 'It needs a session of the desktop (D-Bus) with an unlocked keyring; try secret-tool search in the shell that starts mcpctl.' })
}
