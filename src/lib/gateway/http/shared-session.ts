import type { Session } from '../contract.js'

/** The session that all modern requests at one place share, and how many of them are under way. */
export class SharedSession {
  readonly session: Session
  #underway = 0
  #retired: string | null = null

  constructor(session: Session) {
    this.session = session
  }

  get isInUse(): boolean {
    return this.#underway > 0
  }

  /** Paired with `leave`. */
  join(): void {
    this.#underway++
  }

  leave(): void {
    this.#underway--
    if (this.#underway === 0 && this.#retired !== null) this.session.close(this.#retired)
  }

  /** Closes the session as soon as nothing is under way in it. Who listens would do so for ever: he is told to ask again. */
  retire(reason: string): void {
    this.#retired = reason
    this.session.finishListening?.()
    if (this.#underway === 0) this.session.close(reason)
  }

  close(reason: string): void {
    this.session.close(reason)
  }
}
