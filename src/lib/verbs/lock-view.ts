import { spellHidden } from '../base/index.js'
import { createPaint, neutralise, type Io, type Paint } from '../cli/index.js'
import type { LockChange } from './lock-compare.js'

const MOST_LINES = 60

/** Changes for people: one line each, and for definitions what differs, line by line. */
export async function renderLockChanges(changes: readonly LockChange[], io: Io): Promise<string> {
  const { diffLines } = await import('../clients/index.js')
  const paint = createPaint(io.outTerminal.color)
  const shown = (text: string): string => neutralise(spellHidden(text))
  return changes.flatMap((change) => [
    `${paint(MARKS[markOf(change)].style, MARKS[markOf(change)].sign)} ${shown(titleOf(change))}`,
    ...('name' in change && change.change !== 'gone' ? renderDiff(diffLines(change.before, change.after), paint, shown) : []),
  ]).join('\n')
}

const MARKS = { new: { sign: '+', style: 'green' }, changed: { sign: '~', style: 'yellow' }, gone: { sign: '-', style: 'red' } } as const

function markOf(change: LockChange): keyof typeof MARKS {
  return 'change' in change ? change.change : 'changed'
}

function titleOf(change: LockChange): string {
  switch (change.type) {
    case 'server': return change.change === 'new' ? `${change.server}: not in the lock` : `${change.server}: in the lock, but not in the configuration`
    case 'package':
    case 'program': return `${change.server}: ${change.type} is ${change.after ?? 'unknown'}, in the lock ${change.before ?? 'there is none'}`
    default: return `${change.server}: ${change.type} ${change.name} ${change.change === 'new' ? 'is new' : change.change === 'gone' ? 'is gone' : 'changed'}`
  }
}

type Lines = readonly { readonly kind: 'same' | 'old' | 'new' | 'skip'; readonly text: string }[]

function renderDiff(lines: Lines, paint: Paint, shown: (text: string) => string): string[] {
  const rest = lines.length > MOST_LINES ? [paint('dim', `      and ${lines.length - MOST_LINES} more lines (--json has all of them)`)] : []
  return [...lines.slice(0, MOST_LINES).map(({ kind, text }) => {
    if (kind === 'skip') return paint('dim', `      (${text} lines are the same)`)
    if (kind === 'same') return paint('dim', `      ${shown(text)}`)
    return kind === 'old' ? paint('red', `    - ${shown(text)}`) : paint('green', `    + ${shown(text)}`)
  }), ...rest]
}
