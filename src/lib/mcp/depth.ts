/** Far more than any schema needs, and far less than writing it as JSON again can bear: that takes a call for each level. */
const MAX_DEPTH = 512

/** Whether a parsed JSON value is nested so deeply that nothing can be done with it but pass its text on. */
export function isTooDeep(value: unknown, left = MAX_DEPTH): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (left === 0) return true
  for (const key in value) if (isTooDeep((value as Record<string, unknown>)[key], left - 1)) return true
  return false
}
