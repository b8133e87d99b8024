import { OutboundError } from './failure.js'
import type { Keychain, KeychainEntry } from './keychain.js'
import { askKeychain } from './keychain-program.js'

const PROGRAM = 'security'
const INSTALL = 'It is /usr/bin/security on every Mac; see to it that PATH has /usr/bin.'
/** A line of `security -i` that is longer is cut, and what was cut off is run as another command. */
const MAX_LINE_BYTES = 4000

/** Its exit status is the last byte of the system's error (Security, SecBase.h). */
const NOT_FOUND = 44
const TROUBLES: Readonly<Record<number, string>> = { 36: 'it is locked, and nobody can be asked to unlock it here', 51: 'it does not let mcpctl read this', 128: 'somebody said no', 50: 'there is none for this user' }

/**
 * The keychain of macOS through `security`. What is read comes with a line break behind it. A secret is written through
 * `security -i`, which reads its commands from standard input, so that it is in no command line; what that prints on
 * an error may hold the command, so it is never shown.
 */
export function createMacosKeychain(): Keychain {
  return {
    async read(entry, signal) {
      const { status, output } = await askKeychain({ command: PROGRAM, args: ['find-generic-password', ...options(entry), '-w'] }, signal, INSTALL)
      if (status === 0) return output.replace(/\r?\n$/, '')
      if (status === NOT_FOUND) return null
      throw failure('gives nothing', status)
    },
    async write({ label, ...entry }, secret, signal) {
      const line = `${['add-generic-password', '-U', ...options(entry), '-l', label, '-w', secret].map(quoted).join(' ')}\n`
      if (Buffer.byteLength(line) > MAX_LINE_BYTES) throw new OutboundError('refused', 'the secret is too long for the keychain')
      const { status } = await askKeychain({ command: PROGRAM, args: ['-i'], input: line }, signal, INSTALL)
      if (status !== 0) throw failure('keeps nothing', status)
    },
    async remove(entry, signal) {
      const { status } = await askKeychain({ command: PROGRAM, args: ['delete-generic-password', ...options(entry)] }, signal, INSTALL)
      if (status !== 0 && status !== NOT_FOUND) throw failure('deletes nothing', status)
    },
  }
}

function options({ service, account }: KeychainEntry): string[] {
  return ['-s', service, ...(account === null ? [] : ['-a', account])]
}

/** As `security -i` takes a line apart. Throws OutboundError for what would begin another command. */
function quoted(text: string): string {
  if (/[\r\n\0]/.test(text)) throw new OutboundError('refused', 'the keychain takes no line breaks')
  return /^[\w./@:+=-]+$/.test(text) ? text : `"${text.replace(/[\\"]/g, (found) => `\\${found}`)}"`
}

function failure(what: string, status: number): OutboundError {
  const why = TROUBLES[status] ?? `${PROGRAM} ended with status ${status}`
  return new OutboundError('refused', `the keychain ${what}: ${why}`, { hint: 'Unlock it (security unlock-keychain), or run mcpctl in a session of the desktop.' })
}
