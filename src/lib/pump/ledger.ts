import type { Glance } from './glance.js'
import { toIdKey, type IdKey } from './id-key.js'
import { parseObject, SessionMemory } from './session-memory.js'
import { Underway, type Sent } from './underway.js'

/** Requests longer than this are not repeated. */
export const MAX_REPEATABLE_BYTES = 1024 * 1024
/** Questions of lost daemons whose answers are still waited for, to throw them away. */
const MAX_STALE = 1000
const LINE_BREAK = Buffer.from('\n')
const TOOLS_CALL = Buffer.from('tools/call')
const REMEMBERED = new Set(['initialize', 'logging/setLevel', 'resources/subscribe', 'resources/unsubscribe'])

/** What both sides have said and still owe each other: enough to go on with another daemon. */
export class Ledger {
  readonly memory = new SessionMemory()
  readonly #underway = new Underway()
  /** Requests of servers the client has not answered, and those whose daemon is gone. */
  readonly #questions = new Set<IdKey>()
  readonly #stale = new Set<IdKey>()

  /** Whether the client waits for nothing but news. */
  get isQuiet(): boolean {
    return this.#underway.isQuiet
  }

  /** Whether the answer to `initialize` is still to come: that one has to be seen whole. */
  get awaitsInitialize(): boolean {
    return this.#underway.hasInitialize
  }

  /** A request goes to the daemon now. */
  onRequest(look: Glance, bytes: Buffer, start: number, end: number): void {
    if (look.key === null) return
    if (isCall(look) || end - start > MAX_REPEATABLE_BYTES) return this.#underway.addCall(look.key)
    const { method } = look
    const line = Buffer.concat([bytes.subarray(start, end), LINE_BREAK])
    if (REMEMBERED.has(method)) this.memory.onRequest(method, line)
    this.#underway.add(look.key, method === 'initialize' ? 'initialize' : method === 'subscriptions/listen' ? 'listen' : 'repeatable', line)
  }

  /** A request that cannot be repeated went to the daemon. */
  onLongRequest(key: IdKey): void {
    this.#underway.addCall(key)
  }

  /** An answer of the client. False: whoever asked is gone, it goes nowhere. */
  onClientAnswer(key: IdKey | null): boolean {
    if (key === null) return true
    if (this.#stale.size > 0 && this.#stale.delete(key)) return false
    this.#questions.delete(key)
    return true
  }

  /** `notifications/cancelled` of the client: the id it names, which nobody answers any more. */
  onCancelled(line: Buffer): IdKey | null {
    const params = parseObject(line)?.['params']
    const key = toIdKey(typeof params === 'object' && params !== null && 'requestId' in params ? params.requestId : undefined)
    if (key !== null) this.#underway.settle(key)
    return key
  }

  /** A line of the daemon; `bytes` is null when it was only seen in part. */
  onDaemonLine({ kind, key }: Glance, bytes: Buffer | null, start = 0, end = 0): void {
    if (key === null) return
    if (kind === 'answer') {
      const sent = this.#underway.settle(key)
      if (sent?.type === 'initialize' && bytes !== null) this.memory.onInitialized(bytes.subarray(start, end))
    } else if (kind === 'request') {
      this.#questions.add(key)
      this.#stale.delete(key)
    }
  }

  /** The daemon is gone: all it owed, oldest first, and the questions it had put to the client. */
  onLost(): { readonly owed: readonly [IdKey, Sent][]; readonly questions: readonly IdKey[] } {
    const questions = [...this.#questions]
    this.#questions.clear()
    for (const key of questions) if (this.#stale.size < MAX_STALE) this.#stale.add(key)
    return { owed: this.#underway.takeAll(), questions }
  }
}

export function isCall(look: Glance): boolean {
  return look.methodIs(TOOLS_CALL)
}
