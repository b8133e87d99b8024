import { formatDuration } from '../base/index.js'
import { describeEnd, type Breach, type EndCause, type InstanceEnd } from './end.js'
import type { Circumstance, Effect, InstanceEvent, Step } from './event.js'
import { decideRestart, recordEnd, type RestartHistory } from './restart.js'
import type { RestartSpec, ServerSpec } from './spec.js'
import type { ActiveState, ReadyState, ServerState, StartingState, StopStep, StoppingState, UnreadyState, WaitingState } from './state.js'

/** Share of the stop timeout a stdio server has between the end of its input and SIGTERM. */
const INPUT_SHARE = 0.4
/** After SIGKILL: longer than this and the process cannot be killed (stuck in the kernel). */
const KILL_WAIT_MS = 2_000
/** The sweep has its own bound; this one only guards against it never reporting. */
const SWEEP_GUARD_MS = 6_000
/** What a dead server left behind gets this long to end by itself before its successor may start. */
const CRASH_SWEEP_GRACE_MS = 250

interface Ending {
  readonly cause: EndCause
  readonly reason: string
  readonly permanent?: boolean
}

/** Common fields of the next state: same server, one epoch later. */
function carry(state: ServerState, at: Circumstance, reason: string) {
  return { desired: state.desired, epoch: state.epoch + 1, generation: state.generation, since: at.now, reason, history: state.history }
}

export function enterIdle(state: ServerState, at: Circumstance, reason: string): Step<ServerState> {
  return { state: { ...carry(state, at, reason), phase: 'idle' }, effects: [] }
}

export function enterWaiting(state: ServerState, at: Circumstance, reason: string): Step<ServerState> {
  return { state: { ...carry(state, at, reason), phase: 'waiting', blockers: [] }, effects: [] }
}

/** Starts the next instance: a new generation, the start timeout running. */
export function beginInstance(state: WaitingState, at: Circumstance): Step<ServerState> {
  const generation = state.generation + 1
  const next: StartingState = { ...carry(state, at, state.reason), generation, phase: 'starting', startedAt: at.now, pid: null }
  return {
    state: next,
    effects: [
      { type: 'arm-timer', epoch: next.epoch, delayMs: at.spec.startTimeoutMs },
      { type: 'launch', generation },
    ],
  }
}

/** Nothing that is asked politely would be heard: the whole tree is killed. */
const HOPELESS: ReadonlySet<EndCause> = new Set(['oom', 'limit-poll', 'heap', 'pids'])
/** Nothing is wrong with it: its calls may finish. */
const PEACEFUL: ReadonlySet<EndCause> = new Set(['stop', 'restart', 'recycled'])

/** How hard an instance is ended, by why. */
function firstStopStep(state: StartingState | ReadyState | UnreadyState, { cause }: Ending, spec: ServerSpec): StopStep {
  if (HOPELESS.has(cause)) return 'kill'
  // It does not listen: the end of its input would tell it nothing.
  if (cause === 'unhealthy') return 'term'
  const hasCalls = state.phase !== 'starting' && spec.transport !== 'none'
  return PEACEFUL.has(cause) && hasCalls && spec.drainTimeoutMs > 0 ? 'drain' : afterDrain(spec)
}

/** Only a stdio server can learn from its input that it should go; to the others a closed pipe says nothing. */
function afterDrain(spec: ServerSpec): StopStep {
  if (spec.launch === null) return 'sweep'
  return spec.transport === 'stdio' ? 'input' : 'term'
}

/** Begins the way down of a running instance. A server without a process is down when its calls are. */
export function beginStop(state: StartingState | ReadyState | UnreadyState, at: Circumstance, ending: Ending): Step<ServerState> {
  const step = firstStopStep(state, ending, at.spec)
  const next = toStopping(state, at, ending, at.spec.launch === null && step !== 'drain' ? 'sweep' : step)
  return step === 'drain' ? { state: next, effects: stepEffects(next, at) } : closeAndGoOn(next, at)
}

/** The link is over, and the instance takes the step it stands on. */
function closeAndGoOn(state: StoppingState, at: Circumstance): Step<ServerState> {
  const closeLink: Effect = { type: 'close-link', generation: state.generation }
  if (at.spec.launch !== null) return { state, effects: [closeLink, ...stepEffects(state, at)] }
  const stopped = settle(state, at)
  return { state: stopped.state, effects: [closeLink, ...stopped.effects] }
}

/** Nothing is waited for any more: the stop itself begins. */
export function endDrain(state: StoppingState, _event: unknown, at: Circumstance): Step<ServerState> {
  if (state.step !== 'drain') return { state, effects: [] }
  return closeAndGoOn({ ...state, epoch: state.epoch + 1, step: afterDrain(at.spec), deadline: at.now + at.spec.stopTimeoutMs }, at)
}

/** A server on its way down exceeds a limit: no more patience. */
export function killAtOnce(state: StoppingState, at: Circumstance, breach: Breach): Step<ServerState> {
  if (state.step === 'kill' || state.step === 'sweep' || breach.cause === 'recycled' || at.spec.launch === null) return { state, effects: [] }
  return closeAndGoOn({ ...state, epoch: state.epoch + 1, step: 'kill', reason: breach.reason }, at)
}

function toStopping(state: StartingState | ReadyState | UnreadyState, at: Circumstance, ending: Ending, step: StopStep): StoppingState {
  return {
    ...carry(state, at, ending.reason),
    phase: 'stopping',
    step,
    cause: ending.cause,
    startedAt: state.startedAt,
    readyAt: state.phase === 'starting' ? null : state.readyAt,
    pid: state.pid,
    exit: null,
    deadline: at.now + at.spec.stopTimeoutMs,
    permanent: ending.permanent ?? false,
  }
}

function stepEffects(state: StoppingState, at: Circumstance): Effect[] {
  const { generation, epoch } = state
  switch (state.step) {
    case 'drain':
      return [{ type: 'drain', generation }, { type: 'arm-timer', epoch, delayMs: at.spec.drainTimeoutMs }]
    case 'input':
      return [{ type: 'end-input', generation }, { type: 'arm-timer', epoch, delayMs: Math.round(at.spec.stopTimeoutMs * INPUT_SHARE) }]
    case 'term':
      return [{ type: 'signal', generation, signal: 'SIGTERM' }, { type: 'arm-timer', epoch, delayMs: Math.max(0, state.deadline - at.now) }]
    case 'kill':
      return [{ type: 'signal', generation, signal: 'SIGKILL' }, { type: 'arm-timer', epoch, delayMs: KILL_WAIT_MS }]
    case 'sweep': {
      const asked = state.cause === 'stop' || state.cause === 'restart'
      const graceMs = asked ? Math.max(0, state.deadline - at.now) : CRASH_SWEEP_GRACE_MS
      return [{ type: 'sweep', generation, graceMs }, { type: 'arm-timer', epoch, delayMs: graceMs + SWEEP_GUARD_MS }]
    }
  }
}

const AFTER: Record<Exclude<StopStep, 'sweep' | 'drain'>, StopStep> = { input: 'term', term: 'kill', kill: 'sweep' }

/** The time of a stop step is over: the next, harder one. After the last one the stop ends whatever is left. */
export function nextStopStep(state: StoppingState, _event: unknown, at: Circumstance): Step<ServerState> {
  if (state.step === 'drain') return endDrain(state, _event, at)
  if (state.step === 'sweep') return finishStop(state, at, 0)
  const next: StoppingState = { ...state, epoch: state.epoch + 1, step: AFTER[state.step] }
  return { state: next, effects: stepEffects(next, at) }
}

/** The leader is gone: what it left behind is ended before anything else happens. */
export function onLeaderExit(state: ActiveState, event: Extract<InstanceEvent, { type: 'exited' }>, at: Circumstance): Step<ServerState> {
  const exit = { code: event.code, signal: event.signal }
  if (state.phase === 'stopping') {
    if (state.step === 'sweep') return { state, effects: [] }
    const isDraining = state.step === 'drain'
    const next: StoppingState = { ...state, epoch: state.epoch + 1, step: 'sweep', exit, ...(isDraining ? { deadline: at.now + at.spec.stopTimeoutMs } : {}) }
    return isDraining ? closeAndGoOn(next, at) : { state: next, effects: stepEffects(next, at) }
  }
  const readyAt = state.phase === 'starting' ? null : state.readyAt
  const ending = exitEnding(event, describeEnd(exit, state.startedAt, readyAt, at.now))
  const next: StoppingState = { ...toStopping(state, at, ending, 'sweep'), exit }
  return { state: next, effects: [{ type: 'close-link', generation: state.generation }, ...stepEffects(next, at)] }
}

function exitEnding({ duringProbe, breach }: Extract<InstanceEvent, { type: 'exited' }>, story: string): Ending {
  if (breach !== null) return { cause: breach.cause, reason: `${breach.reason}; ${story}` }
  if (duringProbe) return { cause: 'probe-exit', reason: 'exits on the era probe; asked again the old way' }
  return { cause: 'exit', reason: story }
}

/** A launch that never became a process: nothing to stop or sweep. */
export function withoutInstance(state: StartingState | StoppingState, at: Circumstance, ending: Ending): Step<ServerState> {
  const stopping = state.phase === 'stopping' ? state : toStopping(state, at, ending, 'sweep')
  return settle(stopping, at)
}

/** The instance and all it left behind are gone (or cannot be killed): what now. */
export function finishStop(state: StoppingState, at: Circumstance, remaining: number): Step<ServerState> {
  if (remaining === 0) return settle(state, at)
  return settle({ ...state, reason: `${state.reason}; ${remaining} of its processes cannot be killed` }, at)
}

function settle(state: StoppingState, at: Circumstance): Step<ServerState> {
  const end = toEnd(state, at.now)
  const recorded: StoppingState = { ...state, history: recordEnd(state.history, end) }
  if (state.desired === 'down') return enterIdle(recorded, at, state.cause === 'stop' ? 'stopped' : state.reason)
  if (state.cause === 'stop' || state.cause === 'restart') return enterWaiting(recorded, at, 'restart requested')
  if (state.cause === 'recycled') return enterWaiting(recorded, at, `restarted: ${state.reason}`)
  // Once per start: a server that keeps exiting after it was asked the old way is simply failing.
  if (state.cause === 'probe-exit' && state.history.ends.at(-1)?.cause !== 'probe-exit') return enterWaiting(recorded, at, state.reason)
  if (state.permanent) return { state: { ...carry(recorded, at, end.reason), phase: 'failed' }, effects: [] }
  const verdict = decideRestart(restartSpec(at.spec), countFalseProbe(state), end, at.random)
  const judged: StoppingState = { ...state, history: verdict.history }
  if (verdict.type === 'stay-exited') return { state: { ...carry(judged, at, verdict.reason), phase: 'exited' }, effects: [] }
  if (verdict.type === 'give-up') return { state: { ...carry(judged, at, verdict.reason), phase: 'failed' }, effects: [] }
  if (verdict.delayMs === 0) return enterWaiting(judged, at, `restarted: ${verdict.reason}`)
  const reason = `${verdict.reason}; restart ${verdict.history.total} in ${formatDuration(verdict.delayMs)}`
  const backoff: ServerState = { ...carry(judged, at, reason), phase: 'backoff', until: at.now + verdict.delayMs }
  return { state: backoff, effects: [{ type: 'arm-timer', epoch: backoff.epoch, delayMs: verdict.delayMs }] }
}

/** A remote server that refuses is only away: there is nothing to mend here, and trying costs nothing but a connection. */
function restartSpec({ restart, launch }: ServerSpec): RestartSpec {
  return launch === null ? { ...restart, maxRestarts: Number.POSITIVE_INFINITY } : restart
}

/** An instance that failed right after one that seemed to exit on the probe: then that exit was a failure too. */
function countFalseProbe(state: StoppingState): RestartHistory {
  const { history } = state
  const before = history.ends.at(-1)
  if (before?.cause !== 'probe-exit' || state.readyAt !== null) return history
  return { ...history, restartedAt: [...history.restartedAt, before.endedAt], total: history.total + 1, streak: history.streak + 1 }
}

function toEnd(state: StoppingState, now: number): InstanceEnd {
  const { generation, cause, reason, startedAt, readyAt, exit } = state
  return { generation, cause, reason, code: exit?.code ?? null, signal: exit?.signal ?? null, startedAt, readyAt, endedAt: now }
}
