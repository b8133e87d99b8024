import { randomBytes } from 'node:crypto'
import { NOT_LET_IN, type Access } from '../access.js'
import type { View } from '../contract.js'
import { isSameLimits } from '../view-limits.js'
import { Budget } from './budget.js'
import type { HttpFrontOptions } from './contract.js'
import type { Heartbeat } from './heartbeat.js'
import { LegacySession } from './legacy-session.js'

const MAX_SESSIONS = 10_000
const SWEEP_MS = 60_000
/** Sweeps without a request or an open stream after which a session is ended. */
const MAX_IDLE_SWEEPS = 30
/** Kept for clients that may come back, over all sessions. */
const KEPT_BYTES = 64 * 1024 * 1024
const SESSION_ID = /^[A-Za-z0-9_-]{32}$/

/** Where a session is asked for, what is to be seen there, and who asks. */
export interface SessionPlace {
  readonly path: string
  readonly view: View
  readonly access: Access
}

/** The sessions of legacy HTTP clients. Owned by the front. */
export class SessionTable {
  readonly heartbeat: Heartbeat
  readonly #options: HttpFrontOptions
  readonly #sessions = new Map<string, LegacySession>()
  readonly #budget = new Budget(KEPT_BYTES)
  readonly #epoch = randomBytes(2).toString('hex')
  readonly #timer: NodeJS.Timeout
  #sweep = 0

  /** `onSweep` is called once a minute, and sees to it that `sweep` is. */
  constructor(options: HttpFrontOptions, heartbeat: Heartbeat, onSweep: () => void) {
    this.#options = options
    this.heartbeat = heartbeat
    this.#timer = setInterval(onSweep, options.sweepMs ?? SWEEP_MS).unref()
  }

  /** Number of the last sweep. */
  get now(): number {
    return this.#sweep
  }

  get size(): number {
    return this.#sessions.size
  }

  /** A session that is not in the table yet: `admit` puts it there once its client introduced itself. Null: there is no room. */
  open(place: SessionPlace): LegacySession | null {
    return this.#makeRoom() ? this.#create(randomBytes(24).toString('base64url'), place, undefined) : null
  }

  admit(session: LegacySession): void {
    session.usedAt = this.#sweep
    this.#sessions.set(session.id, session)
    this.save(session)
  }

  /**
   * The session with that id at that place, continued from the store if need be; null: the client has to begin anew. To
   * everybody but the caller who opened it, it does not exist, nor to himself when he may see something else by now.
   */
  find(id: string, place: SessionPlace): LegacySession | null {
    const session = this.#sessions.get(id) ?? this.#resume(id, place)
    if (session?.path !== place.path || session.access.id !== place.access.id || !isSameLimits(session.limits, place.view.only ?? null)) return null
    session.usedAt = this.#sweep
    // With another grant it goes on as it was until it is looked at, and ends then.
    if (session.access.grant === place.access.grant) session.access = place.access
    return session
  }

  /** Stores what the session has to be continued with, if that changed. */
  save(session: LegacySession): void {
    const { store } = this.#options
    if (store === null || !this.#sessions.has(session.id)) return
    const state = session.takeNews()
    if (state !== null) store.save(session.id, { path: session.path, caller: session.access.id, state })
  }

  end(session: LegacySession, reason: string): void {
    if (this.#sessions.delete(session.id)) this.#options.store?.remove(session.id)
    session.close(reason)
  }

  /** Called once a minute. `holds`: whether somebody would still be let in. */
  sweep(holds: (access: Access) => boolean): void {
    this.#sweep++
    for (const session of [...this.#sessions.values()]) {
      session.sweep()
      const isIn = holds(session.access)
      // The session waits for its client to come with another token.
      if (!isIn && session.access.kind === 'jwt') session.standing.hangUp()
      if (!isIn && session.access.kind !== 'jwt') this.end(session, NOT_LET_IN)
      else if (!session.isInUse && this.#sweep - session.usedAt >= MAX_IDLE_SWEEPS) this.end(session, 'the session was not used for half an hour')
    }
  }

  /** The store keeps what it has. */
  close(): void {
    clearInterval(this.#timer)
    for (const session of this.#sessions.values()) session.close('mcpctl was stopped', true)
    this.#sessions.clear()
  }

  #resume(id: string, place: SessionPlace): LegacySession | null {
    if (this.#options.store === null || !SESSION_ID.test(id)) return null
    const stored = this.#options.store.load(id)
    if (stored?.path !== place.path || !isOwner(place.access, stored.caller) || !this.#makeRoom()) return null
    const session = this.#create(id, place, stored.state)
    this.#sessions.set(id, session)
    session.takeNews()
    return session
  }

  #create(id: string, { path, view, access }: SessionPlace, resume: Parameters<HttpFrontOptions['gateway']['openSession']>[0]['resume']): LegacySession {
    const { gateway } = this.#options
    return new LegacySession({
      id, path, access, limits: view.only ?? null, budget: this.#budget, epoch: this.#epoch,
      open: (channel) => gateway.openSession({ view, channel, kind: 'any', access, ...(resume === undefined ? {} : { resume }) }),
    })
  }

  /** When the table is full, the session that was idle longest goes, unless all are in use. */
  #makeRoom(): boolean {
    if (this.#sessions.size < MAX_SESSIONS) return true
    let idlest: LegacySession | null = null
    for (const session of this.#sessions.values()) {
      if (!session.isInUse && (idlest === null || session.usedAt < idlest.usedAt)) idlest = session
    }
    if (idlest === null || idlest.usedAt === this.#sweep) return false
    this.#options.log('warn', `there are ${String(MAX_SESSIONS)} HTTP sessions; the one that was idle longest is ended`)
    this.end(idlest, 'too many sessions')
    return true
  }
}

/** Sessions that name nobody were opened before callers were told apart: by those who had the token, or needed none. */
function isOwner({ id, kind }: Access, stored: string | undefined): boolean {
  return stored === undefined ? kind !== 'key' && kind !== 'jwt' : stored === id
}
