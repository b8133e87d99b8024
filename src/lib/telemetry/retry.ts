const FIRST_MS = 1000
const MAX_MS = 30_000

/** What became of one request to the collector. */
export type SendOutcome =
  | { readonly type: 'done'; readonly rejected: number; readonly message: string | null }
  /** May be sent again. `afterMs`: when the collector asks for it, null: it did not say. */
  | { readonly type: 'later'; readonly why: string; readonly afterMs: number | null }
  | { readonly type: 'refused'; readonly why: string }

/** Statuses after which the same request may be sent again (OTLP specification, "Retryable Response Codes"). */
export function isRetryable(status: number): boolean {
  return status === 429 || status === 502 || status === 503 || status === 504
}

/** How long to wait before attempt `attempt` (the first retry is 1): exponential with jitter, or what the collector asks for. `random`: 0 up to 1. */
export function retryDelay(attempt: number, afterMs: number | null, random: number): number {
  const delayMs = Math.min(MAX_MS, FIRST_MS * 2 ** (attempt - 1)) * (0.75 + random / 2)
  return afterMs === null ? delayMs : Math.max(afterMs, delayMs)
}

/** Milliseconds in a `Retry-After` header, which has seconds or a date; null when it says nothing. `now`: epoch milliseconds. */
export function readRetryAfter(value: string | undefined, now: number): number | null {
  if (value === undefined) return null
  if (/^\d+$/.test(value.trim())) return Number(value) * 1000
  const at = Date.parse(value)
  return Number.isNaN(at) ? null : Math.max(0, at - now)
}
