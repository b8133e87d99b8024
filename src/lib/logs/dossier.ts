import type { EndCause, InstanceEnd, LimitsSpec, Phase, RestartPolicy } from '../core/index.js'
import { readFlag, readList, readNullable, readNumber, readOneOf, readRecord, readText } from './dossier-read.js'

/** The whole process tree, when it was last looked at. */
export interface DossierUsage {
  readonly memoryBytes: number
  readonly processes: number
  /** Percent of one core; null when unknown. */
  readonly cpuPercent: number | null
}

/** The beginning of one of the last messages between us and the server. */
export interface DossierFrame {
  readonly at: number
  readonly direction: 'in' | 'out'
  readonly bytes: number
  readonly head: string
}

/** A call that was under way. */
export interface DossierCall {
  readonly method: string
  /** How long it had been waiting for its answer. */
  readonly ms: number
}

/** What the supervisor made of the end. */
export interface DossierVerdict {
  readonly phase: Phase
  readonly reason: string
  /** When it is tried again; null: at once, or not at all (see `phase`). */
  readonly retryAt: number | null
  readonly policy: RestartPolicy
  /** Automatic restarts so far since somebody last started it by hand. */
  readonly restarts: number
  /** When the newest of them were decided. */
  readonly restartedAt: readonly number[]
  readonly maxRestarts: number
  readonly windowMs: number
}

/**
 * All that is known about an end nobody asked for. Times in epoch milliseconds. Secrets are masked in every text. The
 * form of the file: fields are added, never renamed or removed.
 */
export interface Dossier extends InstanceEnd {
  readonly schemaVersion: 1
  /** The name of the server; a process of its own for a client session has a number behind it. */
  readonly server: string
  /** The configuration file that defines it. */
  readonly source: string
  readonly pid: number | null
  readonly limits: LimitsSpec
  readonly usage: DossierUsage | null
  /** The newest lines on its stderr, oldest first. */
  readonly lastErrors: readonly string[]
  /** When it last wrote anything to us; null when it never had a connection. */
  readonly lastHeardAt: number | null
  readonly lastFrames: readonly DossierFrame[]
  /** Oldest first. */
  readonly inFlight: readonly DossierCall[]
  /** Bytes of messages it had not read. */
  readonly queuedInputBytes: number
  readonly verdict: DossierVerdict
}

const CAUSES = [
  'exit', 'probe-exit', 'stop', 'restart', 'replaced', 'launch-failed', 'handshake-failed', 'unauthorised', 'login-needed', 'start-timeout', 'link-closed', 'unhealthy', 'oom', 'limit-poll', 'heap', 'pids', 'recycled',
] as const satisfies readonly EndCause[]
const PHASES = ['idle', 'waiting', 'starting', 'ready', 'unready', 'stopping', 'backoff', 'exited', 'failed'] as const satisfies readonly Phase[]
const POLICIES = ['always', 'on-failure', 'never'] as const satisfies readonly RestartPolicy[]
const ASKED_FOR: readonly EndCause[] = ['stop', 'restart', 'replaced', 'probe-exit']

/** Whether nobody asked for this end: a server that just exits cleanly is unexpected too while it is wanted. */
export function isUnexpected({ cause, code }: Pick<InstanceEnd, 'cause' | 'code'>, desired: 'up' | 'down'): boolean {
  return !ASKED_FOR.includes(cause) && !(cause === 'exit' && code === 0 && desired === 'down')
}

/** Reads the text of a dossier. Throws an Error that names the field that is not as it must be. Unknown fields are skipped. */
export function parseDossier(text: string): Dossier {
  const value = readRecord(JSON.parse(text), 'the file')
  if (value['schemaVersion'] !== 1) throw new Error('schemaVersion is not 1')
  return {
    schemaVersion: 1,
    server: readText(value['server'], 'server'),
    source: readText(value['source'], 'source'),
    generation: readNumber(value['generation'], 'generation'),
    cause: readOneOf(value['cause'], 'cause', CAUSES),
    reason: readText(value['reason'], 'reason'),
    code: readNullable(value['code'], 'code', readNumber),
    signal: readNullable(value['signal'], 'signal', readText),
    startedAt: readNumber(value['startedAt'], 'startedAt'),
    readyAt: readNullable(value['readyAt'], 'readyAt', readNumber),
    endedAt: readNumber(value['endedAt'], 'endedAt'),
    pid: readNullable(value['pid'], 'pid', readNumber),
    limits: readLimits(value['limits']),
    usage: readNullable(value['usage'], 'usage', readUsage),
    lastErrors: readList(value['lastErrors'], 'lastErrors', readText),
    lastHeardAt: readNullable(value['lastHeardAt'], 'lastHeardAt', readNumber),
    lastFrames: readList(value['lastFrames'], 'lastFrames', readFrame),
    inFlight: readList(value['inFlight'], 'inFlight', readCall),
    queuedInputBytes: readNumber(value['queuedInputBytes'], 'queuedInputBytes'),
    verdict: readVerdict(value['verdict']),
  }
}

function readLimits(value: unknown): LimitsSpec {
  const limits = readRecord(value, 'limits')
  const numbers = (['memoryBytes', 'memorySoftBytes', 'cpuPercent', 'pids'] as const).flatMap((name) => (limits[name] === undefined ? [] : [[name, readNumber(limits[name], `limits.${name}`)]]))
  return { ...(Object.fromEntries(numbers) as Record<string, number>), ...(limits['required'] === undefined ? {} : { required: readFlag(limits['required'], 'limits.required') }) }
}

function readUsage(value: unknown, field: string): DossierUsage {
  const usage = readRecord(value, field)
  return {
    memoryBytes: readNumber(usage['memoryBytes'], `${field}.memoryBytes`),
    processes: readNumber(usage['processes'], `${field}.processes`),
    cpuPercent: readNullable(usage['cpuPercent'], `${field}.cpuPercent`, readNumber),
  }
}

function readFrame(value: unknown, field: string): DossierFrame {
  const frame = readRecord(value, field)
  return {
    at: readNumber(frame['at'], `${field}.at`),
    direction: readOneOf(frame['direction'], `${field}.direction`, ['in', 'out']),
    bytes: readNumber(frame['bytes'], `${field}.bytes`),
    head: readText(frame['head'], `${field}.head`),
  }
}

function readCall(value: unknown, field: string): DossierCall {
  const call = readRecord(value, field)
  return { method: readText(call['method'], `${field}.method`), ms: readNumber(call['ms'], `${field}.ms`) }
}

function readVerdict(value: unknown): DossierVerdict {
  const verdict = readRecord(value, 'verdict')
  return {
    phase: readOneOf(verdict['phase'], 'verdict.phase', PHASES),
    reason: readText(verdict['reason'], 'verdict.reason'),
    retryAt: readNullable(verdict['retryAt'], 'verdict.retryAt', readNumber),
    policy: readOneOf(verdict['policy'], 'verdict.policy', POLICIES),
    restarts: readNumber(verdict['restarts'], 'verdict.restarts'),
    restartedAt: readList(verdict['restartedAt'], 'verdict.restartedAt', readNumber),
    maxRestarts: readNumber(verdict['maxRestarts'], 'verdict.maxRestarts'),
    windowMs: readNumber(verdict['windowMs'], 'verdict.windowMs'),
  }
}
