import type { ExitStatus } from '../../core/index.js'
import type { LimitedLaunch } from '../child.js'
import { LaunchError } from '../launch-error.js'
import type { ResolvedLaunch } from '../resolve-launch.js'
import type { LaunchPrefix } from './kernel-group.js'

export const SHELL = '/bin/sh'

/**
 * Places itself, then becomes the server. A process that is placed only after its start can have children outside by
 * then. Descriptor 3 says whether that worked, so that a limit which cannot be set is never taken for the server's own
 * exit; the server does not inherit it. All values are arguments, never part of the script. Only built-in commands:
 * there may be no PATH, and no room for another process.
 *
 * A lower hard limit of the shell's own on data stays as it is: it is the stricter one.
 */
export const LAUNCHER_SCRIPT = `
while [ "$1" != -- ]; do
  case $1 in
    join=*) { echo 0 > "\${1#join=}/cgroup.procs"; } 2>&3 || { echo "cannot join \${1#join=}" >&3; exit 126; } ;;
    data=*) ulimit -d "\${1#data=}" 2>/dev/null ;;
    unset=*) unset "\${1#unset=}" ;;
  esac
  shift
done
shift
ulimit -c 0 2>/dev/null
echo ok >&3 || exit 126
exec "$@" 3>&-
`
/** What shells and systemd-run put into the environment by themselves. */
const FOREIGN_VARIABLES = ['PWD', 'OLDPWD', 'SHLVL', '_', 'INVOCATION_ID']

export interface Placement {
  readonly joins: readonly string[]
  /** KiB of data each process may have (RLIMIT_DATA); null for no limit of that kind. */
  readonly dataKib: number | null
  readonly prefix: LaunchPrefix | null
}

/** The arguments of /bin/sh for a launch in its place. */
export function launcherArgs(placement: Placement, launch: Pick<ResolvedLaunch, 'file' | 'args' | 'env'>): string[] {
  const foreign = [...FOREIGN_VARIABLES, ...Object.keys(placement.prefix?.env ?? {})].filter((name) => launch.env[name] === undefined)
  const words = [
    ...placement.joins.map((directory) => `join=${directory}`),
    ...(placement.dataKib === null ? [] : [`data=${placement.dataKib}`]),
    ...foreign.map((name) => `unset=${name}`),
  ]
  return ['-c', LAUNCHER_SCRIPT, 'mcpctl-launch', ...words, '--', launch.file, ...launch.args]
}

/** The launch through the launcher; `onWake` is called when it is about to be told to end. */
export function wrapLaunch(launch: ResolvedLaunch, placement: Placement, onWake: () => void): LimitedLaunch {
  const args = launcherArgs(placement, launch)
  const { prefix } = placement
  const explainJoin = (report: string, exit: ExitStatus | null): LaunchError => explain(launch.file, report, exit)
  if (prefix === null) return { ...launch, file: SHELL, args, explainJoin, onWake }
  return { ...launch, file: prefix.file, args: [...prefix.args, SHELL, ...args], env: { ...prefix.env, ...launch.env }, explainJoin, onWake }
}

function explain(file: string, report: string, exit: ExitStatus | null): LaunchError {
  const said = report.trim().split('\n').at(-1) ?? ''
  const ended = exit === null ? 'it did not get ready in time' : `its launcher ended ${exit.signal === null ? `with code ${exit.code}` : `by ${exit.signal}`}`
  return new LaunchError('limits-failed', `${file} was not started, because its limits could not be set: ${said === '' ? ended : said}`, {
    hint: 'Look at the limits in `mcpctl doctor`, set MCP_LIMITS_BACKEND=poll to limit by sampling instead, or raise a memory limit of a few MiB.',
    details: { file, report: report.trim(), ...(exit === null ? {} : { exit }) },
  })
}
