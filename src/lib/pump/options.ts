import type { Readable, Writable } from 'node:stream'
import type { FrontHello } from '../control/index.js'

/** What a pump stands between. */
export interface PumpOptions {
  /** The gateway's socket. */
  readonly address: string
  readonly hello: Omit<FrontHello, 'front' | 'resume'>
  /** What the client sends and what it is sent: lines of JSON-RPC, nothing else. */
  readonly input: Readable
  readonly output: Writable
  /** Brings a daemon up and gives it the configuration: called when none listens, and never after one was stopped on purpose. */
  readonly revive: () => Promise<void>
  readonly debug: (text: string) => void
  /** Ends the pump at once. */
  readonly signal: AbortSignal
}
