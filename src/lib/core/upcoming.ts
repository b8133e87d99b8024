import type { FleetEntry } from './fleet.js'
import type { ServerSpec } from './spec.js'

/** What the next instance of a server is made from. */
export function upcomingSpec(entry: FleetEntry): ServerSpec {
  return entry.nextSpec ?? entry.spec
}
