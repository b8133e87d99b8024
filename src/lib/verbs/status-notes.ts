import { formatBytes, formatDuration } from '../base/index.js'
import { neutralise, phaseStyle, type Paint } from '../cli/index.js'
import type { Alert, AlertKind, ConfigSnapshot, MemorySaved, Phase, ServerSnapshot, Snapshot } from '../core/index.js'

const SHOWN_PROBLEMS = 5
/** Phases whose reason a person has to know. */
const SPEAKING: ReadonlySet<Phase> = new Set(['failed', 'backoff', 'unready', 'waiting', 'exited'])
/** Alerts that say of a server what its phase and reason say. */
const TOLD_BY_PHASE: ReadonlySet<AlertKind> = new Set(['failed', 'crash-loop', 'restarting', 'unready', 'hung'])

/** Alerts about something that is over. */
const PAST: ReadonlySet<AlertKind> = new Set(['restarting', 'hung', 'memory-breach', 'limits'])

/** What was counted; empty where a daemon of an older version counts nothing. */
export interface Figures {
  readonly saved: MemorySaved | null
  readonly alerts: readonly Alert[]
  /** Epoch milliseconds; without it nothing says how long ago it was. */
  readonly now?: number
}

interface Noted {
  readonly snapshot: Snapshot
  readonly figures: Figures
  readonly paint: Paint
}

/** What a person has to know besides the table, each with the next step, and an empty line behind it. */
export function renderNotes({ snapshot: { servers, daemon }, figures, paint }: Noted): string[] {
  const { alerts } = figures
  // A daemon of an older version says nothing of these.
  const broken = (daemon.configs ?? []).flatMap((config) => describeBroken(config, paint))
  const down = servers.filter((server) => SPEAKING.has(server.phase))
  const lines = [
    ...broken,
    ...down.flatMap((server) => describeDown(server, alerts, paint)),
    ...servers.flatMap(({ name, trouble }) => (trouble == null ? [] : [`${paint('yellow', name)}: ${neutralise(trouble)}`, ...hintLine(`mcpctl why ${name}`, paint)])),
    ...alerts.filter((alert) => !isTold(alert, down, broken.length > 0)).flatMap((alert) => [`${paint(alert.level === 'critical' ? 'red' : 'yellow', neutralise(alert.text))}${age(alert, figures.now)}`, ...hintLine(alert.hint, paint)]),
  ]
  const changed = servers.filter((server) => server.changed && !server.trouble).map((server) => server.name)
  if (changed.length > 0) lines.push(`configuration changed since the start of ${changed.join(', ')}: mcpctl reload ${changed.join(' ')}`)
  return lines.length > 0 ? [...lines, ''] : []
}

function describeDown(server: ServerSnapshot, alerts: readonly Alert[], paint: Paint): string[] {
  const said = server.lastErrors.at(-1)
  return [
    `${paint(phaseStyle(server.phase), server.name)}: ${neutralise(server.reason)}`,
    ...(said === undefined ? [] : [`    ${paint('dim', 'it said:')} ${neutralise(said)}`]),
    ...hintLine(hintFor(server, alerts), paint),
  ]
}

function age({ kind, since }: Alert, now: number | undefined): string {
  return now === undefined || since === null || !PAST.has(kind) ? '' : ` (${formatDuration(Math.max(0, now - since))} ago)`
}

/** What an alert says that stands there already. */
function isTold({ kind, server }: Alert, down: readonly ServerSnapshot[], isBroken: boolean): boolean {
  if (kind === 'config') return isBroken
  return TOLD_BY_PHASE.has(kind) && down.some(({ name }) => name === server)
}

/** That of its alert, which knows the cause; else the story, where there is one. */
function hintFor({ name, phase, dependsOn }: ServerSnapshot, alerts: readonly Alert[]): string | null {
  const alert = alerts.find(({ kind, server }) => server === name && TOLD_BY_PHASE.has(kind))
  if (alert !== undefined) return alert.hint
  if (phase === 'waiting') return dependsOn.length > 0 ? `mcpctl status ${dependsOn.join(' ')}` : null
  return phase === 'exited' ? null : `mcpctl why ${name}`
}

function hintLine(hint: string | null, paint: Paint): string[] {
  return hint === null ? [] : [`    ${paint('dim', 'hint:')} ${neutralise(hint)}`]
}

/** Many things can be wrong in one file: the first ones are shown, and where to see the rest. */
function describeBroken({ source, trouble, watched }: ConfigSnapshot, paint: Paint): string[] {
  if (trouble === null) return []
  const lines = trouble.split('\n')
  const shown = lines.slice(0, SHOWN_PROBLEMS).map((line) => `    ${neutralise(line)}`)
  const rest = lines.length > SHOWN_PROBLEMS ? [`    and ${lines.length - SHOWN_PROBLEMS} more: mcpctl config validate --config ${source}`] : []
  const hint = watched ? 'correct the file: it takes effect as soon as it can be read' : 'correct the file, then mcpctl reload'
  return [`${paint('red', 'configuration not in effect')}: ${source} (everything runs on as before)`, ...shown, ...rest, ...hintLine(hint, paint)]
}

/** What sharing saves, when it saves anything. */
export function describeSaved(saved: MemorySaved | null): string[] {
  if (saved === null || saved.savedBytes <= 0) return []
  const { sessions, instances, memoryBytes, memoryOtherwiseBytes } = saved
  return [`${sessions} client${sessions === 1 ? '' : 's'} share${sessions === 1 ? 's' : ''} ${instances} process${instances === 1 ? '' : 'es'}: ${formatBytes(memoryBytes)} instead of ${formatBytes(memoryOtherwiseBytes)}`]
}
