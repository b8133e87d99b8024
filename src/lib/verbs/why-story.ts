import { formatBytes, formatDuration } from '../base/index.js'
import type { InstanceEnd, ServerSnapshot } from '../core/index.js'
import type { Dossier, DossierVerdict, StoredDossier } from '../logs/index.js'
import { describeCause } from './why-cause.js'
import { nextSteps, type NextStep } from './why-next.js'
import { tellAbsence, tellNow } from './why-now.js'

/** What is known about a server: from the daemon if it runs, and from the files. */
export interface WhyFacts {
  readonly name: string
  /** Null: the daemon does not run, or does not know it any more. */
  readonly server: ServerSnapshot | null
  readonly daemonRuns: boolean
  /** How its instances ended, as far as the daemon remembers; the newest last. */
  readonly ends: readonly InstanceEnd[]
  /** Newest first. */
  readonly dossiers: readonly StoredDossier[]
  /** Its newest lines on stderr, where no dossier has any. */
  readonly lastErrors: readonly string[]
  /** Why the newest version of its configuration is not in effect; null or absent: it is. */
  readonly configTrouble?: string | null
  readonly now: number
}

/** The answer, in sentences for people. */
export interface Story {
  /** What it is doing now, and why. */
  readonly now: string
  /** What happened last; null: nothing. */
  readonly last: string | null
  /** The unexpected end before that, when what happened last was asked for. */
  readonly before: string | null
  /** How often it was restarted, and what comes next. */
  readonly restarts: string | null
  /** What it was doing when it ended. */
  readonly doing: string | null
  /** What is wrong with the file it is configured in; null: nothing that is known. */
  readonly config: string | null
  readonly lastErrors: readonly string[]
  readonly next: readonly NextStep[]
}

/** Puts together what happened to a server and what to do about it. */
export function tellStory(facts: WhyFacts): Story {
  const { name, server, daemonRuns, now } = facts
  const dossier = facts.dossiers[0]?.dossier ?? null
  const last = newestEnd(facts.ends, dossier)
  return {
    now: server === null ? tellAbsence(daemonRuns) : tellNow(server, { now, isSpotless: last === null, isSettled: facts.configTrouble == null }),
    ...tellEnds(last, dossier, now),
    restarts: dossier === null ? tellCount(server) : tellRestarts(facts, dossier.verdict),
    doing: dossier === null ? null : tellDoing(dossier),
    config: tellConfig(facts),
    lastErrors: dossier !== null && dossier.lastErrors.length > 0 ? dossier.lastErrors : facts.lastErrors,
    next: nextSteps({ name, server, daemonRuns, end: dossier ?? (server?.ready === true ? null : last), isConfigBroken: facts.configTrouble != null, source: server?.source ?? dossier?.source ?? null }),
  }
}

function tellConfig({ server, configTrouble = null }: WhyFacts): string | null {
  if (configTrouble === null) return null
  const [first = '', ...rest] = configTrouble.split('\n').map((line) => line.trim())
  const what = `${first}${rest.length === 0 ? '' : ` (and ${rest.length} more ${rest.length === 1 ? 'line' : 'lines'})`}`
  return server === null ? `Its configuration cannot be used: ${what}` : `The newest version of its configuration is not in effect, and it goes on with the one before: ${what}`
}

function newestEnd(ends: readonly InstanceEnd[], dossier: Dossier | null): InstanceEnd | null {
  const last = ends.at(-1) ?? null
  return last === null || (dossier !== null && dossier.endedAt >= last.endedAt) ? dossier : last
}

/** The last end, and the last unexpected one where that is another. */
function tellEnds(last: InstanceEnd | null, dossier: Dossier | null, now: number): Pick<Story, 'last' | 'before'> {
  if (last === null) return { last: null, before: null }
  if (dossier === null) return { last: tellEnd(last, null, now), before: null }
  if (last.generation === dossier.generation && last.endedAt === dossier.endedAt) return { last: tellEnd(dossier, dossier, now), before: null }
  return { last: tellEnd(last, null, now), before: tellEnd(dossier, dossier, now) }
}

function tellEnd(end: InstanceEnd, dossier: Dossier | null, now: number): string {
  const who = dossier !== null && /[#~]/.test(dossier.server) ? `${dossier.server}, generation ${end.generation}` : `generation ${end.generation}`
  return `${formatDuration(Math.max(0, now - end.endedAt))} ago (${who}): ${describeCause(end, dossier?.usage ?? null)}`
}

function tellCount(server: ServerSnapshot | null): string | null {
  return server === null || server.restarts === 0 ? null : `Restarted ${times(server.restarts)} since it was last started by hand.`
}

function tellRestarts({ server, daemonRuns, now }: WhyFacts, verdict: DossierVerdict): string {
  const total = server?.restarts ?? verdict.restarts
  const count = total === 0 ? 'Not restarted since it was last started by hand.' : `Restarted ${times(total)} since it was last started by hand.`
  const policy = verdict.policy === 'never' ? 'Its restart policy is never.' : tellIntensity(verdict, total === 0 ? [] : verdict.restartedAt, now)
  return [count, policy, daemonRuns ? tellNextTry(server, now) : 'Without the daemon it is not started again.'].filter((part) => part !== null).join(' ')
}

function tellIntensity({ maxRestarts, windowMs }: DossierVerdict, restartedAt: readonly number[], now: number): string {
  const recent = restartedAt.filter((at) => now - at < windowMs).length
  const window = formatDuration(windowMs)
  return `${recent === 0 ? `Not once within the last ${window}` : `${capital(times(recent))} within the last ${window}`}; with more than ${maxRestarts} within that time it is given up.`
}

function tellNextTry(server: ServerSnapshot | null, now: number): string | null {
  if (server?.phase === 'backoff') return `The next try comes by itself, in ${formatDuration(Math.max(0, (server.retryAt ?? now) - now))}.`
  return server?.ready === true ? `Generation ${server.generation} runs now.` : null
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`
}

/** What went on between us and the server when it ended. */
function tellDoing(dossier: Dossier): string | null {
  const { inFlight, lastFrames, lastHeardAt, queuedInputBytes, endedAt } = dossier
  const parts: string[] = []
  // That a probe is given up says nothing about what it was doing.
  const asked = lastFrames.findLast(({ direction, head }) => direction === 'out' && !head.includes('"notifications/cancelled"')) ?? lastFrames.findLast(({ direction }) => direction === 'out')
  if (inFlight.length > 0) {
    const oldest = Math.max(...inFlight.map(({ ms }) => ms))
    const methods = [...new Set(inFlight.map(({ method }) => method))].join(', ')
    parts.push(inFlight.length === 1 ? `One call (${methods}) was without an answer for ${formatDuration(oldest)}.` : `${inFlight.length} calls (${methods}) were without an answer, the oldest for ${formatDuration(oldest)}.`)
  }
  if (asked !== undefined) {
    parts.push(`The last message to it was ${describeMessage(asked.head)}, ${formatDuration(Math.max(0, endedAt - asked.at))} before its end.`)
    const said = lastFrames.findLast(({ direction }) => direction === 'in')
    if (said === undefined) parts.push('It never answered anything.')
    else if (lastHeardAt !== null) parts.push(`It last said something ${formatDuration(Math.max(0, endedAt - lastHeardAt))} before its end.`)
  }
  if (queuedInputBytes > 0) parts.push(`${formatBytes(queuedInputBytes)} of messages waited for it to read them.`)
  return parts.length === 0 ? null : parts.join(' ')
}

/** What a message is, from its beginning: its method and, for a call of a tool, which one. */
export function describeMessage(head: string): string {
  const method = /"method"\s{0,9}:\s{0,9}"([^"\\]{1,100})"/.exec(head)?.[1]
  if (method === undefined) return /"(?:result|error)"\s{0,9}:/.test(head) ? 'an answer to a question of its own' : 'not to be made out'
  const name = /"params"\s{0,9}:\s{0,9}\{\s{0,9}"name"\s{0,9}:\s{0,9}"([^"\\]{1,100})"/.exec(head)?.[1] ?? nameIn(head)
  return method === 'tools/call' && name !== undefined ? `${method} ${name}` : method
}

/** A message that was short enough to be kept whole can have its name anywhere. */
function nameIn(head: string): string | undefined {
  try {
    const { params } = JSON.parse(head) as { params?: { name?: unknown } }
    return typeof params?.name === 'string' ? params.name : undefined
  } catch {
    return undefined
  }
}
