import { formatBytes, formatDuration } from '../base/index.js'
import type { ServerAlertFacts } from './alert.js'
import { findLeak } from './alert-leak.js'
import type { EndCause, InstanceEnd } from './end.js'
import type { Alert, AlertKind } from './metrics.js'
import { describeHeld } from './pin.js'
import { CALLS_FAIL } from './restart.js'
import type { LimitsBackendSnapshot } from './snapshot.js'

/** What happened longer ago than this is history, not an alert. */
const LATELY_MS = 15 * 60_000
const OFTEN_MS = 10 * 60_000
const OFTEN = 3
/** Not ready for longer than a restart or a slow answer takes. */
const LONG_UNREADY_MS = 60_000
const NEAR_LIMIT = 0.9
/** Steps of the history in a row, and how much of the quota in each. */
const HELD_STEPS = 6
const HELD_SHARE = 0.95
const LEAST_CALLS = 20
const ERROR_PERCENT = 10
const MOSTLY_ERRORS_PERCENT = 50
/** Three times as slow as it used to be, and slow enough to be felt; or slow by any measure. */
const SLOW_FACTOR = 3
const SLOW_MS = 2000
const VERY_SLOW_MS = 30_000
const LEAST_KNOWN_STEPS = 10
/** The history's newest steps that the figures of the last five minutes are made of as well. */
const RECENT_STEPS = 30

const BREACHES: ReadonlySet<EndCause> = new Set(['oom', 'limit-poll', 'heap'])
/** Causes with an alert of their own. */
const TOLD_APART: ReadonlySet<EndCause> = new Set([...BREACHES, 'pids', 'unhealthy'])
const BESIDE_BREAKER: ReadonlySet<AlertKind> = new Set(['hung', 'restarting'])
const BY_HAND: ReadonlySet<EndCause> = new Set(['stop', 'restart'])
const EXPECTED: ReadonlySet<EndCause> = new Set(['stop', 'restart', 'replaced', 'recycled', 'probe-exit'])

type Judge = (facts: ServerAlertFacts, now: number) => Omit<Alert, 'server'> | null

/** Everything about one server that a person should look at. How long ago is in `since`, not in the text. */
export function judgeServer(facts: ServerAlertFacts, limits: LimitsBackendSnapshot | null, now: number): Alert[] {
  const { name } = facts.server
  const found = [...JUDGES.map((judge) => judge(facts, now)), judgeHold(facts, limits)]
  // That it was replaced because its calls fail is part of the story of its breaker.
  const isTold = found.some((alert) => alert?.kind === 'breaker')
  return found.flatMap((alert) => (alert === null || (isTold && BESIDE_BREAKER.has(alert.kind)) ? [] : [{ kind: alert.kind, level: alert.level, server: name, text: alert.text, hint: alert.hint, since: alert.since }]))
}

const judgeFailed: Judge = ({ server: { name, phase, reason, since }, ends }) => {
  if (phase !== 'failed') return null
  if (ends.at(-1)?.cause === 'login-needed') return critical('failed', `${name} takes no calls: ${reason}`, `mcpctl login ${name}`, since)
  const isLoop = /^(?:slow )?crash loop/.test(reason)
  return critical(isLoop ? 'crash-loop' : 'failed', `${name} is down and is not started any more: ${reason}`, `mcpctl why ${name}`, since)
}

/** A server that waits for its next start is in trouble; one that came back deserves a look, more so when it did many times. */
const judgeRestarts: Judge = (facts, now) => {
  const { server: { name, phase, ready, restarts, since }, ends } = facts
  const recent = sinceByHand(ends).filter((end) => isUnexpected(end) && now - end.endedAt < OFTEN_MS)
  const last = recent.at(-1)
  if (phase === 'failed' || phase === 'idle') return null
  if (last !== undefined && restarts >= OFTEN && recent.length >= OFTEN) {
    const text = `${name} ended ${recent.length} times within ${formatDuration(OFTEN_MS)} and was started again; last: ${last.reason}`
    return phase === 'backoff' ? critical('crash-loop', text, `mcpctl why ${name}`, recent[0]?.endedAt ?? since) : warning('restarting', text, `mcpctl why ${name}`, recent[0]?.endedAt ?? null)
  }
  const once = ready ? lately(facts, now, (cause) => !EXPECTED.has(cause) && !TOLD_APART.has(cause)) : null
  return once === null ? null : warning('restarting', `${name} was restarted: ${once.reason}`, `mcpctl why ${name}`, once.endedAt)
}

const judgeUnready: Judge = ({ server: { name, phase, reason, since } }, now) => {
  if (phase !== 'unready') return null
  const text = `${name} takes no calls: ${reason}`
  return { kind: 'unready', level: now - since >= LONG_UNREADY_MS ? 'critical' : 'warning', text, hint: `mcpctl why ${name}`, since }
}

const judgeHung: Judge = (facts, now) => {
  const end = lately(facts, now, (cause) => cause === 'unhealthy')
  if (end === null) return null
  const { name, ready } = facts.server
  const what = end.reason.startsWith(CALLS_FAIL) ? 'was' : 'stopped answering and was'
  const text = `${name} ${what} ${ready ? 'replaced' : 'ended'}: ${end.reason}`
  return { kind: 'hung', level: ready ? 'warning' : 'critical', text, hint: `mcpctl why ${name}`, since: end.endedAt }
}

const judgeMemory: Judge = ({ server: { name, memoryBytes, limits } }) => {
  const limit = limits?.memoryBytes ?? null
  if (limit === null || memoryBytes === null || memoryBytes < limit * NEAR_LIMIT) return null
  return warning('memory-near', `${name} uses ${formatBytes(memoryBytes)} of the ${formatBytes(limit)} it may use; above that it is killed`, `raise limits.memory of ${name} and run mcpctl reload, or set limits.memorySoft to have it replaced between calls`, null)
}

const judgeBreach: Judge = (facts, now) => {
  const end = lately(facts, now, (cause) => BREACHES.has(cause) || cause === 'pids')
  if (end === null) return null
  const { name, ready } = facts.server
  const kind: AlertKind = end.cause === 'pids' ? 'limits' : 'memory-breach'
  const hint = `mcpctl why ${name}; raise limits.${end.cause === 'pids' ? 'pids' : 'memory'} if it needs more`
  return { kind, level: ready ? 'warning' : 'critical', text: `${name} was killed: ${end.reason}`, hint, since: end.endedAt }
}

const judgeCpu: Judge = ({ server: { name, limits }, history }) => {
  const quota = limits?.cpuPercent ?? null
  const newest = history.cpuPercent.slice(-HELD_STEPS)
  if (quota === null || newest.length < HELD_STEPS || !newest.every((percent) => percent !== null && percent >= quota * HELD_SHARE)) return null
  const spanMs = HELD_STEPS * history.intervalMs
  return warning('cpu-held', `${name} has used all of its share of the processor (${quota}% of a core) for ${formatDuration(spanMs)}, so it is slowed down`, `raise limits.cpu of ${name} and run mcpctl reload`, history.endedAt - spanMs)
}

const judgeLeak: Judge = ({ server: { name, uptimeSeconds }, history }) => {
  if (uptimeSeconds === null) return null
  const leak = findLeak(history.memoryBytes, Math.floor((uptimeSeconds * 1000) / history.intervalMs))
  if (leak === null) return null
  const spanMs = leak.steps * history.intervalMs
  return warning('leak', `the memory of ${name} grows steadily: from ${formatBytes(leak.fromBytes)} to ${formatBytes(leak.toBytes)} within ${formatDuration(spanMs)}`, `set limits.memorySoft of ${name}: it is replaced between calls when it has grown to that`, history.endedAt - spanMs)
}

/** Dead, it has an alert of its own. */
const judgeBreaker: Judge = ({ server: { name, breaker, ready } }, now) => {
  if (breaker == null || breaker.state === 'closed' || (breaker.retryAt === null && !ready)) return null
  const { state, reason, since, retryAt } = breaker
  const next = state === 'half-open' ? 'a few are let through to see whether it is well again' : retryAt === null ? 'it is being started anew' : `next try in ${formatDuration(Math.max(0, retryAt - now))}`
  return { kind: 'breaker', level: state === 'open' ? 'critical' : 'warning', text: `${name} is sent no calls, its breaker is ${state}: ${reason}; ${next}`, hint: `mcpctl reconnect ${name}`, since }
}

const judgeErrors: Judge = ({ server: { name }, traffic: { errorPercent }, recentCalls }) => {
  if (errorPercent === null || recentCalls < LEAST_CALLS || errorPercent < ERROR_PERCENT) return null
  const text = `${errorPercent}% of the ${recentCalls} calls of ${name} in the last five minutes failed`
  return { kind: 'error-rate', level: errorPercent >= MOSTLY_ERRORS_PERCENT ? 'critical' : 'warning', text, hint: `mcpctl trace ${name} --errors, or mcpctl logs ${name}`, since: null }
}

const judgeSpeed: Judge = ({ server: { name }, traffic: { p95Ms }, recentCalls, history }) => {
  if (p95Ms === null || recentCalls < LEAST_CALLS || p95Ms < SLOW_MS) return null
  const before = history.p95Ms.slice(0, -RECENT_STEPS).filter((value) => value !== null)
  const usual = before.length < LEAST_KNOWN_STEPS ? null : median(before)
  if (p95Ms < VERY_SLOW_MS && (usual === null || p95Ms < usual * SLOW_FACTOR)) return null
  const compared = usual === null || p95Ms < usual * SLOW_FACTOR ? '' : `, against ${formatDuration(usual)} before`
  return warning('slow', `one call in twenty to ${name} takes longer than ${formatDuration(p95Ms)}${compared}`, `mcpctl trace ${name} --slow ${Math.round(p95Ms)}`, null)
}

const judgeTrouble: Judge = ({ server: { name, trouble, changed, limits } }) => {
  if (trouble == null) return null
  const isConfig = changed || limits == null
  return warning(isConfig ? 'config' : 'limits', `${name}: ${trouble}`, isConfig ? `mcpctl why ${name}` : 'mcpctl doctor', null)
}

const judgeLog: Judge = ({ server: { name }, logTrouble }) =>
  logTrouble === null ? null : warning('log', `the log of ${name} is not complete: ${logTrouble}`, 'mcpctl doctor', null)

const judgeHeld: Judge = ({ server: { name, held = [] } }) => {
  if (held.length === 0) return null
  return warning('quarantine', `${describeHeld(name, held)} until approved`, `mcpctl approve ${name}`, null)
}

const JUDGES: readonly Judge[] = [judgeFailed, judgeRestarts, judgeUnready, judgeHung, judgeBreach, judgeMemory, judgeBreaker, judgeErrors, judgeSpeed, judgeCpu, judgeLeak, judgeTrouble, judgeLog, judgeHeld]

/** A limit that is asked for and that nothing here can hold. */
function judgeHold({ server: { name, limits, pid } }: ServerAlertFacts, backend: LimitsBackendSnapshot | null): Omit<Alert, 'server'> | null {
  if (limits == null || pid === null || backend === null) return null
  const loose = [
    limits.memoryBytes !== null && backend.memory === 'none' ? 'memory' : null,
    limits.cpuPercent !== null && backend.cpu === 'none' ? 'cpu' : null,
    limits.pids !== null && backend.pids === 'none' ? 'pids' : null,
  ].filter((one) => one !== null)
  if (loose.length === 0) return null
  return warning('limits', `${name} has limits that nothing here can hold: ${loose.join(', ')}`, 'mcpctl doctor', null)
}

/** The newest end for such a reason, if it is not long ago and nobody has started the server by hand since. */
function lately({ server: { restarts, phase }, ends }: ServerAlertFacts, now: number, isMeant: (cause: EndCause) => boolean): InstanceEnd | null {
  if (phase === 'idle' || (restarts === 0 && phase !== 'failed' && phase !== 'exited')) return null
  return sinceByHand(ends).findLast(({ cause, endedAt }) => isMeant(cause) && now - endedAt < LATELY_MS) ?? null
}

function sinceByHand(ends: readonly InstanceEnd[]): readonly InstanceEnd[] {
  return ends.slice(ends.findLastIndex(({ cause }) => BY_HAND.has(cause)) + 1)
}

function isUnexpected({ cause }: InstanceEnd): boolean {
  return !EXPECTED.has(cause)
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

function warning(kind: AlertKind, text: string, hint: string, since: number | null): Omit<Alert, 'server'> {
  return { kind, level: 'warning', text, hint, since }
}

function critical(kind: AlertKind, text: string, hint: string, since: number | null): Omit<Alert, 'server'> {
  return { kind, level: 'critical', text, hint, since }
}
