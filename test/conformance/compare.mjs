// Two runs, check by check, against a list of the differences that are understood.

/** One line per check: `scenario:check#occurrence` to its status. */
function statuses(results) {
  const lines = new Map()
  for (const [scenario, checks] of Object.entries(results)) {
    const seen = new Map()
    for (const { id, status } of checks) {
      const occurrence = (seen.get(id) ?? 0) + 1
      seen.set(id, occurrence)
      lines.set(occurrence === 1 ? `${scenario}:${id}` : `${scenario}:${id}#${occurrence}`, status)
    }
  }
  return lines
}

/** What differs: `{ check, direct, through }`, `absent` where only one run made the check. */
export function differences(direct, through) {
  const left = statuses(direct)
  const right = statuses(through)
  return [...new Set([...left.keys(), ...right.keys()])]
    .map((check) => ({ check, direct: left.get(check) ?? 'absent', through: right.get(check) ?? 'absent' }))
    .filter((line) => line.direct !== line.through)
    .sort((a, b) => (a.check < b.check ? -1 : 1))
}

/**
 * Sorts differences by the allow-list, whose entries are `{ check, direct, through, why }`; `*` at the end of `check`
 * stands for any text. `unexpected`: not on the list. `stale`: on the list, but not there (any more).
 */
export function judge(found, allowed) {
  const covers = (entry, line) => entry.direct === line.direct && entry.through === line.through
    && (entry.check.endsWith('*') ? line.check.startsWith(entry.check.slice(0, -1)) : entry.check === line.check)
  return {
    unexpected: found.filter((line) => !allowed.some((entry) => covers(entry, line))),
    stale: allowed.filter((entry) => !found.some((line) => covers(entry, line))),
  }
}
