import type { EndCause, ExitStatus } from './end.js'
import type { RestartHistory } from './restart.js'

/** What keeps a server that should run from starting. */
export type Blocker = { readonly type: 'dependency'; readonly name: string } | { readonly type: 'slot' }

interface Common {
  readonly desired: 'up' | 'down'
  /** Changes with every change of state; a timer of an older epoch is void. */
  readonly epoch: number
  /** Number of the current or last instance; 0 before the first. */
  readonly generation: number
  /** Epoch milliseconds at which this phase was entered. */
  readonly since: number
  /** Why the server is in this phase, for people. */
  readonly reason: string
  readonly history: RestartHistory
}

interface Instance {
  readonly startedAt: number
  readonly pid: number | null
}

/**
 * The way down. `drain`: calls under way may finish, no new ones come. `input`: stdin closed, waiting; `term` and `kill`: group signalled, waiting; `sweep`: the leader is
 * gone, what it left behind is being ended.
 */
export type StopStep = 'drain' | 'input' | 'term' | 'kill' | 'sweep'

export type IdleState = Common & { readonly phase: 'idle' }
export type WaitingState = Common & { readonly phase: 'waiting'; readonly blockers: readonly Blocker[] }
export type StartingState = Common & Instance & { readonly phase: 'starting' }
export type ReadyState = Common & Instance & { readonly phase: 'ready'; readonly readyAt: number }
export type UnreadyState = Common & Instance & { readonly phase: 'unready'; readonly readyAt: number }
export type StoppingState = Common &
  Instance & {
    readonly phase: 'stopping'
    readonly step: StopStep
    readonly cause: EndCause
    readonly readyAt: number | null
    readonly exit: ExitStatus | null
    /** When the whole stop must be over. */
    readonly deadline: number
    /** A failure no restart can mend (command not found). */
    readonly permanent: boolean
  }
export type BackoffState = Common & { readonly phase: 'backoff'; readonly until: number }
export type ExitedState = Common & { readonly phase: 'exited' }
export type FailedState = Common & { readonly phase: 'failed' }

/** Observed state of one server; each member carries only what is valid there. */
export type ServerState =
  | IdleState
  | WaitingState
  | StartingState
  | ReadyState
  | UnreadyState
  | StoppingState
  | BackoffState
  | ExitedState
  | FailedState

export type Phase = ServerState['phase']

/** States in which an instance exists or may exist. */
export type ActiveState = StartingState | ReadyState | UnreadyState | StoppingState

export function isActive(state: ServerState): state is ActiveState {
  return state.phase === 'starting' || state.phase === 'ready' || state.phase === 'unready' || state.phase === 'stopping'
}
