import { formatDuration } from '../base/index.js'

/** How a process ended, as the kernel tells it. */
export interface ExitStatus {
  readonly code: number | null
  readonly signal: string | null
}

/** A limit was exceeded. `oom`: the kernel killed it; `limit-poll`: we did; `heap`: its own runtime gave up; `recycled`: above its soft mark. */
export type BreachCause = 'oom' | 'limit-poll' | 'heap' | 'pids' | 'recycled'

export interface Breach {
  readonly cause: BreachCause
  /** "exceeded its memory limit of 200 MiB". */
  readonly reason: string
}

/**
 * Why an instance came to its end. `exit`: by itself. `probe-exit`: it cannot bear the era probe and must be
 * asked in another way; not a failure. `stop` and `restart`: we were told to; `replaced`: by one with a changed
 * configuration. `unauthorised`: it does not let us in; `login-needed`: nor will it until a person has logged in. The rest
 * are failures we saw.
 */
export type EndCause =
  | BreachCause
  | 'exit'
  | 'probe-exit'
  | 'stop'
  | 'restart'
  | 'replaced'
  | 'launch-failed'
  | 'handshake-failed'
  | 'unauthorised'
  | 'login-needed'
  | 'start-timeout'
  | 'link-closed'
  | 'unhealthy'

/** The record kept of an instance that is over. Times in epoch milliseconds. */
export interface InstanceEnd {
  readonly generation: number
  readonly cause: EndCause
  readonly reason: string
  readonly code: number | null
  readonly signal: string | null
  readonly startedAt: number
  readonly readyAt: number | null
  readonly endedAt: number
}

/** "exited with code 1", "killed by SIGKILL". */
export function describeExit(exit: ExitStatus): string {
  if (exit.signal !== null) return `killed by ${exit.signal}`
  return exit.code === null ? 'exited' : `exited with code ${exit.code}`
}

/** "exited with code 1 after 2.1s, before it was ready". */
export function describeEnd(exit: ExitStatus, startedAt: number, readyAt: number | null, endedAt: number): string {
  const when = `after ${formatDuration(Math.max(0, endedAt - startedAt))}`
  return `${describeExit(exit)} ${when}${readyAt === null ? ', before it was ready' : ''}`
}
