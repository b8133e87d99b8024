import { formatDuration } from '../base/index.js'
import type { Phase, ServerSnapshot } from '../core/index.js'

interface Words {
  /** How long it has been in its phase. */
  readonly since: string
  readonly reason: string
  /** No end of it is remembered. */
  readonly isSpotless: boolean
  /** Its configuration is as it should be. */
  readonly isSettled: boolean
  readonly now: number
}

/** What is the matter with its calls. */
function tellBreaker({ breaker }: ServerSnapshot, now: number): string {
  if (breaker == null || breaker.state === 'closed') return ''
  const reason = breaker.reason.replace(/\.$/, '')
  if (breaker.state === 'half-open') return ` Its breaker is half-open: ${reason}; a few calls are let through to see whether it is well again.`
  return ` Its breaker is open, so no calls are sent to it: ${reason}; ${breaker.retryAt === null ? 'it is tried again as soon as it is ready' : `next try in ${formatDuration(Math.max(0, breaker.retryAt - now))}`}.`
}

const PHASES: Readonly<Record<Phase, (server: ServerSnapshot, words: Words) => string>> = {
  ready: ({ trouble, breaker }, { since, isSpotless, isSettled }) => (trouble == null && isSettled && (breaker == null || breaker.state === 'closed') ? `It has been ready for ${since}, and nothing is wrong.${isSpotless ? ' No end of it is remembered.' : ''}` : `It has been ready for ${since}.`),
  unready: (_server, { since, reason }) => `It runs, but has been out of rotation for ${since}: ${reason}. When it answers again it gets calls again; if it does not, it is replaced.`,
  starting: ({ progress }, { since, reason }) => `It has been starting for ${since}${progress === null ? '' : ` (${progress})`}. Why it starts: ${reason}.`,
  waiting: (_server, { since, reason }) => `It is to start, but has been waiting for ${since}: ${reason}.`,
  stopping: (_server, { since, reason }) => `It has been on its way down for ${since}: ${reason}.`,
  idle: ({ enabled }, { since, reason }) => `It does not run, and is not wanted to${enabled ? '' : ' (its configuration disables it)'}, for ${since} now: ${reason}.`,
  backoff: ({ retryAt }, { since, now }) => `It does not run. It ended ${since} ago and is started again in ${formatDuration(Math.max(0, (retryAt ?? now) - now))}.`,
  exited: (_server, { since, reason }) => `It does not run. It ended ${since} ago, as it may: ${reason}.`,
  failed: (_server, { since, reason }) => `It does not run and was given up ${since} ago: ${reason}. It is not started again by itself.`,
}

/** What a server is doing at `now` (epoch milliseconds), and why. */
export function tellNow(server: ServerSnapshot, { now, isSpotless, isSettled }: Pick<Words, 'now' | 'isSpotless' | 'isSettled'>): string {
  const words: Words = { since: formatDuration(Math.max(0, now - server.since)), reason: server.reason.replace(/\.$/, ''), isSpotless, isSettled, now }
  // A daemon of another version may not know of trouble.
  return `${PHASES[server.phase](server, words)}${server.trouble == null ? '' : ` But: ${server.trouble}.`}${tellBreaker(server, now)}`
}

/** The daemon does not run, or has no such server. */
export function tellAbsence(daemonRuns: boolean): string {
  return daemonRuns ? 'The daemon does not know it any more: no configuration names it.' : 'The daemon is not running, and so this server is not either.'
}
