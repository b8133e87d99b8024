import { McpctlError } from '../errors/index.js'

/** The environment variable by which a process, and everything it starts, is recognised as ours. */
export const MARKER_VARIABLE = 'MCPCTL_ID'

/**
 * Which processes are meant: those whose marker is exactly `marker`, or begins with `prefix`. A prefix should end in a
 * separator, or "home:web" would also mean "home:web2".
 */
export type MarkerMatch = { readonly marker: string } | { readonly prefix: string }

/**
 * Markers travel through a shell script and a regular expression, so they stay within letters, digits and `: . _ -`.
 * @throws McpctlError INTERNAL for anything else.
 */
export function checkMarker(text: string): string {
  if (/^[A-Za-z0-9:._-]{1,200}$/.test(text)) return text
  throw new McpctlError('INTERNAL', `${JSON.stringify(text)} cannot be a process marker: only letters, digits and : . _ - may be used`)
}

/** True when a process with this marker is meant. */
export function matchesMarker(match: MarkerMatch, marker: string): boolean {
  return 'marker' in match ? marker === match.marker : marker.startsWith(match.prefix)
}

/** Throws when a match could not be one of ours; an empty prefix would mean every marked process of every home. */
export function checkMatch(match: MarkerMatch): void {
  checkMarker('marker' in match ? match.marker : match.prefix)
}
