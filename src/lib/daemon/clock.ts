/**
 * Epoch milliseconds that never run backwards or jump: the wall clock at start plus monotonic time since.
 * Backoffs and timeouts must not care that somebody sets the clock.
 */
export function createClock(): () => number {
  return () => Math.round(performance.timeOrigin + performance.now())
}
