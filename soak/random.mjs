/**
 * Chance that can be repeated: the same seed gives the same numbers. Each part of the soak draws from a stream of its
 * own (`fork`), so that what one part draws does not depend on how far another has come.
 */
export function createRandom(seed) {
  let state = hash(String(seed))
  // mulberry32
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const between = (least, most) => least + next() * (most - least)
  const integer = (least, most) => Math.floor(between(least, most + 1))
  const pick = (list) => list[integer(0, list.length - 1)]
  return {
    between,
    integer,
    pick,
    chance: (share) => next() < share,
    /** One key of an object of keys and weights. */
    weighted(weights) {
      const entries = Object.entries(weights)
      let rest = between(0, entries.reduce((sum, [, weight]) => sum + weight, 0))
      return (entries.find(([, weight]) => (rest -= weight) < 0) ?? entries[entries.length - 1])[0]
    },
    shuffle(list) {
      const shuffled = [...list]
      for (let at = shuffled.length - 1; at > 0; at--) {
        const other = integer(0, at)
        ;[shuffled[at], shuffled[other]] = [shuffled[other], shuffled[at]]
      }
      return shuffled
    },
    fork: (name) => createRandom(`${seed}/${name}`),
  }
}

/** 32-bit FNV-1a. */
function hash(text) {
  let value = 0x811c9dc5
  for (const byte of Buffer.from(text)) value = Math.imul(value ^ byte, 0x01000193)
  return value >>> 0
}
