import type { BreakerSnapshot, GateMetrics, GatewaySettings, SessionMetrics } from '../core/index.js'
import type { BreakerChange } from './breaker-guard.js'
import type { CallObserver } from './call-observer.js'
import type { Gateway, View } from './contract.js'
import type { Management } from './management.js'
import type { ServerSource } from './source.js'

export interface GatewayOptions {
  readonly source: ServerSource
  /** Read anew whenever it matters, so changes take effect at once. */
  readonly settings: () => GatewaySettings
  readonly version: string
  /** Epoch ms. */
  readonly now: () => number
  /** A sentence for the log of the whole. */
  readonly warn: (text: string) => void
  /** Hears of every call. */
  readonly observer?: CallObserver
  /** Lets clients that may do so look after the servers; absent: there are no tools for that. */
  readonly management?: Management
  /** A server is sent calls again, or no more, because of how they end. Must not throw. */
  readonly onBreaker?: (change: BreakerChange) => void
}

/** A gateway, for its owner. */
export interface OwnedGateway extends Gateway {
  /** Who is connected, in the order in which they came. */
  sessions(): SessionMetrics[]
  /** Every server behind what a view shows, by its configured name, also those that are down. */
  sourcesOf(view: View): readonly string[]
  /** What was limited, what was kept, and who waits. */
  gateFigures(): GateMetrics
  /** Null: the server has none, or no call of it was ever made. */
  breaker(server: string): BreakerSnapshot | null
  /** A server whose calls failed may be worth a try. */
  tryNow(server: string): void
  /** `settings` says something else than before: clients may see others now. */
  settingsChanged(): void
  close(reason: string): void
}
