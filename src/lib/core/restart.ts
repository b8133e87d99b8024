import { formatDuration } from '../base/index.js'
import type { InstanceEnd } from './end.js'
import type { RestartSpec } from './spec.js'

/** What the restart policy remembers of a server between instances. */
export interface RestartHistory {
  /** When automatic restarts were decided, newest last; bounded by the long window. */
  readonly restartedAt: readonly number[]
  /** Automatic restarts since somebody last started the server by hand. */
  readonly total: number
  /** Failures in a row without a stable time between: the exponent of the backoff. */
  readonly streak: number
  readonly lastDelayMs: number
  /** Newest last, at most KEPT_ENDS. */
  readonly ends: readonly InstanceEnd[]
}

export const KEPT_ENDS = 10
/** An instance that was ready this long ends a row of failures. */
const STABLE_MS = 10_000
/** A slow crash loop stays under the window for ever; this many windows with twice the restarts catch it. */
const LONG_WINDOW_FACTOR = 10
const LONG_WINDOW_RESTARTS = 2
const JITTER = 0.2

export const NO_HISTORY: RestartHistory = { restartedAt: [], total: 0, streak: 0, lastDelayMs: 0, ends: [] }

export type RestartVerdict =
  | { readonly type: 'restart'; readonly delayMs: number; readonly reason: string; readonly history: RestartHistory }
  | { readonly type: 'give-up'; readonly reason: string; readonly history: RestartHistory }
  | { readonly type: 'stay-exited'; readonly reason: string; readonly history: RestartHistory }

/** The history with one more ended instance. */
export function recordEnd(history: RestartHistory, end: InstanceEnd): RestartHistory {
  return { ...history, ends: [...history.ends, end].slice(-KEPT_ENDS) }
}

/**
 * Decides what follows an instance that ended without being asked to. Restart intensity is a function of
 * timestamps in a sliding window (Erlang/OTP's supervisor), so uptime does not matter; the first restart of a
 * stable server is immediate, further ones double from `backoffInitialMs` to `backoffMaxMs` with 20 % jitter; one that
 * was not let in waits the longest time at once.
 * `random` is a number in [0, 1).
 */
export function decideRestart(spec: RestartSpec, history: RestartHistory, end: InstanceEnd, random: number): RestartVerdict {
  const recorded = recordEnd(history, end)
  const clean = end.cause === 'exit' && end.code === 0
  if (spec.policy === 'never' || (spec.policy === 'on-failure' && clean)) {
    const type = clean ? 'stay-exited' : 'give-up'
    return { type, reason: `${end.reason}; restart policy is ${spec.policy}`, history: recorded }
  }
  const now = end.endedAt
  const longWindowMs = spec.windowMs * LONG_WINDOW_FACTOR
  const recent = history.restartedAt.filter((at) => now - at < longWindowMs)
  const inWindow = recent.filter((at) => now - at < spec.windowMs).length
  if (inWindow >= spec.maxRestarts) {
    return { type: 'give-up', reason: `crash loop: ${inWindow} restarts within ${formatDuration(spec.windowMs)}; last: ${end.reason}`, history: recorded }
  }
  if (recent.length >= spec.maxRestarts * LONG_WINDOW_RESTARTS && spec.maxRestarts > 0) {
    return { type: 'give-up', reason: `slow crash loop: ${recent.length} restarts within ${formatDuration(longWindowMs)}; last: ${end.reason}`, history: recorded }
  }
  const stable = end.readyAt !== null && now - end.readyAt >= Math.max(STABLE_MS, 2 * history.lastDelayMs)
  const streak = stable ? 0 : history.streak
  // A start that ran into its timeout was slow, not unlucky: trying again at once would only repeat it.
  const exponent = end.cause === 'start-timeout' ? streak + 1 : streak
  // Who is not let in is not let in a second later either, and a server counts such attempts.
  const patienceMs = end.cause === 'unauthorised' ? spec.backoffMaxMs : Math.min(spec.backoffMaxMs, spec.backoffInitialMs * 2 ** (exponent - 1))
  const delayMs = exponent === 0 && end.cause !== 'unauthorised' ? 0 : jittered(patienceMs, random)
  return {
    type: 'restart',
    delayMs,
    reason: end.reason,
    history: { ...recorded, restartedAt: [...recent, now], total: history.total + 1, streak: streak + 1, lastDelayMs: delayMs },
  }
}

/** How the reason of an end begins when the instance was replaced because of how its calls went. */
export const CALLS_FAIL = 'its calls fail'

/**
 * Whether an instance that runs may be replaced on a mere suspicion: not where it would not be started again, nor where the
 * next real failure would find no restart left. `spec` null: there is no process, only a connection.
 */
export function mayReplace(spec: RestartSpec | null, { restartedAt }: RestartHistory, now: number): boolean {
  if (spec === null) return true
  const within = (windowMs: number): number => restartedAt.filter((at) => now - at < windowMs).length
  return spec.policy !== 'never' && within(spec.windowMs) + 1 < spec.maxRestarts && within(spec.windowMs * LONG_WINDOW_FACTOR) + 1 < spec.maxRestarts * LONG_WINDOW_RESTARTS
}

function jittered(delayMs: number, random: number): number {
  return Math.round(delayMs * (1 - JITTER + 2 * JITTER * random))
}
