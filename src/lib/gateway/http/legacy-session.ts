import { Register } from '../../base/index.js'
import { LEGACY_VERSIONS } from '../../mcp/index.js'
import type { Access } from '../access.js'
import type { Channel, ClientMessage, Reply, Session, SessionState, ViewLimits } from '../contract.js'
import type { Budget } from './budget.js'
import { ResumableStream, type StreamLimits } from './resumable-stream.js'

const STANDING = '0'
const STANDING_LIMITS: StreamLimits = { events: 100, bytes: 1024 * 1024, connections: 4 }
const REPLY_LIMITS: StreamLimits = { events: 1000, bytes: 16 * 1024 * 1024, connections: 1 }
const MAX_STREAMS = 256
/** Of a stream that was sent to its end without trouble, only this much is kept. */
const SMALL_BYTES = 64 * 1024
/** Sweeps (minutes) for which an answered request's stream is remembered: one the client has seen to its end, one it may come back for. */
const KEEP_SEEN = 2
const KEEP_UNSEEN = 10
const PRIMING_SINCE = '2025-11-25'

/** A response of a session that is open. */
export interface SessionUser {
  /** `isStop`: not this session alone, all of mcpctl. */
  sessionEnded(isStop: boolean): void
  /** Set while it uses the session. */
  userKey?: number
}

export interface LegacySessionOptions {
  readonly id: string
  /** Where it is served. */
  readonly path: string
  /** Whose it is, and what he could see when he opened it. */
  readonly access: Access
  readonly limits: ViewLimits | null
  /** Opens the session below with the channel it is to use. */
  readonly open: (channel: Channel) => Session
  readonly budget: Budget
  /** Distinguishes streams of this process from those of an earlier one. */
  readonly epoch: string
}

/**
 * A session of an HTTP client of the legacy era: an id, the session below, the standing stream for what belongs to no
 * request, and one stream for each request that needs one. Released with `close`.
 */
export class LegacySession implements Channel {
  readonly id: string
  readonly path: string
  /** Whose it is, as he was let in last. */
  access: Access
  readonly limits: ViewLimits | null
  /** Last sweep in which it was used. */
  usedAt = 0
  readonly #session: Session
  readonly #budget: Budget
  readonly #epoch: string
  readonly #standing: ResumableStream
  readonly #streams = new Map<string, ResumableStream>()
  /** Streams of answered requests, and for how many sweeps more they are remembered. */
  readonly #finished = new Map<string, number>()
  readonly #users = new Register<SessionUser>()
  #userKeys = 0
  #streamCount = 0
  #saved = ''
  #isClosed = false

  constructor({ id, path, access, limits, open, budget, epoch }: LegacySessionOptions) {
    this.id = id
    this.path = path
    this.access = access
    this.limits = limits
    this.#budget = budget
    this.#epoch = epoch
    this.#standing = new ResumableStream(`${epoch}${STANDING}`, '', STANDING_LIMITS, budget)
    this.#session = open(this)
  }

  get standing(): ResumableStream {
    return this.#standing
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Whether the client understands an event without data. Versions compare as text. */
  get primes(): boolean {
    return (this.#session.protocolVersion ?? '') >= PRIMING_SINCE
  }

  /** Paired with `leave`. */
  join(user: SessionUser): void {
    user.userKey ??= ++this.#userKeys
    this.#users.set(user.userKey, user)
  }

  leave(user: SessionUser, sweep: number): void {
    if (user.userKey !== undefined) this.#users.delete(user.userKey)
    this.usedAt = sweep
  }

  get isInUse(): boolean {
    return this.#users.size > 0
  }

  receive(message: ClientMessage, reply: Reply): void {
    this.#session.receive(message, reply)
  }

  send(text: string): void {
    if (!this.#isClosed) this.#standing.push([Buffer.from(text)])
  }

  /** A stream for the answer to one request; `tag` names the request in its event ids. */
  openStream(tag: string): ResumableStream {
    const stream = new ResumableStream(`${this.#epoch}${(++this.#streamCount).toString(36)}`, tag, REPLY_LIMITS, this.#budget)
    this.#streams.set(stream.name, stream)
    if (this.#streams.size > MAX_STREAMS) this.#forget(this.#finished.keys().next().value)
    return stream
  }

  /** The stream with that name, while it is remembered. */
  findStream(name: string): ResumableStream | null {
    return name === this.#standing.name ? this.#standing : (this.#streams.get(name) ?? null)
  }

  /** The request of that stream is answered. `isSeen`: its connection took all of it. */
  finishStream(stream: ResumableStream, isSeen: boolean): void {
    if (!this.#streams.has(stream.name)) return
    if (isSeen && stream.keptBytes > SMALL_BYTES) stream.forget()
    this.#finished.set(stream.name, isSeen ? KEEP_SEEN : KEEP_UNSEEN)
  }

  /** What the session has to be continued with, if that is news since the last time. */
  takeNews(): SessionState | null {
    const { state } = this.#session
    if (state === null) return null
    const text = JSON.stringify(state)
    if (text === this.#saved) return null
    this.#saved = text
    return state
  }

  /** Whether `initialize` was answered with success. */
  get isIntroduced(): boolean {
    return this.#session.state !== null
  }

  /** Called once a minute: forgets streams that are over. */
  sweep(): void {
    for (const [name, left] of this.#finished) {
      if (left <= 1) this.#forget(name)
      else this.#finished.set(name, left - 1)
    }
  }

  close(reason: string, isStop = false): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#session.close(reason)
    for (const user of this.#users.values()) user.sessionEnded(isStop)
    for (const stream of [this.#standing, ...this.#streams.values()]) {
      stream.end()
      stream.forget()
    }
    this.#streams.clear()
    this.#finished.clear()
  }

  #forget(name: string | undefined): void {
    if (name === undefined) return
    this.#finished.delete(name)
    this.#streams.get(name)?.forget()
    this.#streams.delete(name)
  }
}

/** Whether a version is one that is opened with `initialize`. */
export function isLegacyVersion(version: string): boolean {
  return LEGACY_VERSIONS.includes(version)
}
