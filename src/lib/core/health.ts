import { formatDuration } from '../base/index.js'
import type { HealthSpec } from './spec.js'

/** One process of a server's tree at one moment. */
export interface ProcessVitals {
  readonly pid: number
  /** As in proc_pid_stat(5): R runs, S sleeps, D waits in the kernel, T stopped by a signal, t by a debugger. */
  readonly state: string
  /** Used since its start, with the children it has waited for. */
  readonly cpuMs: number
}

/** How the latest probe stands. `unanswered`: its time is over. `failed`: refused, or answered with a failure. */
export type ProbeOutcome =
  | { readonly type: 'answered' }
  | { readonly type: 'waiting'; readonly sentAt: number }
  | { readonly type: 'unanswered'; readonly sentAt: number }
  | { readonly type: 'failed'; readonly sentAt: number; readonly reason: string }

/** What can be seen of a server from outside. Times on one clock that never jumps, in milliseconds. */
export interface HealthFacts {
  readonly probe: ProbeOutcome
  /** When it last wrote anything. */
  readonly heardAt: number
  /** Its processes, the leader first; empty when they could not be looked at, null when it has none here. */
  readonly processes: readonly ProcessVitals[] | null
  /** It is stopped and continued to hold its share of the processor, so that a stopped process means nothing. */
  readonly throttled: boolean
  /** Requests it owes an answer, probes not among them. */
  readonly callsInFlight: number
  /** What waits for it because it does not read its input. */
  readonly unreadBytes: number
}

/** What has to be known from one look to the next. Made anew, it holds nothing against the server. */
export interface HealthMemory {
  /** Probes in a row without an answer while nothing moved. */
  readonly failures: number
  /** When the first of them was sent. */
  readonly failingSince: number
  /** Latest use of the processor that was seen; never before this memory was made. */
  readonly movedAt: number
  readonly look: { readonly at: number; readonly processes: readonly ProcessVitals[] } | null
  /** Since when it has left its input unread; an answer proves that it reads. */
  readonly unreadSince: number | null
}

/** `busy` and `undecided` change nothing. `not-ready`: takes no traffic for now. `hung`: has to be replaced. */
export type HealthVerdict = 'fine' | 'busy' | 'undecided' | 'not-ready' | 'hung'

export interface Judgement {
  readonly memory: HealthMemory
  readonly verdict: HealthVerdict
  /** For people; empty unless the verdict is `not-ready` or `hung`. */
  readonly reason: string
}

/** Probes in a row without an answer that make a server hung. */
const PROBES_TO_HUNG = 3
/** Part of one core that counts as work. */
const WORKING_SHARE = 0.02
/** The kernel counts in steps of 10 ms, and taking in a probe can cost one. */
const WORKING_LEAST_MS = 20
const SHOWN_PIDS = 5

export function createHealthMemory(now: number): HealthMemory {
  return { failures: 0, failingSince: now, movedAt: now, look: null, unreadSince: null }
}

/**
 * Tells a server that works hard from one that hangs. Bytes from it prove life, and so does an answer; use of the
 * processor by any of its processes proves work, however long it takes. Without both, an unanswered probe costs it its
 * place at once, and three in a row make it hung: after `hungAfterMs` of silence only while it owes answers or waits in
 * the kernel, because a server that waits for a network without looking up cannot be told from a dead one otherwise.
 * Probes of the user's own are taken at their word.
 */
export function judgeHealth(memory: HealthMemory, facts: HealthFacts, now: number, spec: HealthSpec): Judgement {
  const { probe } = facts
  if (probe.type === 'answered') return { memory: { ...memory, failures: 0, look: null, unreadSince: null }, verdict: 'fine', reason: '' }
  if (spec.probe.type !== 'mcp') return judgeOwnProbe(memory, probe, now)
  const moved = hasMoved(memory, facts, now)
  const seen: HealthMemory = {
    ...memory,
    movedAt: moved ? now : memory.movedAt,
    look: facts.processes === null ? null : { at: now, processes: facts.processes },
    unreadSince: facts.unreadBytes === 0 ? null : (memory.unreadSince ?? now),
  }
  return judgeUnread(seen, facts, now, spec) ?? judgeUnanswered(seen, { ...facts, probe }, { now, spec, moved })
}

function judgeUnread(memory: HealthMemory, { unreadBytes }: HealthFacts, now: number, spec: HealthSpec): Judgement | null {
  const unreadMs = memory.unreadSince === null ? 0 : now - Math.max(memory.unreadSince, memory.movedAt)
  if (unreadMs < spec.hungAfterMs) return null
  return { memory, verdict: 'hung', reason: `does not read its input: ${unreadBytes} bytes have been waiting for ${formatDuration(unreadMs)}` }
}

interface Unanswered extends HealthFacts {
  readonly probe: Exclude<ProbeOutcome, { type: 'answered' }>
}

function judgeUnanswered(memory: HealthMemory, facts: Unanswered, { now, spec, moved }: { now: number; spec: HealthSpec; moved: boolean }): Judgement {
  const { probe } = facts
  if (probe.type !== 'failed' && facts.heardAt > probe.sentAt) {
    return { memory: { ...memory, failures: 0, look: memory.unreadSince === null ? null : memory.look }, verdict: 'fine', reason: '' }
  }
  const stop = facts.throttled ? null : describeStop(facts.processes)
  if (probe.type === 'waiting') return stop === null ? { memory, verdict: 'undecided', reason: '' } : { memory, verdict: 'not-ready', reason: stop.reason }
  // One that was stopped a moment ago has still worked since the last look.
  if (probe.type === 'unanswered' && moved && stop?.byDebugger !== false) return { memory: { ...memory, failures: 0 }, verdict: 'busy', reason: '' }
  return judgeFailure(countFailure(memory, probe.sentAt), facts, { now, spec, stop })
}

function judgeFailure(memory: HealthMemory, facts: Unanswered, { now, spec, stop }: { now: number; spec: HealthSpec; stop: Stop | null }): Judgement {
  const silentMs = now - Math.max(facts.heardAt, memory.movedAt)
  const isCertain = facts.probe.type === 'failed' || stop !== null
  const isHung = memory.failures >= PROBES_TO_HUNG && stop?.byDebugger !== true && (isCertain || !mayWait(facts) || silentMs >= spec.hungAfterMs)
  const parts = [describeProbes(memory, facts, now)]
  if (stop !== null) parts.unshift(stop.reason)
  else if (!isCertain) parts.push(...describeSilence(facts, { silentMs, isHung }))
  return { memory, verdict: isHung ? 'hung' : 'not-ready', reason: parts.join('; ') }
}

/** Waits for something itself, for all that can be seen; or nothing can be seen. */
function mayWait({ callsInFlight, processes }: HealthFacts): boolean {
  return callsInFlight > 0 || (processes !== null && (processes.length === 0 || processes.some(({ state }) => state === 'D')))
}

function judgeOwnProbe(memory: HealthMemory, probe: Exclude<ProbeOutcome, { type: 'answered' }>, now: number): Judgement {
  if (probe.type === 'waiting') return { memory, verdict: 'undecided', reason: '' }
  const failed = countFailure(memory, probe.sentAt)
  const what = probe.type === 'failed' ? probe.reason : `no result within ${formatDuration(now - probe.sentAt)}`
  const times = failed.failures === 1 ? '' : ` ${failed.failures} times in ${formatDuration(now - failed.failingSince)}`
  return { memory: failed, verdict: failed.failures >= PROBES_TO_HUNG ? 'hung' : 'not-ready', reason: `its health check failed${times}: ${what}` }
}

function describeProbes({ failures, failingSince }: HealthMemory, { probe }: HealthFacts, now: number): string {
  const span = formatDuration(now - failingSince)
  if (probe.type === 'failed') return failures === 1 ? `it could not be probed: ${probe.reason}` : `${failures} probes failed in ${span}: ${probe.reason}`
  return failures === 1 ? `no answer to a probe within ${span}` : `no answer to ${failures} probes in ${span}`
}

function describeSilence({ processes, callsInFlight }: HealthFacts, { silentMs, isHung }: { silentMs: number; isHung: boolean }): string[] {
  const parts: string[] = []
  if (callsInFlight > 0) parts.push(`silent for ${formatDuration(silentMs)} with ${callsInFlight === 1 ? 'a call' : `${callsInFlight} calls`} under way`)
  if (isHung && processes !== null && processes.length > 0) parts.push('its processes used no processor time')
  return parts
}

function countFailure(memory: HealthMemory, sentAt: number): HealthMemory {
  return { ...memory, failures: memory.failures + 1, failingSince: memory.failures === 0 ? sentAt : memory.failingSince }
}

/** Whether any process worked since the look before. A starved one that only wants to run works too. */
function hasMoved({ look }: HealthMemory, { processes, throttled }: HealthFacts, now: number): boolean {
  if (processes === null || processes.length === 0) return false
  if (throttled) return true
  const before = new Map(look?.processes.map((one) => [one.pid, one]))
  const leastMs = Math.max(WORKING_LEAST_MS, (now - (look?.at ?? now)) * WORKING_SHARE)
  return processes.some(({ pid, state, cpuMs }) => {
    const known = before.get(pid)
    if (state === 'R' && (look === null || known?.state === 'R')) return true
    if (look === null) return false
    // A pid that used less than before belongs to another process now.
    return cpuMs - (known === undefined || known.cpuMs > cpuMs ? 0 : known.cpuMs) >= leastMs
  })
}

interface Stop {
  readonly reason: string
  /** Somebody looks into it: it is not to be ended under their hands. */
  readonly byDebugger: boolean
}

function describeStop(processes: readonly ProcessVitals[] | null): Stop | null {
  if (processes === null || processes.length === 0) return null
  if (processes.some(({ state }) => state === 't')) return { reason: 'stopped by a debugger', byDebugger: true }
  if (!processes.every(({ state }) => state === 'T')) return null
  const pids = processes.slice(0, SHOWN_PIDS).map(({ pid }) => pid)
  return { reason: `stopped by a signal (SIGSTOP); continue it with kill -CONT ${pids.join(' ')}`, byDebugger: false }
}
