import { setTimeout as delay } from 'node:timers/promises'
import { McpctlError } from '../errors/index.js'
import type { FrontAttempt } from './front-connection.js'

const FIRST_DELAY_MS = 100
const LONGEST_DELAY_MS = 5_000
/** After so many failures in a row it is only tried again when somebody asks for something. */
const MAX_UNASKED = 6
/** The proxies of one machine lose their daemon at the same moment: they do not all start another one. */
const SPREAD_MS = 100
/** A daemon that was just started opens its gateway within this. */
const SOON_MS = 3_000
const POLL_MS = 15

export type Reached = Exclude<FrontAttempt, { type: 'absent' }>

export interface Road {
  readonly connect: () => Promise<FrontAttempt>
  /** Brings a daemon up and gives it the configuration. */
  readonly revive: () => Promise<void>
}

/**
 * Connects, bringing a daemon up when there is none or when the one there does not know what we ask for: it may not have
 * our configuration yet. The command that brings it up is waited for to its end, though the daemon may let us in sooner:
 * none may be left running behind a proxy that has moved on. Rejects with the reason when that does not help.
 */
export async function connectOrRevive({ connect, revive }: Road): Promise<Reached> {
  const first = await connect().catch((error: unknown) => {
    if (error instanceof McpctlError && error.code === 'SERVER_UNKNOWN') return error
    throw error
  })
  if (!(first instanceof McpctlError) && first.type !== 'absent') return first
  try {
    await revive()
  } catch (error) {
    // Without a configuration of our own, what the daemon said is the better reason.
    throw first instanceof McpctlError && error instanceof McpctlError && error.code === 'CONFIG_NOT_FOUND' ? first : error
  }
  const deadline = performance.now() + SOON_MS
  for (;;) {
    const attempt = await connect()
    if (attempt.type !== 'absent') return attempt
    if (performance.now() > deadline) {
      throw new McpctlError('DAEMON_INCOMPATIBLE', 'the daemon runs but lets no clients in', { hint: 'It may be of another version: mcpctl stop, then mcpctl start.' })
    }
    await delay(POLL_MS)
  }
}

export interface ReconnectOptions extends Road {
  /** Somebody else brings a daemon up: it is waited for so long before we do. */
  readonly patienceMs: number
  readonly isOver: () => boolean
  /** Whether a request waits for the outcome. */
  readonly isPressed: () => boolean
  /** Resolves when a request comes, or when it is all over. */
  readonly untilAsked: () => Promise<void>
  readonly onFailure: (error: unknown) => void
}

/** Tries until there is a daemon again: with growing pauses, and after some failures only when asked. Null when it is over. */
export async function reconnect(options: ReconnectOptions): Promise<Reached | null> {
  await delay(Math.random() * SPREAD_MS)
  const awaited = await awaitSuccessor(options)
  if (awaited !== null) return awaited
  let delayMs = FIRST_DELAY_MS
  for (let failures = 0; !options.isOver(); ) {
    try {
      return await connectOrRevive(options)
    } catch (error) {
      failures++
      options.onFailure(error)
    }
    if (failures >= MAX_UNASKED && !options.isPressed()) await options.untilAsked()
    else await delay(delayMs)
    delayMs = Math.min(delayMs * 2, LONGEST_DELAY_MS)
  }
  return null
}

/** The daemon that takes the place of ours, if it comes in time. */
async function awaitSuccessor({ connect, patienceMs, isOver }: ReconnectOptions): Promise<Reached | null> {
  for (const deadline = performance.now() + patienceMs; performance.now() < deadline && !isOver(); await delay(FIRST_DELAY_MS)) {
    // An error means that it does not know our configuration yet.
    const attempt = await connect().catch(() => ({ type: 'absent' }) as const)
    if (attempt.type === 'open') return attempt
  }
  return null
}

/** A stopped daemon is looked for no more often. */
const LOOK_MS = 250

/** Looks whether somebody has started a daemon again after it was stopped on purpose: when asked, and not too often. */
export class Lookout {
  #isLooking = false
  #lookedAt = -Infinity

  /** `done` gets the outcome, at once when it was just looked; it is not called while an earlier look is under way. */
  look(connect: Road['connect'], done: (attempt: FrontAttempt | { readonly type: 'failed'; readonly error: unknown }) => void): void {
    if (this.#isLooking) return
    if (performance.now() - this.#lookedAt < LOOK_MS) return done({ type: 'absent' })
    this.#isLooking = true
    const finish = (attempt: Parameters<typeof done>[0]): void => {
      this.#isLooking = false
      this.#lookedAt = performance.now()
      done(attempt)
    }
    connect().then(finish, (error: unknown) => finish({ type: 'failed', error }))
  }
}
