import { Register } from '../../base/index.js'
import type { Session } from '../contract.js'

/** A request of a shared session that is under way. */
export interface SharedUser {
  /** It will not be answered by the session any more. `isStop`: not this session alone, all of mcpctl. */
  sessionEnded(reason: string, isStop: boolean): void
  /** Set while it uses the session. */
  sharedKey?: number
}

/** The session that all modern requests at one place share, and how many of them are under way. */
export class SharedSession {
  readonly session: Session
  readonly #users = new Register<SharedUser>()
  #keys = 0
  #retired: string | null = null

  constructor(session: Session) {
    this.session = session
  }

  get isInUse(): boolean {
    return this.#users.size > 0
  }

  /** Paired with `leave`. */
  join(user: SharedUser): void {
    user.sharedKey ??= ++this.#keys
    this.#users.set(user.sharedKey, user)
  }

  leave(user: SharedUser): void {
    if (user.sharedKey !== undefined) this.#users.delete(user.sharedKey)
    if (this.#users.size === 0 && this.#retired !== null) this.session.close(this.#retired)
  }

  /** Closes the session as soon as nothing is under way in it. Who listens would do so for ever: he is told to ask again. */
  retire(reason: string): void {
    this.#retired = reason
    this.session.finishListening?.()
    if (this.#users.size === 0) this.session.close(reason)
  }

  /** Closes it under those who use it. */
  close(reason: string, isStop = false): void {
    this.session.close(reason)
    for (const user of this.#users.values()) user.sessionEnded(reason, isStop)
  }
}
