// The table, and its place in the documentation.
import fs from 'node:fs'
import path from 'node:path'
import { root } from '../scripts/install.mjs'

const BEGIN = '<!-- soak:begin -->'
const END = '<!-- soak:end -->'
export const RELIABILITY = path.join(root, 'docs', 'reliability.md')

/** Markdown with one row a figure. */
export function renderTable({ seed, seconds, node, referee, chaos, memory, orphans, daemons, carriedOut, violations }) {
  const { counts, reasons, waits } = referee
  const sorted = waits.toSorted((a, b) => a - b)
  const at = (share) => duration(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0)
  const total = (table) => Object.values(table).reduce((sum, each) => sum + each, 0)
  const { steps } = chaos
  const pick = (...kinds) => kinds.reduce((sum, kind) => sum + (steps[kind] ?? 0), 0)
  const failures = [...reasons].toSorted(([, a], [, b]) => b - a)
  const rows = [
    ['length, seed', `${seconds} s, ${seed} (Node ${node})`],
    ['calls', number(counts.calls)],
    ['right answers', number(counts.answers)],
    ['**wrong or second answers**', number(counts.wrong)],
    ['**without any answer after 30 s**', number(counts.overdue)],
    ['errors that say why', number(failures.reduce((sum, [, times]) => sum + times, 0))],
    ...failures.map(([reason, times]) => [`&nbsp;&nbsp;${reason}`, number(times)]),
    ['errors that do not', number(counts.unexplained)],
    ['taken back by the client / its client was killed', `${number(counts.cancelled)} / ${number(counts.abandoned)}`],
    ['carried out, as the servers noted it', number(carriedOut)],
    ['progress notifications', number(counts.progress)],
    ['longest wait: p50 / p99 / most', `${at(0.5)} / ${at(0.99)} / ${at(1)}`],
    ['faults', number(total(steps))],
    ['&nbsp;&nbsp;servers killed, stopped by a signal, paused', `${pick('kill-server')}, ${pick('stop-process')}, ${pick('pause-process')}`],
    ['&nbsp;&nbsp;servers that exit, break off in mid-answer, hang, lock up, spin', `${pick('exit')}, ${pick('half')}, ${pick('hang')}, ${pick('freeze')}, ${pick('spin')}`],
    ['&nbsp;&nbsp;servers that flood, leak, leave a process behind', `${pick('flood')}, ${pick('leak')}, ${pick('litter')}`],
    ['&nbsp;&nbsp;daemon killed, `daemon restart`', `${pick('kill-daemon')}, ${pick('restart-daemon')} (${daemons} daemons in all)`],
    ['&nbsp;&nbsp;clients killed', number(pick('replace-client'))],
    ['&nbsp;&nbsp;configuration: live change, changed arguments, broken, server removed and put back', `${pick('turn-knob')}, ${pick('revise')}, ${pick('break-file')}, ${pick('move-guest')}`],
    ['&nbsp;&nbsp;`restart NAME`, `reload`', `${pick('restart-server')}, ${pick('reload')}`],
    ['commands by exit status', Object.entries(chaos.commands).toSorted().map(([how, times]) => `${how}: ${times}`).join(', ') || 'none'],
    ['**orphans**', number(orphans.count)],
    ['memory of the daemon, first / last quiet moment', memory.first ? `${megabytes(memory.first.rssBytes)} / ${megabytes(memory.last.rssBytes)}` : 'too short to tell'],
    ['descriptors of the daemon, first / last quiet moment', memory.first ? `${memory.first.fds} / ${memory.last.fds}` : 'too short to tell'],
    ['**rules broken**', number(violations)],
  ]
  return ['| what | figure |', '| --- | --- |', ...rows.map((cells) => `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`)].join('\n')
}

/** Puts the table between the markers of docs/reliability.md; adds them where there are none. */
export function writeTable(table) {
  const block = `${BEGIN}\n\n${table}\n\n${END}`
  const text = fs.existsSync(RELIABILITY) ? fs.readFileSync(RELIABILITY, 'utf8') : '# Reliability\n'
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)]
  const isMarked = begin >= 0 && end > begin
  fs.writeFileSync(RELIABILITY, isMarked ? `${text.slice(0, begin)}${block}${text.slice(end + END.length)}` : `${text.trimEnd()}\n\n## Chaos soak\n\n${block}\n`)
}

function number(value) {
  return value.toLocaleString('en-US')
}

function megabytes(bytes) {
  return `${(bytes / 2 ** 20).toFixed(1)} MB`
}

function duration(ms) {
  return ms < 1000 ? `${Math.max(0, Math.round(ms))} ms` : `${(ms / 1000).toFixed(1)} s`
}
