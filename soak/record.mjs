// What happened, and what of it was against the rules.
import fs from 'node:fs'

const SHOWN = 80
/** Of each kind of violation, so that one that happens a thousand times does not hide the others. */
const EACH = 5

/** Events go to `file` as they happen. */
export function createRecord(file) {
  const startedAt = performance.now()
  const lastLines = []
  const kinds = new Map()
  const isFollowed = process.env.SOAK_FOLLOW !== undefined
  const log = (text) => {
    const line = `+${((performance.now() - startedAt) / 1000).toFixed(3)} ${text}`
    fs.appendFileSync(file, `${line}\n`)
    lastLines.push(line)
    if (lastLines.length > SHOWN) lastLines.shift()
    if (isFollowed) console.error(line)
  }
  return {
    log,
    /** `text`: its first words, up to a colon, are its kind. */
    violation(text) {
      const [kind] = text.split(':')
      const times = (kinds.get(kind) ?? 0) + 1
      kinds.set(kind, times)
      if (times <= EACH) log(`VIOLATION ${text}`)
    },
    /** Violations by their kind. */
    kinds,
    get violations() {
      return [...kinds.values()].reduce((sum, times) => sum + times, 0)
    },
    lastLines,
  }
}

/** Processes nobody owns any more, each counted once. */
export function createOrphans() {
  const known = new Set()
  return {
    get count() {
      return known.size
    },
    /** The ones of these that were not known. */
    add(entries) {
      const fresh = entries.filter(({ pid, startedAt }) => !known.has(`${pid}/${startedAt}`))
      for (const { pid, startedAt } of fresh) known.add(`${pid}/${startedAt}`)
      return fresh
    },
  }
}
