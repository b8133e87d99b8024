import type { KeySpec } from '../../core/index.js'
import type { Access } from '../access.js'
import type { KeySource } from './contract.js'
import { isSameDigest } from './digest.js'

interface Entry {
  readonly digest: Buffer
  readonly access: Access
  readonly expiresAt: number | null
}

/** What became of a key: nobody's, of that one, or of one whose time is over. */
export type Found = { readonly access: Access } | 'expired' | null

/** All keys there are: those of the configuration, and those of the home, which come and go. */
export class KeyRing {
  readonly #source: KeySource | null
  readonly #now: () => number
  #configured: readonly Entry[] = []
  #taken: ReadonlySet<string> = new Set()
  #read: ReturnType<KeySource['current']> | null = null
  #entries: readonly Entry[] = []

  constructor(configured: Readonly<Record<string, KeySpec>>, source: KeySource | null, now: () => number) {
    this.#source = source
    this.#now = now
    this.take(configured)
  }

  /** The configuration has other keys now. */
  take(configured: Readonly<Record<string, KeySpec>>): void {
    this.#taken = new Set(Object.keys(configured))
    this.#configured = Object.entries(configured).map(([name, spec]) => this.#same(toEntry(`key:${name}`, spec)))
    this.#join(this.#read ?? {})
  }

  /** Certain to have none. */
  get isEmpty(): boolean {
    return this.#current().length === 0 && this.#source?.isSure !== false
  }

  /** Looks at every key, whichever it is: the time tells nothing of how near the guess was. */
  find(digest: Buffer): Found {
    let found: Entry | null = null
    for (const entry of this.#current()) if (isSameDigest(entry.digest, digest)) found = entry
    if (found === null) return null
    return found.expiresAt !== null && found.expiresAt <= this.#now() ? 'expired' : { access: found.access }
  }

  /** Whether this very key is still there with the same grant: another one of its name is another key. */
  holds(access: Access): boolean {
    return this.#current().some((entry) => entry.access === access && (entry.expiresAt === null || entry.expiresAt > this.#now()))
  }

  #current(): readonly Entry[] {
    if (this.#source === null) return this.#entries
    const read = this.#source.current()
    if (read === this.#read) return this.#entries
    this.#read = read
    return this.#join(read)
  }

  #join(read: ReturnType<KeySource['current']>): readonly Entry[] {
    // A name that is in the configuration as well means that one; both are different callers.
    const own = Object.entries(read).map(([name, spec]) => this.#same(toEntry(this.#taken.has(name) ? `key:${name}@home` : `key:${name}`, spec)))
    this.#entries = [...this.#configured, ...own]
    return this.#entries
  }

  /** With the access it had when it was read before, so that who came in with it is not disturbed by what becomes of others. */
  #same(entry: Entry): Entry {
    const before = this.#entries.find(({ digest, access }) => access.id === entry.access.id && isSameDigest(digest, entry.digest) && isSameGrant(access, entry.access))
    return before === undefined ? entry : { ...entry, access: before.access }
  }
}

function toEntry(id: string, { sha256, grant, expiresAt }: KeySpec): Entry {
  return { digest: Buffer.from(sha256, 'hex'), access: { id, kind: 'key', grant }, expiresAt }
}

function isSameGrant(a: Access, b: Access): boolean {
  return a.grant === b.grant || JSON.stringify(a.grant) === JSON.stringify(b.grant)
}
