import { createMask } from '../base/index.js'
import { createPaint, neutralise, type Io } from '../cli/index.js'
import type { DiffLine, InstallPlan } from '../clients/index.js'
import { countOf, enumerate, shortPath } from './init-text.js'

export interface PlanView {
  readonly plan: InstallPlan
  readonly title: string
  readonly diff: readonly DiffLine[]
  /** Everything secret in the old text and the new. */
  readonly secrets: readonly string[]
  readonly maskLine: (line: string) => string
  readonly notes: readonly string[]
}

/** What would change in one client's file, with secrets hidden. */
export function renderPlan(view: PlanView, io: Io): string {
  const { plan, title, notes } = view
  const paint = createPaint(io.outTerminal.color)
  const head = `${paint('bold', title)}  ${paint('dim', neutralise(shortPath(plan.place.file, io)))}`
  if (!plan.isChanged) return [head, '  in place already, nothing to change', ...keptLines(plan), ...notes.map((note) => `  ${paint('yellow', note)}`)].join('\n')
  const run = plan.removed.filter(({ runsAs }) => runsAs !== null)
  const other = plan.removed.filter(({ runsAs }) => runsAs === null)
  return [
    head,
    ...(run.length > 0 ? [neutralise(`  mcpctl runs ${enumerate(run.map(({ name, runsAs }) => (runsAs === name ? name : `${name} (as ${runsAs})`)))}: taken out here`)] : []),
    ...(other.length > 0 ? [paint('yellow', neutralise(`  taken out although mcpctl does not run ${other.length === 1 ? 'it' : 'them'}: ${enumerate(other.map(({ name }) => name))}`))] : []),
    ...keptLines(plan),
    ...notes.map((note) => `  ${paint('yellow', note)}`),
    ...renderDiff(view, io),
  ].join('\n')
}

function keptLines({ kept }: InstallPlan): string[] {
  return kept.map(({ name, reason }) => neutralise(`  ${name} stays: ${reason}`))
}

function renderDiff({ diff, secrets, maskLine }: PlanView, io: Io): string[] {
  const paint = createPaint(io.outTerminal.color)
  const mask = createMask(secrets)
  const short = secrets.filter((secret) => secret.length > 0 && secret.length < 6).map((secret) => JSON.stringify(secret))
  // A text on a line of its own has no name before it that would tell; so the values are looked for as well.
  const hide = (line: string): string => neutralise(maskLine(mask(short.reduce((rest, value) => rest.replaceAll(value, '"***"'), line))))
  return diff.map(({ kind, text }) => {
    if (kind === 'skip') return paint('dim', `    … ${countOf(Number(text), 'line')}`)
    if (kind === 'same') return paint('dim', `    ${hide(text)}`)
    return kind === 'old' ? paint('red', `  - ${hide(text)}`) : paint('green', `  + ${hide(text)}`)
  })
}
