import { randomBytes } from 'node:crypto'
import { basename } from 'node:path'
import { OutboundError } from './failure.js'
import { openKeychain, type Keychain } from './keychain.js'
import { createSealKey, readSealKey, seal, unseal, type SealKey } from './seal.js'
import { deleteLogin, readSealed, readStored, stampOf, toText, writeStored, type Login } from './token-store.js'

export interface LoginStoreOptions {
  /** The file of the login. */
  readonly path: string
  /** In that file as it is, or sealed with a key that only the keychain has. */
  readonly where: 'file' | 'keychain'
  /** Default: that of this system. */
  readonly keychain?: Keychain
}

/** Where a new login will be put. */
export interface LoginPlace {
  /** Throws what the file system throws. */
  put(login: Login): void
  /** It came to nothing. */
  giveUp(): Promise<void>
}

const SERVICE = 'mcpctl'

/**
 * Keeps one login. With `keychain` its file is sealed (AES-256-GCM) and the keychain has the key: keychains take only
 * short texts, and a refresh token that was used up while the keychain is locked would be lost. Once the key was read
 * it stays in memory.
 */
export class LoginStore {
  readonly #options: LoginStoreOptions
  #known: { readonly stamp: string | null; readonly login: Login | null | 'sealed' } | null = null
  #key: { readonly id: string; readonly key: SealKey } | null = null

  constructor(options: LoginStoreOptions) {
    this.#options = options
  }

  /** Of what `look` last read. */
  get stamp(): string | null {
    return this.#known?.stamp ?? null
  }

  /** What is in the file now; `sealed`: the keychain has to be asked first. Cheap. */
  look(): Login | null | 'sealed' {
    const stamp = stampOf(this.#options.path)
    if (this.#known === null || this.#known.stamp !== stamp || this.#known.login === 'sealed') this.#known = { stamp, login: stamp === null ? null : this.#open() }
    return this.#known.login
  }

  /** Why `look` finds nothing. */
  get whyNone(): string {
    const stored = this.stamp === null ? null : readStored(this.#options.path)
    if (stored === null || stored.type === (this.#options.where === 'file' ? 'plain' : 'sealed')) return 'nobody has logged in'
    return `the login is kept ${stored.type === 'plain' ? 'in a file' : 'with the keychain'}, and auth.store says otherwise`
  }

  /** Has the keychain give the key of what is sealed. Rejects with OutboundError. */
  async unlock(signal: AbortSignal): Promise<Login | null> {
    const stored = readStored(this.#options.path)
    if (stored?.type === 'sealed' && this.#options.where === 'keychain' && this.#key?.id !== stored.key) {
      const key = readSealKey((await this.#keychain().read({ service: SERVICE, account: stored.key }, signal)) ?? '')
      if (key === null) throw new OutboundError('login-needed', 'the keychain has no key for the login, or it is locked: unlock it and reconnect')
      this.#key = { id: stored.key, key }
    }
    const login = this.look()
    if (login === 'sealed') throw new OutboundError('login-needed', 'the key in the keychain does not fit the login')
    return login
  }

  /** Replaces the login, with the same key. Throws what the file system throws. */
  write(login: Login): void {
    try {
      this.#put(login)
    } finally {
      this.#known = { stamp: stampOf(this.#options.path), login }
    }
  }

  /** Makes room for another login: with the keychain, a key of its own is put there and read again. Rejects with OutboundError. */
  async prepare(signal: AbortSignal): Promise<LoginPlace> {
    if (this.#options.where === 'file') return { put: (login) => this.write(login), giveUp: () => Promise.resolve() }
    const keychain = this.#keychain()
    const name = basename(this.#options.path, '.json')
    const entry = { service: SERVICE, account: `${name}-${randomBytes(6).toString('hex')}`, label: `mcpctl login ${name}` }
    const key = createSealKey()
    const giveUp = (): Promise<void> => keychain.remove(entry, AbortSignal.timeout(REMOVAL_MS)).catch(() => undefined)
    await keychain.write(entry, key, signal)
    if (readSealKey((await keychain.read(entry, signal)) ?? '') !== key) {
      await giveUp()
      throw new OutboundError('refused', 'the keychain does not give back what was put there')
    }
    const before = readStored(this.#options.path)
    return {
      put: (login) => {
        this.#key = { id: entry.account, key }
        this.write(login)
        if (before?.type === 'sealed') void keychain.remove({ service: SERVICE, account: before.key }, AbortSignal.timeout(REMOVAL_MS)).catch(() => undefined)
      },
      giveUp,
    }
  }

  /** Deletes the login, and its key; that the keychain does not answer is no reason to keep the file. */
  async remove(): Promise<void> {
    const stored = readStored(this.#options.path)
    deleteLogin(this.#options.path)
    if (stored?.type !== 'sealed') return
    try {
      await this.#keychain().remove({ service: SERVICE, account: stored.key }, AbortSignal.timeout(REMOVAL_MS))
    } catch {
      // Without the file the key opens nothing.
    }
  }

  #open(): Login | null | 'sealed' {
    const { path, where } = this.#options
    const stored = readStored(path)
    if (stored === null || (where === 'file') !== (stored.type === 'plain')) return null
    if (stored.type === 'plain') return stored.login
    if (this.#key?.id !== stored.key) return 'sealed'
    const text = unseal(stored.sealed, this.#key.key, stored.key)
    return text === null ? 'sealed' : readSealed(text)
  }

  #put(login: Login): void {
    const { path, where } = this.#options
    if (where === 'file') return writeStored(path, toText(login))
    if (this.#key === null) throw new OutboundError('refused', 'the key of the login is not known')
    const { id, key } = this.#key
    writeStored(path, JSON.stringify({ version: 2, key: id, sealed: seal(toText(login), key, id) }))
  }

  #keychain(): Keychain {
    return this.#options.keychain ?? openKeychain()
  }
}

const REMOVAL_MS = 10_000
