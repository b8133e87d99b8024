import { basename } from 'node:path'
import type { Breach, ExitStatus } from '../../core/index.js'
import { readShebang } from '../find-executable.js'
import type { ResolvedLaunch } from '../resolve-launch.js'
import { inBytes } from './reason.js'

/** The rest of a limit is for what is not in the heap: code, stacks, buffers. */
const HEAP_SHARE = 0.75
const MIB = 1024 ** 2
const ORDINARY_LAST_LINES = 3

/** What runtimes print when they get no more memory; V8 adds a trace of some twenty lines behind it. */
const GIVING_UP = [/\bJavaScript heap out of memory\b/, /^FATAL ERROR: .*(?:out of memory|allocation failed)/i, /^fatal error: runtime: (?:out of memory|cannot allocate memory)/]
/** What programs may also print and go on: it counts as the last thing said. */
const SAID_LAST = [/^MemoryError\b/, /\bstd::bad_alloc\b/, /^RangeError: Array buffer allocation failed/, /\bjava\.lang\.OutOfMemoryError\b/, /^memory allocation of \d+ bytes failed/]
const ASKED_TO_GO: ReadonlySet<string> = new Set(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGKILL'])

/** Whether a failed process gave up by itself because it got no more memory. `lastErrors`: its last lines on stderr, oldest first. */
export function findHeapFailure(exit: ExitStatus, lastErrors: readonly string[], limitBytes: number | undefined): Breach | null {
  if (exit.code === 0 || (exit.signal !== null && ASKED_TO_GO.has(exit.signal))) return null
  const said = lastErrors.map((line) => line.trim()).filter((line) => line !== '')
  const gaveUp = said.some((line) => GIVING_UP.some((sign) => sign.test(line))) || said.slice(-ORDINARY_LAST_LINES).some((line) => SAID_LAST.some((sign) => sign.test(line)))
  if (!gaveUp) return null
  return { cause: 'heap', reason: limitBytes === undefined ? 'ran out of memory by its own account' : `ran out of memory under its limit of ${inBytes(limitBytes)}` }
}

/**
 * The environment in which Node keeps its heap within three quarters of the limit. Then it ends by itself and says why,
 * instead of being killed without a word. Unchanged for other programs, and where the size is set already. Inside a
 * control group Node sees the limit by itself.
 */
export function withHeapOption({ file, args, env }: Pick<ResolvedLaunch, 'file' | 'args' | 'env'>, limitBytes: number): Readonly<Record<string, string>> {
  const options = env['NODE_OPTIONS'] ?? ''
  if (!runsNode(file) || [options, ...args].some((text) => /--max[-_](?:old[-_]space|heap)[-_]size/.test(text))) return env
  const option = `--max-old-space-size=${Math.max(16, Math.floor((limitBytes * HEAP_SHARE) / MIB))}`
  return { ...env, NODE_OPTIONS: options === '' ? option : `${options} ${option}` }
}

function runsNode(file: string): boolean {
  const isNode = (name: string): boolean => /^(?:node|nodejs|npm|npx)(?:\.exe|\.cmd)?$/.test(basename(name))
  return isNode(file) || (readShebang(file)?.split(/[ \t]+/).some(isNode) ?? false)
}
