import { STAND_IN_MARK, type FleetEntry } from '../core/index.js'

/** Stands between a server and the number of a session's own process; no configured name can hold it. */
export const OWN_MARK = '#'

/** The server that a session's own process, or an instance of a replacement, belongs to; the name itself for all others. */
export function baseName(name: string): string {
  const at = [OWN_MARK, STAND_IN_MARK].map((mark) => name.indexOf(mark)).filter((index) => index >= 0)
  return at.length === 0 ? name : name.slice(0, Math.min(...at))
}

/** A server as a configuration names it: no session's own process, no instance of a replacement. */
export function isConfigured({ spec, standIn }: FleetEntry): boolean {
  return spec.session === null && standIn === null
}
