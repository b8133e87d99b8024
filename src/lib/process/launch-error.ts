import { McpctlError } from '../errors/index.js'

export type LaunchFailure =
  | 'command-not-found'
  | 'not-executable'
  | 'cwd-missing'
  | 'bad-interpreter'
  | 'too-large'
  | 'bad-argument'
  | 'no-resources'
  | 'spawn-failed'
  /** They can be set here, but not this time. */
  | 'limits-failed'
  /** They are required, and nothing here can hold them. */
  | 'limits-unavailable'

interface LaunchErrorParts {
  hint: string
  details?: Record<string, unknown>
  cause?: unknown
}

/** Failures that may pass by themselves: only these deserve another attempt. */
const TRANSIENT: ReadonlySet<LaunchFailure> = new Set<LaunchFailure>(['no-resources', 'spawn-failed', 'limits-failed'])

/** A process that could not be started at all. `permanent`: the same attempt will fail again until somebody changes something. */
export class LaunchError extends McpctlError {
  readonly reason: LaunchFailure
  readonly permanent: boolean
  declare readonly hint: string

  constructor(reason: LaunchFailure, message: string, parts: LaunchErrorParts) {
    const permanent = !TRANSIENT.has(reason)
    super('SERVER_FAILED', message, {
      hint: parts.hint,
      details: { reason, permanent, ...parts.details },
      ...(parts.cause === undefined ? {} : { cause: parts.cause }),
    })
    this.reason = reason
    this.permanent = permanent
  }
}

/** What `spawn` threw or emitted, as a LaunchError. `file` and `cwd` are those of the attempt. */
export function toLaunchError(error: unknown, file: string, cwd: string): LaunchError {
  if (error instanceof LaunchError) return error
  const code = readErrorCode(error)
  const details = { file, cwd, ...(code === undefined ? {} : { errno: code }) }
  switch (code) {
    case 'E2BIG':
      return new LaunchError('too-large', `${file}: arguments and environment together are larger than this system allows`, {
        hint: 'Shorten `args` or `env`; pass large values in a file.', details, cause: error,
      })
    case 'ERR_INVALID_ARG_VALUE':
      return new LaunchError('bad-argument', `${file}: an argument or environment value holds a NUL character`, {
        hint: 'Remove the NUL character from `args`, `env` or `cwd`.', details, cause: error,
      })
    case 'EMFILE':
    case 'ENFILE':
    case 'EAGAIN':
    case 'ENOMEM':
      return new LaunchError('no-resources', `${file}: the system has no room for another process (${code}); raise its limits (ulimit -n, ulimit -u) or run fewer servers`, {
        hint: 'The limits on open files and processes are those of the shell that started the daemon.', details, cause: error,
      })
    case 'ENOENT':
      return new LaunchError('command-not-found', `${file} (or its working directory ${cwd}) disappeared before it could start`, {
        hint: 'Check `command` and `cwd`.', details, cause: error,
      })
    case 'EACCES':
    case 'EPERM':
      return new LaunchError('not-executable', `${file} may not be executed (${code})`, {
        hint: `Check the permissions of the file and its folders, and that its file system is not mounted noexec.`, details, cause: error,
      })
    case 'ENOEXEC':
    case 'UNKNOWN':
      return new LaunchError('bad-interpreter', `${file} is not a program this machine can run`, {
        hint: 'Name the interpreter as `command` and the file in `args`, or install the build for this machine.', details, cause: error,
      })
    default: {
      const message = error instanceof Error ? error.message : String(error)
      return new LaunchError('spawn-failed', `${file} could not be started: ${message}`, { hint: 'See the cause above.', details, cause: error })
    }
  }
}

/** The `code` of a Node error, if it has one. */
export function readErrorCode(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
