import { formatBytes, formatDuration } from '../base/index.js'
import type { EndCause, InstanceEnd } from '../core/index.js'
import type { DossierUsage } from '../logs/index.js'

const BY_ANOTHER = '. mcpctl did not send that signal: another program or a person did'
const CRASHED = ': a defect in the program, or in native code that it uses'

/** What a signal says about who sent it, where it came from nowhere we know. */
const SIGNALS: Readonly<Record<string, string>> = {
  SIGKILL: `${BY_ANOTHER}, or the system when its memory ran out`,
  SIGTERM: BY_ANOTHER,
  SIGINT: BY_ANOTHER,
  SIGHUP: BY_ANOTHER,
  SIGQUIT: BY_ANOTHER,
  SIGSEGV: CRASHED,
  SIGBUS: CRASHED,
  SIGILL: CRASHED,
  SIGFPE: CRASHED,
  SIGABRT: ', as a program aborts that finds itself in an impossible state',
  SIGSYS: ': it made a system call that a sandbox forbids',
  SIGXCPU: ': it used more processor time than a limit of the system allows',
}

/** What an exit status says besides "failed" (POSIX shells; Node: doc/api/process.md, exit codes). */
const CODES: Readonly<Record<number, string>> = {
  126: ', which is how a shell says that a program cannot be executed',
  127: ', which is how a shell says that there is no such command',
  134: ', which is how a shell says that a program of it aborted',
  137: ', which is how a shell says that a program of it was killed (SIGKILL)',
  139: ', which is how a shell says that a program of it crashed (SIGSEGV)',
  143: ', which is how a shell says that a program of it was asked to end (SIGTERM)',
}

/** Why an instance ended, in one or two sentences about "it". */
export function describeCause(end: InstanceEnd, usage: DossierUsage | null = null): string {
  const left = /; (\d+ of its processes cannot be killed)/.exec(end.reason)?.[1]
  return [sentence(tellCause(end)), ...(usage === null ? [] : [describeUsage(usage)]), ...(left === undefined ? [] : [`${left}.`])].join(' ')
}

type Tell = (end: InstanceEnd, reason: string) => string

const overLimit: Tell = (_end, reason) => (/^(?:was|were) /.test(reason) ? `It ${reason}` : `It was killed because its process tree ${reason.replace(/^exceeded its/, 'used more than its')}`)

/** `reason`: what was noted of the end, without how the process went after that. */
const CAUSES: Readonly<Record<EndCause, Tell>> = {
  exit: tellExit,
  oom: overLimit,
  'limit-poll': (end, reason) => `${overLimit(end, reason)}, as a sample of it showed`,
  pids: overLimit,
  heap: (_end, reason) => `Its own runtime gave up: it ${reason}`,
  recycled: (_end, reason) => `It was replaced between two calls, because it ${reason.replace(/^uses /, 'used ')}`,
  'launch-failed': (_end, reason) => `It could not be started: ${reason}`,
  'handshake-failed': (end, reason) => `It was started, but the handshake failed${after(end)}: ${reason}`,
  unauthorised: (_end, reason) => `It does not let us in: ${reason}`,
  'login-needed': (_end, reason) => `It was not let in: ${reason}`,
  'start-timeout': (_end, reason) => `It was ended because it was ${reason}`,
  'link-closed': (end, reason) => `It went on running without a connection, so it was ended${after(end)}: ${reason}`,
  unhealthy: (_end, reason) => `It stopped answering: ${reason}`,
  stop: () => 'It was stopped because somebody asked for that',
  restart: () => 'It was ended because a restart was asked for',
  replaced: (_end, reason) => `It was ${reason}, because its configuration had changed or a new instance was asked for`,
  'probe-exit': () => 'It ended when it was asked which protocol it speaks, and was started again to be asked in another way',
}

function tellCause(end: InstanceEnd): string {
  const reason = end.reason.split(/; (?=killed by|exited with|exited after|\d+ of its processes)/)[0] ?? end.reason
  return CAUSES[end.cause](end, reason.replace(/\.$/, ''))
}

function tellExit(end: InstanceEnd): string {
  const { code, signal } = end
  if (signal !== null) return `It was ended by ${signal}${after(end)}${SIGNALS[signal] ?? ''}`
  if (code === 0) return `It ended by itself with code 0${after(end)}, as a program does that has nothing left to do`
  return `It exited by itself${code === null ? '' : ` with code ${code}`}${after(end)}${CODES[code ?? 0] ?? ''}`
}

function after({ startedAt, endedAt, readyAt, reason }: InstanceEnd): string {
  // Where it was noted: the end counts from when what it had left behind was gone too.
  const noted = /\bafter (\d[\w.]*)(?=[,;]|$)/.exec(reason)?.[1]
  return `, ${noted ?? formatDuration(Math.max(0, endedAt - startedAt))} after its start${readyAt === null ? ' and before it was ready' : ''}`
}

function describeUsage({ memoryBytes, processes, cpuPercent }: DossierUsage): string {
  const cpu = cpuPercent === null ? '' : ` and ${Math.round(cpuPercent)}% of a core`
  return `When it was last looked at, it used ${formatBytes(memoryBytes)} of memory${cpu} in ${processes === 1 ? 'one process' : `${processes} processes`}.`
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`
}
