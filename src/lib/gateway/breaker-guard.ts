import { admissionOf, admit, createBreaker, elapse, judge, nextChangeAt, renew, switchOff, toBreakerSnapshot, tryNow, type Admission, type BreakerSnapshot, type BreakerSpec, type BreakerState, type BreakerVerdict, type FailureClass } from '../core/index.js'
import type { Call } from './call.js'
import { undelivered, type Failure } from './failure.js'
import type { Hub } from './hub.js'

/** A breaker changed its phase. */
export interface BreakerChange {
  readonly name: string
  /** Epoch ms. */
  readonly at: number
  readonly from: BreakerSnapshot['state']
  readonly to: BreakerSnapshot['state']
  /** Why, for people. */
  readonly reason: string
}

export interface BreakerGuardOptions {
  readonly name: string
  /** Null: it is off. */
  readonly spec: () => BreakerSpec | null
  /** Whether its server is there. */
  readonly isUp: () => boolean
  /** Epoch ms. */
  readonly now: () => number
  /** Its server is to be replaced. */
  readonly suspect: (failure: FailureClass, reason: string) => void
  readonly changed: (change: BreakerChange) => void
  /** It lets nothing through for now: what waits to be sent need not wait any longer. */
  readonly opened: () => void
  /** What was held back may try again. */
  readonly release: () => void
}

const LONGEST_TIMER_MS = 2 ** 31 - 1

/** The guard of one server of this gateway. */
export function createGuard(name: string, hub: Hub, parts: Pick<BreakerGuardOptions, 'spec' | 'isUp' | 'opened' | 'release'>): BreakerGuard {
  return new BreakerGuard({
    ...parts, name,
    now: () => hub.now(),
    suspect: (...why) => { hub.source.suspect?.(name, ...why) },
    changed: (change) => { hub.breakerChanged(change) },
  })
}

/** Stands before one server: lets calls through, holds them back or turns them away, by how the ones before ended. Its owner calls `close`. */
export class BreakerGuard {
  readonly #options: BreakerGuardOptions
  #state: BreakerState
  /** In which phase a call was let through; not kept while it never left its first one. */
  readonly #epochs = new Map<Call, number>()
  #isTouched = false
  /** The next instance comes because this one was suspected. */
  #isAwaited = false
  #timer: NodeJS.Timeout | null = null

  constructor(options: BreakerGuardOptions) {
    this.#options = options
    this.#state = createBreaker(options.now())
  }

  /** Whether a call would pass now. */
  get admission(): Admission {
    const spec = this.#options.spec()
    return this.#state.phase === 'closed' || spec === null ? 'open' : admissionOf(this.#state, spec)
  }

  /** Null: it is off, or no call was made yet. */
  get snapshot(): BreakerSnapshot | null {
    return this.#isTouched && this.#options.spec() !== null ? toBreakerSnapshot(this.#state) : null
  }

  /** Its server ended, and is or was just started anew: that is what calls that are not let through wait for; others are turned away. */
  get mayWait(): boolean {
    const state = this.#state
    return (state.phase === 'open' && state.until === null) || (state.phase === 'half-open' && state.isNew)
  }

  /** A call leaves for the server; only where it may pass. */
  enter(call: Call): void {
    const { epoch, phase } = this.#state
    if (phase === 'closed') {
      if (epoch !== 0) this.#epochs.set(call, epoch)
      return
    }
    const { spec: specOf, now } = this.#options
    const spec = specOf()
    if (spec === null) return
    this.#become(admit(this.#state, now(), spec).state)
    this.#epochs.set(call, this.#state.epoch)
  }

  /** What a call that was turned away is answered. `server`: as clients know it. */
  refusal(server: string): Failure {
    const state = this.#state
    const leftMs = state.phase === 'open' && state.until !== null ? Math.max(1, state.until - this.#options.now()) : (this.#options.spec()?.recoveryMs ?? 1000)
    const next = state.phase === 'open' ? `it is tried again in ${(leftMs / 1000).toFixed(1)} s` : 'others try it at this moment'
    return undelivered(server, `server "${server}" takes no calls for now: ${state.reason}; ${next}`, 'breaker-open', leftMs)
  }

  /** A call that was let through ended. */
  judged(call: Call, verdict: BreakerVerdict): void {
    const epoch = this.#epochs.get(call) ?? 0
    // One verdict for each time it is let through.
    if (epoch !== 0) this.#epochs.delete(call)
    const spec = this.#options.spec()
    if (spec === null) return
    this.#isTouched = true
    const before = this.#state
    if (before.phase === 'half-open' && epoch !== before.epoch) return
    this.#become(judge(before, verdict, { now: this.#options.now(), random: Math.random(), epoch }, spec))
    if (before.phase === 'half-open') this.#options.release()
  }

  /** A call is over without a verdict. */
  settled(call: Call): void {
    if (this.#epochs.has(call)) this.judged(call, { type: 'withdrawn' })
  }

  /** Another instance was proven ready. */
  renewed(): void {
    this.#become(renew(this.#state, this.#options.now(), this.#isAwaited))
    this.#isAwaited = false
  }

  /** What it is to do may have changed. Switched off, it holds nothing back, nor when it is switched on again. */
  follow(): void {
    if (this.#state.phase === 'closed' || this.#options.spec() !== null) return
    this.#become(switchOff(this.#state, this.#options.now()))
    this.#options.release()
  }

  /** Somebody says that it is worth a try. */
  tryNow(): void {
    this.#become(tryNow(this.#state, this.#options.now()))
    this.#options.release()
  }

  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    this.#epochs.clear()
  }

  #become(state: BreakerState): void {
    const before = this.#state
    this.#state = state
    if (state.epoch === before.epoch) return
    const { name, changed, opened, suspect } = this.#options
    this.#arm()
    changed({ name, at: state.since, from: before.phase, to: state.phase, reason: state.why })
    this.#isAwaited = state.phase === 'open' && state.suspicion !== null
    if (state.phase !== 'open') return
    const { suspicion, reason } = state
    // Whoever told of the failure finishes first: what is replaced loses its other calls.
    queueMicrotask(() => {
      opened()
      if (suspicion !== null) suspect(suspicion, reason)
    })
  }

  #arm(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    const spec = this.#options.spec()
    const dueAt = spec === null ? null : nextChangeAt(this.#state, spec)
    if (dueAt === null) return
    this.#timer = setTimeout(() => { this.#elapsed() }, Math.min(LONGEST_TIMER_MS, Math.max(1, dueAt - this.#options.now()))).unref()
  }

  #elapsed(): void {
    this.#timer = null
    const { spec: specOf, now, isUp, release } = this.#options
    const spec = specOf()
    if (spec === null) return
    const before = this.#state
    this.#become(elapse(before, now(), spec, isUp()))
    if (this.#state.epoch !== before.epoch) return release()
    // Its server is away, or the clock was a little early.
    const dueAt = nextChangeAt(before, spec)
    const againMs = dueAt === null ? null : dueAt > now() ? dueAt - now() : spec.recoveryMs
    if (againMs !== null) this.#timer = setTimeout(() => { this.#elapsed() }, Math.min(LONGEST_TIMER_MS, Math.max(1, againMs))).unref()
  }
}
