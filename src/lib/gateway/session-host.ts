import type { PrefixMode } from '../core/index.js'
import type { CallObserver } from './call-observer.js'
import type { View } from './contract.js'
import type { Parking } from './parking.js'
import type { ViewHost } from './session-view.js'

/** What a session needs from the gateway. */
export interface SessionHost<Owner> extends ViewHost {
  readonly parking: Parking
  /** Null: nobody wants to know of calls. */
  readonly observer: CallObserver | null
  /** A name no other session of this gateway has. */
  nextSession(): string
  readonly startWaitMs: number
  readonly passInstructions: boolean
  separatorOf(view: View): string
  prefixOf(view: View): PrefixMode
  /** The text of an answer of this server names resources. */
  named(server: string, text: Buffer): void
  /** The server that was seen to name this URI. */
  originOf(uri: string): string | null
  logLevelChanged(session: Owner): void
  closed(session: Owner): void
}
