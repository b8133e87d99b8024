/**
 * The candidates close enough to `word` to be what was meant, best first (optimal string alignment distance:
 * insert, delete, replace, swap neighbours). A candidate qualifies within a third of the word's length,
 * or when one is the beginning of the other.
 */
export function nearest(word: string, candidates: Iterable<string>, most = 3): string[] {
  const scored: { candidate: string; distance: number }[] = []
  const wanted = word.toLowerCase()
  for (const candidate of candidates) {
    const other = candidate.toLowerCase()
    const prefix = wanted.length >= 2 && (other.startsWith(wanted) || wanted.startsWith(other))
    const distance = prefix ? 1 : editDistance(wanted, other)
    if (distance <= Math.max(1, Math.floor(Math.max(wanted.length, other.length) / 3))) scored.push({ candidate, distance })
  }
  return scored.sort((a, b) => a.distance - b.distance).slice(0, most).map((entry) => entry.candidate)
}

function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replace = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      let best = Math.min((previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, replace)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, (beforePrevious[j - 2] ?? 0) + 1)
      row.push(best)
    }
    beforePrevious = previous
    previous = row
  }
  return previous[b.length] ?? 0
}
