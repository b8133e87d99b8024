import type { JsonObject } from '../mcp/index.js'
import type { BreakerChange } from './breaker-guard.js'
import type { Gate } from './gate.js'
import type { ServerSource } from './source.js'

/** What the parts of the gateway share. */
export interface Hub {
  readonly source: ServerSource
  readonly version: string
  readonly gate: Gate
  /** Epoch ms. */
  now(): number
  /** What this server answered may not hold any more; with a URI, what is about that resource. */
  stale(server: string, uri?: string | null): void
  /** A progress token nobody else uses. */
  nextToken(): number
  /** A server's lists were read; `isNew`: they are not what they were. */
  catalogueChanged(isNew: boolean): void
  /** For the server's log and the daemon's; the same sentence only once. */
  warn(server: string, text: string): void
  /** A log line of a shared server that belongs to nobody's call. */
  logged(server: string, params: JsonObject): void
  /** A breaker changed its phase. */
  breakerChanged(change: BreakerChange): void
}
