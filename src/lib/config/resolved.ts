import type { ServerSpec } from '../core/index.js'
import type { ExplainedServer } from './explain.js'
import type { StatedEntry } from './server-entry.js'

/** A server made from its entry. */
export interface ResolvedServer {
  readonly entry: StatedEntry
  readonly spec: ServerSpec
  readonly explained: ExplainedServer
}

/** How many processes of it share its calls. */
export function instancesOf({ entry }: ResolvedServer): number {
  return entry.values.instances ?? 1
}
