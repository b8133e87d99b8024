import type { RateSpec } from './gateway-spec.js'

/**
 * A bucket of tokens as one number: the moment at which it will be full, in milliseconds of any clock that does not run
 * backwards. A moment that is past means that it is full now, so one that was never used needs no entry anywhere.
 * Generic Cell Rate Algorithm (ITU-T I.371, annex A, virtual scheduling): the moment is its theoretical arrival time.
 */
export const FULL_BUCKET = 0

/** Sums of fractions differ from products in their last digits. */
const ROUNDING_MS = 0.001

/** Milliseconds until there is a token; 0: there is one now. */
export function waitForToken(fullAt: number, now: number, spec: RateSpec): number {
  const waitMs = missingMs(fullAt, now, spec) - (spec.burst - 1) * spacingMs(spec)
  return waitMs > ROUNDING_MS ? waitMs : 0
}

/** The bucket after a token was taken, which there has to be. */
export function takeToken(fullAt: number, now: number, spec: RateSpec): number {
  return now + missingMs(fullAt, now, spec) + spacingMs(spec)
}

/** How long it takes to fill what is missing. Never more than all of it: a bucket that was emptied under a stricter limit owes nothing under this one. */
function missingMs(fullAt: number, now: number, spec: RateSpec): number {
  return Math.min(Math.max(0, fullAt - now), spec.burst * spacingMs(spec))
}

function spacingMs({ perMinute }: RateSpec): number {
  return 60_000 / perMinute
}
