// The command line of the soak.
import path from 'node:path'

const DEFAULT_MINUTES = 10
/** A run at least this long is disturbed in the rhythm of the full one, a shorter one faster, so that it meets as much as it can. */
const FULL_MS = 120_000
const FLAGS = new Set(['minutes', 'seconds', 'seed', 'cli', 'without'])
const SWITCHES = new Set(['write', 'keep'])

/** Throws with a sentence when it cannot be understood. */
export function readOptions(words) {
  const given = {}
  for (let at = 0; at < words.length; at++) {
    const name = words[at].replace(/^--/, '')
    if (SWITCHES.has(name)) given[name] = true
    else if (FLAGS.has(name) && words[at + 1] !== undefined) given[name] = words[++at]
    else throw new Error(`soak knows --minutes N, --seconds N, --seed S, --without FAULT,..., --cli FILE, --write and --keep, not ${words[at]}`)
  }
  const durationMs = given.seconds === undefined ? readNumber('minutes', given.minutes ?? DEFAULT_MINUTES) * 60_000 : readNumber('seconds', given.seconds) * 1000
  const isFull = durationMs >= FULL_MS
  return {
    durationMs,
    seed: given.seed ?? String(Date.now() % 1_000_000),
    cli: given.cli === undefined ? undefined : path.resolve(given.cli),
    without: new Set(given.without?.split(',')),
    write: given.write === true,
    keep: given.keep === true,
    isLong: (ms) => durationMs >= ms,
    everyMs: isFull ? 60_000 : durationMs / 4,
    gapMs: isFull ? [300, 3000] : [200, 900],
  }
}

function readNumber(name, text) {
  const value = Number(text)
  if (!Number.isFinite(value) || value <= 0) throw new Error(`--${name} ${text} is not a number above 0`)
  return value
}
