import type { Circumstance, Effect, ServerEvent, Step } from './event.js'
import { NO_HISTORY } from './restart.js'
import type { IdleState, Phase, ReadyState, ServerState, StartingState, UnreadyState } from './state.js'
import { beginInstance, beginStop, endDrain, enterIdle, enterWaiting, finishStop, killAtOnce, nextStopStep, onLeaderExit, withoutInstance } from './lifecycle-step.js'

type EventType = ServerEvent['type']
type StateIn<P extends Phase> = Extract<ServerState, { phase: P }>
type EventOf<T extends EventType> = Extract<ServerEvent, { type: T }>
type Handler<S extends ServerState, E extends ServerEvent> = (state: S, event: E, at: Circumstance) => Step<ServerState>
type Table = { readonly [P in Phase]: { readonly [T in EventType]: Handler<StateIn<P>, EventOf<T>> } }

const stay = (state: ServerState, effects: readonly Effect[] = []): Step<ServerState> => ({ state, effects })

/** The event means nothing in this phase: nothing changes. */
const ignored = (state: ServerState): Step<ServerState> => stay(state)

const wantUpAgain = (state: ServerState): Step<ServerState> => stay({ ...state, desired: 'up' })
const wantDownSoon = (state: ServerState): Step<ServerState> => stay({ ...state, desired: 'down' })

const startByHand = (state: ServerState, _event: ServerEvent, at: Circumstance): Step<ServerState> =>
  enterWaiting({ ...state, desired: 'up', history: { ...NO_HISTORY, ends: state.history.ends } }, at, 'start requested')

const goIdle = (state: ServerState, _event: ServerEvent, at: Circumstance): Step<ServerState> => enterIdle({ ...state, desired: 'down' }, at, 'stopped')

type Running = StartingState | ReadyState | UnreadyState

const halt = (state: Running, _event: ServerEvent, at: Circumstance): Step<ServerState> => beginStop(state, at, { cause: 'stop', reason: 'stop requested' })

const restartRunning = (state: Running, _event: ServerEvent, at: Circumstance): Step<ServerState> =>
  beginStop({ ...state, desired: 'up', history: { ...NO_HISTORY, ends: state.history.ends } }, at, { cause: 'restart', reason: 'restart requested' })

const linkFailed = (state: Running, event: EventOf<'link-failed'>, at: Circumstance): Step<ServerState> =>
  beginStop(state, at, { cause: event.cause, reason: event.reason, permanent: event.cause === 'login-needed' })

const unhealthy = (state: Running, event: EventOf<'unhealthy'>, at: Circumstance): Step<ServerState> =>
  beginStop(state, at, { cause: 'unhealthy', reason: event.reason })

const breached = (state: Running, event: EventOf<'breached'>, at: Circumstance): Step<ServerState> => beginStop(state, at, event.breach)

/** Phases without an instance: whatever an instance may report is stale. */
const NO_INSTANCE = {
  spawned: ignored,
  'launch-failed': ignored,
  established: ignored,
  'link-failed': ignored,
  exited: ignored,
  swept: ignored,
  probed: ignored,
  unhealthy: ignored,
  breached: ignored,
  drained: ignored,
} as const

/** Phases that nothing leaves but a person. */
const AT_REST = {
  ...NO_INSTANCE,
  'want-up': startByHand,
  'want-down': goIdle,
  restart: startByHand,
  begin: ignored,
  hold: ignored,
  halt: ignored,
  timer: ignored,
} as const

const TABLE: Table = {
  idle: { ...AT_REST, 'want-down': wantDownSoon },
  exited: AT_REST,
  failed: AT_REST,

  waiting: {
    ...NO_INSTANCE,
    'want-up': wantUpAgain,
    'want-down': goIdle,
    restart: startByHand,
    begin: (state, _event, at) => beginInstance(state, at),
    hold: (state, event) => stay({ ...state, blockers: event.blockers, reason: event.reason }),
    halt: ignored,
    timer: ignored,
  },

  backoff: {
    ...NO_INSTANCE,
    'want-up': startByHand,
    'want-down': goIdle,
    restart: startByHand,
    begin: ignored,
    hold: ignored,
    halt: ignored,
    timer: (state, _event, at) => enterWaiting(state, at, `restarted: ${state.history.ends.at(-1)?.reason ?? state.reason}`),
  },

  starting: {
    'want-up': wantUpAgain,
    'want-down': wantDownSoon,
    restart: restartRunning,
    begin: ignored,
    hold: ignored,
    halt,
    spawned: (state, event) => stay({ ...state, pid: event.pid }),
    'launch-failed': (state, event, at) => withoutInstance(state, at, { cause: 'launch-failed', reason: event.reason, permanent: event.permanent }),
    established: (state, _event, at) =>
      stay({ ...state, phase: 'ready', epoch: state.epoch + 1, since: at.now, readyAt: at.now, reason: 'proven ready' }),
    'link-failed': linkFailed,
    exited: onLeaderExit,
    swept: ignored,
    probed: ignored,
    unhealthy,
    breached,
    drained: ignored,
    timer: (state, _event, at) =>
      beginStop(state, at, { cause: 'start-timeout', reason: `not ready within its start timeout of ${at.spec.startTimeoutMs / 1000} s` }),
  },

  ready: {
    'want-up': wantUpAgain,
    'want-down': wantDownSoon,
    restart: restartRunning,
    begin: ignored,
    hold: ignored,
    halt,
    spawned: ignored,
    'launch-failed': ignored,
    established: ignored,
    'link-failed': linkFailed,
    exited: onLeaderExit,
    swept: ignored,
    probed: (state, event, at) => {
      if (event.ok) return stay(state)
      return stay({ ...state, phase: 'unready', epoch: state.epoch + 1, since: at.now, reason: event.reason })
    },
    unhealthy,
    breached,
    drained: ignored,
    timer: ignored,
  },

  unready: {
    'want-up': wantUpAgain,
    'want-down': wantDownSoon,
    restart: restartRunning,
    begin: ignored,
    hold: ignored,
    halt,
    spawned: ignored,
    'launch-failed': ignored,
    established: ignored,
    'link-failed': linkFailed,
    exited: onLeaderExit,
    swept: ignored,
    probed: (state, event, at) => {
      if (!event.ok) return stay(state.reason === event.reason ? state : { ...state, reason: event.reason })
      return stay({ ...state, phase: 'ready', epoch: state.epoch + 1, since: at.now, reason: 'answers again' })
    },
    unhealthy,
    breached,
    drained: ignored,
    timer: ignored,
  },

  stopping: {
    'want-up': wantUpAgain,
    'want-down': wantDownSoon,
    restart: (state) => stay({ ...state, desired: 'up', cause: 'restart', history: { ...NO_HISTORY, ends: state.history.ends } }),
    begin: ignored,
    hold: ignored,
    halt: ignored,
    // A launch that reports after the stop began: the process exists now and gets the step it missed.
    spawned: (state, event) => stay({ ...state, pid: event.pid }),
    'launch-failed': (state, event, at) => withoutInstance(state, at, { cause: state.cause, reason: event.reason, permanent: state.permanent }),
    established: ignored,
    'link-failed': endDrain,
    exited: onLeaderExit,
    swept: (state, event, at) => finishStop(state, at, event.remaining),
    probed: ignored,
    unhealthy: endDrain,
    breached: (state, event, at) => killAtOnce(state, at, event.breach),
    drained: endDrain,
    timer: nextStopStep,
  },
}

/**
 * The whole lifecycle of one server as a pure function: what happens next and what is to be done about it.
 * Every pair of phase and event has an entry in the table above, the meaningless ones too; events of another
 * generation and timers of another epoch change nothing.
 */
export function transition(state: ServerState, event: ServerEvent, at: Circumstance): Step<ServerState> {
  if ('generation' in event && event.generation !== state.generation) return stay(state)
  if (event.type === 'timer' && event.epoch !== state.epoch) return stay(state)
  // The table's type pairs each phase with its state and each type with its event; an index by both loses that link.
  const handler = TABLE[state.phase][event.type] as Handler<ServerState, ServerEvent>
  return handler(state, event, at)
}

/** A server nobody has asked for yet. */
export function createIdleState(now: number): IdleState {
  return { phase: 'idle', desired: 'down', epoch: 0, generation: 0, since: now, reason: 'not started', history: NO_HISTORY }
}

