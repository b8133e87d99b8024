/** RFC 5424 severities as the protocol names them, the least urgent first. */
export const LOG_LEVELS: readonly string[] = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency']

/** Whether a line of this level is wanted by somebody who asked for that level and above. Unknown levels count as urgent. */
export function isWanted(level: unknown, least: string): boolean {
  const rank = typeof level === 'string' ? LOG_LEVELS.indexOf(level) : -1
  return rank < 0 || rank >= LOG_LEVELS.indexOf(least)
}

/** The level that shows the most; null when nobody asked for any. */
export function mostVerbose(levels: readonly string[]): string | null {
  const ranks = levels.map((level) => LOG_LEVELS.indexOf(level)).filter((rank) => rank >= 0)
  return ranks.length === 0 ? null : (LOG_LEVELS[Math.min(...ranks)] ?? null)
}
