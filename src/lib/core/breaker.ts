import { formatDuration } from '../base/index.js'
import type { BreakerSpec } from './gateway-spec.js'
import type { BreakerSnapshot } from './snapshot.js'

/**
 * What a failed call says of its server. `dead`: its process or connection ended; `hung`: no answer in time; `overloaded`:
 * it has too much to do; `unauthorised`: it does not let us in; `broken`: it answers, but not with what can be used (HTTP 5xx).
 */
export type FailureClass = 'dead' | 'hung' | 'overloaded' | 'unauthorised' | 'broken'

/** How a call that was let through ended. Errors the server itself answers with are answers. */
export type BreakerVerdict =
  | { readonly type: 'answered' }
  | {
      readonly type: 'failed'
      readonly failure: FailureClass
      /** For people. */
      readonly reason: string
      /** The connection itself ended: whoever runs the server sees to it already. */
      readonly isOver?: boolean
      /** It was not in time for this call, but answers others: that counts in the share of failed calls only, since a few in a row come about by chance. */
      readonly isSlow?: boolean
      /** How long the server asked to be left alone, in milliseconds. */
      readonly retryAfterMs?: number | null
    }
  /** Nobody waits for it any more, or it was the request's own fault: it tells nothing. */
  | { readonly type: 'withdrawn' }

interface Common {
  /** Changes with every change of phase; a call let through in another one tells nothing of this one. */
  readonly epoch: number
  /** Epoch ms at which this phase was entered. */
  readonly since: number
  /** Failures in a row. */
  readonly failures: number
  /** How often it opened. */
  readonly opened: number
  /** Why it opened last, for people. */
  readonly reason: string
  /** Why it entered this phase. */
  readonly why: string
}

/** Calls of the window that has begun, and of the one before. */
interface CallWindow {
  readonly startedAt: number
  readonly calls: number
  readonly failures: number
  readonly before: { readonly calls: number; readonly failures: number }
}

export type ClosedBreaker = Common & { readonly phase: 'closed'; readonly window: CallWindow }
export type OpenBreaker = Common & {
  readonly phase: 'open'
  /** Trials that failed since it was closed: the exponent of the recovery time. */
  readonly step: number
  /** Epoch ms of the next trial; null: when the server, which ended, was proven ready again. */
  readonly until: number | null
  /** How its calls fail, when its instance should be replaced for that. */
  readonly suspicion: FailureClass | null
}
export type HalfOpenBreaker = Common & {
  readonly phase: 'half-open'
  readonly step: number
  /** Its server ended and was started anew, so the cause may well be gone. */
  readonly isNew: boolean
  readonly underWay: number
  /** Trials that went well, one after the other. */
  readonly passed: number
}

/** Whether calls are let through to one server. Each member carries only what is valid there. */
export type BreakerState = ClosedBreaker | OpenBreaker | HalfOpenBreaker

/** What a decision may depend on besides state and verdict. `random` is a number in [0, 1). */
export interface BreakerMoment {
  readonly now: number
  readonly random: number
  /** Of the phase in which the call was let through. */
  readonly epoch: number
}

/** Whether a call may pass: `open` as any other, `trial` as one of few, `shut` not. */
export type Admission = 'open' | 'trial' | 'shut'

/** Part of the recovery time that is added by chance, so that many breakers do not try at the same moment. */
const JITTER = 0.2
/** A server may ask to be left alone for longer than the longest recovery time, but not for ever. */
const LONGEST_RETRY_AFTER_MS = 3_600_000
const MAX_REASON = 300
const NO_CALLS = { calls: 0, failures: 0 }

export function createBreaker(now: number): ClosedBreaker {
  return { phase: 'closed', epoch: 0, since: now, failures: 0, opened: 0, reason: '', why: '', window: { startedAt: now, ...NO_CALLS, before: NO_CALLS } }
}

/**
 * What follows from the end of a call that was let through in the phase of that epoch. A closed breaker opens at once when
 * the server ended under it, else after `failures` in a row or at `errorPercent` of a window's calls; half-open, the first
 * trial that fails opens it again for twice the time, and `trials` good ones in a row close it. (States after Nygard,
 * Release It!; the window is a sliding counter of two slots, the older one weighted by the part of it still in sight.)
 */
export function judge(state: BreakerState, verdict: BreakerVerdict, at: BreakerMoment, spec: BreakerSpec): BreakerState {
  if (at.epoch !== state.epoch || state.phase === 'open') return state
  return state.phase === 'closed' ? judgeClosed(state, verdict, at, spec) : judgeTrial(state, verdict, at, spec)
}

function judgeClosed(state: ClosedBreaker, verdict: BreakerVerdict, at: BreakerMoment, spec: BreakerSpec): BreakerState {
  if (verdict.type === 'withdrawn') return state
  const failed = verdict.type === 'failed'
  const window = spec.errorPercent === null ? state.window : count(state.window, failed, at.now, spec.windowMs)
  if (!failed) {
    if (state.failures === 0 && window === state.window) return state
    // Written out: this happens with every answer, and copying by name takes ten times as long.
    const { epoch, since, opened, reason, why } = state
    return { phase: 'closed', epoch, since, failures: 0, opened, reason, why, window }
  }
  const failures = state.failures + (verdict.isSlow === true ? 0 : 1)
  const counted: ClosedBreaker = { ...state, failures, window }
  if (verdict.isOver === true) return open(counted, { verdict, step: 0, suspicious: false, why: verdict.reason }, at, spec)
  if (failures >= spec.failures) return open(counted, { verdict, step: 0, suspicious: true, why: describeRow(failures, verdict.reason) }, at, spec)
  const { calls, failures: bad } = inSight(window, at.now, spec.windowMs)
  if (spec.errorPercent === null || calls < spec.minCalls || bad * 100 < calls * spec.errorPercent) return counted
  const why = `${Math.round(bad)} of ${Math.round(calls)} calls within ${formatDuration(spec.windowMs)} failed, last: ${verdict.reason}`
  // The others went well: what works is not replaced.
  return open(counted, { verdict, step: 0, suspicious: false, why }, at, spec)
}

function judgeTrial(state: HalfOpenBreaker, verdict: BreakerVerdict, at: BreakerMoment, spec: BreakerSpec): BreakerState {
  const underWay = Math.max(0, state.underWay - 1)
  if (verdict.type === 'withdrawn') return { ...state, underWay }
  if (verdict.type === 'answered') {
    const passed = state.passed + 1
    return passed >= spec.trials ? close(state, at.now, passed === 1 ? 'a trial went well' : `${passed} trials went well`) : { ...state, underWay, passed }
  }
  const failing: HalfOpenBreaker = { ...state, failures: state.failures + 1 }
  return open(failing, { verdict, step: state.step + 1, suspicious: true, why: `tried again, and failed: ${verdict.reason}` }, at, spec)
}

interface Opening {
  readonly verdict: Extract<BreakerVerdict, { type: 'failed' }>
  readonly step: number
  /** All its calls fail, as far as can be seen. */
  readonly suspicious: boolean
  readonly why: string
}

function open(state: ClosedBreaker | HalfOpenBreaker, { verdict, step, suspicious, why }: Opening, at: BreakerMoment, spec: BreakerSpec): OpenBreaker {
  const { failure, isOver = false, retryAfterMs } = verdict
  const { epoch, failures, opened } = state
  const reason = shorten(why)
  // It has too much to do, or wants other credentials: a new instance would change nothing.
  const isReplaceable = failure === 'hung' || failure === 'broken' || failure === 'dead'
  return {
    phase: 'open', epoch: epoch + 1, since: at.now, failures, opened: opened + 1, reason, why: reason, step,
    until: isOver ? null : at.now + recoveryTime(step, retryAfterMs ?? 0, at.random, spec),
    suspicion: suspicious && !isOver && isReplaceable ? failure : null,
  }
}

/** Doubled with each failed trial, never shorter than the server asked for. */
function recoveryTime(step: number, retryAfterMs: number, random: number, { recoveryMs, maxRecoveryMs }: BreakerSpec): number {
  const ownMs = Math.min(Math.max(recoveryMs, maxRecoveryMs), recoveryMs * 2 ** step)
  return Math.ceil(Math.max(ownMs, Math.min(retryAfterMs, LONGEST_RETRY_AFTER_MS)) * (1 + JITTER * random))
}

function close({ epoch, opened, reason }: BreakerState, now: number, why: string): ClosedBreaker {
  return { ...createBreaker(now), epoch: epoch + 1, opened, reason, why }
}

function toHalfOpen({ epoch, failures, opened, reason, step }: OpenBreaker, now: number, { why, isNew = false }: { readonly why: string; readonly isNew?: boolean }): HalfOpenBreaker {
  return { phase: 'half-open', epoch: epoch + 1, since: now, failures, opened, reason, why, step, isNew, underWay: 0, passed: 0 }
}

/** Whether a call would pass now. */
export function admissionOf(state: BreakerState, spec: BreakerSpec): Admission {
  if (state.phase === 'closed') return 'open'
  return state.phase === 'half-open' && state.underWay + state.passed < spec.trials ? 'trial' : 'shut'
}

/** Lets a call through, if one may pass; `judge` must be told how it ended. */
export function admit(state: BreakerState, now: number, spec: BreakerSpec): { readonly state: BreakerState; readonly admission: Admission } {
  const current = elapse(state, now, spec, false)
  const admission = admissionOf(current, spec)
  return { state: admission === 'trial' && current.phase === 'half-open' ? { ...current, underWay: current.underWay + 1 } : current, admission }
}

/**
 * What the passing of time changes: an open one is tried when its time is over. A half-open one closes without trials when
 * its server `isUp` and nothing spoke against it for as long as it is tried again at the latest (after a fresh start: for
 * the shortest recovery time), so that a server nobody calls is not called broken for ever, nor one with long calls.
 */
export function elapse(state: BreakerState, now: number, spec: BreakerSpec, isUp: boolean): BreakerState {
  const dueAt = nextChangeAt(state, spec)
  if (dueAt === null || now < dueAt) return state
  if (state.phase === 'open') return toHalfOpen(state, now, { why: 'its recovery time is over' })
  return state.phase === 'half-open' && isUp ? close(state, now, `it is up, and nothing failed for ${formatDuration(now - state.since)}`) : state
}

/** When `elapse` has something to do, in epoch ms; null: never. */
export function nextChangeAt(state: BreakerState, spec: BreakerSpec): number | null {
  switch (state.phase) {
    case 'closed': return null
    case 'open': return state.until
    case 'half-open': return state.since + (state.isNew ? spec.recoveryMs : Math.max(spec.recoveryMs, spec.maxRecoveryMs))
  }
}

/** Another instance was proven ready. `isAnswer`: it came because this one was suspected, so the recovery time holds all the same. */
export function renew(state: BreakerState, now: number, isAnswer: boolean): BreakerState {
  if (state.phase !== 'open' || (isAnswer && state.until !== null)) return state
  return toHalfOpen(state, now, { why: 'another instance was proven ready', isNew: true })
}

/** Somebody says that it is worth a try. */
export function tryNow(state: BreakerState, now: number): BreakerState {
  return state.phase === 'open' && state.until !== null ? toHalfOpen(state, now, { why: 'asked to reconnect' }) : state
}

/** Nobody wants it any more. */
export function switchOff(state: BreakerState, now: number): ClosedBreaker {
  return close(state, now, 'it was switched off')
}

/** The breaker as people and programs see it. */
export function toBreakerSnapshot(state: BreakerState): BreakerSnapshot {
  const { phase, since, failures, opened, reason } = state
  return { state: phase, since, failures, opened, retryAt: state.phase === 'open' ? state.until : null, reason }
}

function describeRow(failures: number, reason: string): string {
  return failures === 1 ? `a call failed: ${reason}` : `${failures} calls in a row failed, last: ${reason}`
}

function shorten(text: string): string {
  return text.length <= MAX_REASON ? text : `${text.slice(0, MAX_REASON - 1)}…`
}

function count({ startedAt, calls, failures, before }: CallWindow, failed: boolean, now: number, windowMs: number): CallWindow {
  const more = failed ? 1 : 0
  const ageMs = now - startedAt
  if (ageMs < windowMs) return { startedAt, calls: calls + 1, failures: failures + more, before }
  const isNext = ageMs < 2 * windowMs
  return { startedAt: isNext ? startedAt + windowMs : now, calls: 1, failures: more, before: isNext ? { calls, failures } : NO_CALLS }
}

function inSight({ startedAt, calls, failures, before }: CallWindow, now: number, windowMs: number): { calls: number; failures: number } {
  const share = Math.max(0, Math.min(1, 1 - (now - startedAt) / windowMs))
  return { calls: calls + before.calls * share, failures: failures + before.failures * share }
}
