import { CALLS_FAIL, type InstanceEnd, type ServerSnapshot } from '../core/index.js'

/** Something a person can do about it. */
export interface NextStep {
  /** A command to run as it is, or what to change and where. */
  readonly what: string
  /** What that is for. */
  readonly why: string
}

export interface NextFacts {
  readonly name: string
  readonly server: ServerSnapshot | null
  readonly daemonRuns: boolean
  /** The end it is about; null: nothing went wrong. */
  readonly end: InstanceEnd | null
  /** The configuration file; null: not known. */
  readonly source: string | null
  /** Its newest version cannot be used. */
  readonly isConfigBroken?: boolean
}

/** So much of the log before an end usually tells how it came about. */
const LEAD_MS = 60_000
/** An end this long ago needs no change any more while the server does well. */
const OLD_MS = 24 * 3600 * 1000

/** What to do, the most useful first. */
export function nextSteps(facts: NextFacts): NextStep[] {
  const { name, server, end, source, isConfigBroken = false } = facts
  const steps: NextStep[] = isConfigBroken ? [{ what: 'mcpctl config validate', why: 'everything that is wrong in its configuration' }] : []
  if (end !== null) {
    steps.push({ what: `mcpctl logs ${quoted(name)} --since ${new Date(Math.max(end.startedAt, end.endedAt - LEAD_MS)).toISOString()}`, why: 'what it wrote until then' })
    const mend = changeFor(end, source === null || source === 'session' ? 'its configuration' : source)
    if (mend !== null && !isSettled(server, end)) steps.push(mend)
  }
  return [...steps, ...phaseSteps(facts)]
}

function isSettled(server: ServerSnapshot | null, end: InstanceEnd): boolean {
  return server?.ready === true && server.since - end.endedAt > OLD_MS
}

/** What in the configuration would keep this from happening again. */
function changeFor({ cause, signal, reason }: InstanceEnd, file: string): NextStep | null {
  switch (cause) {
    case 'exit':
      return signal === 'SIGKILL' && process.platform === 'linux' ? { what: "journalctl -k | grep -i 'killed process'", why: 'whether the system did it because its memory ran out' } : null
    case 'oom':
    case 'limit-poll':
    case 'heap':
      return { what: `raise limits.memory in ${file}`, why: 'if it needs that much' }
    case 'recycled':
      return { what: `raise limits.memorySoft in ${file}`, why: 'if it needs that much' }
    case 'pids':
      return { what: `raise limits.pids in ${file}`, why: 'if it needs that many processes and threads' }
    case 'start-timeout':
      return { what: `raise startTimeout in ${file}`, why: 'if it is only slow' }
    case 'unhealthy':
      return reason.startsWith(CALLS_FAIL) ? null : { what: `raise health.timeout or health.hungAfter in ${file}`, why: 'if it was only busy' }
    case 'unauthorised':
      return { what: `check headers or auth in ${file}`, why: 'that it sends what the server accepts' }
    case 'launch-failed':
    case 'handshake-failed':
      return { what: `check command and args, or url, in ${file}`, why: 'that it starts the right program' }
    default:
      return null
  }
}

function phaseSteps({ name, server, daemonRuns, end }: NextFacts): NextStep[] {
  const start = { what: `mcpctl start ${quoted(name)}`, why: 'to start it' }
  if (server === null) return [daemonRuns ? { what: 'mcpctl status', why: 'the servers there are' } : start]
  const changed = server.changed || server.trouble !== null ? [{ what: `mcpctl restart ${quoted(name)}`, why: 'to have its configuration take effect' }] : []
  switch (server.phase) {
    case 'ready':
      return [...changed, ...breakerSteps(server), { what: `mcpctl logs -f ${quoted(name)}`, why: 'what it writes now' }]
    case 'idle':
    case 'exited':
      return [start]
    case 'failed':
      if (end?.cause === 'login-needed') return [{ what: `mcpctl login ${quoted(name)}`, why: 'to log in; it is started again then' }]
      return [{ ...start, why: 'when the cause is mended' }]
    case 'backoff':
      return [{ what: `mcpctl reconnect ${quoted(name)}`, why: 'to try at once' }]
    case 'waiting':
      return server.dependsOn.map((other) => ({ what: `mcpctl why ${quoted(other)}`, why: 'it depends on that one' }))
    case 'unready':
      return [{ what: `mcpctl logs -f ${quoted(name)}`, why: 'what it writes now' }, { what: `mcpctl restart ${quoted(name)}`, why: 'to replace it at once' }]
    case 'starting':
    case 'stopping':
      return [{ what: `mcpctl logs -f ${quoted(name)}`, why: 'what it writes now' }, { what: `mcpctl wait ${quoted(name)}`, why: 'until it is ready or has failed' }]
  }
}

function breakerSteps({ name, breaker }: ServerSnapshot): NextStep[] {
  if (breaker == null || breaker.state === 'closed') return []
  return [{ what: `mcpctl trace ${quoted(name)} --errors`, why: 'how its calls fail' }, { what: `mcpctl reconnect ${quoted(name)}`, why: 'to try it at once' }]
}

/** A session's own process has a sign in its name that begins a comment in a shell. */
function quoted(name: string): string {
  return /[#~]/.test(name) ? `'${name}'` : name
}
