/** One line of a comparison. `skip`: lines that are the same and not shown. */
export interface DiffLine {
  readonly kind: 'same' | 'old' | 'new' | 'skip'
  readonly text: string
}

const CONTEXT = 2
/** More differences than this and the middle is shown as replaced: nobody would read further. */
const MOST_EDITS = 2000

/** What changes from one text to the other, by lines, with two lines around each change (E. Myers, "An O(ND) Difference Algorithm", 1986). */
export function diffLines(before: string, after: string): DiffLine[] {
  const old = toLines(before)
  const next = toLines(after)
  let head = 0
  while (head < old.length && head < next.length && old[head] === next[head]) head++
  let tail = 0
  while (tail < old.length - head && tail < next.length - head && old[old.length - 1 - tail] === next[next.length - 1 - tail]) tail++
  const middle = compare(old.slice(head, old.length - tail), next.slice(head, next.length - tail))
  const same = (text: string): DiffLine => ({ kind: 'same', text })
  return withContext([...old.slice(0, head).map(same), ...middle, ...old.slice(old.length - tail).map(same)])
}

function toLines(text: string): string[] {
  const lines = text.split(/\r?\n/)
  if (lines.at(-1) === '') lines.pop()
  return lines
}

function compare(old: readonly string[], next: readonly string[]): DiffLine[] {
  const trace = findTrace(old, next)
  if (trace === null) return [...old.map((text): DiffLine => ({ kind: 'old', text })), ...next.map((text): DiffLine => ({ kind: 'new', text }))]
  const lines: DiffLine[] = []
  let x = old.length
  let y = next.length
  for (let edits = trace.length - 1; edits >= 0; edits--) {
    const reach = trace[edits] ?? new Map<number, number>()
    const k = x - y
    const comesDown = isDown(reach, k, edits)
    const k0 = comesDown ? k + 1 : k - 1
    const x0 = edits === 0 ? 0 : (reach.get(k0) ?? 0)
    const y0 = edits === 0 ? 0 : x0 - k0
    for (; x > x0 && y > y0; y--) lines.push({ kind: 'same', text: old[--x] ?? '' })
    if (edits > 0) lines.push(comesDown ? { kind: 'new', text: next[--y] ?? '' } : { kind: 'old', text: old[--x] ?? '' })
  }
  return lines.reverse()
}

/** Whether the way that reaches farthest on a diagonal comes from the one above: a line comes, none goes. */
function isDown(reach: ReadonlyMap<number, number>, k: number, edits: number): boolean {
  return k === -edits || (k !== edits && (reach.get(k - 1) ?? -1) < (reach.get(k + 1) ?? -1))
}

/** For each number of edits, how far each diagonal reached before them. Null: too many. */
function findTrace(old: readonly string[], next: readonly string[]): Map<number, number>[] | null {
  const trace: Map<number, number>[] = []
  let reach = new Map<number, number>([[1, 0]])
  for (let edits = 0; edits <= Math.min(MOST_EDITS, old.length + next.length); edits++) {
    trace.push(new Map(reach))
    const now = new Map(reach)
    for (let k = -edits; k <= edits; k += 2) {
      let x = isDown(reach, k, edits) ? (reach.get(k + 1) ?? 0) : (reach.get(k - 1) ?? 0) + 1
      while (x < old.length && x - k < next.length && old[x] === next[x - k]) x++
      now.set(k, x)
      if (x >= old.length && x - k >= next.length) return trace
    }
    reach = now
  }
  return null
}

function withContext(lines: readonly DiffLine[]): DiffLine[] {
  const isNear = (index: number): boolean => lines.slice(Math.max(0, index - CONTEXT), index + CONTEXT + 1).some(({ kind }) => kind !== 'same')
  const shown: DiffLine[] = []
  let skipped = 0
  for (const [index, line] of lines.entries()) {
    if (line.kind !== 'same' || isNear(index)) {
      if (skipped > 0) shown.push({ kind: 'skip', text: String(skipped) })
      skipped = 0
      shown.push(line)
    } else skipped++
  }
  return skipped > 0 && shown.length > 0 ? [...shown, { kind: 'skip', text: String(skipped) }] : shown
}
