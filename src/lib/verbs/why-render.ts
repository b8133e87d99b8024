import { createPaint, neutralise, phaseMark, phaseStyle, type Paint, type Terminal } from '../cli/index.js'
import type { Phase } from '../core/index.js'
import type { DossierFrame, StoredDossier } from '../logs/index.js'
import { describeCause } from './why-cause.js'
import type { Story } from './why-story.js'

/** Prose wider than this is hard to read. */
const PROSE_COLUMNS = 80
const LABEL = 10
const INDENT = LABEL + 4
/** Shown of the last lines and messages; --json and the file have all of them. */
const SHOWN_ERRORS = 10
const SHOWN_FRAMES = 4

export interface WhyView {
  readonly name: string
  /** Null: unknown, because the daemon does not run. */
  readonly phase: Phase | null
  readonly story: Story
  /** Newest first; the first one is told in full. */
  readonly dossiers: readonly StoredDossier[]
  readonly damaged: readonly { readonly file: string; readonly why: string }[]
  /** List every remembered end. */
  readonly all: boolean
}

/** The whole answer about one server. */
export function renderWhy(view: WhyView, terminal: Terminal): string {
  const { story, phase, name, dossiers } = view
  const paint = createPaint(terminal.color)
  const columns = Math.min(terminal.columns, PROSE_COLUMNS)
  const head = phase === null ? paint('bold', name) : `${paint(phaseStyle(phase), phaseMark(phase, terminal.unicode))} ${paint('bold', name)}`
  const rows: [string, string | null][] = [
    ['Now', story.now],
    ['Config', story.config],
    ['Last end', story.last],
    ['Before', story.before],
    ['Doing', story.doing],
    ['Restarts', story.restarts],
  ]
  const frames = dossiers[0]?.dossier.lastFrames ?? []
  return [
    head,
    ...rows.flatMap(([label, text]) => (text === null ? [] : row(label, neutralise(text), columns, paint))),
    ...(story.lastErrors.length === 0 ? [] : [`  ${paint('dim', 'Last words')}`, ...story.lastErrors.slice(-SHOWN_ERRORS).flatMap((line) => raw(neutralise(line), terminal.columns))]),
    ...(frames.length === 0 ? [] : [`  ${paint('dim', 'Last messages')}`, ...frames.slice(-SHOWN_FRAMES).flatMap((frame) => raw(showFrame(frame), terminal.columns))]),
    ...(view.all ? listEnds(dossiers, columns, paint) : []),
    ...story.next.flatMap(({ what, why }, index) => step(index === 0 ? 'Try' : '', neutralise(what), why, { columns, paint })),
    ...(dossiers[0] === undefined ? [] : [`  ${paint('dim', 'Dossier'.padEnd(LABEL))}  ${neutralise(dossiers[0].file)}`]),
    ...view.damaged.flatMap(({ file, why }) => row('Damaged', neutralise(`${file}: ${why}`), columns, paint)),
  ].join('\n')
}

function listEnds(dossiers: readonly StoredDossier[], columns: number, paint: Paint): string[] {
  if (dossiers.length === 0) return []
  return [`  ${paint('dim', 'All unexpected ends')}`, ...dossiers.flatMap(({ file, dossier }) => [
    `    ${new Date(dossier.endedAt).toISOString()}  generation ${dossier.generation}`,
    ...wrap(neutralise(describeCause(dossier, dossier.usage)), columns - 6).map((line) => `      ${line}`),
    `      ${paint('dim', neutralise(file))}`,
  ])]
}

/** Like a row of `status NAME`, its text wrapped beside the label. */
function row(label: string, text: string, columns: number, paint: Paint): string[] {
  return wrap(text, columns - INDENT).map((line, index) => `  ${paint('dim', (index === 0 ? label : '').padEnd(LABEL))}  ${line}`)
}

function step(label: string, what: string, why: string, { columns, paint }: { columns: number; paint: Paint }): string[] {
  const fits = INDENT + what.length + 2 + why.length <= columns
  // A command is copied as a whole, so it is never wrapped.
  const first = `  ${paint('dim', label.padEnd(LABEL))}  ${what}`
  return fits ? [`${first}  ${paint('dim', why)}`] : [first, `${' '.repeat(INDENT + 2)}${paint('dim', why)}`]
}

/** Text of the server's own: as it is for a pipe, broken at the edge of a terminal. */
function raw(text: string, columns: number): string[] {
  const width = Math.max(20, columns - 4)
  if (text.length <= width) return [`    ${text}`]
  const lines: string[] = []
  for (let at = 0; at < text.length; at += width) lines.push(`    ${text.slice(at, at + width)}`)
  return lines
}

function showFrame({ at, direction, bytes, head }: DossierFrame): string {
  const rest = bytes - Buffer.byteLength(head)
  const text = head.length > 160 ? `${head.slice(0, 160)}…` : head
  return `${new Date(at).toISOString().slice(11, 23)} ${direction === 'out' ? 'to it  ' : 'from it'} ${neutralise(text)}${rest > 0 || text !== head ? ` (${bytes} bytes)` : ''}`
}

function wrap(text: string, width: number): string[] {
  const most = Math.max(20, width)
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > most) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}
