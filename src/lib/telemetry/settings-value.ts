export type Env = Readonly<Record<string, string | undefined>>

/** Takes a sentence about what is not as it was meant. */
export type Warn = (sentence: string) => void

/** A timer holds at most 2^31-1 ms. */
const MAX_TIMER_MS = 2 ** 31 - 1

export interface NumberRange {
  readonly otherwise: number
  readonly least: number
  readonly most?: number
}

/** A number of the environment; what is none, or out of its range, is as if it were not set, and said. */
export function readNumber(env: Env, name: string, { otherwise, least, most = MAX_TIMER_MS }: NumberRange, warn: Warn): number {
  const text = env[name]?.trim() ?? ''
  if (text === '') return otherwise
  const value = /^\d+(\.\d+)?(e-?\d+)?$/i.test(text) ? Number(text) : Number.NaN
  if (value >= least && value <= most) return value
  warn(`${name} is "${text.slice(0, 50)}", not a number from ${least} to ${most}; ${otherwise} is used`)
  return otherwise
}

/** `key=value` with commas between, percent-encoded as in W3C Baggage. A part that is no pair is left out, and said. */
export function readKeyValues(env: Env, name: string, warn: Warn): Record<string, string> {
  const found: Record<string, string> = {}
  for (const part of (env[name] ?? '').split(',')) {
    if (part.trim() === '') continue
    const at = part.indexOf('=')
    const key = decode(part.slice(0, at).trim())
    const value = decode(part.slice(at + 1).trim())
    if (at <= 0 || key === null || value === null) warn(`${name}: a part that is not of the form name=value (percent-encoded) is left out`)
    else if (key !== '__proto__') found[key] = value
  }
  return found
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text)
  } catch {
    return null
  }
}
