import type { ControlClient } from '../../control/index.js'
import type { LogEntry } from './model.js'

export interface LogRequest {
  readonly directory: string
  readonly name: string
  /** The newest lines to begin with. */
  readonly tail: number
}

/** What the dashboard needs of the rest of the program; whoever runs it hands this in. */
export interface DashServices {
  /** Null: no daemon. Rejects when one cannot be used. */
  connect(): Promise<ControlClient | null>
  readLog(request: LogRequest): Promise<readonly LogEntry[]>
  /** The newest lines, then new ones until aborted. */
  followLog(request: LogRequest & { readonly signal: AbortSignal }): AsyncIterable<LogEntry>
  /** Makes the changed configuration take effect (null: all of it); resolves with what that changes, in one line. */
  reload(client: ControlClient, names: readonly string[] | null): Promise<string>
  /** Starts the daemon with the servers configured here. */
  launch(): Promise<void>
  /** Where logs are when no daemon says so. */
  readonly logDirectory: string
  /** Epoch milliseconds. */
  readonly now: () => number
}
